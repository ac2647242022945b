"""Median and greenest pixel against NumPy; the maximum of three real years; coarse fields and directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.kernels.composites.choice import keep_clear, keep_greenest, median_of_dates
from sen4cap_core.kernels.composites.fields import correct_direction, sample_cubic, to_stored

MISSING = -32768


@pytest.mark.parametrize("n_dates", [1, 2, 3, 5, 12, 33])
def test_the_median_is_that_of_numpy(n_dates: int) -> None:
    rng = np.random.default_rng(n_dates)
    # Wider than the strips that are sorted together.
    numbers = rng.integers(-200, 12_000, (n_dates, 3, 700)).astype(np.int16)
    numbers[rng.random(numbers.shape) < 0.2] = MISSING
    status = rng.choice(np.array([0, 0, 0, 4, 5], np.uint8), numbers.shape)
    # The stack holds the last two rows of the second band.
    other = np.full((3, 700), 7, np.int16)
    filled = np.empty((n_dates, 2, 700), np.int16)
    for date in range(n_dates):
        bands = np.stack([other, numbers[date]])
        keep_clear(bands, 1, status[date], 1, date, filled)
    stack = np.where(status == 0, numbers, MISSING)[:, 1:]
    np.testing.assert_array_equal(filled, stack)
    out, count = np.empty(stack.shape[1:], np.int16), np.empty(stack.shape[1:], np.int16)
    median_of_dates(filled, out, count)
    valid = stack != MISSING
    np.testing.assert_array_equal(count, valid.sum(0))
    seen = valid.any(0)
    expected = np.nanmedian(np.where(valid, stack, np.nan)[:, seen], axis=0)
    np.testing.assert_array_equal(out[seen], np.floor(expected))
    assert (out[~seen] == MISSING).all()


def greenest(ndvi: np.ndarray, numbers: np.ndarray, minutes: np.ndarray, order: np.ndarray):
    best_ndvi = np.full(ndvi.shape[1:], MISSING, np.int16)
    best = np.full(numbers.shape[1:], MISSING, np.int16)
    when = np.zeros(ndvi.shape[1:], np.int32)
    for d in order:
        keep_greenest(ndvi[d], numbers[d], int(minutes[d]), best_ndvi, best, when)
    return best_ndvi, best, when


def test_the_greenest_date_gives_all_bands_in_any_order() -> None:
    rng = np.random.default_rng(3)
    ndvi = rng.integers(-3, 4, (9, 20, 11)).astype(np.int16)
    ndvi[rng.random(ndvi.shape) < 0.3] = MISSING
    numbers = rng.integers(0, 9000, (9, 2, 20, 11)).astype(np.int16)
    minutes = np.arange(9) * 10
    in_order = greenest(ndvi, numbers, minutes, np.arange(9))
    late = greenest(ndvi, numbers, minutes, rng.permutation(9))
    for one, other in zip(in_order, late, strict=True):
        np.testing.assert_array_equal(one, other)
    # argmax takes the first of several, which is the earliest date.
    index = ndvi.argmax(axis=0)
    seen = (ndvi != MISSING).any(axis=0)
    np.testing.assert_array_equal(in_order[0], ndvi.max(axis=0))
    rows, cols = np.nonzero(seen)
    np.testing.assert_array_equal(in_order[1][:, seen].T, numbers[index[seen], :, rows, cols])


def test_the_maximum_of_three_real_years(shared: Path) -> None:
    folder = shared / "data/slovenia-ndvi-2015-2017/example_data"
    found = sorted(folder.rglob("MAX_NDVI.npy"))
    if not found:
        pytest.skip(f"no MAX_NDVI.npy below {folder}")
    published = np.load(found[0]).squeeze()
    stack = np.load(next(found[0].parent.parent.rglob("NDVI.npy"))).squeeze()
    stored = np.empty(stack.shape, np.int16)
    for values, out in zip(stack, stored, strict=True):
        to_stored(values, 1.0, 0.0, np.nan, out)
    ndvi, best, _ = greenest(stored, stored[:, None], np.arange(len(stack)), np.arange(len(stack)))
    np.testing.assert_allclose(ndvi / 1e4, published, atol=0.5e-4 + 1e-6)
    np.testing.assert_array_equal(best[0], ndvi)


def test_numbers_become_reflectance_once() -> None:
    values = np.array([[0, 1, 999, 1000, 1001, 3057, 65_535]], np.uint16)
    out = np.empty(values.shape, np.int16)
    to_stored(values, 1e-4, -0.1, 0.0, out)
    assert out.tolist() == [[MISSING, -999, -1, 0, 1, 2057, 32_767]]
    floats, out = np.array([[np.nan, 0.25, -0.00016]], np.float32), np.empty((1, 3), np.int16)
    to_stored(floats, 1.0, 0.0, np.nan, out)
    assert out.tolist() == [[MISSING, 2500, -2]]


def test_cubic_sampling_is_exact_for_a_parabola_and_at_the_nodes() -> None:
    rows, cols = np.mgrid[0:9, 0:8].astype(float)
    field = (0.2 + 0.004 * rows**2 + 0.01 * cols + 0.002 * rows * cols).astype(np.float32)
    out = np.empty((40, 50), np.float32)
    sample_cubic(field, 1.1, 0.15, 1.3, 0.1, out)
    r = 1.1 + 0.15 * np.arange(40)[:, None]
    c = 1.3 + 0.1 * np.arange(50)[None]
    inside = (r < 7) & (c < 6)
    np.testing.assert_allclose(
        out[inside], (0.2 + 0.004 * r**2 + 0.01 * c + 0.002 * r * c)[inside], atol=1e-6
    )
    noise = np.random.default_rng(2).random((6, 6)).astype(np.float32)
    same = np.empty((6, 6), np.float32)
    sample_cubic(noise, 0.0, 1.0, 0.0, 1.0, same)
    np.testing.assert_allclose(same, noise, atol=1e-7)
    sample_cubic(noise, -9.0, 1.0, -9.0, 1.0, same)
    np.testing.assert_allclose(same, noise[0, 0], atol=1e-7)


def test_the_direction_is_corrected_on_clear_pixels_alone() -> None:
    factor = np.array([[1.0, 1.2], [0.8, 1.0]], np.float32)
    numbers = np.full((3, 3), 1000, np.int16)
    numbers[0, 1], numbers[2, 2] = MISSING, -50
    status = np.array([[0, 0, 4], [5, 0, 1], [0, 3, 0]], np.uint8)
    correct_direction(factor, 0.0, 0.5, 0.0, 0.5, status, numbers)
    # Bilinear between the nodes; a result below 0 leaves the number.
    assert numbers.tolist() == [[1000, MISSING, 1000], [900, 1000, 1000], [800, 1000, -50]]
