"""Markers 6 to 10: what happens on a parcel within a practice period."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practices.calendar import NA, NO, YES, above, at_least, iso_week, monday_of, wide
from sen4cap_core.kernels.practices.series import Series, first_at_or_after
from sen4cap_core.kernels.practices.weeks import Span, WeekTable, merge_weeks

SURE_WEEKS: Final = 52
"""Weeks that every year has."""
NEAR_DAYS: Final = 14
"""M9 looks from so many days before a week to as many after it."""
FAR_DAYS: Final = 300
"""Days so far apart may be of weeks with the same number."""


class PracticeThresholds(NamedTuple):
    """Thresholds of markers 6 to 10; NDVI x 1000, coherence 0..1."""

    presence_ndvi: float
    loss_ndvi_high: float
    loss_ndvi_low: float
    ndvi_step: float
    growth_ndvi_least: float
    ratio_slope_db_per_day: float
    coherence_rise: float
    coherence_level: float


class WindowMarkers(NamedTuple):
    """Room for the weeks of a window and their markers."""

    table: WeekTable
    m6: NDArray[np.int8]
    m7: NDArray[np.int8]
    m8: NDArray[np.int8]
    m9: NDArray[np.int8]
    m10: NDArray[np.int8]


@kernel
def empty_window(size: int) -> WindowMarkers:
    """Make room for a window of ``size`` weeks."""
    return WindowMarkers(
        WeekTable(
            np.empty(size, np.int32),
            np.empty(size, np.float64),
            np.empty(size, np.float64),
            np.empty(size, np.float64),
            np.empty(size, np.float64),
            np.empty(size, np.float64),
        ),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
    )


@inner_kernel
def mark_window(
    series: Series,
    p: int,
    first_day: int,
    last_day: int,
    limits: PracticeThresholds,
    critical_f: NDArray[np.float64],
    with_ratio: bool,
    original: bool,
    window: WindowMarkers,
) -> int:
    """Fill the markers of the weeks of a window and return how many weeks it has.

    NDVI and coherence count from ``first_day`` to ``last_day``, the ratio seven days longer. The first and
    last weeks are grouped from the days inside only. M9 is left NA unless ``with_ratio``.
    """
    pair_first, pair_last = series.pair_at[p], series.pair_at[p + 1]
    pair_first = first_at_or_after(series.pair_day, pair_first, pair_last, first_day)
    pair_last = first_at_or_after(series.pair_day, pair_first, pair_last, last_day + 8)
    coherence_first, coherence_last = series.coherence_at[p], series.coherence_at[p + 1]
    coherence_first = first_at_or_after(series.coherence_day, coherence_first, coherence_last, first_day)
    coherence_last = first_at_or_after(series.coherence_day, coherence_first, coherence_last, last_day + 1)
    ndvi_first, ndvi_last = series.ndvi_at[p], series.ndvi_at[p + 1]
    ndvi_first = first_at_or_after(series.ndvi_day, ndvi_first, ndvi_last, first_day)
    ndvi_last = first_at_or_after(series.ndvi_day, ndvi_first, ndvi_last, last_day + 1)
    span = Span(pair_first, pair_last, coherence_first, coherence_last, ndvi_first, ndvi_last)
    n = merge_weeks(series, span, original, wide(0), window.table)
    _mark_ndvi(window, n, limits)
    for i in range(n):
        t = window.table
        is_rise = at_least(t.coherence_rise[i], limits.coherence_rise)
        window.m10[i] = NO if is_rise or at_least(t.coherence_max[i], limits.coherence_level) else YES
        if math.isnan(t.coherence_max[i]):
            window.m10[i] = NA
        window.m9[i] = NA
    if with_ratio:
        near = pair_first
        for i in range(1, n - 1):
            monday = window.table.monday[i]
            while near < pair_last and series.pair_day[near] < monday - NEAR_DAYS:
                near += 1
            if original and not _numbers_follow_dates(series, pair_first, pair_last, monday):
                line = _line_by_number(series, pair_first, pair_last, monday)
            else:
                line = _line_by_date(series, near, pair_last, monday)
            window.m9[i] = _is_stable(line, limits, critical_f)
    return n


@inner_kernel
def _mark_ndvi(window: WindowMarkers, n: int, limits: PracticeThresholds) -> None:
    """M6 presence, M7 growth and M8 no loss of NDVI; the loss threshold is that of the weeks so far."""
    previous = math.nan
    all_low = True
    drop_below_low = False
    lowest_drop = math.nan
    for i in range(n):
        value = window.table.ndvi[i]
        window.m6[i] = window.m7[i] = window.m8[i] = NA
        if math.isnan(value):
            continue
        window.m6[i] = YES if at_least(value, limits.presence_ndvi) else NO
        drop = NA
        if not math.isnan(previous):
            drop = YES if above(previous, value) and above(limits.loss_ndvi_high, value) else NO
        previous = value
        all_low = all_low and not at_least(value, limits.loss_ndvi_low)
        if drop == YES:
            drop_below_low = drop_below_low or above(limits.loss_ndvi_low, value)
            if math.isnan(lowest_drop) or value < lowest_drop:
                lowest_drop = value
        grows = (window.m6[i] == YES or drop == NO) and at_least(value, limits.growth_ndvi_least)
        window.m7[i] = YES if grows else NO
        if all_low or drop_below_low:
            limit = limits.loss_ndvi_low
        elif not math.isnan(lowest_drop):
            limit = limits.ndvi_step * math.ceil(lowest_drop / limits.ndvi_step)
        else:
            limit = limits.loss_ndvi_high
        if drop != NA:
            window.m8[i] = NO if drop == YES and at_least(limit, value) else YES


class Line(NamedTuple):
    """Sums of the ratios a straight line is laid through; days count from the week's Monday."""

    n: int
    n_weeks: int
    sum_x: float
    sum_y: float
    sum_xx: float
    sum_xy: float
    sum_yy: float


@inner_kernel
def _numbers_follow_dates(series: Series, first: int, last: int, monday: int) -> bool:
    """Whether the pairs whose ISO week number is within two of a week's are those of the weeks around it.

    Not so near New Year, where numbers begin anew, and in a series so long that another year has them too.
    """
    if series.pair_day[last - 1] - series.pair_day[first] >= FAR_DAYS:
        return False
    return bool(3 <= iso_week(monday) <= SURE_WEEKS - 2)


@inner_kernel
def _line_by_date(series: Series, near: int, last: int, monday: int) -> Line:
    """Sum up the ratios from two weeks before a week to two weeks after it; ``near`` is the first of them."""
    n, n_weeks, week_end = 0, 0, monday - NEAR_DAYS
    sum_x = sum_y = sum_xx = sum_xy = sum_yy = 0.0
    i = near
    while i < last and series.pair_day[i] < monday + NEAR_DAYS + 7:
        day = series.pair_day[i]
        if day >= week_end:
            n_weeks += 1
            week_end = monday_of(day) + 7
        x, y = float(day - monday), series.ratio_db[i]
        n += 1
        sum_x += x
        sum_y += y
        sum_xx += x * x
        sum_xy += x * y
        sum_yy += y * y
        i += 1
    return Line(n, n_weeks, sum_x, sum_y, sum_xx, sum_xy, sum_yy)


@inner_kernel
def _line_by_number(series: Series, first: int, last: int, monday: int) -> Line:
    """Sum up the ratios of the weeks whose ISO number is within two of a week's, as the original does."""
    number = iso_week(monday)
    year_first = monday - 7 * (number - 1)
    n, n_weeks, week_before = 0, 0, -1
    sum_x = sum_y = sum_xx = sum_xy = sum_yy = 0.0
    for i in range(first, last):
        day = series.pair_day[i]
        # No day this far has a week number within two of this one, but for those of another year.
        if 2 * NEAR_DAYS < abs(day - monday) < FAR_DAYS:
            continue
        # Every year has the weeks 1 to 52, counted from its first Monday; only beyond them it takes more.
        week = (day - year_first) // 7 + 1
        if week < 1 or week > SURE_WEEKS:
            week = iso_week(day)
        if abs(week - number) > 2:
            continue
        if week != week_before:
            # Weeks come in ascending order, but for the number 1 of the last days of December.
            n_weeks += 1
            week_before = week
        x, y = float(day - monday), series.ratio_db[i]
        n += 1
        sum_x += x
        sum_y += y
        sum_xx += x * x
        sum_xy += x * y
        sum_yy += y * y
    return Line(n, n_weeks, sum_x, sum_y, sum_xx, sum_xy, sum_yy)


@inner_kernel
def _is_stable(line: Line, limits: PracticeThresholds, critical_f: NDArray[np.float64]) -> int:
    """M9 of a week: whether the ratio does not rise significantly from two weeks before to two weeks after.

    A straight line through all ratios, tested by the F distribution with 1 and n - 2 degrees of freedom;
    ``critical_f[n - 2]`` is its 95 % point. Needs values in three weeks.
    """
    n = line.n
    if line.n_weeks < 3 or n <= 2:
        return NA
    xx = line.sum_xx - line.sum_x * line.sum_x / n
    yy = line.sum_yy - line.sum_y * line.sum_y / n
    xy = line.sum_xy - line.sum_x * line.sum_y / n
    if xx <= 0.0:
        return NA
    slope = xy / xx
    rest = yy - slope * xy
    explained = slope * xy
    freedom = n - 2
    limit = critical_f[min(freedom, critical_f.size - 1)]
    is_significant = explained * freedom > limit * rest
    return NO if at_least(slope, limits.ratio_slope_db_per_day) and is_significant else YES


@inner_kernel
def any_presence(window: WindowMarkers, n: int) -> int:
    """Whether vegetation is present in any week of the window: yes or no."""
    for i in range(n):
        if window.m6[i] == YES:
            return YES
    return NO


@inner_kernel
def has_ndvi(window: WindowMarkers, n: int, from_day: int) -> bool:
    """Whether any week from a day on has an NDVI value."""
    found = False
    for i in range(n):
        found = found or (window.table.monday[i] >= from_day and window.m6[i] != NA)
    return found


@inner_kernel
def all_true(marker: NDArray[np.int8], window: WindowMarkers, n: int, from_day: int) -> int:
    """Whether a marker is true in all weeks from a day on that have it; NA when none has."""
    result = NA
    for i in range(n):
        if window.table.monday[i] >= from_day and marker[i] != NA:
            if marker[i] == NO:
                return NO
            result = YES
    return result


@inner_kernel
def longest_run(marker: NDArray[np.int8], n: int) -> int:
    """Number of successive weeks in which a marker is true."""
    best = run = 0
    for i in range(n):
        run = run + 1 if marker[i] == YES else 0
        best = max(best, run)
    return best
