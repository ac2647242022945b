"""Tillage after the harvest: coherence that was high falls again before new vegetation."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sen4cap_core.kernels.practice_calendar import (
    NO,
    NO_DAY,
    NR_DAY,
    YES,
    above,
    at_least,
)
from sen4cap_core.kernels.practice_harvest import WeekMarkers
from sen4cap_core.kernels.practice_series import (
    LONG_PAIR_DAYS,
    NEVER,
    SHORT_PAIR_DAYS,
    Series,
    first_at_or_after,
    pair_start,
)
from sen4cap_core.kernels.practice_weeks import WeekTable

LEAST_DIP: Final = 0.2
"""Dip of coherence, the orbits added up and on the scale of six days, that noise seldom reaches."""


class TillageSettings(NamedTuple):
    """Thresholds of the tillage marker; NDVI x 1000, coherence 0..1."""

    vegetation_ndvi: float
    coherence_rise: float
    coherence_level: float
    last_day: int
    """0: up to the last week."""


@njit(nogil=True, cache=True)
def find_tillage(
    t: WeekTable, at: int, n: int, harvest_week: int, top: float, s: TillageSettings, w: WeekMarkers
) -> int:
    """Return the week of tillage after a harvest; ``NR_DAY`` when vegetation came first, 0 when neither did.

    Week by week after the harvest: NDVI above the threshold of vegetation ends the search; a week without M5
    that follows one with it is the week of tillage. M5 is judged with the thresholds of tillage but for the
    harvest week. M1 of all weeks after the harvest then says whether the week has vegetation.
    """
    harvest_at = -1
    for i in range(n):
        if t.monday[at + i] == harvest_week:
            harvest_at = i
    if harvest_at < 0:
        return NO_DAY
    last_day = s.last_day if s.last_day != NO_DAY else t.monday[at + n - 1]
    level = s.coherence_level
    if above(level, top):
        level = top - s.coherence_rise
    found = NO_DAY
    before = w.m5[harvest_at]
    for i in range(harvest_at + 1, n):
        if t.monday[at + i] > last_day:
            break
        is_green = above(t.ndvi[at + i], s.vegetation_ndvi)
        w.m1[i] = YES if is_green else NO
        if found != NO_DAY:
            continue
        if is_green:
            found = NR_DAY
            continue
        is_rise = at_least(t.coherence_rise[at + i], s.coherence_rise)
        w.m5[i] = YES if is_rise or at_least(t.coherence_max[at + i], level) else NO
        if before == YES and w.m5[i] == NO:
            found = t.monday[at + i]
        before = w.m5[i]
    return found


@njit(nogil=True, cache=True)
def _plain_coherence(series: Series, i: int) -> float:
    """Coherence as it was measured, off the scale of six days."""
    value = series.coherence[i]
    return float(value ** (series.pair_days[i] / SHORT_PAIR_DAYS)) if value > 0.0 else float(value)


@njit(nogil=True, cache=True)
def _dip(series: Series, i: int, first: int, last: int) -> float:
    """How far a pair lies below the middle of those before and after it of its orbit; 0 where it does not.

    A pair that began before ``first`` saw the crop, so that the first pair after the harvest is compared with
    the next one only.
    """
    before = after = math.nan
    j = i - 1
    while j >= first and series.coherence_day[i] - series.coherence_day[j] <= LONG_PAIR_DAYS:
        if series.coherence_orbit[j] == series.coherence_orbit[i]:
            before = _plain_coherence(series, j)
            break
        j -= 1
    j = i + 1
    while j < last and series.coherence_day[j] - series.coherence_day[i] <= LONG_PAIR_DAYS:
        if series.coherence_orbit[j] == series.coherence_orbit[i]:
            after = _plain_coherence(series, j)
            break
        j += 1
    if math.isnan(after):
        return 0.0
    beside = after if math.isnan(before) else (before + after) / 2.0
    return max(0.0, beside - _plain_coherence(series, i))


@njit(nogil=True, cache=True)
def find_coherence_dip(
    series: Series,
    p: int,
    t: WeekTable,
    at: int,
    n: int,
    harvest_week: int,
    s: TillageSettings,
    room: NDArray[np.float64],
) -> int:
    """Return the week of the deepest dip of coherence after a harvest: soil turned between the two days of a
    pair makes it incoherent, and the pairs before and after it are less so.

    Dips of pairs that were under way on the same day are added, as another orbit sees the same event; the
    week is that of the middle of the days they share. Without a dip of at least ``LEAST_DIP`` the result is
    ``NR_DAY`` if the parcel turned green, and 0 if not. ``room`` is room for the dips.
    """
    last_day = s.last_day if s.last_day != NO_DAY else t.monday[at + n - 1] + 6
    first, last = series.coherence_at[p], series.coherence_at[p + 1]
    first = first_at_or_after(series.coherence_day, first, last, harvest_week - LONG_PAIR_DAYS)
    last = min(first_at_or_after(series.coherence_day, first, last, NEVER), first + room.size)
    while first < last and pair_start(series, first) < harvest_week:
        first += 1
    for i in range(first, last):
        room[i - first] = _dip(series, i, first, last)
    deepest, found = 0.0, NO_DAY
    for i in range(first, last):
        begin = pair_start(series, i)
        if begin >= last_day or room[i - first] <= 0.0:
            continue
        depth, end = room[i - first], begin + series.pair_days[i]
        j = i - 1
        while j >= first and begin - pair_start(series, j) < LONG_PAIR_DAYS:
            if pair_start(series, j) + series.pair_days[j] > begin:
                depth += room[j - first]
                if room[j - first] > 0.0:
                    end = min(end, pair_start(series, j) + series.pair_days[j])
            j -= 1
        j = i + 1
        while j < last and pair_start(series, j) <= begin:
            depth += room[j - first]
            if room[j - first] > 0.0:
                end = min(end, pair_start(series, j) + series.pair_days[j])
            j += 1
        if j < last:
            end = max(begin + 1, min(end, pair_start(series, j)))
        # A pair of twelve days is less coherent by itself, so that an event shows less.
        depth *= math.sqrt(series.pair_days[i] / SHORT_PAIR_DAYS)
        if depth > deepest and (begin + end) // 2 <= last_day:
            deepest, found = depth, (begin + end) // 2
    if deepest >= LEAST_DIP:
        return int(found - (found + 3) % 7)
    for i in range(n):
        if harvest_week < t.monday[at + i] <= last_day and above(t.ndvi[at + i], s.vegetation_ndvi):
            return NR_DAY
    return NO_DAY
