"""Where the sun stood and from where the sensor looked, on the coarse grids that products carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class AngleGrid:
    """Zenith and azimuth at nodes ``step`` metres apart, NaN where unknown.

    Node (0, 0) lies on the upper left corner of the tile's grid; rows go south, columns east.
    """

    zenith_deg: NDArray[np.float32]
    """(rows, columns), from the vertical."""
    azimuth_deg: NDArray[np.float32]
    """(rows, columns), clockwise from north, 0..360: towards the sun, or towards the sensor."""
    row_step_m: float
    col_step_m: float


@dataclass(frozen=True)
class MeanAngle:
    """One direction for the whole tile."""

    zenith_deg: float
    azimuth_deg: float


@dataclass(frozen=True, eq=False)
class SceneAngles:
    """Directions of one acquisition. Anything a product does not state is None or absent."""

    x_min_m: float
    y_max_m: float
    """Outer upper left corner of the grid the nodes are counted from, metres of its UTM zone."""
    sun: AngleGrid | None = None
    view: dict[str, dict[int, AngleGrid]] = field(default_factory=dict)
    """Band name -> detector number -> grid; each detector sees a strip and is NaN elsewhere."""
    mean_sun: MeanAngle | None = None
    mean_view: dict[str, MeanAngle] = field(default_factory=dict)
    """By band name."""

    def view_over_detectors(self, bands: Sequence[str]) -> AngleGrid | None:
        """Mean view direction of the bands (those that have grids) over all their detectors.

        The azimuth is that of the mean horizontal direction, so that 359 and 1 degree give 0; the zenith is
        the plain mean. NaN at nodes that no detector saw; None where none of the bands has a grid.
        """
        grids = [grid for band in bands for grid in self.view.get(band, {}).values()]
        if not grids:
            return None
        zenith = np.stack([grid.zenith_deg for grid in grids]).astype(np.float64)
        azimuth = np.deg2rad(np.stack([grid.azimuth_deg for grid in grids]).astype(np.float64))
        seen = np.isfinite(zenith) & np.isfinite(azimuth)
        n_seen = seen.sum(axis=0)
        east, north = (np.where(seen, part, 0.0).sum(axis=0) for part in (np.sin(azimuth), np.cos(azimuth)))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean_zenith = np.where(seen, zenith, 0.0).sum(axis=0) / n_seen
        mean_azimuth = np.where(n_seen > 0, np.rad2deg(np.arctan2(east, north)) % 360.0, np.nan)
        first = grids[0]
        return AngleGrid(
            mean_zenith.astype(np.float32),
            mean_azimuth.astype(np.float32),
            first.row_step_m,
            first.col_step_m,
        )
