"""Gap filling and smoothing against NumPy's interpolation and SciPy's banded solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import solveh_banded

from sen4cap_core.kernels.series.gaps import NO_GAP, fill_linear
from sen4cap_core.kernels.series.whittaker import smooth_whittaker

RNG = np.random.default_rng(20)


def fill(days, values, out_days, max_gap_days=-1):
    values = np.atleast_2d(np.asarray(values, np.float32))
    out = np.empty((len(values), len(out_days)), np.float32)
    gaps = np.empty(out.shape, np.int32)
    fill_linear(
        np.asarray(days, np.int32), values, np.asarray(out_days, np.int32), max_gap_days, 0, len(values),
        out, gaps,
    )  # fmt: skip
    return out, gaps


def twin_gap(days: np.ndarray, day: int) -> int:
    before, after = days[days <= day], days[days >= day]
    if not len(days):
        return int(NO_GAP)
    if not len(before):
        return int(after[0] - day)
    return int(day - before[-1]) if not len(after) else int(after[0] - before[-1])


def test_filling_equals_numpy_interpolation_over_the_observed_days() -> None:
    days = np.sort(RNG.choice(np.arange(17900, 18200), 45, replace=False)).astype(np.int32)
    values = RNG.normal(0.5, 0.2, (60, 45)).astype(np.float32)
    values[RNG.random(values.shape) < RNG.random((60, 1))] = np.nan
    values[7] = np.nan
    out_days = np.arange(days[0] - 12, days[-1] + 25, 10)

    filled, gaps = fill(days, values, out_days)

    for row, series in enumerate(values):
        clear = ~np.isnan(series)
        expected = np.full(len(out_days), np.nan)
        if clear.any():
            expected = np.interp(out_days, days[clear], series[clear].astype(float))
        np.testing.assert_allclose(filled[row], expected, atol=1e-6)
        assert gaps[row].tolist() == [twin_gap(days[clear], int(day)) for day in out_days]


def test_a_gap_longer_than_the_limit_stays_open() -> None:
    days, values = [0, 10, 50, 60], [0.0, 1.0, 5.0, 6.0]

    filled, gaps = fill(days, values, [0, 5, 10, 30, 50, 70, 95], max_gap_days=30)

    np.testing.assert_array_equal(filled[0], np.float32([0, 0.5, 1, np.nan, 5, 6, np.nan]))
    assert gaps[0].tolist() == [0, 10, 0, 40, 0, 10, 35]


def banded(values: np.ndarray, weights: np.ndarray, smoothness: float) -> np.ndarray:
    n = len(values)
    difference = np.diff(np.eye(n), 2, axis=0)
    used = np.where(np.isnan(values), 0, weights)
    matrix = np.diag(used) + smoothness * difference.T @ difference
    bands = np.zeros((3, n))
    for k in range(3):
        bands[2 - k, k:] = np.diag(matrix, k)
    return solveh_banded(bands, used * np.nan_to_num(values))


@pytest.mark.parametrize("n", [3, 4, 5, 37])
@pytest.mark.parametrize("smoothness", [0.5, 50.0])
def test_whittaker_equals_scipy(n: int, smoothness: float) -> None:
    values = RNG.normal(0.5, 0.2, (40, n)).astype(np.float32)
    values[:, 1:-1][RNG.random((40, n - 2)) < 0.4] = np.nan
    weights = RNG.random((40, n)).astype(np.float32) + np.float32(0.05)
    smooth = np.empty_like(values)

    smooth_whittaker(values, weights, smoothness, 0, 40, smooth)

    for row in range(40):
        expected = banded(values[row].astype(float), weights[row].astype(float), smoothness)
        np.testing.assert_allclose(smooth[row], expected, atol=2e-5)


def test_whittaker_needs_two_values_and_gives_a_line_its_line() -> None:
    line = np.linspace(0, 1, 9, dtype=np.float32)
    values = np.stack([line, np.where(np.arange(9) == 4, 0.3, np.nan), np.full(9, np.nan)]).astype(np.float32)
    smooth = np.empty_like(values)

    smooth_whittaker(values, np.ones_like(values), 100.0, 0, 3, smooth)

    np.testing.assert_allclose(smooth[0], line, atol=1e-6)
    assert np.isnan(smooth[1:]).all()
