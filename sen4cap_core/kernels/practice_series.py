"""Long tables of radar and optical parcel means laid out parcel by parcel, sorted by day, and paired."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sen4cap_core.kernels.practice_calendar import NO_DAY, TOLERANCE

N_KINDS: Final = 4
AMP_VV: Final = 0
AMP_VH: Final = 1
COHERENCE: Final = 2
NDVI: Final = 3

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


class Rows(NamedTuple):
    """Observations of all parcels; those of parcel ``p`` and kind ``k`` stand at ``at[4p+k]`` onwards."""

    at: NDArray[np.int64]
    """(4P + 1) first row of each parcel and kind."""
    n: NDArray[np.int32]
    """(4P) rows left of each parcel and kind once doubled ones are dropped."""
    day: NDArray[np.int32]
    orbit: NDArray[np.int16]
    start: NDArray[np.int32]
    """Earlier date of a coherence pair, 0 where unknown; empty when no table names it."""
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    """Empty when not read."""


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
    dip: NDArray[np.float64]
    """How far a value lies below its neighbours of the orbit; empty for the original's method."""
    ndvi_at: NDArray[np.int64]
    ndvi_day: NDArray[np.int32]
    ndvi: NDArray[np.float64]
    """NDVI x 1000."""
    is_usable: NDArray[np.bool_]
    """(P) whether the parcel has the series the method needs, apart from a common week."""


@njit(nogil=True, cache=True)
def count_rows(parcel: NDArray[np.int32], kind: NDArray[np.int8], counts: NDArray[np.int64]) -> None:
    """Add the rows of a batch to ``counts`` (4P); rows without a parcel or kind (-1) are passed over."""
    for i in range(parcel.size):
        if parcel[i] >= 0 and kind[i] >= 0:
            counts[N_KINDS * parcel[i] + kind[i]] += 1


class RowCodes(NamedTuple):
    """Texts of N rows as positions in tables of what they mean; -1 is a missing text, the last place."""

    kind: NDArray[np.int32]
    pol: NDArray[np.int32]
    orbit: NDArray[np.int32]
    day: NDArray[np.int32]
    kind_of: NDArray[np.int8]
    """(kinds, polarisations) AMP_VV, AMP_VH, COHERENCE or NDVI; -1 for what is not used."""
    orbit_of: NDArray[np.int16]
    day_of: NDArray[np.int32]


@njit(nogil=True, cache=True)
def translate_rows(
    parcel: NDArray[np.int32],
    mean: NDArray[np.float64],
    codes: RowCodes,
    last_day: int,
    kind: NDArray[np.int8],
    orbit: NDArray[np.int16],
    day: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> int:
    """Write kind, orbit and day of each row, and count the rows as :func:`count_rows` does.

    A row without a value (NaN) or after ``last_day`` gets kind -1. Returns the last day of the others, of
    whatever parcel; 0 without any.
    """
    latest = 0
    for i in range(parcel.size):
        day[i] = codes.day_of[codes.day[i]]
        orbit[i] = codes.orbit_of[codes.orbit[i]]
        kind[i] = codes.kind_of[codes.kind[i], codes.pol[i]]
        if math.isnan(mean[i]) or day[i] > last_day:
            kind[i] = -1
        if kind[i] >= 0:
            latest = max(latest, day[i])
            if parcel[i] >= 0:
                counts[N_KINDS * parcel[i] + kind[i]] += 1
    return latest


@njit(nogil=True, cache=True)
def scatter_rows(
    parcel: NDArray[np.int32],
    kind: NDArray[np.int8],
    orbit: NDArray[np.int16],
    day: NDArray[np.int32],
    start: NDArray[np.int32],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    cursor: NDArray[np.int64],
    rows: Rows,
) -> None:
    """Put a batch into its places; ``cursor`` (4P) holds the next free one of each parcel and kind."""
    has_start = rows.start.size > 0 and start.size > 0
    has_std = rows.std.size > 0
    for i in range(parcel.size):
        if parcel[i] < 0 or kind[i] < 0:
            continue
        cell = N_KINDS * parcel[i] + kind[i]
        to = cursor[cell]
        cursor[cell] = to + 1
        rows.day[to] = day[i]
        rows.orbit[to] = orbit[i]
        rows.mean[to] = mean[i]
        if has_start:
            rows.start[to] = start[i]
        if has_std:
            rows.std[to] = std[i]


@njit(nogil=True, cache=True)
def _merge_order(key: NDArray[np.int64], order: NDArray[np.int32], other: NDArray[np.int32], n: int) -> bool:
    """Sort ``order`` (positions) by key, keeping ties in place, by merging the ascending runs it consists of.

    Returns False when nothing had to move. Tables come sorted by orbit and date, so that there are as many
    runs as orbits.
    """
    moved = False
    while n > 1:
        out = 0
        i = 0
        n_runs = 0
        while i < n:
            a_end = i + 1
            while a_end < n and key[order[a_end]] >= key[order[a_end - 1]]:
                a_end += 1
            b_end = a_end
            if b_end < n:
                b_end += 1
                while b_end < n and key[order[b_end]] >= key[order[b_end - 1]]:
                    b_end += 1
            n_runs += 1
            if i == 0 and a_end == n:
                return moved
            a, b = i, a_end
            while a < a_end or b < b_end:
                if b >= b_end or (a < a_end and key[order[a]] <= key[order[b]]):
                    other[out] = order[a]
                    a += 1
                else:
                    other[out] = order[b]
                    b += 1
                out += 1
            i = b_end
        moved = True
        for k in range(n):
            order[k] = other[k]
        if n_runs <= 1:
            break
    return moved


@njit(nogil=True, cache=True)
def sort_rows(first: int, last: int, rows: Rows) -> bool:
    """Sort the rows of parcels ``first`` to ``last`` (exclusive) by day and orbit, in place.

    Of several rows of the same kind, orbit and day the last one stays, as the original's merged tables have
    one cell for them. Returns whether two orbits of a kind have the same mean on the same day: the original
    drops one of them if their standard deviations are the same too.
    """
    longest = 1
    for cell in range(N_KINDS * first, N_KINDS * last):
        longest = max(longest, rows.at[cell + 1] - rows.at[cell])
    key = np.empty(longest, np.int64)
    order = np.empty(longest, np.int32)
    other = np.empty(longest, np.int32)
    numbers = np.empty(longest, np.float64)
    suspicious = False
    for cell in range(N_KINDS * first, N_KINDS * last):
        at = rows.at[cell]
        n = rows.at[cell + 1] - at
        for i in range(n):
            key[i] = np.int64(rows.day[at + i]) * 65536 + rows.orbit[at + i]
            order[i] = i
        if _merge_order(key, order, other, n):
            for i in range(n):
                rows.day[at + i] = np.int32(key[order[i]] >> 16)
                rows.orbit[at + i] = np.int16(key[order[i]] & 65535)
                numbers[i] = rows.mean[at + order[i]]
            # Loops in place of slices: to assign a slice compiles the words of its error, 5 seconds.
            for i in range(n):
                rows.mean[at + i] = numbers[i]
            if rows.start.size > 0:
                for i in range(n):
                    numbers[i] = rows.start[at + order[i]]
                for i in range(n):
                    rows.start[at + i] = np.int32(numbers[i])
            if rows.std.size > 0:
                for i in range(n):
                    numbers[i] = rows.std[at + order[i]]
                for i in range(n):
                    rows.std[at + i] = numbers[i]
        to = at
        for i in range(at, at + n):
            same_day = to > at and rows.day[to - 1] == rows.day[i]
            if same_day and rows.orbit[to - 1] == rows.orbit[i]:
                to -= 1
            j = to - 1
            while j >= at and rows.day[j] == rows.day[i]:
                suspicious = suspicious or abs(rows.mean[j] - rows.mean[i]) < TOLERANCE
                j -= 1
            rows.day[to], rows.orbit[to], rows.mean[to] = rows.day[i], rows.orbit[i], rows.mean[i]
            if rows.start.size > 0:
                rows.start[to] = rows.start[i]
            if rows.std.size > 0:
                rows.std[to] = rows.std[i]
            to += 1
        rows.n[cell] = to - at
    return suspicious


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def count_pairs(first: int, last: int, rows: Rows, n_pairs: NDArray[np.int64]) -> None:
    """Count the pairs of VV and VH of the same day of each parcel."""
    no_day = np.empty(0, np.int32)
    no_number = np.empty(0, np.float64)
    no_flag = np.empty(0, np.bool_)
    for p in range(first, last):
        n_pairs[p] = _join_days(rows, N_KINDS * p + AMP_VV, 0, no_day, no_number, no_flag)


@njit(nogil=True, cache=True)
def _sort_coherences(first: int, last: int, series: Series) -> None:
    """Sort coherences by day; they are nearly sorted, as pairs are of nearly the same length."""
    for i in range(first + 1, last):
        day, value = series.coherence_day[i], series.coherence[i]
        rise, dip = series.rise[i], series.dip[i]
        j = i
        while j > first and series.coherence_day[j - 1] > day:
            series.coherence_day[j] = series.coherence_day[j - 1]
            series.coherence[j], series.rise[j] = series.coherence[j - 1], series.rise[j - 1]
            series.dip[j] = series.dip[j - 1]
            j -= 1
        series.coherence_day[j], series.coherence[j] = day, value
        series.rise[j], series.dip[j] = rise, dip


@njit(nogil=True, cache=True)
def build_series(
    first: int, last: int, rows: Rows, n_orbits: int, min_acquisitions: int, original: bool, series: Series
) -> None:
    """Fill the series of parcels ``first`` to ``last`` (exclusive).

    A coherence rise is the increase since the previous value of the same orbit. The original has none when
    these are more than six days apart, and dates both by the later day of the pair. Otherwise coherences are
    put on the scale of six days, supposing that they fall exponentially with time: ``c ** (6 / days)``; and
    they are dated by the earlier day of the pair, since a pair that is coherent tells that nothing grew
    between its days, so that the harvest was before both. A dip is the fall since the previous value of the
    orbit, or its depth below the middle of the previous and next one if that is more.

    The original's parcels are usable with at least one pair, one orbit with ``min_acquisitions`` coherences,
    more than 15 coherences in all and one NDVI value; the others with any value at all.
    """
    latest = np.empty(n_orbits, np.float64)
    latest_day = np.empty(n_orbits, np.int32)
    n_of_orbit = np.empty(n_orbits, np.int32)
    since_before = np.empty(n_orbits, np.int32)
    before_latest = np.empty(n_orbits, np.float64)
    latest_at = np.empty(n_orbits, np.int64)
    for p in range(first, last):
        cell = N_KINDS * p
        pair_at = series.pair_at[p]
        _join_days(rows, cell, pair_at, series.pair_day, series.ratio_db, series.is_field)
        latest_day[:] = NO_DAY
        n_of_orbit[:] = 0
        since_before[:] = LONG_PAIR_DAYS
        latest_at[:] = -1
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
                told_day = day - interval
                series.dip[to + n_kept] = 0.0
                if since <= LONG_PAIR_DAYS:
                    series.dip[to + n_kept] = latest[orbit] - value
                    middle = (before_latest[orbit] + value) / 2.0
                    if latest_at[orbit] >= 0 and middle - latest[orbit] > series.dip[latest_at[orbit]]:
                        series.dip[latest_at[orbit]] = middle - latest[orbit]
                    before_latest[orbit], latest_at[orbit] = latest[orbit], to + n_kept
                else:
                    latest_at[orbit] = -1
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


@njit(nogil=True, cache=True)
def first_at_or_after(days: NDArray[np.int32], low: int, high: int, day: int) -> int:
    """Position of the first of ``days[low:high]`` that is not before ``day``; ``high`` when there is none."""
    while low < high:
        middle = (low + high) // 2
        if days[middle] < day:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)
def highest(values: NDArray[np.float64], first: int, last: int) -> float:
    """Greatest of ``values[first:last]``; NaN when there is none."""
    best = math.nan
    for i in range(first, last):
        if math.isnan(best) or values[i] > best:
            best = values[i]
    return best
