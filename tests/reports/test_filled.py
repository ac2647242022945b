"""The filled line of charts."""

from __future__ import annotations

import numpy as np

from sen4cap_core.reports.filled import MAX_GAP_DAYS, filled_series


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


def test_a_series_without_values_has_no_line() -> None:
    assert filled_series(np.array([1, 2]), np.array([np.nan, np.nan])).days.size == 0
    one = filled_series(np.array([1, 2]), np.array([np.nan, 0.5]))
    assert one.near.tolist() == [0.5]
