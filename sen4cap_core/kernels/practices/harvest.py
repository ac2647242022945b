"""Markers 1 to 5 of each week, and the week in which the main crop was harvested."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practices.calendar import (
    NA,
    NO,
    NO_DAY,
    NR_DAY,
    YES,
    above,
    at_least,
    round_half_up,
)
from sen4cap_core.kernels.practices.weeks import WeekTable


class HarvestThresholds(NamedTuple):
    """Thresholds of markers 1 to 5; NDVI x 1000, coherence 0..1, ratio in the series' dB."""

    vegetation_ndvi: float
    ndvi_low: float
    ndvi_high: float
    ndvi_step: float
    ndvi_least: float
    buffer_divisor: float
    ratio_break_least_db: float
    ratio_break_divisor: float
    ratio_level_divisor: float
    ratio_level_uses_std: bool
    coherence_rise: float
    coherence_rise_high: float
    coherence_level: float


class ParcelSeason(NamedTuple):
    """Dates of one row of the practice table, in days; 0 where not given."""

    vegetation_start: int
    vegetation_week: int
    harvest_start_week: int
    harvest_end_week: int
    practice_start: int
    practice_start_week: int
    practice_end: int
    practice_end_week: int


class WeekMarkers(NamedTuple):
    """Room for the markers of one parcel's weeks, as many as the longest series has."""

    is_season: NDArray[np.bool_]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    drop: NDArray[np.int8]
    m1: NDArray[np.int8]
    m2: NDArray[np.int8]
    m3: NDArray[np.int8]
    m4: NDArray[np.int8]
    m5: NDArray[np.int8]
    is_harvest: NDArray[np.bool_]


class HarvestFinding(NamedTuple):
    """What was found of the harvest; days, ``NR_DAY`` without harvest."""

    has_vegetation: bool
    week: int
    radar_week: int
    vegetation_start: int
    harvest_end_week: int


@kernel
def empty_markers(size: int) -> WeekMarkers:
    """Make room for the markers of ``size`` weeks."""
    return WeekMarkers(
        np.empty(size, np.bool_),
        np.empty(size, np.float64),
        np.empty(size, np.float64),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.int8),
        np.empty(size, np.bool_),
    )


@inner_kernel
def fill_neighbours(
    t: WeekTable, at: int, n: int, vegetation_week: int, original: bool, w: WeekMarkers
) -> None:
    """Find the NDVI before and after each week from the start of vegetation on; NaN where there is none.

    ``before`` is the last value of an earlier week (its own for the first week with a value), ``after`` its
    own value or the next one. In the original the very first week never uses its own value as ``after``.
    """
    w.before[:n] = math.nan
    w.after[:n] = math.nan
    previous = math.nan
    for i in range(n):
        if t.monday[at + i] < vegetation_week:
            continue
        value = t.ndvi[at + i]
        w.before[i] = value if math.isnan(previous) else previous
        if not math.isnan(value):
            previous = value
    following = math.nan
    for i in range(n - 1, 0, -1):
        if t.monday[at + i] < vegetation_week:
            break
        if not math.isnan(t.ndvi[at + i]):
            following = t.ndvi[at + i]
            w.after[i] = following
        w.after[i - 1] = following
    if not original and n > 0 and t.monday[at] >= vegetation_week and not math.isnan(t.ndvi[at]):
        w.after[0] = t.ndvi[at]
    for i in range(n):
        if not math.isnan(t.ndvi[at + i]) and math.isnan(w.before[i]):
            w.before[i] = w.after[i]


@inner_kernel
def mark_presence(
    t: WeekTable, at: int, n: int, first_week: int, last_week: int, limit: float, m1: NDArray[np.int8]
) -> None:
    """M1: within the season, false until the first week of vegetation and true from then on; else NA."""
    seen = NO
    for i in range(n):
        m1[i] = NA
        if first_week <= t.monday[at + i] <= last_week:
            if above(t.ndvi[at + i], limit):
                seen = YES
            m1[i] = seen


@inner_kernel
def mark_ndvi_loss(
    t: WeekTable, at: int, n: int, harvest_start_week: int, h: HarvestThresholds, w: WeekMarkers
) -> None:
    """M2: NDVI is low enough, or falls far enough, for a harvest; needs M1 and the neighbours."""
    previous = math.nan
    all_low = True
    drop_below_low = False
    lowest_drop = math.nan
    highest = math.nan
    n_present = 0
    for i in range(n):
        w.m2[i] = NO
        w.drop[i] = NA
        value = t.ndvi[at + i]
        if math.isnan(value) or not w.is_season[i]:
            continue
        if w.m1[i] == YES:
            n_present += 1
        if w.m1[i] != NO and not math.isnan(previous):
            is_drop = above(previous, value) and above(h.ndvi_high, value)
            w.drop[i] = YES if is_drop else NO
            if is_drop:
                drop_below_low = drop_below_low or above(h.ndvi_low, value)
                if math.isnan(lowest_drop) or value < lowest_drop:
                    lowest_drop = value
        previous = value
        all_low = all_low and not at_least(value, h.ndvi_low)
        if math.isnan(highest) or value > highest:
            highest = value
    if all_low or drop_below_low:
        limit = h.ndvi_low
    elif not math.isnan(lowest_drop):
        limit = h.ndvi_step * math.ceil(lowest_drop / h.ndvi_step)
    else:
        limit = h.ndvi_high
    with_buffer = limit
    if n_present > 1:
        with_buffer += max(0.0, round_half_up((highest - limit) / h.buffer_divisor))
    if math.isnan(lowest_drop):
        return
    start = harvest_start_week
    for i in range(n):
        if (
            above(with_buffer, w.after[i])
            and above(w.before[i], limit)
            and above(w.before[i], w.after[i])
            and t.monday[at + i] >= harvest_start_week
        ):
            start = t.monday[at + i]
            break
    for i in range(n):
        is_low = above(with_buffer, w.after[i]) or above(with_buffer, w.before[i])
        if (
            is_low
            and above(w.before[i], h.ndvi_least)
            and t.monday[at + i] >= start
            and above(w.before[i] + h.ndvi_low, w.after[i])
        ):
            w.m2[i] = YES


@inner_kernel
def mark_coherence(
    t: WeekTable, at: int, n: int, top: float, least_rise: float, level: float, m5: NDArray[np.int8]
) -> None:
    """M5: coherence rises, or is high (for a parcel that never is: near its greatest)."""
    if above(level, top):
        level = top - least_rise
    for i in range(n):
        is_rise = at_least(t.coherence_rise[at + i], least_rise)
        m5[i] = YES if is_rise or at_least(t.coherence_max[at + i], level) else NO


@inner_kernel
def mark_ratio(
    t: WeekTable, at: int, n: int, mean: float, std: float, h: HarvestThresholds, w: WeekMarkers
) -> None:
    """M3: backscatter is lost; M4: backscatter says bare ground. Both also by a high coherence rise."""
    least_change = std / h.ratio_break_divisor
    if above(h.ratio_break_least_db, least_change):
        least_change = h.ratio_break_least_db
    level = mean - (std / h.ratio_level_divisor if h.ratio_level_uses_std else 0.0)
    for i in range(n):
        w.m3[i] = YES if above(t.ratio_change[at + i], least_change) else NO
    lost_before = w.m3[0] if n > 0 else NO
    for i in range(1, n - 1):
        lost = w.m3[i]
        if above(t.coherence_rise[at + i], h.coherence_rise_high) and (
            lost_before == YES or lost == YES or w.m3[i + 1] == YES
        ):
            w.m3[i] = YES
        lost_before = lost
    for i in range(n):
        is_high = above(t.ratio_max[at + i], level)
        is_bare = (
            above(t.coherence_rise[at + i], h.coherence_rise_high)
            and w.m1[i] == YES
            and w.m2[i] == YES
            and w.m3[i] == YES
        )
        w.m4[i] = YES if is_high or is_bare else NO


@inner_kernel
def find_harvest(
    t: WeekTable,
    at: int,
    n: int,
    ratio_mean: float,
    ratio_std: float,
    coherence_top: float,
    season: ParcelSeason,
    prolong_season: bool,
    previous_harvest: int,
    h: HarvestThresholds,
    original: bool,
    w: WeekMarkers,
) -> HarvestFinding:
    """Fill the markers of all weeks of a parcel and find its harvest week.

    ``previous_harvest`` is the week an earlier run reported (0: none); it is kept whatever the series say.
    """
    fill_neighbours(t, at, n, season.vegetation_week, original, w)
    vegetation_start, vegetation_week = season.vegetation_start, season.vegetation_week
    for i in range(n):
        if t.monday[at + i] >= vegetation_week:
            if t.monday[at + i] > vegetation_week:
                vegetation_start = vegetation_week = t.monday[at + i]
            break
    end_week = season.harvest_end_week
    if not original and end_week == NO_DAY:
        end_week = t.monday[at + n - 1]
    last_season_week = end_week
    if prolong_season and vegetation_week < season.practice_start_week:
        last_season_week = max(end_week, season.practice_start_week + 7)
    has_end_week = False
    has_vegetation = False
    for i in range(n):
        monday = t.monday[at + i]
        w.is_season[i] = vegetation_week <= monday <= last_season_week
        w.is_harvest[i] = False
        has_end_week = has_end_week or monday == end_week
        if w.is_season[i] and above(t.ndvi[at + i], h.vegetation_ndvi):
            has_vegetation = True
    if original and not has_end_week:
        end_week = t.monday[at + n - 1]
    mark_presence(t, at, n, vegetation_week, end_week, h.vegetation_ndvi, w.m1)
    mark_ndvi_loss(t, at, n, season.harvest_start_week, h, w)
    mark_coherence(t, at, n, coherence_top, h.coherence_rise, h.coherence_level, w.m5)
    mark_ratio(t, at, n, ratio_mean, ratio_std, h, w)
    week = radar_week = NR_DAY
    if has_vegetation:
        for i in range(n):
            by_radar = (
                w.m1[i] == YES
                and w.m3[i] == YES
                and w.m4[i] == YES
                and w.m5[i] == YES
                and t.monday[at + i] >= season.harvest_start_week
            )
            if by_radar and radar_week == NR_DAY:
                radar_week = t.monday[at + i]
            w.is_harvest[i] = by_radar and w.m2[i] == YES
            if w.is_harvest[i] and week == NR_DAY:
                week = t.monday[at + i]
    if previous_harvest != NO_DAY:
        week = previous_harvest
    return HarvestFinding(has_vegetation, week, radar_week, vegetation_start, end_week)


@inner_kernel
def gap_weeks(before: int, after: int, first_day: int, last_day: int, count_all: bool) -> int:
    """Count the weeks without radar between two weeks, inside a period; 0 when the period has no dates."""
    if after <= first_day or before >= last_day or first_day == NO_DAY or last_day == NO_DAY:
        return 0
    days = min(after, last_day) - max(before, first_day)
    if days <= 7:
        return 0
    return days // 7 - (0 if count_all else 1)
