"""Long tables of radar and optical parcel means laid out parcel by parcel, sorted by day."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practice_calendar import TOLERANCE

N_KINDS: Final = 4
AMP_VV: Final = 0
AMP_VH: Final = 1
COHERENCE: Final = 2
NDVI: Final = 3


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


@inner_kernel
def count_rows(parcel: NDArray[np.int32], kind: NDArray[np.int8], counts: NDArray[np.int64]) -> None:
    """Add the rows of a batch to ``counts`` (4P); rows without a parcel or kind (-1) are passed over."""
    for i in range(parcel.size):
        _count_row(parcel[i], kind[i], counts)


@inner_kernel
def _count_row(parcel: int, kind: int, counts: NDArray[np.int64]) -> None:
    if parcel >= 0 and kind >= 0:
        counts[N_KINDS * parcel + kind] += 1


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


@inner_kernel
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
        _count_row(parcel[i], kind[i], counts)
    return latest


@inner_kernel
def scatter_rows(
    first: int,
    last: int,
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
    """Put the rows of parcels ``first`` to ``last`` (exclusive) of a batch into their places; ``cursor`` (4P)
    holds the next free one of each parcel and kind.
    """
    has_start = rows.start.size > 0 and start.size > 0
    has_std = rows.std.size > 0
    for i in range(parcel.size):
        if parcel[i] < first or parcel[i] >= last or kind[i] < 0:
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


@inner_kernel
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


@kernel
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
