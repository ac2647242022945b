"""Where a point of the ground lies in a radar image: the time at which the satellite passes it abeam."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

EQUATORIAL_RADIUS_M = 6_378_137.0
ECCENTRICITY_2 = 6.69437999014e-3
MAX_STEPS = 20
NEAR_S = 1e-5
"""A step of Newton's this small was the last: what it leaves is its square times 1e-4 a second, 1e-14 s."""


@kernel
def orbit_state(
    orbit: NDArray[np.float64], scale_s: float, time_s: float, state: NDArray[np.float64]
) -> None:
    """Write position, velocity and acceleration (9 numbers, m, m/s, m/s2) at a time.

    Parameters
    ----------
    orbit : float64 (3, order + 1), polynomials of ``time_s / scale_s``, lowest order first
    """
    u = time_s / scale_s
    n = orbit.shape[1]
    for axis in range(3):
        position, velocity, acceleration = 0.0, 0.0, 0.0
        for k in range(n - 1, -1, -1):
            acceleration = acceleration * u + 2.0 * velocity
            velocity = velocity * u + position
            position = position * u + orbit[axis, k]
        state[axis] = position
        state[3 + axis] = velocity / scale_s
        state[6 + axis] = acceleration / (scale_s * scale_s)


@kernel
def earth_fixed(lon_deg: float, lat_deg: float, height_m: float, out: NDArray[np.float64]) -> None:
    """Write the Earth-fixed position (m) of a point given on the WGS 84 ellipsoid."""
    lon, lat = math.radians(lon_deg), math.radians(lat_deg)
    sin_lat, cos_lat = math.sin(lat), math.cos(lat)
    normal = EQUATORIAL_RADIUS_M / math.sqrt(1.0 - ECCENTRICITY_2 * sin_lat * sin_lat)
    out[0] = (normal + height_m) * cos_lat * math.cos(lon)
    out[1] = (normal + height_m) * cos_lat * math.sin(lon)
    out[2] = (normal * (1.0 - ECCENTRICITY_2) + height_m) * sin_lat


@kernel
def zero_doppler(
    point: NDArray[np.float64],
    orbit: NDArray[np.float64],
    scale_s: float,
    guess_s: float,
    state: NDArray[np.float64],
) -> float:
    """Return the time at which a point is abeam, NaN where Newton's steps do not settle.

    It is the root of (P - S) . V; ``state`` holds the satellite's within `NEAR_S` of that time, at which the
    distance is the same to 1e-8 m.
    """
    time_s = guess_s
    for _ in range(MAX_STEPS):
        orbit_state(orbit, scale_s, time_s, state)
        along, slope, speed_2 = 0.0, 0.0, 0.0
        for axis in range(3):
            offset = point[axis] - state[axis]
            along += offset * state[3 + axis]
            slope += offset * state[6 + axis]
            speed_2 += state[3 + axis] * state[3 + axis]
        step = along / (speed_2 - slope)
        time_s += step
        if abs(step) < NEAR_S:
            return time_s
        if not abs(time_s) < 4.0 * scale_s:
            return np.nan
    return np.nan


@kernel
def solve_nodes(
    lon_deg: NDArray[np.float64],
    lat_deg: NDArray[np.float64],
    coarse_step: int,
    height_m: NDArray[np.float32],
    orbit: NDArray[np.float64],
    scale_s: float,
    guess_s: float,
    first_row: int,
    last_row: int,
    time_s: NDArray[np.float64],
    range_m: NDArray[np.float64],
) -> None:
    """Solve rows ``first_row`` .. ``last_row`` (exclusive) of a grid of ground nodes.

    Parameters
    ----------
    lon_deg, lat_deg : float64, positions of each ``coarse_step``-th node; between them they are interpolated,
        which at 160 m is wrong by half a millimetre, and equally so in both passes of a pair
    height_m : float32 (rows, columns), ellipsoidal; NaN where there is none
    time_s, range_m : float64 (rows, columns), out: zero-Doppler time and slant range, NaN where unknown
    """
    point, state = np.empty(3), np.empty(9)
    row_start = guess_s
    for r in range(first_row, last_row):
        i = r // coarse_step
        v = (r - i * coarse_step) / coarse_step
        guess = row_start
        is_first = True
        before = np.nan
        for c in range(height_m.shape[1]):
            height = np.float64(height_m[r, c])
            time_s[r, c] = np.nan
            range_m[r, c] = np.nan
            if not math.isfinite(height):
                before = np.nan
                continue
            j = c // coarse_step
            u = (c - j * coarse_step) / coarse_step
            a, b, d, e = (1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u
            lon = (
                a * lon_deg[i, j] + b * lon_deg[i, j + 1] + d * lon_deg[i + 1, j] + e * lon_deg[i + 1, j + 1]
            )
            lat = (
                a * lat_deg[i, j] + b * lat_deg[i, j + 1] + d * lat_deg[i + 1, j] + e * lat_deg[i + 1, j + 1]
            )
            earth_fixed(lon, lat, height, point)
            found = zero_doppler(point, orbit, scale_s, guess, state)
            if not math.isfinite(found):
                continue
            # The next one is about as much later as this one was; after a hole, nobody knows.
            guess = 2.0 * found - before if math.isfinite(before) else found
            before = found
            if is_first:
                row_start, is_first = found, False
            time_s[r, c] = found
            range_m[r, c] = math.sqrt(
                (point[0] - state[0]) ** 2 + (point[1] - state[1]) ** 2 + (point[2] - state[2]) ** 2
            )
