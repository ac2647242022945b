"""Rows of a long table (parcel, source, day, value) put into one matrix, whatever their order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def locate_numbers(
    wanted: NDArray[np.int64],
    known: NDArray[np.int64],
    known_rows: NDArray[np.int32],
    rows: NDArray[np.int32],
) -> int:
    """Write to ``rows`` where each of ``wanted`` stands in the ascending ``known``; -1 and counted when it
    does not.
    """
    n_unknown = 0
    previous = np.int64(0)
    row = np.int32(-1)
    for i in range(wanted.size):
        if i == 0 or wanted[i] != previous:
            # Tables are mostly sorted by parcel: the same id comes many times in a row.
            previous = wanted[i]
            at = np.searchsorted(known, previous)
            row = np.int32(-1)
            if at < known.size and known[at] == previous:
                row = known_rows[at]
        rows[i] = row
        if row < 0:
            n_unknown += 1
    return n_unknown


@kernel
def combine_codes(
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    third: NDArray[np.int32],
    n_second: int,
    n_third: int,
    n_rows: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Number the combinations of three codes of each row: ``(first * n_second + second) * n_third + third``.

    ``second`` and ``third`` may be empty and count as 0. ``n_rows`` is raised in place by the rows of each
    combination.
    """
    combined = np.empty(first.size, np.int32)
    has_second, has_third = second.size > 0, third.size > 0
    for i in range(first.size):
        code = first[i] * n_second * n_third
        if has_second:
            code += second[i] * n_third
        if has_third:
            code += third[i]
        combined[i] = code
        n_rows[code] += 1
    return combined


@kernel
def take_numbers(numbers: NDArray[np.int8], codes: NDArray[np.int32]) -> NDArray[np.int8]:
    """Return the number of each code; faster than indexing, which takes 64-bit indices."""
    out = np.empty(codes.size, np.int8)
    for i in range(codes.size):
        out[i] = numbers[codes[i]]
    return out


@kernel
def scatter_rows(
    begin: int,
    parcels: NDArray[np.int32],
    sources: NDArray[np.int8],
    days: NDArray[np.int32],
    start_days: NDArray[np.int32],
    means: NDArray[Any],
    counts: NDArray[np.int32],
    scores: NDArray[np.float32],
    first_days: NDArray[np.int32],
    base_day: int,
    last_day: int,
    column_of: NDArray[np.int32],
    column_start: NDArray[np.int32],
    n_columns: int,
    values: NDArray[np.float64],
    best_counts: NDArray[np.int32],
    best_scores: NDArray[np.float32],
) -> tuple[int, int]:
    """Put rows from ``begin`` on into the matrix; stop at the first row that needs a column beyond the
    matrix.

    Parameters
    ----------
    parcels : int32 (N,)
        Row of the matrix; negative rows are skipped.
    sources : int8 (N,)
        Which sensor, orbit and polarisation; negative rows are skipped.
    days, start_days : int32 (N,)
        Day since 1970-01-01, and the earlier day of a pair (a value of ``-2**31`` where unknown).
    means : float (N,)
        NaN where not observed.
    counts : int32 (N,)
        Valid pixels: among rows of one parcel, source and day the highest wins, then the highest mean.
    scores : float32 (N,) or (0,)
        How clear each row is, 0..1, NaN where not known. With scores the clearest row wins; the count of
        pixels decides only between equal ones.
    first_days : int32 (S,)
        First day of the period of each source.
    base_day, last_day : int
        The earliest day of all sources and the last, which is common.
    column_of : int32 (S, D)
        Column of each source and day since ``base_day``, -1 while it has none. Changed in place.
    column_start : int32 (C,)
        Latest earlier day seen for each column. Changed in place.
    n_columns : int
        Columns in use.
    values : float64 (P, C)
        Changed in place; NaN where nothing was put.
    best_counts : int32 (P, C)
        Changed in place; -1 where nothing was put.
    best_scores : float32 (P, C) or (0, 0)
        Changed in place; NaN where nothing was put.

    Returns
    -------
    begin, n_columns : int
        The first row not done (N when all are) and the columns in use.
    """
    for i in range(begin, parcels.size):
        p = parcels[i]
        s = sources[i]
        if p < 0 or s < 0 or days[i] < first_days[s] or days[i] > last_day:
            continue
        at = days[i] - base_day
        column = column_of[s, at]
        if column < 0:
            if n_columns == values.shape[1]:
                return i, n_columns
            column = n_columns
            column_of[s, at] = column
            n_columns += 1
        column_start[column] = max(column_start[column], start_days[i])
        mean = float(means[i])
        if math.isnan(mean):
            continue
        known = best_counts[p, column]
        is_better = counts[i] > known or (counts[i] == known and mean > values[p, column])
        if scores.size > 0 and known >= 0:
            before = best_scores[p, column]
            if scores[i] != before and not math.isnan(scores[i]) and not math.isnan(before):
                is_better = scores[i] > before
        if is_better:
            if scores.size > 0:
                best_scores[p, column] = scores[i]
            best_counts[p, column] = counts[i]
            values[p, column] = mean
    return parcels.size, n_columns
