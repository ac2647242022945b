"""Kernels of practice monitoring on their own: weeks, rounding, sorting, significance."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

from sen4cap_core.clock import to_days
from sen4cap_core.kernels.practice_calendar import above, at_least, iso_week, monday_of, round_half_up
from sen4cap_core.kernels.practice_order import sort_rows
from sen4cap_core.kernels.practice_rows import N_KINDS, Rows
from sen4cap_core.kernels.practice_series import first_at_or_after
from sen4cap_core.processors.l4c.thresholds import critical_f_values


@settings(deadline=None)
@given(st.dates(date(1999, 1, 1), date(2060, 12, 31)))
def test_weeks_are_iso_weeks(day: date) -> None:
    days = to_days(day)
    assert iso_week(days) == day.isocalendar().week
    assert monday_of(days) == to_days(day - timedelta(day.weekday()))


@settings(deadline=None)
@given(st.floats(-1e6, 1e6))
def test_rounding_goes_away_from_zero(value: float) -> None:
    rounded = round_half_up(value)
    assert rounded == math.copysign(math.floor(abs(value)) + (abs(value) % 1 >= 0.5), value)


def test_nan_is_neither_above_nor_at_least() -> None:
    assert not above(math.nan, 1.0)
    assert not at_least(math.nan, 1.0)
    assert not above(1.0, math.nan)
    assert at_least(1.0, 1.0 + 5e-9)
    assert not above(1.0 + 5e-9, 1.0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.floats(0, 1)), max_size=60))
def test_rows_are_sorted_and_the_last_of_doubled_ones_stays(entries: list[tuple[int, int, float]]) -> None:
    n = len(entries)
    rows = Rows(
        at=np.array([0, n, n, n, n], np.int64),
        n=np.zeros(N_KINDS, np.int32),
        day=np.array([17000 + e[0] for e in entries], np.int32),
        orbit=np.array([e[1] for e in entries], np.int16),
        start=np.empty(0, np.int32),
        mean=np.array([e[2] for e in entries], np.float64),
        std=np.empty(0, np.float64),
    )
    sort_rows(0, 1, rows)
    latest = {(day, orbit): mean for day, orbit, mean in entries}
    kept = rows.n[0]
    found = list(zip(rows.day[:kept] - 17000, rows.orbit[:kept], rows.mean[:kept], strict=True))
    assert found == [(*key, latest[key]) for key in sorted(latest)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30)), st.integers(-1, 32))
def test_search_finds_the_first_day_not_before(days: list[int], day: int) -> None:
    array = np.array(sorted(days), np.int32)
    assert first_at_or_after(array, 0, array.size, day) == np.searchsorted(array, day)


def test_points_of_the_f_distribution() -> None:
    values = critical_f_values()
    for freedom in (1, 2, 5, 17, 60):
        assert math.isclose(values[freedom], f_distribution.ppf(0.95, 1, freedom), rel_tol=1e-9)
