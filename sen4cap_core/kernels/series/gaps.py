"""Gaps in parcel series: linear interpolation onto other dates, and the length of each gap bridged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

NO_GAP = 2**31 - 1
"""Gap of a date that could not be filled: the series has no value at all."""


@kernel
def fill_linear(
    days: NDArray[np.int32],
    values: NDArray[np.float32],
    out_days: NDArray[np.int32],
    max_gap_days: int,
    first: int,
    last: int,
    filled: NDArray[np.float32],
    gap_days: NDArray[np.int32],
) -> None:
    """Resample the series ``first`` .. ``last - 1`` onto ``out_days``: linear in days between the nearest
    values before and after, the nearest value where there is only one side.

    Parameters
    ----------
    days : int32 (n,), ascending.
    values : float32 (parcels, n), NaN where not observed.
    out_days : int32 (m,), ascending.
    max_gap_days : a date whose gap is longer stays NaN; below 0 there is no limit (the original's 10-day
        resampling).
    filled : float32 (parcels, m), written.
    gap_days : int32 (parcels, m), written: 0 on an observed day; between two values the days from one to
        the other; beside one value the days to it; ``NO_GAP`` for a series without values.
    """
    n, m = days.size, out_days.size
    for row in range(first, last):
        before = -1
        at = 0
        after = 0
        while after < n and np.isnan(values[row, after]):
            after += 1
        for k in range(m):
            day = out_days[k]
            while at < n and days[at] <= day:
                if not np.isnan(values[row, at]):
                    before = at
                at += 1
            while after < n and (days[after] < day or np.isnan(values[row, after])):
                after += 1
            has_before, has_after = before >= 0, after < n
            if has_before and has_after:
                if before == after:
                    gap, value = 0, values[row, before]
                else:
                    gap = days[after] - days[before]
                    part = np.float64(day - days[before]) / np.float64(gap)
                    low, high = np.float64(values[row, before]), np.float64(values[row, after])
                    value = np.float32(low + part * (high - low))
                    if day == days[before]:
                        gap = 0
            elif has_before:
                gap, value = day - days[before], values[row, before]
            elif has_after:
                gap, value = days[after] - day, values[row, after]
            else:
                gap, value = NO_GAP, np.float32(np.nan)
            gap_days[row, k] = gap
            filled[row, k] = np.float32(np.nan) if 0 <= max_gap_days < gap else value
