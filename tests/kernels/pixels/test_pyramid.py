"""Overviews and row differences beside their NumPy twins."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.kernels.pixels.pyramid import difference_rows, halve, undo_differences

NODATA = -32_768


def halve_in_numpy(values: np.ndarray) -> np.ndarray:
    rows, cols = (-(-n // 2) for n in values.shape)
    padded = np.full((2 * rows, 2 * cols), np.nan)
    padded[: values.shape[0], : values.shape[1]] = np.where(values == NODATA, np.nan, values)
    quads = padded.reshape(rows, 2, cols, 2).transpose(0, 2, 1, 3).reshape(rows, cols, 4)
    n = (~np.isnan(quads)).sum(-1)
    mean = np.floor(np.nansum(quads, -1) / np.maximum(n, 1) + 0.5)
    return np.where(n > 0, mean, NODATA).astype(np.int16)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (7, 9), (8, 5), (64, 64)])
def test_halve(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    values = rng.integers(-10_000, 10_001, shape).astype(np.int16)
    values[rng.random(shape) < 0.4] = NODATA
    overview = np.full((-(-shape[0] // 2) + 3, -(-shape[1] // 2) + 4), 7, np.int16)
    halve(values, NODATA, 1, 2, overview)
    np.testing.assert_array_equal(overview[1:-2, 2:-2], halve_in_numpy(values))
    assert (overview[0] == 7).all()
    assert (overview[:, :2] == 7).all()


def test_stretches_without_a_gap_are_averaged_like_those_with_one() -> None:
    rng = np.random.default_rng(4)
    # Beside the extremes, for their sums; all stretches of 64 averages, of which some miss a pixel.
    values = rng.choice(np.array([-32_767, -10_000, -3, -2, -1, 0, 1, 2, 32_767], np.int16), (60, 611))
    values[10, 200] = values[31:33, 400:] = NODATA
    overview = np.empty((30, 306), np.int16)
    halve(values, NODATA, 0, 0, overview)
    np.testing.assert_array_equal(overview, halve_in_numpy(values))


@pytest.mark.parametrize(("row", "col"), [(0, 0), (8, 8), (8, 0), (0, 8)])
def test_differences_add_up_to_the_pixels(row: int, col: int) -> None:
    rng = np.random.default_rng(2)
    values = rng.integers(-32_768, 32_768, (12, 13)).astype(np.int16)
    tile = np.empty((8, 8), np.int16)
    difference_rows(values, row, col, NODATA, tile)
    expected = np.full((8, 8), NODATA, np.int16)
    part = values[row : row + 8, col : col + 8]
    expected[: part.shape[0], : part.shape[1]] = part
    np.testing.assert_array_equal(np.cumsum(tile, axis=1, dtype=np.int16), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("cols", [1, 15, 16, 47, 64])
def test_differences_are_undone_where_the_tile_lies(dtype: type, cols: int) -> None:
    """Sums beyond the largest number begin again; of a tile over the edge the rest is left out."""
    tile = np.random.default_rng(cols).integers(0, np.iinfo(dtype).max, (7, 64), dtype, endpoint=True)
    out = np.zeros((9, 5 + cols), dtype)
    undo_differences(tile, 4, 5, out)
    expected = np.zeros_like(out)
    expected[4:, 5:] = np.cumsum(tile[:5, :cols], axis=1, dtype=dtype)
    np.testing.assert_array_equal(out, expected)
