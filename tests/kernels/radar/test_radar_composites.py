"""Composite kernels against plain NumPy, and against scipy's definition of the quantile."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mstats

from sen4cap_core.kernels.radar.composites import group_means, group_quantile, group_spread, merge_pixels
from sen4cap_core.kernels.radar.values import AMPLITUDE, COHERENCE, DECIBEL, POWER, apply_mask, to_physical


@pytest.fixture
def stack():
    rng = np.random.default_rng(11)
    values = rng.gamma(2.0, 0.1, (50, 23)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[rng.random(values.shape) < 0.05] = 0.0
    values[3] = np.nan
    return values, rng.integers(-1, 4, 23)


def members(values, group, g, r):
    kept = values[r, group == g].astype(np.float64)
    return kept[kept > 0]


def test_weighted_means(stack) -> None:
    values, group = stack
    weights = np.random.default_rng(2).integers(0, 9, values.shape).astype(np.float32)
    mean, weight = np.empty((50, 4), np.float32), np.empty((50, 4), np.float32)
    group_means(values, weights, group, mean, weight)
    for r in range(50):
        for g in range(4):
            use = (group == g) & (values[r] > 0) & (weights[r] > 0)
            assert weight[r, g] == weights[r, use].sum()
            want = np.average(values[r, use], weights=weights[r, use]) if use.any() else np.nan
            np.testing.assert_allclose(mean[r, g], want, rtol=1e-5)


def test_spread_and_quantile(stack) -> None:
    values, group = stack
    mean, deviation, low = (np.empty((50, 4), np.float32) for _ in range(3))
    group_spread(values, group, 0.0, mean, deviation)
    group_quantile(values, group, 0.1, 0.0, low)
    for r in range(50):
        for g in range(4):
            kept = members(values, group, g, r)
            if not len(kept):
                assert np.isnan([mean[r, g], deviation[r, g], low[r, g]]).all()
                continue
            np.testing.assert_allclose(mean[r, g], kept.mean(), rtol=1e-5)
            np.testing.assert_allclose(deviation[r, g], kept.std(), rtol=1e-4, atol=1e-7)
            # Type 4: alphap 0, betap 1.
            np.testing.assert_allclose(
                low[r, g], mstats.mquantiles(kept, 0.1, alphap=0, betap=1)[0], rtol=1e-5
            )


def test_quantile_between_ranks() -> None:
    values = np.arange(1, 26, dtype=np.float32)[None]
    out = np.empty((1, 1), np.float32)
    group_quantile(values, np.zeros(25, np.int64), 0.1, 0.0, out)
    assert out[0, 0] == pytest.approx(2.5)


def test_zeros_count_where_they_are_values() -> None:
    values = np.array([[0, 0, 3, np.nan], [0, 0, 0, 0]], np.float32)
    group = np.zeros(4, np.int64)
    mean, deviation, low = (np.empty((2, 1), np.float32) for _ in range(3))
    group_spread(values, group, -1.0, mean, deviation)
    group_quantile(values, group, 0.1, -1.0, low)
    np.testing.assert_allclose(mean[:, 0], [1, 0])
    np.testing.assert_allclose(deviation[:, 0], [np.std([0, 0, 3]), 0])
    np.testing.assert_allclose(low[:, 0], [0, 0])


def test_pixels_of_two_sets_merge_as_if_they_were_one() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.normal(5, 1, 17), rng.normal(6, 2, 1)
    count, total, squares = np.zeros(1, np.int64), np.zeros(1), np.zeros(1)
    for part in (first, second, np.empty(0)):
        std = part.std(ddof=1) if len(part) > 1 else np.nan
        mean = part.mean() if len(part) else np.nan
        merge_pixels(
            np.zeros(1, np.int64), np.array([mean], np.float32), np.array([std], np.float32),
            np.array([len(part)], np.int32), count, total, squares,
        )  # fmt: skip
    both = np.concatenate([first, second])
    mean = total[0] / count[0]
    assert count[0] == 18
    np.testing.assert_allclose(mean, both.mean(), rtol=1e-6)
    np.testing.assert_allclose((squares[0] - 18 * mean**2) / 17, both.var(ddof=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("scale", "stored", "factor", "missing", "want"),
    [
        (POWER, [0.0, 0.2, -1.0, np.nan, np.inf], 1.0, np.nan, [np.nan, 0.2, np.nan, np.nan, np.nan]),
        (POWER, [0.0, 0.2, -9999.0], 1.0, -9999.0, [np.nan, 0.2, np.nan]),
        (AMPLITUDE, [0.5, 0.0], 1.0, np.nan, [0.25, np.nan]),
        (AMPLITUDE, [5000, 0, 65535], 1e-4, 65535.0, [0.25, np.nan, np.nan]),
        (DECIBEL, [-10.0, 0.0, 3.0], 1.0, np.nan, [0.1, np.nan, 10**0.3]),
        (DECIBEL, [-10.0, 0.0, -99.0], 1.0, -99.0, [0.1, 1.0, np.nan]),
        (COHERENCE, [0.4, 0.0, 1.0001, -0.1], 1.0, np.nan, [0.4, np.nan, 1.0, np.nan]),
        (COHERENCE, [100, 0], 0.004, 0.0, [0.4, np.nan]),
    ],
)
def test_stored_numbers_become_power_or_coherence(scale, stored, factor, missing, want) -> None:
    numbers = np.array([stored])
    out = np.empty(numbers.shape, np.float32)
    to_physical(numbers, scale, factor, 0.0, missing, out)
    np.testing.assert_allclose(out[0], want, rtol=1e-6)


def test_a_mask_keeps_its_valid_values() -> None:
    values = np.ones((1, 4), np.float32)
    apply_mask(np.array([[0, 1, 2, 255]], np.uint8), np.array([0.0, 2.0]), values)
    np.testing.assert_array_equal(values, [[1, np.nan, 1, np.nan]])
