"""The zonal kernels beside their NumPy twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.kernels.pixels.zonal import clear_spans, cut_spans, encode_spans, sum_spans

NODATA = -32_768
NOTHING = np.empty(0, np.int32)


def spans_of(labels: np.ndarray, row_offset: int = 0) -> tuple[np.ndarray, ...]:
    n = encode_spans(labels, row_offset, NOTHING, NOTHING, NOTHING, NOTHING)
    arrays = tuple(np.empty(n, np.int32) for _ in range(4))
    assert encode_spans(labels, row_offset, *arrays) == n
    return arrays


def cut_to(row: int, col: int, width: int, spans: tuple[np.ndarray, ...]) -> np.ndarray:
    out = np.empty((4, len(spans[0])), np.int32)
    return out[:, : cut_spans(row, col, width, *spans, out)]


def sums_in_numpy(values: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    """Count, sum and sum of squares by label, pixel by pixel order irrelevant."""
    valid = (labels >= 0) & (values != NODATA)
    ids, own = labels[valid], values[valid].astype(np.int64)
    out = np.zeros((3, n), np.int64)
    np.add.at(out[0], ids, 1)
    np.add.at(out[1], ids, own)
    np.add.at(out[2], ids, own * own)
    return out


def random_image(seed: int, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(-1, 6, (rows, -(-cols // 3))), np.ones((1, 3)))[:, :cols].astype(np.int32)
    values = rng.integers(-10_000, 10_001, (rows, cols)).astype(np.int16)
    values[rng.random((rows, cols)) < 0.2] = NODATA
    return labels, values


def test_spans_rebuild_the_image() -> None:
    labels, _ = random_image(3, 11, 17)
    image = np.full(labels.shape, -1)
    for row, first, last, parcel in zip(*spans_of(labels, 100), strict=True):
        image[row - 100, first : last + 1] = parcel
    np.testing.assert_array_equal(image, labels)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 30),
    cols=st.integers(1, 30),
    side=st.tuples(st.integers(1, 31), st.integers(1, 31)),
)
def test_sums_are_those_of_numpy_whatever_the_blocks(
    seed: int, rows: int, cols: int, side: tuple[int, int]
) -> None:
    labels, values = random_image(seed, rows, cols)
    span_rows, first, last, parcel = spans_of(labels)
    sums = np.zeros((3, 6), np.int64)
    blocks = [(r, c) for r in range(0, rows, side[0]) for c in range(0, cols, side[1])]
    for r, c in reversed(blocks):
        block = np.ascontiguousarray(values[r : r + side[0], c : c + side[1]])
        here = slice(*np.searchsorted(span_rows, [r, r + block.shape[0]]))
        spans = span_rows[here], first[here], last[here], parcel[here]
        sum_spans(block, cut_to(r, c, block.shape[1], spans), NODATA, *sums)
    np.testing.assert_array_equal(sums, sums_in_numpy(values, labels, 6))


def test_extreme_values_do_not_overflow() -> None:
    values = np.full((100, 1000), 32_767, np.int16)
    spans = spans_of(np.zeros(values.shape, np.int32))
    sums = np.zeros((3, 1), np.int64)
    sum_spans(values, cut_to(0, 0, 1000, spans), NODATA, *sums)
    assert sums[:, 0].tolist() == [100_000, 32_767 * 100_000, 32_767**2 * 100_000]


@pytest.mark.parametrize(
    ("col", "width", "cut"), [(-5, 5, []), (5, 5, []), (-2, 5, [(2, 5)]), (1, 9, [(0, 4)]), (2, 2, [(0, 2)])]
)
def test_spans_are_cut_at_the_edges_of_a_block(col: int, width: int, cut: list[tuple[int, int]]) -> None:
    """One row of five pixels, ten rows down, of parcel 0."""
    spans = spans_of(np.zeros((1, 5), np.int32), 12)
    assert cut_to(10, col, width, spans).T.tolist() == [[2, start, stop, 0] for start, stop in cut]


@pytest.mark.parametrize("zoom", [1, 2, 3])
def test_clear_spans_hold_the_clear_pixels_of_spans(zoom: int) -> None:
    rng = np.random.default_rng(zoom)
    status = (rng.random((8, 10)) < 0.4).astype(np.uint8)
    rows, cols = 8 * zoom, 10 * zoom
    labels = np.repeat(rng.integers(-1, 3, (rows, cols // 5)).astype(np.int32), 5, axis=1)
    spans = cut_to(0, 0, cols, spans_of(labels))
    out = np.empty((4, int(((spans[2] - spans[1]) // 2 + 1).sum())), np.int32)
    found = out[:, : clear_spans(status, zoom, spans, out)]

    pixels = [(r, c, p) for r, start, stop, p in found.T for c in range(start, stop)]
    fine = np.repeat(np.repeat(status, zoom, axis=0), zoom, axis=1)
    expected = [(r // zoom, c, labels[r, c]) for r, c in np.argwhere((labels >= 0) & (fine == 0))]
    assert sorted(pixels) == sorted(expected)
    assert (found[1] < found[2]).all()
