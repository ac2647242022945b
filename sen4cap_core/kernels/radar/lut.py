"""Looking up a table that varies slowly over a radar image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def lut_at(lut: NDArray[np.float32], steps: NDArray[np.float64], line: float, sample: float) -> float:
    """Interpolate between the nodes of a regular table; beyond its edge the edge counts.

    Parameters
    ----------
    lut : float32 (lines, samples), at least 2 by 2
    steps : float64 (4,): line of row 0, lines between rows, sample of column 0, samples between columns
    """
    y = min(max((line - steps[0]) / steps[1], 0.0), lut.shape[0] - 1.0)
    x = min(max((sample - steps[2]) / steps[3], 0.0), lut.shape[1] - 1.0)
    i = min(int(y), lut.shape[0] - 2)
    j = min(int(x), lut.shape[1] - 2)
    v, u = y - i, x - j
    value: float = (1.0 - v) * ((1.0 - u) * lut[i, j] + u * lut[i, j + 1]) + v * (
        (1.0 - u) * lut[i + 1, j] + u * lut[i + 1, j + 1]
    )
    return value


@kernel
def lut_row(
    lut: NDArray[np.float32],
    steps: NDArray[np.float64],
    line: float,
    first_sample: int,
    out: NDArray[np.float64],
) -> None:
    """Write `lut_at` of consecutive samples of one line, float64 (samples,)."""
    y = min(max((line - steps[0]) / steps[1], 0.0), lut.shape[0] - 1.0)
    i = min(int(y), lut.shape[0] - 2)
    v = y - i
    for c in range(out.shape[0]):
        x = min(max((first_sample + c - steps[2]) / steps[3], 0.0), lut.shape[1] - 1.0)
        j = min(int(x), lut.shape[1] - 2)
        u = x - j
        left = (1.0 - v) * lut[i, j] + v * lut[i + 1, j]
        right = (1.0 - v) * lut[i, j + 1] + v * lut[i + 1, j + 1]
        out[c] = (1.0 - u) * left + u * right
