"""Overviews by averaging, and the row differences that make tiles compress well, made and undone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.pixels.running_sum import LANES, sum_lanes

_STRETCH = 64
"""Pixels of an overview that are looked at together."""


@kernel
def halve(
    values: NDArray[np.int16], nodata: int, row_offset: int, col_offset: int, overview: NDArray[np.int16]
) -> None:
    """Average each 2 x 2 pixels over those that are not missing, rounded to nearest, halves upwards.

    Parameters
    ----------
    values : int16 (rows, columns); an odd last row or column stands alone
    row_offset, col_offset : where in ``overview`` the first average goes
    overview : int16, in place; ``nodata`` where all four are missing
    """
    rows, cols = values.shape
    pairs = cols // 2
    for r in range((rows + 1) // 2):
        # An odd edge takes its own row or column twice, which leaves the average as it is.
        top = values[2 * r]
        bottom = values[min(2 * r + 1, rows - 1)]
        target = overview[row_offset + r, col_offset : col_offset + (cols + 1) // 2]
        for start in range(0, pairs, _STRETCH):
            stop = min(start + _STRETCH, pairs)
            above, below, averages = (
                top[2 * start : 2 * stop],
                bottom[2 * start : 2 * stop],
                target[start:stop],
            )
            n_missing = np.int16(0)
            for c in range(above.size):
                n_missing += np.int16((above[c] == nodata) | (below[c] == nodata))
            # Most stretches miss nothing, and need no division.
            if n_missing == 0:
                for c in range(averages.size):
                    averages[c] = _average_all(above[2 * c], above[2 * c + 1], below[2 * c], below[2 * c + 1])
            else:
                for c in range(averages.size):
                    averages[c] = _average(
                        above[2 * c], above[2 * c + 1], below[2 * c], below[2 * c + 1], nodata
                    )
        if cols % 2:
            target[pairs] = _average(top[cols - 1], top[cols - 1], bottom[cols - 1], bottom[cols - 1], nodata)


@kernel
def _average_all(a: int, b: int, d: int, e: int) -> np.int16:
    """Mean of four numbers; shifting to the right rounds downwards, below zero too."""
    return np.int16((np.int32(a) + np.int32(b) + np.int32(d) + np.int32(e) + np.int32(2)) >> np.int32(2))


@kernel
def _average(a: int, b: int, d: int, e: int, nodata: int) -> np.int16:
    """Mean of those of four numbers that are not missing, without a branch: so rows become vectors."""
    n_a, n_b, n_d, n_e = (
        np.int32(a != nodata),
        np.int32(b != nodata),
        np.int32(d != nodata),
        np.int32(e != nodata),
    )
    n = n_a + n_b + n_d + n_e
    total = n_a * np.int32(a) + n_b * np.int32(b) + n_d * np.int32(d) + n_e * np.int32(e)
    # Exact: below 2^24, and a quotient of at most eight parts is never as near to the next whole number as
    # float32 rounds.
    doubled, parts = np.float32(2 * total + n), np.float32(2 * max(n, np.int32(1)))
    mean = np.int32(np.floor(doubled / parts))
    return np.int16(mean if n > 0 else nodata)


@kernel
def difference_rows(
    values: NDArray[np.int16], row_offset: int, col_offset: int, fill: int, out: NDArray[np.int16]
) -> None:
    """Write each pixel's difference to its left neighbour in a tile, modulo 2^16 (TIFF's predictor 2).

    Parameters
    ----------
    values : int16 (rows, columns) that hold the tile
    row_offset, col_offset : the tile's first pixel in ``values``
    fill : value of the tile's pixels beyond ``values``
    out : int16 (tile rows, tile columns)
    """
    rows = min(values.shape[0] - row_offset, out.shape[0])
    cols = min(values.shape[1] - col_offset, out.shape[1])
    for r in range(rows):
        source = values[row_offset + r, col_offset : col_offset + cols]
        out[r, 0] = source[0]
        # Views instead of index arithmetic, so that the compiler sees three plain rows and vectorises.
        left, right, target = source[:-1], source[1:], out[r, 1:cols]
        for c in range(cols - 1):
            target[c] = right[c] - left[c]
        if cols < out.shape[1]:
            out[r, cols] = np.int16(fill - values[row_offset + r, col_offset + cols - 1])
            out[r, cols + 1 :] = 0
    for r in range(rows, out.shape[0]):
        out[r, 0] = fill
        out[r, 1:] = 0


@kernel
def undo_differences(
    differences: NDArray[np.unsignedinteger],
    row_offset: int,
    col_offset: int,
    out: NDArray[np.unsignedinteger],
) -> None:
    """Add the differences of each row of a tile up again, modulo the size of their type (predictor 2).

    Parameters
    ----------
    differences : unsigned integers (tile rows, tile columns)
    row_offset, col_offset : where in ``out`` the tile's first pixel goes
    out : the same type; of a tile that reaches beyond it the rest is left out
    """
    rows = min(out.shape[0] - row_offset, differences.shape[0])
    cols = min(out.shape[1] - col_offset, differences.shape[1])
    together = cols - cols % LANES
    for r in range(rows):
        source, target = differences[r], out[row_offset + r, col_offset : col_offset + cols]
        total = source[0] - source[0]
        for c in range(0, together, LANES):
            total = sum_lanes(source, target, c, total)
        for c in range(together, cols):
            total = total + source[c]
            target[c] = total
