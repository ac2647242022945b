"""Overviews by averaging, and the row differences that make tiles compress well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


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
    for r in range((rows + 1) // 2):
        # An odd edge takes its own row or column twice, which leaves the average as it is.
        r0 = 2 * r
        r1 = min(r0 + 1, rows - 1)
        for c in range((cols + 1) // 2):
            c0 = 2 * c
            c1 = min(c0 + 1, cols - 1)
            a = np.int32(values[r0, c0])
            b = np.int32(values[r0, c1])
            d = np.int32(values[r1, c0])
            e = np.int32(values[r1, c1])
            n = np.int32(a != nodata) + np.int32(b != nodata) + np.int32(d != nodata) + np.int32(e != nodata)
            total = np.int32(0)
            total += a if a != nodata else 0
            total += b if b != nodata else 0
            total += d if d != nodata else 0
            total += e if e != nodata else 0
            mean = np.int16((2 * total + n) // (2 * n)) if n > 0 else np.int16(nodata)
            overview[row_offset + r, col_offset + c] = mean


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
        out[r, 0] = values[row_offset + r, col_offset]
        for c in range(1, cols):
            out[r, c] = np.int16(
                values[row_offset + r, col_offset + c] - values[row_offset + r, col_offset + c - 1]
            )
        if cols < out.shape[1]:
            out[r, cols] = np.int16(fill - values[row_offset + r, col_offset + cols - 1])
            out[r, cols + 1 :] = 0
    for r in range(rows, out.shape[0]):
        out[r, 0] = fill
        out[r, 1:] = 0
