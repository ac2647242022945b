"""How much land each place of a radar image holds: facets of the terrain projected onto it.

Source: D. Small, Flattening gamma: radiometric terrain correction for SAR imagery, 2011,
doi:10.1109/TGRS.2011.2120616.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.radar.geometry import earth_fixed, orbit_state

PARTS = 4
"""A facet of 20 m is laid onto the image in 4 x 4 parts, so that none of its pixels is left empty."""
STATE_HOLDS_S = 0.1
"""So long a satellite's place follows from one state and its acceleration, to the millimetre."""

CORNER_ROWS = 8
"""Corners of a facet in the image lie this near to it along track, and their places are computed."""


@kernel
def gather_area(
    lon_deg: NDArray[np.float64],
    lat_deg: NDArray[np.float64],
    coarse_step: int,
    height_m: NDArray[np.float32],
    time_s: NDArray[np.float64],
    range_m: NDArray[np.float64],
    orbit: NDArray[np.float64],
    scale_s: float,
    place: NDArray[np.float64],
    area_m2: NDArray[np.float32],
) -> None:
    """Add the area of each facet, seen across the line of sight, to where it lies in the image.

    Facets that face away from the radar have none, those outside of the image are left out. Shadow that one
    hill casts on another is not looked for.

    Parameters
    ----------
    lon_deg, lat_deg, coarse_step : positions of each ``coarse_step``-th node, see `solve_nodes`
    height_m, time_s, range_m : (rows, columns) at the nodes, NaN where unknown
    place : float64 (4,): time of row 0 (s), time between rows, range of column 0 (m), range between columns
    area_m2 : float32 (times, ranges), added to
    """
    rows, columns = height_m.shape
    points = np.empty((2, columns, 3))
    state, satellite = np.empty(9), np.empty(3)
    per_s, per_m = 1.0 / place[1], 1.0 / place[3]
    last_y, last_x = area_m2.shape[0] + 1.0, area_m2.shape[1] + 1.0
    for r in range(rows):
        here, above = r % 2, (r + 1) % 2
        i = r // coarse_step
        v = (r - i * coarse_step) / coarse_step
        for c in range(columns):
            y = (time_s[r, c] - place[0]) * per_s
            if not (y > -CORNER_ROWS and y < last_y + CORNER_ROWS):
                continue
            j = c // coarse_step
            u = (c - j * coarse_step) / coarse_step
            lon = _mix(lon_deg, i, j, v, u)
            lat = _mix(lat_deg, i, j, v, u)
            earth_fixed(lon, lat, np.float64(height_m[r, c]), points[here, c])
        if r == 0:
            continue
        state_s = np.nan
        for c in range(columns - 1):
            y0, y1 = (time_s[r - 1, c] - place[0]) * per_s, (time_s[r - 1, c + 1] - place[0]) * per_s
            y2, y3 = (time_s[r, c] - place[0]) * per_s, (time_s[r, c + 1] - place[0]) * per_s
            x0, x1 = (range_m[r - 1, c] - place[2]) * per_m, (range_m[r - 1, c + 1] - place[2]) * per_m
            x2, x3 = (range_m[r, c] - place[2]) * per_m, (range_m[r, c + 1] - place[2]) * per_m
            # Whatever lies outside of the image is left alone; NaN as well.
            y, x = 0.25 * (y0 + y1 + y2 + y3), 0.25 * (x0 + x1 + x2 + x3)
            if not (y > -1.0 and x > -1.0 and y < last_y and x < last_x):
                continue
            middle_s = place[0] + y * place[1]
            if not abs(middle_s - state_s) < STATE_HOLDS_S:
                state_s = middle_s
                orbit_state(orbit, scale_s, state_s, state)
            since_s = middle_s - state_s
            for k in range(3):
                satellite[k] = state[k] + since_s * (state[3 + k] + 0.5 * since_s * state[6 + k])
            seen = _seen_area(
                points[above, c], points[above, c + 1], points[here, c], points[here, c + 1], satellite
            )
            if seen > 0.0:
                _lay((y0, y1, y2, y3), (x0, x1, x2, x3), seen / (PARTS * PARTS), area_m2)


@kernel
def _mix(values: NDArray[np.float64], i: int, j: int, v: float, u: float) -> float:
    mixed: float = (1 - v) * ((1 - u) * values[i, j] + u * values[i, j + 1]) + v * (
        (1 - u) * values[i + 1, j] + u * values[i + 1, j + 1]
    )
    return mixed


@kernel
def _seen_area(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    d: NDArray[np.float64],
    satellite: NDArray[np.float64],
) -> float:
    """Area (m2) of the facet a b / c d across the line of sight, negative where it faces away."""
    # Half the cross product of the diagonals; b is east of a, c south of it: it points upwards.
    e0, e1, e2 = b[0] - c[0], b[1] - c[1], b[2] - c[2]
    f0, f1, f2 = a[0] - d[0], a[1] - d[1], a[2] - d[2]
    n0, n1, n2 = e1 * f2 - e2 * f1, e2 * f0 - e0 * f2, e0 * f1 - e1 * f0
    s0 = satellite[0] - 0.25 * (a[0] + b[0] + c[0] + d[0])
    s1 = satellite[1] - 0.25 * (a[1] + b[1] + c[1] + d[1])
    s2 = satellite[2] - 0.25 * (a[2] + b[2] + c[2] + d[2])
    area: float = 0.5 * (n0 * s0 + n1 * s1 + n2 * s2) / math.sqrt(s0 * s0 + s1 * s1 + s2 * s2)
    return area


@kernel
def _lay(
    rows: tuple[float, float, float, float],
    columns: tuple[float, float, float, float],
    share_m2: float,
    area_m2: NDArray[np.float32],
) -> None:
    """Lay the parts of one facet onto the image, each onto its four neighbours.

    ``rows`` and ``columns`` are those of its four corners, above before below.
    """
    for p in range(PARTS):
        v = (p + 0.5) / PARTS
        left_y, right_y = rows[0] + v * (rows[2] - rows[0]), rows[1] + v * (rows[3] - rows[1])
        left_x, right_x = (
            columns[0] + v * (columns[2] - columns[0]),
            columns[1] + v * (columns[3] - columns[1]),
        )
        for q in range(PARTS):
            u = (q + 0.5) / PARTS
            y, x = left_y + u * (right_y - left_y), left_x + u * (right_x - left_x)
            if not (y >= 0.0 and x >= 0.0 and y < area_m2.shape[0] - 1 and x < area_m2.shape[1] - 1):
                continue
            i, j = int(y), int(x)
            y -= i
            x -= j
            area_m2[i, j] += share_m2 * (1.0 - y) * (1.0 - x)
            area_m2[i, j + 1] += share_m2 * (1.0 - y) * x
            area_m2[i + 1, j] += share_m2 * y * (1.0 - x)
            area_m2[i + 1, j + 1] += share_m2 * y * x


@kernel
def area_cells(
    area: NDArray[np.float32],
    place: NDArray[np.float64],
    time_s: NDArray[np.float64],
    range_m: NDArray[np.float64],
    first_row: int,
    last_row: int,
    out: NDArray[np.float32],
) -> None:
    """Look up the area at the middle of the cells of some rows, NaN where it is not known."""
    for r in range(first_row, last_row):
        for c in range(out.shape[1]):
            y = (_mix(time_s, r, c, 0.5, 0.5) - place[0]) / place[1]
            x = (_mix(range_m, r, c, 0.5, 0.5) - place[2]) / place[3]
            out[r, c] = np.nan
            if y >= 0.0 and x >= 0.0 and y < area.shape[0] - 1 and x < area.shape[1] - 1:
                i, j = int(y), int(x)
                y -= i
                x -= j
                above = (1.0 - x) * area[i, j] + x * area[i, j + 1]
                below = (1.0 - x) * area[i + 1, j] + x * area[i + 1, j + 1]
                out[r, c] = (1.0 - y) * above + y * below
