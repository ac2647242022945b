"""Kernels of practice monitoring on their own: weeks, rounding, sorting, significance."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

from sen4cap_core.clock import to_days
from sen4cap_core.kernels.practices.calendar import above, at_least, iso_week, monday_of, round_half_up
from sen4cap_core.kernels.practices.order import sort_rows
from sen4cap_core.kernels.practices.rows import N_KINDS, RowCodes, Rows
from sen4cap_core.kernels.practices.runs import lay_out_runs
from sen4cap_core.kernels.practices.series import first_at_or_after
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


@pytest.mark.parametrize("seed", range(8))
def test_runs_of_a_sorted_table_are_laid_out_as_plain_python_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    run_parcel = np.array([-1, 0, 2, -1, 3], np.int32)
    run_at = np.concatenate([[0], np.cumsum(rng.integers(1, 90, run_parcel.size))])
    n = int(run_at[-1])
    day_of = np.array([17000, 17003, 17003 + 7, 16990, 0], np.int32)
    codes = RowCodes(
        kind=rng.integers(0, 3, n).astype(np.int32),
        pol=rng.integers(-1, 2, n).astype(np.int32),
        orbit=rng.integers(0, 2, n).astype(np.int32),
        day=rng.integers(0, 4, n).astype(np.int32),
        kind_of=np.array([[0, 1, -1], [2, -1, -1], [3, 3, 3]], np.int8),
        orbit_of=np.array([5, 4, 0], np.int16),
        day_of=day_of,
    )
    mean = np.round(rng.normal(size=n), 2)
    mean[rng.random(n) < 0.1] = np.nan
    start = rng.integers(1, 99, n).astype(np.int32)
    rows = Rows(
        at=np.empty(4 * N_KINDS + 1, np.int64),
        n=np.empty(4 * N_KINDS, np.int32),
        day=np.empty(n, np.int32),
        orbit=np.empty(n, np.int16),
        start=np.empty(n, np.int32),
        mean=np.empty(n, np.float64),
        std=np.empty(0, np.float64),
    )
    latest, is_suspicious = lay_out_runs(run_at, run_parcel, codes, start, mean, 17003, rows)
    cells: dict[int, dict] = {cell: {} for cell in range(4 * N_KINDS)}
    days = []
    for parcel, first, last in zip(run_parcel.tolist(), run_at[:-1], run_at[1:], strict=True):
        for i in range(first, last):
            kind = codes.kind_of[codes.kind[i], codes.pol[i]]
            if kind < 0 or np.isnan(mean[i]) or day_of[codes.day[i]] > 17003:
                continue
            days.append(day_of[codes.day[i]])
            if parcel >= 0:
                key = (day_of[codes.day[i]], codes.orbit_of[codes.orbit[i]])
                cells[N_KINDS * parcel + kind][key] = (start[i], mean[i])
    assert latest == max(days)
    for cell, wanted in cells.items():
        part = slice(rows.at[cell], rows.at[cell] + rows.n[cell])
        columns = (rows.day[part], rows.orbit[part], rows.start[part], rows.mean[part])
        assert list(zip(*columns, strict=True)) == [(*key, *wanted[key]) for key in sorted(wanted)]
    means = [[m for (d, _), (_, m) in c.items() if d == day] for c in cells.values() for day in day_of]
    assert not is_suspicious or any(len(m) > 1 for m in means)
    assert is_suspicious or all(len(set(m)) == len(m) for m in means)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30)), st.integers(-1, 32))
def test_search_finds_the_first_day_not_before(days: list[int], day: int) -> None:
    array = np.array(sorted(days), np.int32)
    assert first_at_or_after(array, 0, array.size, day) == np.searchsorted(array, day)


def test_points_of_the_f_distribution() -> None:
    values = critical_f_values()
    for freedom in (1, 2, 5, 17, 60):
        assert math.isclose(values[freedom], f_distribution.ppf(0.95, 1, freedom), rel_tol=1e-9)
