"""What the tests of the radar chain know of the simulated scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.simulation.radar.radar_pair import RadarPair

GRID_HEIGHT_M = 130.0
VH_NOISE = 0.012
"""sigma0 of the noise in VH, where the ground has 0.03."""


@dataclass(frozen=True)
class Simulated:
    """The products on disk and what is true of them."""

    pair: RadarPair
    first: Path
    """A folder with VV and VH."""
    second: Path
    """A zip with VV alone."""
    orbit_file: Path
    dem: Path

    @property
    def grid(self) -> Grid:
        """The tile at 20 m."""
        return tile_grid(self.pair.tile, 20)

    @property
    def parcels(self) -> NDArray[np.object_]:
        """One parcel: the whole scene."""
        return np.array([outline_deg(self.pair.ground.grid)], object)

    def on_scene(self, tile: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cut the scene out of a raster of the tile."""
        ground = self.pair.ground.grid
        row = round((self.grid.y_max_m - ground.y_max_m) / 20)
        column = round((ground.x_min_m - self.grid.x_min_m) / 20)
        return tile[row : row + ground.height, column : column + ground.width]


def outline_deg(grid: Grid) -> shapely.Polygon:
    """Corners of a grid in longitude and latitude."""
    x_min, y_min, x_max, y_max = grid.bounds_m
    to_deg = Transformer.from_crs(grid.epsg, 4326, always_xy=True)
    lon, lat = to_deg.transform([x_min, x_max, x_max, x_min], [y_min, y_min, y_max, y_max])
    return shapely.Polygon(list(zip(lon, lat, strict=True)))
