"""Composites that choose among dates in place of averaging: the median, the greenest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_MISSING = -32768


@kernel
def median_of_dates(stack: NDArray[np.int16], out: NDArray[np.int16], n_valid: NDArray[np.int16]) -> None:
    """Median over the valid dates of each pixel; of an even number the mean of the middle two, rounded down.

    Parameters
    ----------
    stack : int16 (dates, rows, columns), -32768 missing
    out : int16 (rows, columns), -32768 without a date
    n_valid : int16 (rows, columns), out: number of valid dates
    """
    n_dates, n_rows, n_cols = stack.shape
    kept = np.empty((n_cols, n_dates), np.int16)
    count = np.empty(n_cols, np.int64)
    for r in range(n_rows):
        count[:] = 0
        # Dates outside, so that memory is walked in its own order; each value is sorted in as it comes.
        for d in range(n_dates):
            for c in range(n_cols):
                value = stack[d, r, c]
                if value == _MISSING:
                    continue
                place = count[c]
                while place > 0 and kept[c, place - 1] > value:
                    kept[c, place] = kept[c, place - 1]
                    place -= 1
                kept[c, place] = value
                count[c] += 1
        for c in range(n_cols):
            n = count[c]
            n_valid[r, c] = n
            if n == 0:
                out[r, c] = _MISSING
            else:
                out[r, c] = (np.int64(kept[c, (n - 1) // 2]) + np.int64(kept[c, n // 2])) // 2


@kernel
def keep_greenest(
    ndvi: NDArray[np.int16],
    numbers: NDArray[np.int16],
    minute: int,
    best_ndvi: NDArray[np.int16],
    best: NDArray[np.int16],
    best_minute: NDArray[np.int32],
) -> None:
    """Keep each pixel of the date with the highest NDVI; of two equal ones that of the earlier date.

    Parameters
    ----------
    ndvi : int16 (rows, columns), -32768 where the date does not count
    numbers : int16 (bands, rows, columns) of the date
    minute : when; two dates of a composite never share it
    best_ndvi : int16 (rows, columns), in place, -32768 at first
    best : int16 (bands, rows, columns), in place, -32768 at first
    best_minute : int32 (rows, columns), in place
    """
    for r in range(ndvi.shape[0]):
        for c in range(ndvi.shape[1]):
            value = ndvi[r, c]
            if value == _MISSING or value < best_ndvi[r, c]:
                continue
            if value == best_ndvi[r, c] and minute > best_minute[r, c]:
                continue
            best_ndvi[r, c] = value
            best_minute[r, c] = minute
            for b in range(numbers.shape[0]):
                best[b, r, c] = numbers[b, r, c]
