"""Which blocks hold a parcel, beside looking at every pixel; and the block a pass takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.kernels.pixels.zonal import encode_spans
from sen4cap_core.rasters.blockwise.blocks import BlockSpans, cut
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans


def spans_of(image: np.ndarray, grid: Grid) -> LabelSpans:
    nothing = np.empty(0, np.int32)
    n = encode_spans(image, 0, nothing, nothing, nothing, nothing)
    parts = tuple(np.empty(n, np.int32) for _ in range(4))
    encode_spans(image, 0, *parts)
    ids = np.arange(5, dtype=np.int32)
    return LabelSpans(grid, *parts, ids, np.array([(image == i).sum() for i in ids], np.int64))


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    side=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    shift=st.tuples(st.integers(-12, 12), st.integers(-12, 12)),
    share=st.floats(0.0, 0.6),
)
def test_blocks_with_a_parcel(seed: int, side: tuple[int, int], shift: tuple[int, int], share: float) -> None:
    rng = np.random.default_rng(seed)
    image = np.where(rng.random((14, 17)) < share, rng.integers(0, 5, (14, 17)), -1).astype(np.int32)
    if rng.random() < 0.5:
        # A parcel wider than many blocks.
        image[rng.integers(0, 14)] = 3
    own = Grid(32633, 500_000.0, 5_000_000.0, 10.0, 17, 14)
    grid = Grid(32633, own.x_min_m + 10.0 * shift[1], own.y_max_m - 10.0 * shift[0], 10.0, 15, 12)
    around = np.full((14 + 60, 17 + 60), -1, np.int32)
    around[30:44, 30:47] = image
    seen = around[30 + shift[0] : 42 + shift[0], 30 + shift[1] : 45 + shift[1]]
    blocks = cut(grid.shape, side)

    touched = BlockSpans(spans_of(image, own), grid).touched(grid.shape, side)

    assert touched.shape == (-(-12 // side[0]), -(-15 // side[1]))
    assert touched.ravel().tolist() == [bool((seen[b.slices] >= 0).any()) for b in blocks]


@pytest.mark.parametrize("side", [(4, 4), (14, 17)])
def test_without_parcels_no_block(side: tuple[int, int]) -> None:
    grid = Grid(32633, 500_000.0, 5_000_000.0, 10.0, 17, 14)
    spans = BlockSpans(spans_of(np.full((14, 17), -1, np.int32), grid), grid)
    assert not spans.touched(grid.shape, side).any()
