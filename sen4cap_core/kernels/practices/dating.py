"""The day of a harvest between the weeks that markers tell it to: where radar series step up.

Ground that lies bare has a higher VV - VH and a higher coherence than a crop. Markers need several series to
say so in one week, which with long coherence pairs comes late; the step itself lies between acquisitions of
all orbits. It is the change point of the two series, as in binary segmentation (Scott and Knott 1974): the
day that splits the weeks around it into two levels that differ most, in units of their noise.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.practices.growth import median
from sen4cap_core.kernels.practices.series import NEVER, Series, first_at_or_after, pair_start

DAYS_BEFORE: Final = 24
"""So many days before the markers' week the harvest may have been."""
DAYS_AFTER: Final = 14
REACH_DAYS: Final = 24
"""Levels are means of so many days before and after."""
NOISE_DAYS: Final = 60
LEAST_NOISE_DB: Final = 0.2
COHERENCE_NOISE: Final = 0.1
"""Standard deviation of a parcel's coherence while nothing changes."""
MEDIAN_OF_STEPS: Final = 0.954
"""Median of the absolute difference of two values of normal noise, in its standard deviations."""
LEAST_GAIN: Final = 4.0
"""A step of two standard deviations: below it the markers' week stays."""


@inner_kernel
def date_harvest(
    series: Series, p: int, week: int, earliest: int, latest: int, room: NDArray[np.float64]
) -> int:
    """Return the day of a harvest that markers found in a week (its Monday): the middle of the days that are
    equally good, or the Thursday of that week when no step is clear.

    Days lie from ``earliest`` to ``latest`` (inclusive). ``room`` is room for the values of four months.
    """
    guess = week + 3
    first_day, last_day = max(earliest, guess - DAYS_BEFORE), min(latest, guess + DAYS_AFTER)
    pair_first, pair_last = series.pair_at[p], series.pair_at[p + 1]
    noise_first = first_at_or_after(series.pair_day, pair_first, pair_last, week - NOISE_DAYS)
    noise_last = first_at_or_after(series.pair_day, noise_first, pair_last, week + NOISE_DAYS)
    noise_db = max(LEAST_NOISE_DB, _noise(series.ratio_db, noise_first, noise_last, room))
    best, low, high = 0.0, guess, guess
    for day in range(first_day, last_day + 1):
        gain = _ratio_gain(series, pair_first, pair_last, day) / (noise_db * noise_db)
        gain += _coherence_gain(series, p, day) / (COHERENCE_NOISE * COHERENCE_NOISE)
        if gain > best * (1.0 + 1e-9):
            best, low, high = gain, day, day
        elif gain >= best * (1.0 - 1e-9) and high == day - 1:
            high = day
    return (low + high) // 2 if best >= LEAST_GAIN else guess


@inner_kernel
def _noise(values: NDArray[np.float64], first: int, last: int, room: NDArray[np.float64]) -> float:
    """Standard deviation of the noise of ``values[first:last]``, from the steps between successive ones, few
    of which hold a real change; 0 when there are fewer than three.
    """
    n = min(room.size, last - first - 1)
    if n < 3:
        return 0.0
    for i in range(n):
        room[i] = abs(values[first + i + 1] - values[first + i])
    return median(room, n) / MEDIAN_OF_STEPS


@inner_kernel
def _ratio_gain(series: Series, first: int, last: int, day: int) -> float:
    """How much better two levels of the ratio fit than one if it rises on a day, in squares of dB."""
    i = first_at_or_after(series.pair_day, first, last, day - REACH_DAYS)
    before, after, n_before, n_after = 0.0, 0.0, 0, 0
    while i < last and series.pair_day[i] < day + REACH_DAYS:
        if series.pair_day[i] < day:
            before += series.ratio_db[i]
            n_before += 1
        else:
            after += series.ratio_db[i]
            n_after += 1
        i += 1
    return _gain(before, n_before, after, n_after)


@inner_kernel
def _coherence_gain(series: Series, p: int, day: int) -> float:
    """The same of coherence: pairs begun before the harvest saw the crop or its removal."""
    first, last = series.coherence_at[p], series.coherence_at[p + 1]
    # Pairs are sorted by the day they are dated by, which is up to nine days before the one they begin on.
    i = first_at_or_after(series.coherence_day, first, last, day - REACH_DAYS - 9)
    before, after, n_before, n_after = 0.0, 0.0, 0, 0
    while i < last and series.coherence_day[i] < day + REACH_DAYS and series.coherence_day[i] != NEVER:
        begin = pair_start(series, i)
        if day - REACH_DAYS <= begin < day:
            before += series.coherence[i]
            n_before += 1
        elif day <= begin < day + REACH_DAYS:
            after += series.coherence[i]
            n_after += 1
        i += 1
    return _gain(before, n_before, after, n_after)


@inner_kernel
def _gain(before: float, n_before: int, after: float, n_after: int) -> float:
    if n_before == 0 or n_after == 0:
        return 0.0
    step = after / n_after - before / n_before
    if math.isnan(step) or step <= 0.0:
        return 0.0
    return step * step * n_before * n_after / (n_before + n_after)
