"""Whether a second crop grew after the harvest: NDVI rises, the backscatter ratio and coherence fall, at one
time.

A catch crop covers bare ground within a month or two. Volunteers and weeds green up as well, but stay too
thin to change what the radar sees, and a season's noise moves each series alone; so the three add up.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.kernels.practices.series import Series, first_at_or_after

BARE_DAYS: Final = 14
"""Ground is described by so many days before and after a possible sowing."""
EMERGENCE_DAYS: Final = 14
"""A crop sown on the last possible day shows this much later."""
LEAST_NDVI_RISE: Final = 50.0
"""NDVI x 1000; below it nothing greens, whatever the radar says."""
STEP_DAYS: Final = 7
RESIDUE_DAYS: Final = 6
"""Pairs that begin so soon after the harvest week's Monday may still have seen the crop."""
QUIET_SHARE: Final = 0.7
"""Coherence of bare ground is the value that this share of its pairs lies below: work on the field and rain
lower single pairs, nothing raises them."""
NDVI_SHARE: Final = 0.5
RATIO_SHARE: Final = 0.25
COHERENCE_SHARE: Final = 0.25
"""What each series adds to the growth of an established crop; those of the radar are made up for where they
are missing. NDVI is not: radar alone is too noisy for half of the evidence to stand for all of it."""
STRONG_GROWTH: Final = 1.5
PRESENT: Final = 0.9
"""Below 1, so that fewer looks, which see a crop less clearly, still find it; see docs/differences.md."""
DOUBTFUL: Final = 0.6


class GrowthSettings(NamedTuple):
    """What makes up a growth of 1, by one series alone, if there were all three."""

    ndvi_rise: float
    """NDVI x 1000."""
    ratio_fall_db: float
    """Fall of VV minus VH, on the scale of the series."""
    coherence_fall: float


class Growth(NamedTuple):
    """The strongest growth found; ``score`` is 0 and ``onset`` no day without any."""

    onset: int
    score: float
    ndvi_rise: float
    ratio_fall_db: float
    coherence_fall: float


@inner_kernel
def median(values: NDArray[np.float64], n: int) -> float:
    """Median of the first ``n`` values, which are sorted in place; NaN when ``n`` is 0."""
    _sort(values, n)
    if n == 0:
        return math.nan
    return float((values[(n - 1) // 2] + values[n // 2]) / 2.0)


@inner_kernel
def _sort(values: NDArray[np.float64], n: int) -> None:
    for i in range(1, n):
        value = values[i]
        j = i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value


@inner_kernel
def _ndvi_between(series: Series, p: int, first: int, last: int, room: NDArray[np.float64]) -> float:
    """Median NDVI of the days ``first`` to ``last`` (exclusive), each value taken as the median with its
    neighbours in time: clouds leave single dips.
    """
    at, end = series.ndvi_at[p], series.ndvi_at[p + 1]
    i = first_at_or_after(series.ndvi_day, at, end, first)
    n = 0
    while i < end and series.ndvi_day[i] < last and n < room.size:
        value = series.ndvi[i]
        if at < i < end - 1:
            a, b = series.ndvi[i - 1], series.ndvi[i + 1]
            value = max(min(a, b), min(max(a, b), value))
        room[n] = value
        n += 1
        i += 1
    return median(room, n)


@inner_kernel
def _mean_between(
    values: NDArray[np.float64], days: NDArray[np.int32], at: int, end: int, first: int, last: int
) -> float:
    """Mean of the values of one parcel on the days ``first`` to ``last`` (exclusive); NaN without any."""
    i = first_at_or_after(days, at, end, first)
    total, n = 0.0, 0
    while i < end and days[i] < last:
        total += values[i]
        n += 1
        i += 1
    return total / n if n > 0 else math.nan


@inner_kernel
def _ratio_between(series: Series, p: int, first: int, last: int) -> float:
    """Mean ratio of the days ``first`` to ``last`` (exclusive); NaN without any."""
    at, end = series.pair_at[p], series.pair_at[p + 1]
    return _mean_between(series.ratio_db, series.pair_day, at, end, first, last)


@inner_kernel
def _quiet_coherence(series: Series, p: int, first: int, last: int, room: NDArray[np.float64]) -> float:
    """Coherence that ``QUIET_SHARE`` of the pairs begun from ``first`` to ``last`` (exclusive) lie below."""
    at, end = series.coherence_at[p], series.coherence_at[p + 1]
    i = first_at_or_after(series.coherence_day, at, end, first)
    n = 0
    while i < end and series.coherence_day[i] < last and n < room.size:
        room[n] = series.coherence[i]
        n += 1
        i += 1
    _sort(room, n)
    return float(room[int(QUIET_SHARE * (n - 1) + 0.5)]) if n > 0 else math.nan


@inner_kernel
def _coherence_between(series: Series, p: int, first: int, last: int) -> float:
    """Mean coherence of the pairs begun from ``first`` to ``last`` (exclusive); NaN without any."""
    at, end = series.coherence_at[p], series.coherence_at[p + 1]
    return _mean_between(series.coherence, series.coherence_day, at, end, first, last)


@inner_kernel
def find_growth(
    series: Series,
    p: int,
    earliest: int,
    latest: int,
    period_start: int,
    period_end: int,
    period_days: int,
    last_day: int,
    s: GrowthSettings,
    room: NDArray[np.float64],
) -> Growth:
    """Find the strongest growth of a parcel with a sowing from ``earliest`` to ``latest``.

    For every seventh day, the bare ground around it is compared with the second half of the ``period_days``
    after it (its last week left out, in which the crop may be destroyed), or with what of the practice's
    period lies after the first half, if that has fixed days (``period_start``, 0 when not). What comes after
    ``last_day`` is not known, and such growths are not sought. A growth adds up from NDVI, ratio and
    coherence in units of the settings; what the radar does not tell is made up for, see the shares.
    """
    best = Growth(NO_DAY, 0.0, math.nan, math.nan, math.nan)
    half = period_days // 2
    for day in range(earliest, latest + 1, STEP_DAYS):
        grown, grown_end = day + half, day + max(half + STEP_DAYS, period_days - STEP_DAYS)
        if period_start != NO_DAY:
            grown, grown_end = max(grown, period_start), period_end + 1
        if grown_end - 1 > last_day or grown_end <= grown:
            continue
        first_bare = max(earliest, day - BARE_DAYS)
        ndvi = _ndvi_between(series, p, grown, grown_end, room)
        rise = ndvi - _ndvi_between(series, p, first_bare, day + BARE_DAYS, room)
        fall = _ratio_between(series, p, first_bare, day + BARE_DAYS)
        fall -= _ratio_between(series, p, grown, grown_end)
        if rise <= LEAST_NDVI_RISE or fall <= 0.0:
            continue
        bare_from, bare_to = max(first_bare, earliest + RESIDUE_DAYS), max(day, earliest) + BARE_DAYS
        loss = _quiet_coherence(series, p, bare_from, bare_to, room)
        loss -= _coherence_between(series, p, grown, grown_end)
        found, share = 0.0, NDVI_SHARE
        if not math.isnan(rise):
            found += rise / s.ndvi_rise
        if not math.isnan(fall):
            found += fall / s.ratio_fall_db
            share += RATIO_SHARE
        if not math.isnan(loss):
            found += loss / s.coherence_fall
            share += COHERENCE_SHARE
        if found / share > best.score:
            best = Growth(day, found / share, rise, fall, loss)
    return best
