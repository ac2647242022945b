"""Catch crops: when their period began, and whether something grew and stayed in it."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.practices.calendar import (
    NA,
    NO,
    NO_DAY,
    NR,
    NR_DAY,
    OFF,
    ON,
    YES,
    above,
    monday_of,
    wide,
)
from sen4cap_core.kernels.practices.growth import (
    DOUBTFUL,
    EMERGENCE_DAYS,
    PRESENT,
    STRONG_GROWTH,
    GrowthSettings,
    find_growth,
)
from sen4cap_core.kernels.practices.harvest import HarvestFinding, ParcelSeason, WeekMarkers
from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.kernels.practices.weeks import WeekTable
from sen4cap_core.kernels.practices.window import (
    PracticeThresholds,
    WindowMarkers,
    all_true,
    any_presence,
    has_ndvi,
    mark_window,
)

POOR: Final = 1
WEAK: Final = 2
MODERATE: Final = 3
STRONG: Final = 4

ESTABLISHMENT_DAYS: Final = 21
"""NDVI may be low in the first three weeks of the period."""
SOWING_DAYS: Final = 14
"""Coherence may be high in the first two weeks of the period."""
LEAST_BUFFER: Final = 10.0


class CatchCropSettings(NamedTuple):
    """Settings of the search for the start of the period; NDVI x 1000."""

    period_days: int
    earliest_start: int
    """Day, 0 when not limited."""
    ndvi_share: float
    bare_ndvi_low: float
    bare_ndvi_capped: float
    ndvi_high: float
    growth: GrowthSettings


class PracticeFinding(NamedTuple):
    """The judgement of a practice: its period, markers 6 to 10 and grade."""

    start: int
    end: int
    m6: int
    m7: int
    m8: int
    m9: int
    m10: int
    grade: int
    """C_INDEX: POOR 1 to STRONG 4, NR or NA."""
    in_period: int
    """Whether a catch crop that was seen grew within its period; NA when none was seen."""


@inner_kernel
def find_period_start(
    t: WeekTable,
    at: int,
    n: int,
    season: ParcelSeason,
    harvest: HarvestFinding,
    c: CatchCropSettings,
    w: WeekMarkers,
) -> int:
    """Find the day a catch crop's period begins, ``practice_start`` being the last possible one.

    It is the last week in which NDVI, backscatter and coherence all say bare ground, or the week before the
    first stretch of a whole period without such a week. Harvest flags after the last possible start are
    cleared.
    """
    latest = season.practice_start
    latest_week = season.practice_start_week
    first = latest
    if harvest.week != NR_DAY:
        first = harvest.week
        for i in range(n):
            if t.monday[at + i] > latest_week:
                w.is_harvest[i] = False
            elif w.is_harvest[i]:
                first = t.monday[at + i]
    first = max(first, c.earliest_start)
    if t.monday[at + n - 1] - first < c.period_days - 1:
        return max(latest, c.earliest_start)
    limit = _bare_limit(t, at, n, first, latest + c.period_days - 1, c)
    from_day = harvest.week
    if harvest.week == NR_DAY:
        from_day = first
        for i in range(n):
            if w.m2[i] == YES:
                from_day = t.monday[at + i]
                break
    earliest_week = monday_of(c.earliest_start)
    start = NO_DAY
    last_break = NO_DAY
    for i in range(n):
        week = t.monday[at + i]
        if (
            above(limit, w.after[i])
            and max(earliest_week, from_day) <= week <= latest_week
            and w.m3[i] == YES
            and w.m5[i] == YES
        ):
            if last_break != NO_DAY and week - last_break >= c.period_days:
                start = last_break
            last_break = week
    if start == NO_DAY:
        start = last_break if last_break != NO_DAY else from_day
    return max(start, c.earliest_start)


@inner_kernel
def _bare_limit(t: WeekTable, at: int, n: int, first: int, last: int, c: CatchCropSettings) -> float:
    """NDVI below which ground counts as bare: the least of the period and a share of its range."""
    low = high = math.nan
    for i in range(n):
        value = t.ndvi[at + i]
        if first <= t.monday[at + i] <= last and not math.isnan(value):
            low = value if math.isnan(low) else min(low, value)
            high = value if math.isnan(high) else max(high, value)
    if math.isnan(low):
        low = high = c.bare_ndvi_low
    else:
        if above(c.bare_ndvi_low, low):
            low = c.bare_ndvi_low
        if above(low, c.ndvi_high):
            low = c.bare_ndvi_capped
    return low + max(LEAST_BUFFER, (high - low) * c.ndvi_share)


@inner_kernel
def judge_catch_crop(
    series: Series,
    p: int,
    t: WeekTable,
    at: int,
    n: int,
    season: ParcelSeason,
    is_in_main_crop: bool,
    harvest: HarvestFinding,
    c: CatchCropSettings,
    limits: PracticeThresholds,
    critical_f: NDArray[np.float64],
    w: WeekMarkers,
    window: WindowMarkers,
) -> PracticeFinding:
    """Judge a catch crop as the original does, by the markers of its period, which begins as
    ``find_period_start`` says if no end is given.
    """
    start, end = season.practice_start, season.practice_end
    if end == NO_DAY:
        start = find_period_start(t, at, n, season, harvest, c, w)
        end = start + c.period_days - 1
    week = monday_of(start)
    if t.monday[at + n - 1] <= week or not harvest.has_vegetation:
        return PracticeFinding(start, end, NR, NR, NR, NR, NR, NR, NA)
    if not is_in_main_crop:
        is_possible = harvest.week <= week
        if harvest.week == NR_DAY:
            is_possible = False
            season_week = monday_of(harvest.vegetation_start)
            for i in range(n):
                if w.drop[i] == YES and season_week <= t.monday[at + i] <= week:
                    is_possible = True
        if not is_possible:
            return PracticeFinding(start, end, NR, NR, NR, NR, NR, POOR, NA)
    m6, m7, m8, m9, m10 = _mark_period(series, p, start, end, limits, critical_f, ON, window)
    if m10 == NA:
        m10 = YES
    return PracticeFinding(start, end, m6, m7, m8, m9, m10, _grade_markers(m6, m7, m8, m9, m10), NA)


@inner_kernel
def _mark_period(
    series: Series,
    p: int,
    start: int,
    end: int,
    limits: PracticeThresholds,
    critical_f: NDArray[np.float64],
    original: bool,
    window: WindowMarkers,
) -> tuple[int, int, int, int, int]:
    """Summarize M6 to M10 over a catch crop's period."""
    week = monday_of(start)
    n_window = mark_window(series, p, start, end, limits, critical_f, ON, original, window)
    established = week + ESTABLISHMENT_DAYS
    m6 = any_presence(window, n_window)
    if m6 == NO and not has_ndvi(window, n_window, established):
        m6 = NA
    m7 = m8 = NA
    if m6 != NA:
        m7 = all_true(window.m7, window, n_window, established)
        m8 = all_true(window.m8, window, n_window, wide(NO_DAY))
    m9 = all_true(window.m9, window, n_window, wide(NO_DAY))
    m10 = all_true(window.m10, window, n_window, week + SOWING_DAYS)
    return m6, m7, m8, m9, m10


@inner_kernel
def _grade_markers(m6: int, m7: int, m8: int, m9: int, m10: int) -> int:
    """Grade by the number of markers that say no; without any NDVI by radar alone."""
    n_false = 0
    for marker in (m6, m7, m8, m9, m10):
        if marker == NO:
            n_false += 1
    if m6 == NA and m7 == NA and m8 == NA:
        return MODERATE if n_false == 0 else WEAK
    return max(POOR, STRONG - n_false)


@inner_kernel
def judge_by_growth(
    series: Series,
    p: int,
    t: WeekTable,
    at: int,
    n: int,
    season: ParcelSeason,
    is_main_crop: bool,
    harvest: HarvestFinding,
    c: CatchCropSettings,
    limits: PracticeThresholds,
    critical_f: NDArray[np.float64],
    w: WeekMarkers,
    window: WindowMarkers,
    room: NDArray[np.float64],
) -> PracticeFinding:
    """Judge a catch crop by the growth after the harvest; its period begins with that growth if it has no
    fixed days. A crop that grew at another time than its fixed days is MODERATE and not ``in_period``.

    A catch crop that is the main crop (``is_main_crop``) is judged by the markers of its period, as there is
    no harvest it could follow.
    """
    start, end = season.practice_start, season.practice_end
    has_period = end != NO_DAY
    last_day = t.monday[at + n - 1] + 6
    if is_main_crop:
        if not has_period:
            start = find_period_start(t, at, n, season, harvest, c, w)
            end = start + c.period_days - 1
        if last_day <= monday_of(start) + 6:
            return PracticeFinding(start, end, NR, NR, NR, NR, NR, NR, NA)
        m6, m7, m8, m9, m10 = _mark_period(series, p, start, end, limits, critical_f, OFF, window)
        return PracticeFinding(start, end, m6, m7, m8, m9, m10, _grade_markers(m6, m7, m8, m9, m10), NA)
    earliest = harvest.week if harvest.week != NR_DAY else season.harvest_start_week
    if has_period:
        latest = end - c.period_days // 2
    else:
        earliest = max(earliest, monday_of(c.earliest_start))
        latest = start + EMERGENCE_DAYS
    growth = find_growth(
        series,
        p,
        earliest,
        latest,
        start if has_period else NO_DAY,
        end,
        c.period_days,
        last_day,
        c.growth,
        room,
    )
    grade, in_period = POOR, NA
    if growth.score >= DOUBTFUL:
        grade = WEAK
    if growth.score >= PRESENT:
        grade, in_period = STRONG if growth.score >= STRONG_GROWTH else MODERATE, YES
    elif has_period:
        at_any_time = find_growth(
            series, p, earliest, last_day, wide(NO_DAY), wide(NO_DAY), c.period_days, last_day, c.growth, room
        )
        if at_any_time.score >= PRESENT:
            grade, in_period = MODERATE, NO
    if not has_period:
        start = growth.onset
        if grade == POOR:
            start = find_period_start(t, at, n, season, harvest, c, w)
        end = start + c.period_days - 1
    if last_day <= monday_of(start) + 6:
        return PracticeFinding(start, end, NR, NR, NR, NR, NR, NR, NA)
    m6, m7, m8, m9, m10 = _mark_period(series, p, start, end, limits, critical_f, OFF, window)
    return PracticeFinding(start, end, m6, m7, m8, m9, m10, grade, in_period)
