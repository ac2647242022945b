"""The numbers of a burst's phase ramp, from its annotation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.sentinel1.annotation import SPEED_OF_LIGHT_M_S, Annotation, Burst
from sen4cap_core.sentinel1.orbit import OrbitFit


def burst_ramp(annotation: Annotation, burst: Burst, orbit: OrbitFit) -> NDArray[np.float64]:
    """Return the numbers that `sen4cap_core.kernels.radar.ramp.ramp_phase` takes, in its order.

    Raises
    ------
    UnreadableSceneError
        The annotation has no FM rates or Doppler centroids.
    """
    middle = annotation.burst_middle(burst)
    fm = annotation.nearest(annotation.fm_rates, middle)
    dc = annotation.nearest(annotation.doppler_centroids, middle)
    _, velocity = orbit.state(orbit.seconds(middle))
    speed_m_s = float(np.linalg.norm(velocity))
    steering_hz_s = 2.0 * speed_m_s * annotation.radar_hz * annotation.steering_rad_s / SPEED_OF_LIGHT_M_S
    interval_s = 1.0 / annotation.range_sampling_hz
    mid_range_s = annotation.first_range_time_s + 0.5 * annotation.n_samples * interval_s
    fm_mid = np.polynomial.polynomial.polyval(mid_range_s - fm.t0_s, fm.coefficients)
    dc_mid = np.polynomial.polynomial.polyval(mid_range_s - dc.t0_s, dc.coefficients)
    return np.array(
        [
            -0.5 * (annotation.lines_per_burst - 1) * annotation.line_interval_s,
            annotation.line_interval_s,
            annotation.first_range_time_s,
            interval_s,
            steering_hz_s,
            fm.t0_s,
            *_three(fm.coefficients),
            dc.t0_s,
            *_three(dc.coefficients),
            -dc_mid / fm_mid,
        ]
    )


def _three(coefficients: NDArray[np.float64]) -> list[float]:
    return [*coefficients[:3].tolist(), 0.0, 0.0, 0.0][:3]
