"""Directional correction of reflectance: what a surface would show seen from straight above.

A linear model of volume and surface scattering (Vermote et al. 2009): ``M = 1 + kV FV + kR FR``, where FV is
the Ross-thick kernel with the hot spot of Maignan et al. 2004 and FR the reciprocal Li-sparse kernel. The
corrected reflectance is ``M0 / M`` times the measured one, where M0 is for the same sun and a view from the
zenith.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from sen4cap_core.rasters.passes.composite_dates import Field
from sen4cap_core.scenes.acquisition.angles import SceneAngles

COEFFICIENTS: Mapping[str, tuple[float, float]] = {
    "B02": (0.4, 0.25),
    "B03": (0.4, 0.25),
    "B04": (0.4, 0.25),
    "B05": (0.4, 0.25),
    "B06": (0.5, 0.2),
    "B07": (0.7, 0.15),
    "B08": (0.7, 0.15),
    "B8A": (0.7, 0.15),
    "B11": (0.5, 0.2),
    "B12": (0.5, 0.2),
}
"""kV and kR by band, as the original delivers them: its slopes over NDVI are 0 in every band."""

_HOT_SPOT = np.deg2rad(1.5)

Angle = NDArray[np.float64]


def model(
    sun: Angle,
    sun_azimuth: Angle,
    view: Angle,
    view_azimuth: Angle,
    kv: float,
    kr: float,
    *,
    original: bool = False,
) -> Angle:
    """Relative reflectance M of a direction; all angles in radians, of any one shape.

    ``original``: as the original has it, whose two kernels bear each other's name, so that the weight of the
    volume goes to the roughness: at a sun 65 degrees from the zenith near infrared came to nothing.
    """
    across = sun_azimuth - view_azimuth
    tan_sun, tan_view = np.tan(sun), np.tan(view)
    cos_sun, cos_view = np.cos(sun), np.cos(view)
    distance2 = tan_sun**2 + tan_view**2 - 2.0 * tan_sun * tan_view * np.cos(across)
    path = 1.0 / cos_sun + 1.0 / cos_view
    cos_phase = np.clip(cos_sun * cos_view + np.sin(sun) * np.sin(view) * np.cos(across), -1.0, 1.0)
    phase = np.arccos(cos_phase)
    overlap = np.sqrt(np.maximum(distance2, 0.0) + (tan_sun * tan_view * np.sin(across)) ** 2) / path
    cos_t = np.clip(overlap, -1.0, 1.0)
    t = np.arccos(cos_t)
    roughness = path / np.pi * (t - np.sin(t) * cos_t - np.pi) + (1.0 + cos_phase) / (
        2.0 * cos_sun * cos_view
    )
    hot_spot = 1.0 + 1.0 / (1.0 + phase / _HOT_SPOT)
    volume = (
        4.0 / (3.0 * np.pi) / (cos_sun + cos_view)
        * ((np.pi / 2.0 - phase) * cos_phase + np.sin(phase)) * hot_spot
        - 1.0 / 3.0
    )  # fmt: skip
    if original:
        volume, roughness = roughness, volume
    relative: Angle = 1.0 + kv * volume + kr * roughness
    return relative


def nadir_factor(angles: SceneAngles | None, band: str, *, original: bool = False) -> Field | None:
    """Factor M0 / M of a band at the nodes of the angle grids.

    Nodes that no detector saw have that of the nearest one seen, and so have those whose sun is so low that
    the model says nothing (M or M0 not above 0), but for the original. None where the product has no angle
    grids or the band no coefficients.
    """
    if angles is None or band not in COEFFICIENTS:
        return None
    view, sun = angles.view_over_detectors([band]), angles.sun
    if view is None or sun is None or view.zenith_deg.shape != sun.zenith_deg.shape:
        return None
    at_sun, sun_azimuth, at_view, view_azimuth = (
        np.deg2rad(np.asarray(part, np.float64))
        for part in (sun.zenith_deg, sun.azimuth_deg, view.zenith_deg, view.azimuth_deg)
    )
    kv, kr = COEFFICIENTS[band]
    zero = np.zeros_like(at_sun)
    with np.errstate(invalid="ignore"):
        from_above = model(at_sun, zero, zero, zero, kv, kr, original=original)
        from_there = model(at_sun, sun_azimuth, at_view, view_azimuth, kv, kr, original=original)
        factor = from_above / from_there
        known = np.isfinite(factor) & (original | ((from_above > 0) & (from_there > 0)))
    if not known.any():
        return None
    nearest = scipy.ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled = factor[tuple(nearest)].astype(np.float32)
    return Field(filled, angles.x_min_m, angles.y_max_m, view.col_step_m, view.row_step_m)
