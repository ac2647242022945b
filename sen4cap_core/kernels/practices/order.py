"""Rows of one parcel and kind put in order of days, doubled ones dropped; and whole tables of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practices.calendar import TOLERANCE, wide
from sen4cap_core.kernels.practices.rows import N_KINDS, Rows


class Loose(NamedTuple):
    """Rows in any order, and room to order them; those of a cell stand one after another."""

    day: NDArray[np.int32]
    orbit: NDArray[np.int16]
    start: NDArray[np.int32]
    """Empty, as ``std``, when the rows they go to have none."""
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    key: NDArray[np.int64]
    """Room, as what follows, for the rows of the largest cell."""
    order: NDArray[np.int32]
    other: NDArray[np.int32]


@inner_kernel
def _merge_order(key: NDArray[np.int64], order: NDArray[np.int32], other: NDArray[np.int32], n: int) -> None:
    """Sort ``order`` (positions) by key, keeping ties in place, by merging the ascending runs it consists of.

    Tables come sorted by orbit and date, so that there are as many runs as orbits.
    """
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
                return
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
        for k in range(n):
            order[k] = other[k]
        if n_runs <= 1:
            return


@inner_kernel
def settle_cell(loose: Loose, first: int, n: int, at: int, rows: Rows) -> tuple[int, bool]:
    """Write ``n`` rows of one parcel and kind from ``first`` on to ``rows`` at ``at``, by day and orbit.

    Of several rows of the same orbit and day the last one stays, as the original's merged tables have one
    cell for them. Returns how many were written, and whether two orbits have the same mean on the same day:
    the original drops one of them if their standard deviations are the same too.
    """
    key, order = loose.key, loose.order
    n_breaks, cut = 0, n
    for i in range(n):
        key[i] = np.int64(loose.day[first + i]) * 65536 + loose.orbit[first + i]
        order[i] = i
        if i > 0 and key[i] < key[i - 1]:
            n_breaks, cut = n_breaks + 1, i
    if n_breaks == 1:
        # Two orbits one after the other, as most tables have them.
        a, b = 0, cut
        for k in range(n):
            if b >= n or (a < cut and key[a] <= key[b]):
                order[k] = a
                a += 1
            else:
                order[k] = b
                b += 1
    elif n_breaks > 1:
        _merge_order(key, order, loose.other, n)
    has_start, has_std = rows.start.size > 0, rows.std.size > 0
    suspicious = False
    to = at
    for k in range(n):
        i = first + order[k]
        day, orbit, mean = loose.day[i], loose.orbit[i], loose.mean[i]
        if to > at and rows.day[to - 1] == day:
            if rows.orbit[to - 1] == orbit:
                to -= 1
            j = to - 1
            while j >= at and rows.day[j] == day:
                suspicious = suspicious or abs(rows.mean[j] - mean) < TOLERANCE
                j -= 1
        rows.day[to], rows.orbit[to], rows.mean[to] = day, orbit, mean
        if has_start:
            rows.start[to] = loose.start[i]
        if has_std:
            rows.std[to] = loose.std[i]
        to += 1
    return to - at, suspicious


@kernel
def sort_rows(first: int, last: int, rows: Rows) -> bool:
    """Sort the rows of parcels ``first`` to ``last`` (exclusive) by day and orbit, in place.

    Doubled rows are dropped as :func:`settle_cell` does. Returns whether standard deviations would matter.
    """
    longest = 1
    for cell in range(N_KINDS * first, N_KINDS * last):
        longest = max(longest, rows.at[cell + 1] - rows.at[cell])
    return _sort_each(
        first,
        last,
        Loose(
            np.empty(longest, np.int32),
            np.empty(longest, np.int16),
            np.empty(longest, np.int32),
            np.empty(longest, np.float64),
            np.empty(longest, np.float64),
            np.empty(longest, np.int64),
            np.empty(longest, np.int32),
            np.empty(longest, np.int32),
        ),
        rows,
    )


@inner_kernel
def _sort_each(first: int, last: int, loose: Loose, rows: Rows) -> bool:
    suspicious = False
    for cell in range(N_KINDS * first, N_KINDS * last):
        at = rows.at[cell]
        n = rows.at[cell + 1] - at
        # Loops in place of slices: to assign a slice compiles the words of its error, 5 seconds.
        for i in range(n):
            loose.day[i] = rows.day[at + i]
            loose.orbit[i] = rows.orbit[at + i]
            loose.mean[i] = rows.mean[at + i]
        if rows.start.size > 0:
            for i in range(n):
                loose.start[i] = rows.start[at + i]
        if rows.std.size > 0:
            for i in range(n):
                loose.std[i] = rows.std[at + i]
        rows.n[cell], is_doubtful = settle_cell(loose, wide(0), n, at, rows)
        suspicious = suspicious or is_doubtful
    return suspicious
