"""Whittaker smoothing of parcel series with a weight for each value (Eilers 2003, order 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def smooth_whittaker(
    values: NDArray[np.float32],
    weights: NDArray[np.float32],
    smoothness: float,
    first: int,
    last: int,
    smooth: NDArray[np.float32],
) -> None:
    """Smooth the series ``first`` .. ``last - 1``: least squares to the values plus ``smoothness`` times
    the squared second differences.

    The matrix ``W + smoothness * D'D`` has five diagonals; it is decomposed into L D L' and solved in one
    pass each way, in float64.

    Parameters
    ----------
    values : float32 (parcels, n) on evenly spaced dates; NaN counts as weight 0.
    weights : float32 (parcels, n), 0 or more.
    smoothness : above 0; 1 follows the values, 1000 nearly draws a line.
    smooth : float32 (parcels, n), written; NaN for a series with fewer than two weighted values (a line
        through one point is not determined) or fewer than three dates.
    """
    n = values.shape[1]
    diagonal = np.empty(n)
    off1 = np.empty(n)
    off2 = np.empty(n)
    z = np.empty(n)
    for row in range(first, last):
        n_used = 0
        for i in range(n):
            used = weights[row, i] > 0 and not np.isnan(values[row, i])
            n_used += used
            w = np.float64(weights[row, i]) if used else 0.0
            z[i] = w * np.float64(values[row, i]) if used else 0.0
            # Rows of D'D for second differences; the ends have fewer neighbours.
            inner = 6.0
            if i == 0 or i == n - 1:
                inner = 1.0
            elif i == 1 or i == n - 2:
                inner = 5.0
            if n == 3 and i == 1:
                inner = 4.0
            diagonal[i] = w + smoothness * inner
            off1[i] = smoothness * (-2.0 if i == 0 or i == n - 2 else -4.0)
            off2[i] = smoothness
        if n_used < 2 or n < 3:
            smooth[row, :] = np.float32(np.nan)
            continue
        # off1[i], off2[i] become the factors of L below diagonal i.
        for i in range(n):
            if i >= 1:
                diagonal[i] -= off1[i - 1] * off1[i - 1] * diagonal[i - 1]
                if i >= 2:
                    diagonal[i] -= off2[i - 2] * off2[i - 2] * diagonal[i - 2]
            if i < n - 1:
                e = off1[i]
                if i >= 1:
                    e -= off1[i - 1] * off2[i - 1] * diagonal[i - 1]
                off1[i] = e / diagonal[i]
            if i < n - 2:
                off2[i] = off2[i] / diagonal[i]
        for i in range(1, n):
            z[i] -= off1[i - 1] * z[i - 1]
            if i >= 2:
                z[i] -= off2[i - 2] * z[i - 2]
        for i in range(n):
            z[i] /= diagonal[i]
        for i in range(n - 2, -1, -1):
            z[i] -= off1[i] * z[i + 1]
            if i < n - 2:
                z[i] -= off2[i] * z[i + 2]
        for i in range(n):
            smooth[row, i] = np.float32(z[i])
