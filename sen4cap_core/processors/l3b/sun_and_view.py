"""The three cosines the networks take, at the nodes of a product's angle grids or once for the scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.scenes.acquisition.angles import AngleGrid, MeanAngle, SceneAngles


@dataclass(frozen=True, eq=False)
class Cosines:
    """Cosines of view zenith, sun zenith and relative azimuth over a scene."""

    nodes: NDArray[np.float32]
    """(3, rows, columns), finite; one row and column for a scene with mean angles."""
    x_min_m: float
    """Easting of the first column of nodes; rows go south from ``y_max_m``."""
    y_max_m: float
    row_step_m: float
    col_step_m: float
    sun_source: str
    """Where the sun's direction comes from: ``grid`` or ``mean``."""
    view_source: str
    """``grid``, ``mean``, or ``nadir`` where the product says nothing of it."""


def cosines_of(angles: SceneAngles | None, bands: Sequence[str]) -> Cosines | None:
    """Return the cosines for some bands of a scene; None where the product does not say where the sun stood.

    The view direction of a band is the mean over its detectors, that of the networks the mean over their
    bands; azimuths are averaged as directions, so that 359 and 1 degree give 0. Grids without a single number
    give way to the mean angles, nodes that no detector saw to the nearest that one did. Without any view
    direction the sensor is taken to look straight down, at a relative azimuth of 90 degrees: over the 10
    degrees off nadir that Sentinel-2 reaches the cosine changes by 0.015.
    """
    if angles is None:
        return None
    view = _mean_over_bands(angles, bands)
    sun = angles.sun if angles.sun is not None and _is_known(angles.sun).any() else None
    shape_of = view or sun
    shape = shape_of.zenith_deg.shape if shape_of else (1, 1)
    steps = (shape_of.row_step_m, shape_of.col_step_m) if shape_of else (1.0, 1.0)
    sun_at = _at_nodes(sun, shape, steps)
    if sun_at is None and angles.mean_sun is None:
        return None
    sun_source, view_source = "mean" if sun_at is None else "grid", "grid"
    if sun_at is None:
        assert angles.mean_sun is not None
        sun_at = _everywhere(angles.mean_sun, shape)
    view_at = _at_nodes(view, shape, steps)
    if view_at is None:
        means = [angles.mean_view[band] for band in bands if band in angles.mean_view]
        view_source = "mean" if means else "nadir"
        mean = _mean_direction(means) if means else None
        view_at = _everywhere(mean, shape) if mean else (np.zeros(shape), sun_at[1] + 90.0)
    cosines = (np.deg2rad(view_at[0]), np.deg2rad(sun_at[0]), np.deg2rad(sun_at[1] - view_at[1]))
    nodes = np.stack([np.cos(part) for part in cosines]).astype(np.float32)
    return Cosines(nodes, angles.x_min_m, angles.y_max_m, *steps, sun_source, view_source)


def _mean_over_bands(angles: SceneAngles, bands: Sequence[str]) -> AngleGrid | None:
    """Mean over bands of each band's mean over its detectors; None without a number."""
    of_bands = [angles.view_over_detectors([band]) for band in bands]
    known = [grid for grid in of_bands if grid is not None and _is_known(grid).any()]
    if not known or len({grid.zenith_deg.shape for grid in known}) != 1:
        return None
    one_each = {"": dict(enumerate(known))}
    whole = SceneAngles(angles.x_min_m, angles.y_max_m, view=one_each)
    return whole.view_over_detectors([""])


def _is_known(grid: AngleGrid) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = np.isfinite(grid.zenith_deg) & np.isfinite(grid.azimuth_deg)
    return known


def _at_nodes(
    grid: AngleGrid | None, shape: tuple[int, ...], steps: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Zenith and azimuth at nodes, each from the nearest node of the grid that has a number."""
    if grid is None:
        return None
    row, col = np.nonzero(_is_known(grid))
    y, x = row * grid.row_step_m, col * grid.col_step_m
    at_y, at_x = np.meshgrid(np.arange(shape[0]) * steps[0], np.arange(shape[1]) * steps[1], indexing="ij")
    nearest = np.argmin((at_y[..., None] - y) ** 2 + (at_x[..., None] - x) ** 2, axis=-1)
    zenith = grid.zenith_deg[row, col].astype(np.float64)[nearest]
    return zenith, grid.azimuth_deg[row, col].astype(np.float64)[nearest]


def _everywhere(
    direction: MeanAngle, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.full(shape, direction.zenith_deg), np.full(shape, direction.azimuth_deg)


def _mean_direction(directions: Sequence[MeanAngle]) -> MeanAngle:
    azimuth = np.deg2rad([d.azimuth_deg for d in directions])
    mean = np.rad2deg(np.arctan2(np.sin(azimuth).sum(), np.cos(azimuth).sum())) % 360.0
    return MeanAngle(float(np.mean([d.zenith_deg for d in directions])), float(mean))
