"""Nearest-neighbour look-up beside NumPy indexing."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.kernels.optical.status import (
    average_numbers,
    classify_nearest,
    classify_whole,
    coarsen_status,
    count_codes,
    count_part,
    take_nearest,
)


def test_nearest_look_up() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 12, (5, 6)).astype(np.uint8)
    rows = np.array([-1, 0, 0, 1, 1, 4, 4], np.int32)
    cols = np.array([0, 0, 3, 5, 5, -1], np.int32)
    table = rng.permutation(256).astype(np.uint8)
    status = np.zeros((7, 6), np.uint8)
    classify_nearest(classes, rows, cols, table, 255, status)
    inside = (rows[:, None] >= 0) & (cols[None, :] >= 0)
    expected = np.where(inside, table[classes[rows[:, None], cols[None, :]]], 255)
    np.testing.assert_array_equal(status, expected)

    source = rng.integers(1, 9, (5, 6)).astype(np.uint16)
    out = np.zeros((7, 6), np.uint16)
    take_nearest(source, rows, cols, 0.0, out)
    np.testing.assert_array_equal(out, np.where(inside, source[rows[:, None], cols[None, :]], 0))


@pytest.mark.parametrize(("zoom", "shape"), [(2, (6, 10)), (2, (5, 9)), (3, (6, 9)), (3, (7, 10))])
def test_coarse_status_is_the_largest_code_within(zoom: int, shape: tuple[int, int]) -> None:
    status = np.random.default_rng(1).choice(np.array([0, 0, 0, 1, 4, 255], np.uint8), shape)
    out = np.empty((-(-shape[0] // zoom), -(-shape[1] // zoom)), np.uint8)
    coarsen_status(status, zoom, out)
    for r, c in np.ndindex(out.shape):
        assert out[r, c] == status[r * zoom : (r + 1) * zoom, c * zoom : (c + 1) * zoom].max()


@pytest.mark.parametrize("zoom", [2, 3])
@pytest.mark.parametrize(
    ("dtype", "missing"), [(np.uint16, 0.0), (np.float32, np.nan), (np.int16, -10_000.0)]
)
def test_coarse_numbers_are_means_of_whole_pixels(zoom: int, dtype: type, missing: float) -> None:
    rng = np.random.default_rng(2)
    fine = rng.integers(1, 5000, (4 * zoom, 7 * zoom)).astype(dtype)
    fine[rng.random(fine.shape) < 0.1] = missing
    out = np.empty((4, 7), np.float32)
    average_numbers(fine, zoom, missing, out)
    parts = fine.reshape(4, zoom, 7, zoom).astype(np.float64)
    gone = (np.isnan(parts) if np.isnan(missing) else parts == missing).any(axis=(1, 3))
    assert 0 < gone.sum() < gone.size
    np.testing.assert_allclose(out, np.where(gone, missing, parts.mean(axis=(1, 3))), rtol=1e-6)


def test_rows_under_one_coarse_pixel_are_alike() -> None:
    classes = np.random.default_rng(3).choice(np.array([4, 5, 9, 0], np.uint8), (4, 6))
    rows = np.array([0, 0, 1, 1, 1, 3, -1], np.int32)
    cols = np.array([0, 0, 0, 2, 2, 5, -1, -1], np.int32)
    table = np.arange(256, dtype=np.uint8)[::-1].copy()
    status = np.empty((7, 8), np.uint8)
    classify_nearest(classes, rows, cols, table, 255, status)
    expected = np.where((rows[:, None] < 0) | (cols < 0), 255, table[classes[rows[:, None], cols]])
    np.testing.assert_array_equal(status, expected)


@pytest.mark.parametrize("zoom", [2, 3, 6])
def test_whole_pixels_are_looked_up_once(zoom: int) -> None:
    rng = np.random.default_rng(4)
    classes = rng.integers(0, 256, (8, 9)).astype(np.uint8)
    table = rng.permutation(256).astype(np.uint8)
    status = np.empty((5 * zoom, 7 * zoom), np.uint8)
    classify_whole(classes, 2, 1, zoom, table, status)
    inside = table[classes[2:7, 1:8]]
    np.testing.assert_array_equal(status, np.kron(inside, np.ones((zoom, zoom), np.uint8)))


def test_codes_are_counted_over_runs() -> None:
    codes = np.random.default_rng(3).choice(np.array([0, 0, 0, 4, 255], np.uint8), (40, 30))
    histogram = np.full(256, 7, np.int64)
    count_codes(codes, histogram)
    np.testing.assert_array_equal(histogram - 7, np.bincount(codes.ravel(), minlength=256))
    histogram[:] = 0
    count_part(codes, 3, 5, 20, 11, histogram)
    np.testing.assert_array_equal(histogram, np.bincount(codes[3:23, 5:16].ravel(), minlength=256))
