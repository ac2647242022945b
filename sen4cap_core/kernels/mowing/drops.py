"""Falls of NDVI that look like a cut, found parcel by parcel from the last three clear values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.growing import grown

CONFIDENCE_LOW = 0.5
CONFIDENCE_HIGH = 1.0
CONFIDENCE_CAP = 0.999


@kernel
def day_of_year(day: int) -> int:
    """Day of the year (1 January is 1) of a day since 1970-01-01, proleptic Gregorian."""
    # Days are counted from 1 March of a 400-year cycle, so that the leap day is the last day of its year.
    shifted = day + 719468
    in_cycle = shifted - (shifted // 146097) * 146097
    year = (in_cycle - in_cycle // 1460 + in_cycle // 36524 - in_cycle // 146096) // 365
    from_march = in_cycle - (365 * year + year // 4 - year // 100)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if from_march >= 306:
        return from_march - 306 + 1
    return from_march + 60 + (1 if leap else 0)


@kernel
def _elapsed(first_day: int, second_day: int, wrap: bool) -> float:
    """Days between two dates; with ``wrap`` as an unsigned 32-bit difference of days of the year."""
    if not wrap:
        return float(second_day - first_day)
    return float((day_of_year(second_day) - day_of_year(first_day)) & 0xFFFFFFFF)


# Like the original, a low of exactly 0 divides to infinity.
@kernel
def find_drops(
    first: int,
    last: int,
    columns: NDArray[np.int64],
    days: NDArray[np.int32],
    values: NDArray[Any],
    scale: float,
    thresholds: NDArray[np.float64],
    older: NDArray[np.float64],
    newer: NDArray[np.float64],
    older_day: NDArray[np.int32],
    newer_day: NDArray[np.int32],
    n_clear: NDArray[np.int32],
    longest_gap_days: NDArray[np.int32],
    original: bool,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Find falls in the series of parcels ``first`` to ``last`` (exclusive) and carry their state on.

    A fall lies between two successive clear values; it is known when the third one has come and shows no
    sudden return (a low that recovers faster than grass can grow is a cloud).

    Parameters
    ----------
    columns : int64 (K,)
        Columns of ``values`` in ascending order of their day; only these are read.
    days : int32 (K,)
        Their days since 1970-01-01.
    values : float32 or float64 (P, T)
        NDVI times ``scale``, NaN where not observed.
    thresholds : float64 (8,)
        Lowest valid NDVI; least fall; slope of the fall [NDVI/day]; slope of the return [NDVI/day]; highest
        low value; lowest high value; and for lows that recover at once: within so many days, and at least
        this share of the fall. All in NDVI.
    older, newer : float64 (P,)
        State: the last two clear values, NaN before the first ones. Changed in place.
    older_day, newer_day : int32 (P,)
        State: their days. Changed in place.
    n_clear, longest_gap_days : int32 (P,)
        Clear values seen so far and the longest time between two of them. Changed in place.
    original : bool
        Differences of days of the year as unsigned integers and a state of float32, as the original.

    Returns
    -------
    parcel, start_day, end_day : int32 (N,)
        Falls in order of parcel and time; the interval runs from the last high to the first low clear day.
    confidence : float64 (N,)
        0.5 to 0.999.
    """
    size = max(16, last - first)
    parcel = np.empty(size, np.int32)
    start_day = np.empty(size, np.int32)
    end_day = np.empty(size, np.int32)
    confidence = np.empty(size, np.float64)
    n = 0
    lowest, least_fall, fall_rate, return_rate, high, low, brief_days, recovered = thresholds
    clear = np.empty(columns.size, np.float64)
    clear_day = np.empty(columns.size, np.int32)
    for p in range(first, last):
        p0, p1, d0, d1 = older[p], newer[p], older_day[p], newer_day[p]
        n_seen = n_clear[p]
        longest = longest_gap_days[p]
        # Room for all is made here: arrays that an inner loop may change are counted at each turn.
        if n + columns.size > size:
            size = 2 * size + columns.size
            parcel = grown(parcel, size)
            start_day = grown(start_day, size)
            end_day = grown(end_day, size)
            confidence = grown(confidence, size)
        # All values are written and the clear ones kept: a branch that clouds decide is never foreseen.
        n_values = 0
        for i in range(columns.size):
            clear[n_values] = float(values[p, columns[i]]) / scale
            clear_day[n_values] = days[i]
            n_values += int(clear[n_values] >= lowest)
        for i in range(n_values):
            value, day = clear[i], clear_day[i]
            if n_seen > 0:
                longest = max(longest, day - d1)
            n_seen += 1
            excess = (float(np.float32(p0 - p1)) if original else p0 - p1) - least_fall
            # excess / p1 must be positive: its sign, without a division, rules out nearly all dates.
            if (
                (excess > 0.0 if p1 >= 0.0 else excess < 0.0)
                and p1 < high
                and p0 > low
                and (p1 - p0) / _elapsed(d0, d1, original) < fall_rate
                and (value - p1) / _elapsed(d1, day, original) < return_rate
                and not (day - d1 <= brief_days and value - p1 >= recovered * (p0 - p1))
            ):
                amount = excess / p1
                if amount > 0.0:
                    parcel[n] = p
                    start_day[n] = d0
                    end_day[n] = d1
                    rise = (CONFIDENCE_HIGH - CONFIDENCE_LOW) * math.exp(-amount)
                    confidence[n] = min(CONFIDENCE_HIGH - rise, CONFIDENCE_CAP)
                    n += 1
            p0, d0 = p1, d1
            p1, d1 = float(np.float32(value)) if original else value, day
        older[p], newer[p], older_day[p], newer_day[p] = p0, p1, d0, d1
        n_clear[p] = n_seen
        longest_gap_days[p] = longest
    return parcel[:n], start_day[:n], end_day[:n], confidence[:n]
