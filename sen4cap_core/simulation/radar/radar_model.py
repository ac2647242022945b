"""What a simulated radar pass consists of: instrument, timing, swaths and bursts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, CircularOrbit, ground_point

RADAR_HZ = 5.405000454334350e9
SAMPLING_HZ = 6.434523812571428e7
LINE_INTERVAL_S = 2.055556299999998e-3
STEERING_DEG_S = 1.590368784
LINE_BANDWIDTH, SAMPLE_BANDWIDTH = 0.643, 0.879
"""Shares of the sampled spectrum that the processor fills, as in IW1."""
HAMMING = 0.75
FM_RATE = (-2328.171060750773, 4.507722724224987e5, -7.912589888324703e7)
DOPPLER = (-10.63056, -9.981340e3, -3.388396e6)
"""FM rate and Doppler centroid of a published annotation, by two-way time since the first sample."""
CALIBRATION = (300.0, 24.0)
"""Digital numbers per square root of sigma0: at the first sample, and more at the last."""
BETA_INCIDENCE_DEG = 35.0
"""The calibration tables of beta0 and gamma0 are those of one incidence angle."""


@dataclass(frozen=True)
class SwathModel:
    """One swath: where its samples lie in range, and when its bursts begin."""

    name: str
    first_range_s: float
    """Two-way time."""
    n_samples: int
    burst_starts_s: list[float]
    """Seconds from the moment at which the scene's middle is abeam."""
    lines_per_burst: int

    def calibration(self, sample: NDArray[np.float64]) -> NDArray[np.float64]:
        """Digital numbers per square root of sigma0."""
        return CALIBRATION[0] + CALIBRATION[1] * sample / self.n_samples

    def sample_of(self, range_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional sample at a slant range."""
        return np.asarray((2.0 * range_m / LIGHT_M_S - self.first_range_s) * SAMPLING_HZ)

    def doppler_hz(
        self, since_middle_s: NDArray[np.float64], range_m: NDArray[np.float64], speed_m_s: float
    ) -> NDArray[np.float64]:
        """Frequency at which a scatterer was seen, from the time at which the turning beam's centre met it.

        The beam looks at ``centroid + steering * t`` at time t; a scatterer abeam at ``since_middle_s`` has
        ``rate * (t - since_middle_s)``; both are equal when the beam meets it.
        """
        since_s = 2.0 * range_m / LIGHT_M_S - self.first_range_s
        rate = FM_RATE[0] + since_s * (FM_RATE[1] + since_s * FM_RATE[2])
        centroid = DOPPLER[0] + since_s * (DOPPLER[1] + since_s * DOPPLER[2])
        steering = 2.0 * speed_m_s / LIGHT_M_S * RADAR_HZ * np.radians(STEERING_DEG_S)
        met_s = (centroid + rate * since_middle_s) / (rate - steering)
        return np.asarray(centroid + steering * met_s)


@dataclass(frozen=True)
class PassModel:
    """One pass of one satellite over the scene."""

    platform: str
    middle_at: datetime
    orbit: CircularOrbit
    swaths: list[SwathModel]
    relative_orbit: int
    noise: dict[str, float] = field(default_factory=dict)
    """sigma0 of the thermal noise by polarisation; none: no noise."""

    def instant(self, time_s: float) -> datetime:
        """UTC of a time relative to the scene's middle."""
        return self.middle_at + timedelta(seconds=time_s)

    @property
    def ground_speed_m_s(self) -> float:
        """How fast what lies abeam moves along the ground, at the first range."""
        range_m = self.swaths[0].first_range_s * LIGHT_M_S / 2
        before, after = (ground_point(self.orbit, t, range_m, 0.0)[:2] for t in (-0.5, 0.5))
        return float(Geod(ellps="WGS84").inv(*before, *after)[2])

    @property
    def absolute_orbit(self) -> int:
        """Number of the orbit, such that the relative one follows from it; cycles are made up."""
        offset = {"S1A": 73, "S1B": 27, "S1C": 99, "S1D": 42}[self.platform]
        return 175 * 200 + self.relative_orbit - 1 + offset


def response(bandwidth: float, reach: int, oversampling: int) -> NDArray[np.float32]:
    """Impulse response of a Hamming-weighted spectrum at distances -reach .. reach."""
    at = bandwidth * np.linspace(-reach, reach, 2 * reach * oversampling + 1)
    side = 0.5 * (1.0 - HAMMING)
    shape = HAMMING * np.sinc(at) + side * (np.sinc(at - 1.0) + np.sinc(at + 1.0))
    return np.asarray(bandwidth * shape, np.float32)
