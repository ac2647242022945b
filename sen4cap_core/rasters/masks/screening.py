"""Screening of one date against the clear-sky state of its tile, on pixels of 60 m."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from sen4cap_core.kernels.composites.fields import sample_cubic
from sen4cap_core.kernels.optical.cloud_screening import (
    CLEAR,
    CLOUD,
    learn_clear,
    mark_clouds,
    mark_edges,
    mark_shadows,
    spread,
    usual_difference,
)
from sen4cap_core.rasters.masks.status import CLOUD as CLOUD_STATUS
from sen4cap_core.rasters.masks.status import LAND

SCREENING_RESOLUTION_M = 60.0
_MISSING = -32768


@dataclass(frozen=True)
class ScreeningSettings:
    """Thresholds; reflectance 0..1."""

    rise: float = 0.022
    """Blue brighter than before, beyond haze."""
    rise_per_day: float = 0.0004
    red_share: float = 1.35
    """Red that rises more than this times the blue is a change of the ground."""
    cirrus: float = 0.012
    haze_limit: float = 0.02
    """More than this in common is no haze but cloud."""
    clean_limit: float = 0.01
    """Less than minus this in common: the reference was taken through a veil."""
    haze_cell_m: float = 3000.0
    fall: float = 0.18
    """Share of the near infrared lost in a shadow."""
    shadow_red_rise: float = 0.005
    highest_cloud_m: float = 4000.0
    longest_days: int = 90
    edge_pixels: int = 2
    """How far edges of clouds and shadows reach."""
    edge_rise: float = 0.01
    edge_fall: float = 0.1
    share: float = 0.5
    patience: int = 4


@dataclass(eq=False)
class ClearSky:
    """What the ground of a tile looks like without clouds, so far."""

    reference: NDArray[np.int16]
    """(3, rows, columns): blue, red, near infrared, reflectance x 10 000."""
    day: NDArray[np.int32]
    """(rows, columns), days since 1970-01-01 of the last clear value, -1 without one."""
    refused: NDArray[np.uint8]
    """(rows, columns), dates in a row that the product called clear and the screening did not."""

    @classmethod
    def unknown(cls, shape: tuple[int, int]) -> ClearSky:
        """State before the first date."""
        return cls(
            np.full((3, *shape), _MISSING, np.int16), np.full(shape, -1, np.int32), np.zeros(shape, np.uint8)
        )


@dataclass(frozen=True, eq=False)
class ScreenedDate:
    """What the screening is given of a date, on one grid."""

    day: int
    """Since 1970-01-01."""
    bands: NDArray[np.int16]
    """(3, rows, columns): blue, red, near infrared, reflectance x 10 000, -32768 missing."""
    status: NDArray[np.uint8]
    """(rows, columns), of the product's own masks."""
    sun_zenith_deg: float | None
    sun_azimuth_deg: float | None
    """Towards the sun, clockwise from north; without a direction no shadow is looked for."""
    cirrus: NDArray[np.int16] | None = None
    """(rows, columns), band of 1.38 um where the product has it."""


def screen(
    date: ScreenedDate,
    state: ClearSky,
    settings: ScreeningSettings | None = None,
    resolution_m: float = SCREENING_RESOLUTION_M,
) -> NDArray[np.uint8]:
    """Mark clouds and shadows of a date that the product's masks leave out, and bring the state up to it.

    Returns
    -------
    uint8 (rows, columns) of `CLEAR`, `CLOUD` and `SHADOW`, soft edges included, those of the product's clouds
    too.
    """
    s = settings or ScreeningSettings()
    clear = ((date.status == LAND) & (date.bands != _MISSING).all(axis=0)).astype(np.uint8)
    marks = np.zeros(clear.shape, np.uint8)
    cirrus = np.full(clear.shape, _MISSING, np.int16) if date.cirrus is None else date.cirrus
    blue, red, nir = date.bands
    known_blue, known_red, known_nir = state.reference
    haze = _haze(date, state, clear, s, resolution_m)
    mark_clouds(
        blue, red, cirrus, clear, known_blue, known_red, state.day, haze, date.day, s.rise * 1e4,
        s.rise_per_day * 1e4, s.red_share, round(s.cirrus * 1e4), s.longest_days, marks,
    )  # fmt: skip
    cloudy = ((marks == CLOUD) | (date.status == CLOUD_STATUS)).astype(np.uint8)
    if date.sun_zenith_deg is not None and date.sun_azimuth_deg is not None:
        azimuth = math.radians(date.sun_azimuth_deg)
        reach_m = s.highest_cloud_m * math.tan(math.radians(min(date.sun_zenith_deg, 75.0)))
        mark_shadows(
            red, nir, clear, cloudy, known_red, known_nir, state.day, date.day, s.fall,
            s.shadow_red_rise * 1e4, -math.cos(azimuth), math.sin(azimuth),
            max(1, round(reach_m / resolution_m)), s.longest_days, marks,
        )  # fmt: skip
    spoilt = ((marks != CLEAR) | (cloudy == 1)).astype(np.uint8)
    near, beside = np.empty(clear.shape, np.uint8), np.empty(clear.shape, np.uint8)
    spread(spoilt, s.edge_pixels, near)
    spread(spoilt, 1, beside)
    mark_edges(
        blue, red, nir, clear, near, beside, known_blue, known_red, known_nir, state.day, haze, date.day,
        s.edge_rise * 1e4, s.red_share, s.edge_fall, s.shadow_red_rise * 1e4, s.longest_days, marks,
    )  # fmt: skip
    learn_clear(
        date.bands, clear, marks, date.day, s.share, s.patience, state.reference, state.day, state.refused
    )
    return marks


def _haze(
    date: ScreenedDate, state: ClearSky, clear: NDArray[np.uint8], s: ScreeningSettings, resolution_m: float
) -> NDArray[np.float32]:
    """What haze adds to the blue: medians of cells, of their neighbours where a cell shows too little."""
    cell = max(1, round(s.haze_cell_m / resolution_m))
    usable = clear & (state.day >= 0) & (date.day - state.day <= s.longest_days)
    shape = (-(-clear.shape[0] // cell), -(-clear.shape[1] // cell))
    coarse = np.empty(shape, np.float32)
    usual_difference(
        date.bands[0], state.reference[0], usable.astype(np.uint8), cell, cell * cell // 10, coarse
    )
    out = np.zeros(clear.shape, np.float32)
    known = np.isfinite(coarse)
    if not known.any():
        return out
    lowest, highest = -s.clean_limit * 1e4, s.haze_limit * 1e4
    nearest = scipy.ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled = np.clip(coarse[tuple(nearest)], lowest, highest)
    # The sampling keeps within 0..1.
    unit = ((filled - lowest) / (highest - lowest)).astype(np.float32)
    first = 0.5 / cell - 0.5
    sample_cubic(unit, first, 1 / cell, first, 1 / cell, out)
    haze: NDArray[np.float32] = (out * (highest - lowest) + lowest).astype(np.float32)
    return haze
