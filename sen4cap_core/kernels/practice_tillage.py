"""Tillage after the harvest: coherence that was high falls again before new vegetation."""

from __future__ import annotations

from typing import Final, NamedTuple

from numba import njit

from sen4cap_core.kernels.practice_calendar import (
    NO,
    NO_DAY,
    NR_DAY,
    YES,
    above,
    at_least,
)
from sen4cap_core.kernels.practice_harvest import WeekMarkers
from sen4cap_core.kernels.practice_series import NEVER, Series, first_at_or_after
from sen4cap_core.kernels.practice_weeks import WeekTable

LEAST_DIP: Final = 0.2
"""Fall of coherence, both neighbours considered and the orbits added up, that noise seldom reaches."""
SAME_EVENT_DAYS: Final = 4
"""Pairs of different orbits that begin no further apart tell of the same event."""
HALF_PAIR_DAYS: Final = 3


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
def find_coherence_dip(
    series: Series, p: int, t: WeekTable, at: int, n: int, harvest_week: int, s: TillageSettings
) -> int:
    """Return the week of the deepest dip of coherence after a harvest: soil turned between the two days of a
    pair makes it incoherent, and the pairs before and after it are less so.

    The dips of other orbits at the same time are added. Without a dip of at least ``LEAST_DIP`` the result is
    ``NR_DAY`` if the parcel turned green, and 0 if not.
    """
    last_day = s.last_day if s.last_day != NO_DAY else t.monday[at + n - 1] + 6
    first, last = series.coherence_at[p], series.coherence_at[p + 1]
    first = first_at_or_after(series.coherence_day, first, last, harvest_week)
    deepest, found = LEAST_DIP, NO_DAY
    for i in range(first, last):
        day = series.coherence_day[i]
        if day == NEVER or day + HALF_PAIR_DAYS > last_day:
            break
        beside = 0.0
        j = i - 1
        while j >= first and day - series.coherence_day[j] <= SAME_EVENT_DAYS:
            beside = max(beside, series.dip[j])
            j -= 1
        j = i + 1
        while j < last and series.coherence_day[j] - day <= SAME_EVENT_DAYS:
            beside = max(beside, series.dip[j])
            j += 1
        if series.dip[i] + beside > deepest:
            deepest = series.dip[i] + beside
            found = day + HALF_PAIR_DAYS
    if found != NO_DAY:
        return int(found - (found + 3) % 7)
    for i in range(n):
        if harvest_week < t.monday[at + i] <= last_day and above(t.ndvi[at + i], s.vegetation_ndvi):
            return NR_DAY
    return NO_DAY
