"""Values of each parcel's pixels side by side, and the order statistics that follow from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def place_spans(
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    parcel: NDArray[np.int32],
    starts: NDArray[np.int64],
    place: NDArray[np.int64],
) -> None:
    """Give each span its places: those of a parcel follow one another in the order of its spans.

    Parameters
    ----------
    first, last, parcel : int32 (n,), spans; columns inclusive
    starts : int64 (parcels,), first place of each parcel
    place : int64 (n,), out: the place of each span's first pixel
    """
    free = starts.copy()
    for s in range(parcel.size):
        p = parcel[s]
        place[s] = free[p]
        free[p] += np.int64(last[s]) - np.int64(first[s]) + 1


@kernel
def keep_spans(
    values: NDArray[Any],
    zoom: int,
    row_offset: int,
    col_offset: int,
    rows: NDArray[np.int32],
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    place: NDArray[np.int64],
    kept: NDArray[Any],
) -> None:
    """Copy the pixels of one block to the places of their spans.

    Each pixel has one place, so blocks of any shape, in any order and from any thread, give the same.

    Parameters
    ----------
    values : (rows, columns) of the block, each ``zoom`` x ``zoom`` pixels of the spans' grid
    row_offset, col_offset : position of the block's first pixel in the grid of the spans
    rows, first, last : int32 (n,), spans of the block's rows; they may reach beyond its columns
    place : int64 (n,), of each span's first pixel
    kept : (pixels of all parcels,), of the type of ``values``, in place
    """
    width = values.shape[1] * zoom
    for s in range(rows.size):
        start = max(first[s] - col_offset, 0)
        stop = min(last[s] - col_offset + 1, width)
        r = (rows[s] - row_offset) // zoom
        shift = place[s] + col_offset - first[s]
        for c in range(start, stop):
            kept[shift + c] = values[r, c // zoom]


@kernel
def order_statistics(
    values: NDArray[np.float64], starts: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    """Find minimum, 25th percentile, median, 75th percentile and maximum of some parcels.

    Between two values the percentile lies on the straight line (definition 7 of Hyndman and Fan 1996,
    which NumPy and R take by default).

    Parameters
    ----------
    values : float64 of all their pixels, parcel by parcel, NaN missing; sorted in place
    starts : int64 (parcels + 1,), first pixel of each parcel, and the end
    out : float64 (parcels, 5), in place; NaN without a valid pixel
    """
    for p in range(starts.size - 1):
        n = 0
        for i in range(starts[p], starts[p + 1]):
            if values[i] == values[i]:
                values[starts[p] + n] = values[i]
                n += 1
        if n == 0:
            out[p, :] = np.nan
            continue
        ordered = values[starts[p] : starts[p] + n]
        ordered.sort()
        for k in range(5):
            # In whole quarters: exact, where (n - 1) * 0.25 * k need not be.
            below = (n - 1) * k // 4
            rest = ((n - 1) * k - below * 4) / 4.0
            low = ordered[below]
            out[p, k] = low + (ordered[min(below + 1, n - 1)] - low) * rest
