"""Where the pixels of a simulated detected product lie.

The distance on the ground is measured along points that the orbit sees at a height, not with the polynomials
that the annotation names; those are fitted to it, as in published products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from sen4cap_core.simulation.radar.radar_model import SAMPLING_HZ, PassModel
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, ground_point
from sen4cap_core.simulation.radar.radar_product import period_of

PIXEL_M = 10.0
DETECTED_INTERVAL_S = 1.490478043568188e-3
FIT_ORDER = 5
_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True)
class GroundRangeModel:
    """Where the pixels of a detected image lie."""

    flight: PassModel
    first_s: float
    """Zero-Doppler time of the first line."""
    n_lines: int
    n_samples: int
    first_range_m: float
    times_s: NDArray[np.float64]
    """float64 (n,): when the distances were measured"""
    ranges_m: NDArray[np.float64]
    """float64 (m,): slant ranges"""
    ground_m: NDArray[np.float64]
    """float64 (n, m): distance on the ground from the first range"""

    def line_of(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional line at a time."""
        return np.asarray((time_s - self.first_s) / DETECTED_INTERVAL_S)

    def sample_of(self, time_s: NDArray[np.float64], range_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional sample at a time and slant range, beyond the swath by the last slope."""
        early, late = (np.interp(range_m, self.ranges_m, ground) for ground in self.ground_m[[0, -1]])
        share = (time_s - self.times_s[0]) / (self.times_s[-1] - self.times_s[0])
        sample = (early + share * (late - early)) / PIXEL_M
        seen = (range_m >= self.ranges_m[0]) & (range_m <= self.ranges_m[-1])
        return np.where(seen, sample, np.nan)

    def range_of(self, sample: float, time_s: float) -> float:
        """Slant range (m) of a sample at a time."""
        share = (time_s - self.times_s[0]) / (self.times_s[-1] - self.times_s[0])
        ground_m = self.ground_m[0] + share * (self.ground_m[-1] - self.ground_m[0])
        return float(np.interp(sample * PIXEL_M, ground_m, self.ranges_m))

    def polynomials(self) -> list[NDArray[np.float64]]:
        """Coefficients of ground range over slant range beyond the first, for each time."""
        beyond = self.ranges_m - self.first_range_m
        fits = [np.polynomial.Polynomial.fit(beyond, ground, FIT_ORDER) for ground in self.ground_m]
        return [np.asarray(fit.convert().coef, np.float64) for fit in fits]


def ground_range_model(flight: PassModel, height_m: float) -> GroundRangeModel:
    """Return the pixels of a pass, with distances measured at a height above the ellipsoid."""
    first_s, last_s = period_of(flight)
    near_m = min(s.first_range_s for s in flight.swaths) * LIGHT_M_S / 2
    far_m = max(s.first_range_s + s.n_samples / SAMPLING_HZ for s in flight.swaths) * LIGHT_M_S / 2
    ranges_m = np.linspace(near_m, far_m, 60)
    times_s = np.array([first_s - 0.05, (first_s + last_s) / 2, last_s + 0.05])
    ground_m = []
    for time_s in times_s:
        places = np.array([ground_point(flight.orbit, time_s, r, height_m)[:2] for r in ranges_m])
        steps = _WGS84.inv(places[:-1, 0], places[:-1, 1], places[1:, 0], places[1:, 1])[2]
        ground_m.append(np.concatenate(([0.0], np.cumsum(steps))))
    n_lines = int((last_s - first_s) / DETECTED_INTERVAL_S)
    n_samples = int(min(ground[-1] for ground in ground_m) / PIXEL_M)
    return GroundRangeModel(
        flight, first_s, n_lines, n_samples, near_m, times_s, ranges_m, np.array(ground_m)
    )
