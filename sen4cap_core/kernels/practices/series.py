"""Rows of radar and optical parcel means as series: backscatter paired, rises of coherence, NDVI."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practices.calendar import NO_DAY, TOLERANCE, wide
from sen4cap_core.kernels.practices.rows import AMP_VV, COHERENCE, N_KINDS, NDVI, Rows

OUTLIER_VV_DB: Final = -3.0
"""Backscatter above this is no field; its dates do not enter the amplitude thresholds."""
SHORT_PAIR_DAYS: Final = 6
"""Interval of the pairs the thresholds of coherence are made for."""
LONG_PAIR_DAYS: Final = 24
"""Coherences further apart than this are not compared."""
NEVER: Final = 2147483647
"""Later than all days."""
MIN_COHERENCES: Final = 15
"""A parcel needs more coherence values than this, all orbits together."""


class Series(NamedTuple):
    """Series of all parcels, each part sorted by day."""

    pair_at: NDArray[np.int64]
    pair_day: NDArray[np.int32]
    ratio_db: NDArray[np.float64]
    """VV minus VH of each pair of the same day."""
    is_field: NDArray[np.bool_]
    """Whether VV of the pair is no outlier."""
    coherence_at: NDArray[np.int64]
    coherence_day: NDArray[np.int32]
    coherence: NDArray[np.float64]
    rise: NDArray[np.float64]
    """Increase since the previous value of the orbit, 0 if none."""
    coherence_orbit: NDArray[np.int16]
    pair_days: NDArray[np.int16]
    """Days between the two acquisitions of a coherence pair. Empty, as the orbits, for the original's
    method."""
    ndvi_at: NDArray[np.int64]
    ndvi_day: NDArray[np.int32]
    ndvi: NDArray[np.float64]
    """NDVI x 1000."""
    is_usable: NDArray[np.bool_]
    """(P) whether the parcel has the series the method needs, apart from a common week."""


@inner_kernel
def _is_double(rows: Rows, at: int, i: int) -> bool:
    """Whether an earlier row of the same day has the same mean and standard deviation."""
    if rows.std.size == 0:
        return False
    j = i - 1
    while j >= at and rows.day[j] == rows.day[i]:
        if abs(rows.mean[j] - rows.mean[i]) < TOLERANCE and abs(rows.std[j] - rows.std[i]) < TOLERANCE:
            return True
        j -= 1
    return False


@inner_kernel
def _join_days(
    rows: Rows,
    cell: int,
    to: int,
    pair_day: NDArray[np.int32],
    ratio: NDArray[np.float64],
    is_field: NDArray[np.bool_],
) -> int:
    """Join VV with VH of the same day, all with all; write at ``to``, or only count if arrays are empty."""
    i, i_end = rows.at[cell], rows.at[cell] + rows.n[cell]
    j, j_end = rows.at[cell + 1], rows.at[cell + 1] + rows.n[cell + 1]
    n = 0
    while i < i_end and j < j_end:
        if rows.day[i] < rows.day[j]:
            i += 1
        elif rows.day[i] > rows.day[j]:
            j += 1
        else:
            k = j
            while k < j_end and rows.day[k] == rows.day[i]:
                if not _is_double(rows, rows.at[cell], i) and not _is_double(rows, rows.at[cell + 1], k):
                    if pair_day.size > 0:
                        pair_day[to + n] = rows.day[i]
                        ratio[to + n] = rows.mean[i] - rows.mean[k]
                        is_field[to + n] = not rows.mean[i] > OUTLIER_VV_DB
                    n += 1
                k += 1
            i += 1
    return n


@kernel
def count_pairs(first: int, last: int, rows: Rows, n_pairs: NDArray[np.int64]) -> None:
    """Count the pairs of VV and VH of the same day of each parcel."""
    no_day = np.empty(0, np.int32)
    no_number = np.empty(0, np.float64)
    no_flag = np.empty(0, np.bool_)
    for p in range(first, last):
        n_pairs[p] = _join_days(rows, N_KINDS * p + AMP_VV, wide(0), no_day, no_number, no_flag)


@inner_kernel
def _sort_coherences(first: int, last: int, series: Series) -> None:
    """Sort coherences by day; they are nearly sorted, as pairs are of nearly the same length."""
    for i in range(first + 1, last):
        day, value = series.coherence_day[i], series.coherence[i]
        rise, orbit, days = series.rise[i], series.coherence_orbit[i], series.pair_days[i]
        j = i
        while j > first and series.coherence_day[j - 1] > day:
            series.coherence_day[j] = series.coherence_day[j - 1]
            series.coherence[j], series.rise[j] = series.coherence[j - 1], series.rise[j - 1]
            series.coherence_orbit[j] = series.coherence_orbit[j - 1]
            series.pair_days[j] = series.pair_days[j - 1]
            j -= 1
        series.coherence_day[j], series.coherence[j] = day, value
        series.rise[j], series.coherence_orbit[j], series.pair_days[j] = rise, orbit, days


@kernel
def build_series(
    first: int, last: int, rows: Rows, n_orbits: int, min_acquisitions: int, original: bool, series: Series
) -> None:
    """Fill the series of parcels ``first`` to ``last`` (exclusive).

    A coherence rise is the increase since the previous value of the same orbit. The original has none when
    these are more than six days apart, and dates both by the later day of the pair. Otherwise coherences are
    put on the scale of six days, supposing that they fall exponentially with time: ``c ** (6 / days)``; and
    they are dated by the earlier day of the pair, since a pair that is coherent tells that nothing grew
    between its days, so that the harvest was before both: by as much more as the interval before is longer,
    of whose days the middle one is the best guess. So half of what a pair is longer than six days goes off.

    The original's parcels are usable with at least one pair, one orbit with ``min_acquisitions`` coherences,
    more than 15 coherences in all and one NDVI value; the others with any value at all.
    """
    latest = np.empty(n_orbits, np.float64)
    latest_day = np.empty(n_orbits, np.int32)
    n_of_orbit = np.empty(n_orbits, np.int32)
    since_before = np.empty(n_orbits, np.int32)
    for p in range(first, last):
        cell = N_KINDS * p
        pair_at = series.pair_at[p]
        _join_days(rows, cell, pair_at, series.pair_day, series.ratio_db, series.is_field)
        latest_day[:] = NO_DAY
        n_of_orbit[:] = 0
        since_before[:] = LONG_PAIR_DAYS
        at = rows.at[cell + COHERENCE]
        to = series.coherence_at[p]
        n_kept = 0
        for i in range(at, at + rows.n[cell + COHERENCE]):
            orbit, day, value = rows.orbit[i], rows.day[i], rows.mean[i]
            n_of_orbit[orbit] += 1
            since = day - latest_day[orbit] if latest_day[orbit] != NO_DAY else NEVER
            rise = 0.0
            told_day = day
            if original:
                if since <= SHORT_PAIR_DAYS:
                    rise = max(0.0, value - latest[orbit])
            else:
                interval = SHORT_PAIR_DAYS
                if rows.start.size > 0 and rows.start[i] != NO_DAY:
                    interval = min(max(1, day - rows.start[i]), LONG_PAIR_DAYS)
                elif since <= LONG_PAIR_DAYS:
                    # One missing acquisition does not make a long pair: two long intervals in a row do.
                    interval = min(since, since_before[orbit])
                    since_before[orbit] = since
                if value > 0.0:
                    value = value ** (SHORT_PAIR_DAYS / interval)
                if since <= LONG_PAIR_DAYS:
                    rise = max(0.0, value - latest[orbit])
                told_day = day - interval - (interval - SHORT_PAIR_DAYS) // 2
                series.coherence_orbit[to + n_kept] = orbit
                series.pair_days[to + n_kept] = interval
            latest[orbit], latest_day[orbit] = value, day
            if not _is_double(rows, at, i):
                series.coherence_day[to + n_kept] = told_day
                series.coherence[to + n_kept] = value
                series.rise[to + n_kept] = rise
                n_kept += 1
        if not original:
            _sort_coherences(to, to + n_kept, series)
        for i in range(to + n_kept, series.coherence_at[p + 1]):
            # Doubled values leave places at the end, which no range reaches.
            series.coherence_day[i] = NEVER
        at = rows.at[cell + NDVI]
        n_ndvi = rows.n[cell + NDVI]
        for i in range(n_ndvi):
            series.ndvi_day[series.ndvi_at[p] + i] = rows.day[at + i]
            series.ndvi[series.ndvi_at[p] + i] = rows.mean[at + i]
        n_pairs = series.pair_at[p + 1] - pair_at
        if original:
            most = n_of_orbit.max()
            series.is_usable[p] = (
                n_pairs > 0 and most >= min_acquisitions and n_kept > MIN_COHERENCES and n_ndvi > 0
            )
        else:
            series.is_usable[p] = n_pairs > 0 or n_kept > 0 or n_ndvi > 0


@inner_kernel
def pair_start(series: Series, i: int) -> int:
    """Earlier day of a coherence pair, of the method that is not the original's."""
    return int(series.coherence_day[i] + (series.pair_days[i] - SHORT_PAIR_DAYS) // 2)


@inner_kernel
def first_at_or_after(days: NDArray[np.int32], low: int, high: int, day: int) -> int:
    """Position of the first of ``days[low:high]`` that is not before ``day``; ``high`` when there is none."""
    while low < high:
        middle = (low + high) // 2
        if days[middle] < day:
            low = middle + 1
        else:
            high = middle
    return low


@inner_kernel
def highest(values: NDArray[np.float64], first: int, last: int) -> float:
    """Greatest of ``values[first:last]``; NaN when there is none."""
    best = math.nan
    for i in range(first, last):
        if math.isnan(best) or values[i] > best:
            best = values[i]
    return best
