"""Coherence of two complex images on one grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def pair_coherence(
    first: NDArray[np.complex64],
    second: NDArray[np.complex64],
    row_offset: int,
    cell_rows: int,
    cell_cols: int,
    window_rows: int,
    window_cols: int,
    out: NDArray[np.float32],
) -> None:
    """Estimate ``|sum a b*| / sqrt(sum |a|^2 sum |b|^2)`` in a window about each output pixel.

    A pixel of the output is ``cell_rows`` x ``cell_cols`` samples; the window is centred on it (an odd one
    half a sample above) and cut at the image's edge. Samples that are NaN or zero in either image are none.
    A pixel is NaN where less than half of its window has samples. The estimate is biased upwards where
    coherence is low and looks are few (Touzi 1999).

    Parameters
    ----------
    first, second : complex64 (rows, columns), without topographic and flat-earth phase
    row_offset : row of the images at which the first output row begins
    out : float32 (output rows, output columns)
    """
    n_rows, n_cols = first.shape
    for r in range(out.shape[0]):
        top = row_offset + r * cell_rows + (cell_rows - window_rows) // 2
        for c in range(out.shape[1]):
            left = c * cell_cols + (cell_cols - window_cols) // 2
            real = 0.0
            imaginary = 0.0
            power_first = 0.0
            power_second = 0.0
            n = 0
            for i in range(max(top, 0), min(top + window_rows, n_rows)):
                for j in range(max(left, 0), min(left + window_cols, n_cols)):
                    a = first[i, j]
                    b = second[i, j]
                    pa = np.float64(a.real) * a.real + np.float64(a.imag) * a.imag
                    pb = np.float64(b.real) * b.real + np.float64(b.imag) * b.imag
                    if not (pa > 0.0 and pb > 0.0 and pa < np.inf and pb < np.inf):
                        continue
                    n += 1
                    real += np.float64(a.real) * b.real + np.float64(a.imag) * b.imag
                    imaginary += np.float64(a.imag) * b.real - np.float64(a.real) * b.imag
                    power_first += pa
                    power_second += pb
            if 2 * n < window_rows * window_cols:
                out[r, c] = np.nan
            else:
                out[r, c] = np.sqrt((real * real + imaginary * imaginary) / (power_first * power_second))
