"""A satellite on a circle above the turning Earth, and what it sees: written without the processing chain.

The chain fits polynomials to state vectors and goes from the ground to the image; here the orbit is exact and
the way between both is solved otherwise, so that an error common to both would have to be made twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer
from scipy.optimize import root

LIGHT_M_S = 299_792_458.0
EARTH_TURN_RAD_S = 7.2921150e-5
GRAVITY_M3_S2 = 3.986004418e14
RADIUS_M = 7_071_000.0
INCLINATION_RAD = np.radians(98.18)
SEMI_MAJOR_M = 6_378_137.0
AT_ONCE = 8192
_ECEF = Transformer.from_crs(4979, 4978, always_xy=True)

Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class CircularOrbit:
    """Times are seconds from the moment at which the scene's middle is abeam."""

    node_rad: float
    start_rad: float
    radius_m: float = RADIUS_M

    def position(self, time_s: NDArray[np.float64] | float) -> Vectors:
        """Earth-fixed position, (..., 3) in m."""
        return self.state(time_s)[0]

    def velocity(self, time_s: NDArray[np.float64] | float) -> Vectors:
        """Earth-fixed velocity, (..., 3) in m/s."""
        return self.state(time_s)[1]

    def state(self, time_s: NDArray[np.float64] | float) -> tuple[Vectors, Vectors]:
        """Earth-fixed position and velocity, (..., 3) each."""
        along = self.start_rad + self._rate * np.asarray(time_s)
        turned = self.node_rad - EARTH_TURN_RAD_S * np.asarray(time_s)
        cos_along, sin_along = np.cos(along), np.sin(along)
        cos, sin = np.cos(turned), np.sin(turned)
        flat, steep = np.cos(INCLINATION_RAD), np.sin(INCLINATION_RAD)
        x = self.radius_m * cos_along
        y = self.radius_m * sin_along * flat
        z = self.radius_m * sin_along * steep
        here = np.stack((cos * x - sin * y, sin * x + cos * y, z), axis=-1)
        speed = self.radius_m * self._rate
        x = -speed * sin_along
        y = speed * cos_along * flat
        z = speed * cos_along * steep
        inertial = np.stack((cos * x - sin * y, sin * x + cos * y, z), axis=-1)
        drift = EARTH_TURN_RAD_S * np.stack((here[..., 1], -here[..., 0], np.zeros_like(z)), axis=-1)
        return here, inertial + drift

    @property
    def _rate(self) -> float:
        return float(np.sqrt(GRAVITY_M3_S2 / self.radius_m**3))

    def since_node_s(self) -> float:
        """Seconds from the ascending node to time 0."""
        return float((self.start_rad % (2 * np.pi)) / self._rate)

    def moved(self, across_m: float, up_m: float, along_m: float, lat_deg: float) -> CircularOrbit:
        """Return the orbit of another pass that flies a little beside this one."""
        return replace(
            self,
            node_rad=self.node_rad + across_m / (self.radius_m * np.cos(np.radians(lat_deg))),
            start_rad=self.start_rad + along_m / self.radius_m,
            radius_m=self.radius_m + up_m,
        )


def orbit_over(lon_deg: float, lat_deg: float, height_m: float, range_m: float) -> CircularOrbit:
    """Return the ascending orbit that has a point abeam to its right at time 0, at a slant range."""
    point = to_ecef(lon_deg, lat_deg, height_m)

    def off(unknown: NDArray[np.float64]) -> list[float]:
        orbit = CircularOrbit(unknown[0], unknown[1])
        here = point - orbit.position(0.0)
        speed = orbit.velocity(0.0)
        return [float(here @ speed) / 1e9, (float(np.linalg.norm(here)) - range_m) / 1e5]

    along = float(np.arcsin(np.sin(np.radians(lat_deg)) / np.sin(INCLINATION_RAD)))
    swing = np.arctan2(np.sin(along) * np.cos(INCLINATION_RAD), np.cos(along))
    west_deg = 5.2 / np.cos(np.radians(lat_deg))
    found = root(off, [np.radians(lon_deg - west_deg) - swing, along], tol=1e-13)
    if not found.success:
        raise ValueError(f"no orbit sees {lon_deg}, {lat_deg} at {range_m} m")
    return CircularOrbit(float(found.x[0]), float(found.x[1]))


def to_ecef(lon_deg: ArrayLike, lat_deg: ArrayLike, height_m: ArrayLike) -> Vectors:
    """Earth-fixed positions (..., 3) in m."""
    lon, lat, height = np.broadcast_arrays(lon_deg, lat_deg, height_m)
    return np.stack(_ECEF.transform(lon, lat, height), axis=-1)


def abeam(points: Vectors, orbit: CircularOrbit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return when points (n, 3) are abeam (s) and how far they are then (m), by the secant method."""
    # In parts that stay in the processor's cache.
    parts = [_abeam(points[i : i + AT_ONCE], orbit) for i in range(0, len(points), AT_ONCE)]
    time_s, range_m = zip(*parts, strict=True)
    return np.concatenate(time_s), np.concatenate(range_m)


def _abeam(points: Vectors, orbit: CircularOrbit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    before = np.zeros(points.shape[0])
    value_before = _along(points, orbit, before)
    # On the first step the ground moves below the satellite at about nine tenths of its speed.
    now = before + value_before / (0.9 * float(orbit.velocity(0.0) @ orbit.velocity(0.0)))
    for _ in range(8):
        value = _along(points, orbit, now)
        change = value - value_before
        step = np.where(change != 0.0, -value * (now - before) / np.where(change != 0.0, change, 1.0), 0.0)
        before, value_before, now = now, value, now + step
        if np.abs(step).max() < 1e-11:
            break
    return now, np.linalg.norm(points - orbit.position(now), axis=1)


def ground_point(
    orbit: CircularOrbit, time_s: float, range_m: float, height_m: float
) -> tuple[float, float, float, float]:
    """Longitude, latitude, height, incidence angle (deg) of what lies abeam on the right at a range."""
    satellite, velocity = orbit.position(time_s), orbit.velocity(time_s)
    ahead = velocity / np.linalg.norm(velocity)
    down = -satellite / np.linalg.norm(satellite)
    right = np.cross(down, ahead)
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)

    def off(angle: NDArray[np.float64]) -> list[float]:
        point = satellite + range_m * (np.cos(angle[0]) * down + np.sin(angle[0]) * right)
        return [_from_ecef(point)[2] - height_m]

    nadir_m = float(np.linalg.norm(satellite)) - SEMI_MAJOR_M
    found = root(off, [float(np.arccos(min(nadir_m / range_m, 0.999)))], tol=1e-14)
    point = satellite + range_m * (np.cos(found.x[0]) * down + np.sin(found.x[0]) * right)
    lon, lat, height = _from_ecef(point)
    normal = to_ecef(lon, lat, height + 1.0) - to_ecef(lon, lat, height)
    look = (satellite - point) / np.linalg.norm(satellite - point)
    return lon, lat, height, float(np.degrees(np.arccos(normal @ look)))


def _from_ecef(point: Any) -> tuple[float, float, float]:
    lon, lat, height = _ECEF.transform(point[0], point[1], point[2], direction="INVERSE")
    return float(lon), float(lat), float(height)


def _along(points: Vectors, orbit: CircularOrbit, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    position, velocity = orbit.state(time_s)
    along: NDArray[np.float64] = np.einsum("ij,ij->i", points - position, velocity)
    return along
