"""The filled line of charts."""

from __future__ import annotations

import numpy as np

from sen4cap_core.reports.pictures.filled import MAX_GAP_DAYS, SMOOTHNESS, filled_series


def test_short_gaps_are_filled_and_long_ones_are_told_apart() -> None:
    days = np.array([100, 105, 110, 135, 180, 185])
    values = np.array([0.2, np.nan, 0.4, 0.6, 0.3, np.nan])
    line = filled_series(days, values)
    assert (line.days[0], line.days[-1]) == (100, 180)
    known = [100, 110, 135, 180]
    expected = np.interp(line.days, known, [0.2, 0.4, 0.6, 0.3])
    long = (line.days > 135) & (line.days < 180)
    assert 180 - 135 > MAX_GAP_DAYS >= 135 - 110
    np.testing.assert_allclose(line.near[~long], expected[~long], atol=1e-6)
    assert np.isnan(line.near[long]).all()
    # The dashed part reaches both of its ends.
    dashed = (line.days >= 135) & (line.days <= 180)
    np.testing.assert_allclose(line.far[dashed], expected[dashed], atol=1e-6)
    assert np.isnan(line.far[~dashed]).all()


def test_the_smoothed_line_follows_weights_and_stops_at_long_gaps() -> None:
    days = np.array([100, 105, 110, 115, 120, 125, 130, 180, 185])
    values = np.array([0.5, 0.5, 0.5, 0.1, 0.5, np.nan, 0.5, 0.5, 0.5])
    pixels = np.array([50, 50, 50, 1, 50, 0, 50, 50, 50])

    alike, weighed = (filled_series(days, values, weights).smooth for weights in (None, pixels))

    # A date of one clear pixel among fifty, under an overlooked cloud, hardly bends the line.
    assert alike[15] < 0.45
    assert weighed[15] > 0.49
    gap = (np.arange(100, 186) > 130) & (np.arange(100, 186) < 180)
    assert np.isnan(alike[gap]).all()
    assert np.isfinite(alike[~gap]).all()
    # Least squares on daily values, by the normal equations.
    n, seen = 86, ~np.isnan(values)
    daily, weight = np.zeros(n), np.zeros(n)
    daily[days[seen] - 100], weight[days[seen] - 100] = values[seen], pixels[seen] / pixels[seen].mean()
    second = np.diff(np.eye(n), 2, axis=0)
    expected = np.linalg.solve(np.diag(weight) + SMOOTHNESS * second.T @ second, weight * daily)
    np.testing.assert_allclose(weighed[~gap], expected[~gap], atol=1e-4)


def test_a_series_without_values_has_no_line() -> None:
    assert filled_series(np.array([1, 2]), np.array([np.nan, np.nan])).days.size == 0
    one = filled_series(np.array([1, 2]), np.array([np.nan, 0.5]))
    assert one.near.tolist() == [0.5]
    assert np.isnan(one.smooth).all()
