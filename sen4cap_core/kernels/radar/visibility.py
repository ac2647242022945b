"""Layover and shadow: where several places of the ground share a pixel of the radar, or none is seen.

Both are looked for along lines of one zero-Doppler time, on which the satellite is abeam: distance must grow
and the angle of the line of sight must fall from one place to the next.

Source: W. Kropatsch and D. Strobl, The generation of SAR layover and shadow maps from digital elevation
models, 1990, doi:10.1109/36.45752.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

LAYOVER = 1
SHADOW = 2


@kernel
def layover_and_shadow(
    height_m: NDArray[np.float32],
    range_m: NDArray[np.float64],
    drift: NDArray[np.float64],
    rise: NDArray[np.float64],
    step_m: float,
    out: NDArray[np.uint8],
) -> None:
    """Mark nodes in layover (1), shadow (2) or both (3).

    What a line brings along is interpolated between the rows it passes. Nodes of unknown height are not
    marked and hide nothing.

    Parameters
    ----------
    height_m, range_m : (rows, columns), NaN where unknown; the satellite is on the side of column 0
    drift : float64 (columns,), rows that a line of one time goes down from a column to the next
    rise : float64 (columns,), metres that the line of sight to the satellite rises per metre on the ground
    step_m : between nodes
    out : uint8 (rows, columns)
    """
    rows, columns = height_m.shape
    farthest, nearest = np.full(rows, -np.inf), np.full(rows, np.inf)
    ceiling = np.full(rows, -np.inf)
    before = np.empty(rows)
    out[:] = 0
    for c in range(columns):
        fall_m = rise[c] * step_m * math.sqrt(1.0 + drift[c] * drift[c])
        before[:] = ceiling
        for r in range(rows):
            brought = _between(before, r - drift[c], -np.inf) - fall_m
            height = np.float64(height_m[r, c])
            if height < brought:
                out[r, c] |= SHADOW
            ceiling[r] = max(brought, height) if math.isfinite(height) else brought
        before[:] = farthest
        for r in range(rows):
            brought = _between(before, r - drift[c], -np.inf)
            distance = range_m[r, c]
            if distance < brought:
                out[r, c] |= LAYOVER
            farthest[r] = max(brought, distance) if math.isfinite(distance) else brought
    for c in range(columns - 1, -1, -1):
        before[:] = nearest
        for r in range(rows):
            brought = _between(before, r + drift[c], np.inf)
            distance = range_m[r, c]
            if distance > brought:
                out[r, c] |= LAYOVER
            nearest[r] = min(brought, distance) if math.isfinite(distance) else brought


@kernel
def _between(values: NDArray[np.float64], row: float, beyond: float) -> float:
    """Value between two rows; ``beyond`` where one of them is not there or brings nothing."""
    if not (row >= 0.0 and row <= values.shape[0] - 1):
        return beyond
    i = min(int(row), values.shape[0] - 2)
    u = row - i
    if not (math.isfinite(values[i]) and math.isfinite(values[i + 1])):
        return beyond
    value: float = (1.0 - u) * values[i] + u * values[i + 1]
    return value
