"""Tillage after the harvest: pairs that lose their coherence before new vegetation."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.practices.calendar import (
    NO,
    NO_DAY,
    NR_DAY,
    TOLERANCE,
    YES,
    above,
    at_least,
    wide,
)
from sen4cap_core.kernels.practices.growth import median
from sen4cap_core.kernels.practices.harvest import WeekMarkers
from sen4cap_core.kernels.practices.series import (
    LONG_PAIR_DAYS,
    NEVER,
    SHORT_PAIR_DAYS,
    Series,
    first_at_or_after,
    pair_start,
)
from sen4cap_core.kernels.practices.weeks import WeekTable

NEIGHBOURS: Final = 2
"""Pairs before and after one that tell how coherent soil is that is left alone."""
CROP_DAYS: Final = 60
CROP_SHARE: Final = 0.5
"""Coherence of worked soil beside that of soil left alone, where no pairs before the harvest tell it."""
COHERENCE_NOISE: Final = 0.09
"""Standard deviation of the coherence of soil that is left alone."""
LEAST_CONTRAST: Final = 0.05
"""Below it coherence does not tell worked soil."""
MOST_EVIDENCE: Final = 8.0
"""One pair says no more than this, as a log likelihood ratio."""
SOON_WEIGHT: Final = 2.0
SOON_DAYS: Final = 20.0
"""Log weight of the first day after the harvest, and the days in which it falls to a third."""
LIKELY_ENOUGH: Final = 0.5
"""Least evidence and weight of a week of tillage together."""


class TillageSettings(NamedTuple):
    """Thresholds of the tillage marker; NDVI x 1000, coherence 0..1."""

    vegetation_ndvi: float
    coherence_rise: float
    coherence_level: float
    last_day: int
    """0: up to the last week."""


@inner_kernel
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


@inner_kernel
def _plain_coherence(series: Series, i: int) -> float:
    """Coherence as it was measured, off the scale of six days."""
    value = series.coherence[i]
    return float(value ** (series.pair_days[i] / SHORT_PAIR_DAYS)) if value > 0.0 else float(value)


@inner_kernel
def _bare_level(series: Series, i: int, first: int, last: int, room: NDArray[np.float64]) -> float:
    """Median coherence of the nearest pairs of the orbit before and after a pair, two of each; NaN when there
    are fewer than two in all.
    """
    n, found = 0, 0
    j = i - 1
    while j >= first and found < NEIGHBOURS:
        if series.coherence_orbit[j] == series.coherence_orbit[i]:
            room[n] = _plain_coherence(series, j)
            n += 1
            found += 1
        j -= 1
    found = 0
    j = i + 1
    while j < last and found < NEIGHBOURS:
        if series.coherence_day[j] - series.coherence_day[i] > NEIGHBOURS * LONG_PAIR_DAYS:
            break
        if series.coherence_orbit[j] == series.coherence_orbit[i]:
            room[n] = _plain_coherence(series, j)
            n += 1
            found += 1
        j += 1
    return median(room, n) if n >= 2 else math.nan


@inner_kernel
def _crop_level(series: Series, p: int, harvest_day: int, room: NDArray[np.float64]) -> float:
    """Median coherence of the pairs of the two months before the harvest; NaN with fewer than three."""
    at, last = series.coherence_at[p], series.coherence_at[p + 1]
    i = first_at_or_after(series.coherence_day, at, last, harvest_day - CROP_DAYS - 2 * LONG_PAIR_DAYS)
    n = 0
    while i < last and series.coherence_day[i] < harvest_day and n < room.size:
        end = pair_start(series, i) + series.pair_days[i]
        if harvest_day - CROP_DAYS <= end <= harvest_day:
            room[n] = _plain_coherence(series, i)
            n += 1
        i += 1
    return median(room, n) if n >= 3 else math.nan


@inner_kernel
def _evidence(value: float, bare: float, worked: float) -> float:
    """Log likelihood ratio of a coherence: of soil that was worked to one that was left alone."""
    if math.isnan(bare) or bare - worked < LEAST_CONTRAST:
        return 0.0
    ratio = (bare - worked) * (bare + worked - 2.0 * value) / (2.0 * COHERENCE_NOISE * COHERENCE_NOISE)
    return max(-MOST_EVIDENCE, min(MOST_EVIDENCE, ratio))


@inner_kernel
def find_worked_soil(
    series: Series,
    p: int,
    t: WeekTable,
    at: int,
    n: int,
    harvest_day: int,
    s: TillageSettings,
    room: NDArray[np.float64],
) -> int:
    """Return the week in which the soil was most likely worked after a harvest.

    Soil that is turned between the two days of a pair makes it as incoherent as a crop does. Each pair begun
    after the harvest speaks for or against that with its coherence between those of its neighbours and of the
    crop; on each day the pairs of all orbits that were under way speak together, and days soon after the
    harvest have a little more weight, as most fields are worked then. The week is that of the middle of the
    best days.

    Without a day that is likely enough the result is ``NR_DAY`` if the parcel turned green, and 0 if not.
    ``room`` is room for two numbers for each day that is looked at: with 512 eight months.
    """
    last_day = s.last_day if s.last_day != NO_DAY else t.monday[at + n - 1] + 6
    crop = _crop_level(series, p, harvest_day, room)
    first, last = series.coherence_at[p], series.coherence_at[p + 1]
    first = first_at_or_after(series.coherence_day, first, last, harvest_day - LONG_PAIR_DAYS)
    last = first_at_or_after(series.coherence_day, first, last, wide(NEVER))
    while first < last and pair_start(series, first) < harvest_day:
        first += 1
    # Evidence begins on the day after a pair's first and ends with its second: sums of what begins and ends.
    n_days = max(0, min((room.size - 2 * NEIGHBOURS) // 2, last_day - harvest_day + 1))
    days, speaking = room[:n_days], room[n_days : 2 * n_days]
    neighbours = room[2 * n_days : 2 * (n_days + NEIGHBOURS)]
    for day in range(n_days):
        days[day] = speaking[day] = 0.0
    for i in range(first, last):
        begin = pair_start(series, i) + 1 - harvest_day
        end = begin + series.pair_days[i]
        if begin < 0 or begin >= n_days:
            continue
        bare = _bare_level(series, i, first, last, neighbours)
        worked = crop if not math.isnan(crop) else CROP_SHARE * bare
        evidence = _evidence(_plain_coherence(series, i), bare, worked)
        is_speaking = 1.0 if evidence != 0.0 else 0.0
        days[begin] += evidence
        speaking[begin] += is_speaking
        if end < n_days:
            days[end] -= evidence
            speaking[end] -= is_speaking
    best, level, low, high = 0.0, 0.0, -2, -2
    evidence, n_speaking = 0.0, 0.0
    for day in range(n_days):
        evidence += days[day]
        n_speaking += speaking[day]
        if n_speaking < 1.0:
            continue
        likely = evidence + SOON_WEIGHT * math.exp(-day / SOON_DAYS)
        if likely > best:
            best, level, low, high = likely, evidence, day, day
        elif high == day - 1 and abs(evidence - level) < TOLERANCE:
            high = day
    if best >= LIKELY_ENOUGH:
        found = harvest_day + (low + high) // 2
        return int(found - (found + 3) % 7)
    for i in range(n):
        if harvest_day < t.monday[at + i] <= last_day and above(t.ndvi[at + i], s.vegetation_ndvi):
            return NR_DAY
    return NO_DAY
