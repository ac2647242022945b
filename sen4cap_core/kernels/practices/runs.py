"""A table of radar and optical parcel means that is sorted by parcel, laid out in one pass."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practices.calendar import wide
from sen4cap_core.kernels.practices.order import Loose, settle_cell
from sen4cap_core.kernels.practices.rows import N_KINDS, RowCodes, Rows

FOREIGN = -1


@kernel
def lay_out_runs(
    run_at: NDArray[np.int64],
    run_parcel: NDArray[np.int32],
    codes: RowCodes,
    start: NDArray[np.int32],
    mean: NDArray[np.float64],
    last_day: int,
    rows: Rows,
) -> tuple[int, bool]:
    """Put the rows of a batch into their places, sorted by day and orbit.

    Run ``r`` is the rows ``run_at[r]`` to ``run_at[r + 1]`` and belongs to parcel ``run_parcel[r]`` of
    ``rows``; the parcels ascend, those of no interest are ``FOREIGN``. Rows without a value or after
    ``last_day`` are left out. ``rows.at`` and ``rows.n`` are written too; ``rows`` holds as many rows as the
    batch. Returns the last day of the rows that were not left out, foreign ones too, 0 without any; and
    whether standard deviations would matter.
    """
    longest = 1
    for r in range(run_parcel.size):
        longest = max(longest, run_at[r + 1] - run_at[r])
    loose = Loose(
        np.empty(longest, np.int32),
        np.empty(longest, np.int16),
        np.empty(longest if rows.start.size > 0 else 0, np.int32),
        np.empty(longest, np.float64),
        np.empty(0, np.float64),
        np.empty(longest, np.int64),
        np.empty(longest, np.int32),
        np.empty(longest, np.int32),
    )
    kind = np.empty(longest, np.int8)
    day = np.empty(longest, np.int32)
    cursor = np.empty(N_KINDS + 1, np.int64)
    return _lay_out_each(run_at, run_parcel, codes, start, mean, last_day, loose, kind, day, cursor, rows)


@inner_kernel
def _lay_out_each(
    run_at: NDArray[np.int64],
    run_parcel: NDArray[np.int32],
    codes: RowCodes,
    start: NDArray[np.int32],
    mean: NDArray[np.float64],
    last_day: int,
    loose: Loose,
    kind: NDArray[np.int8],
    day: NDArray[np.int32],
    cursor: NDArray[np.int64],
    rows: Rows,
) -> tuple[int, bool]:
    latest = 0
    suspicious = False
    has_start = rows.start.size > 0
    to = wide(0)
    made = 0
    for r in range(run_parcel.size):
        first, last = run_at[r], run_at[r + 1]
        for k in range(N_KINDS + 1):
            cursor[k] = 0
        for i in range(first, last):
            told = codes.day_of[codes.day[i]]
            k = int(codes.kind_of[codes.kind[i], codes.pol[i]])
            if told > last_day or math.isnan(mean[i]):
                k = -1
            if k >= 0:
                latest = max(latest, told)
            day[i - first], kind[i - first] = told, k
            cursor[k + 1] += 1
        if run_parcel[r] == FOREIGN:
            continue
        cell = N_KINDS * run_parcel[r]
        while made < cell:
            rows.at[made], rows.n[made] = to, 0
            made += 1
        # Counts become first places.
        cursor[0] = 0
        for k in range(N_KINDS):
            cursor[k + 1] += cursor[k]
        for i in range(first, last):
            k = int(kind[i - first])
            if k < 0:
                continue
            place = cursor[k]
            cursor[k] = place + 1
            loose.day[place], loose.mean[place] = day[i - first], mean[i]
            loose.orbit[place] = codes.orbit_of[codes.orbit[i]]
            if has_start:
                loose.start[place] = start[i]
        before = wide(0)
        for k in range(N_KINDS):
            # Filled: each cursor stands where the next kind begins.
            n = int(cursor[k]) - before
            rows.at[made] = to
            rows.n[made], is_doubtful = settle_cell(loose, before, n, to, rows)
            suspicious = suspicious or is_doubtful
            to += int(rows.n[made])
            before = int(cursor[k])
            made += 1
    while made < rows.n.size:
        rows.at[made], rows.n[made] = to, 0
        made += 1
    rows.at[made] = to
    return latest, suspicious
