"""A part of a tile's 20 m grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from sen4cap_core.rasters.grids.grid import Grid

CELL_M = 20.0
_COARSE = 8
"""Longitude and latitude are computed at each eighth node."""


@dataclass(frozen=True)
class Box:
    """Cells ``row`` .. ``row + height`` and ``column`` .. ``column + width`` of a grid of 20 m."""

    grid: Grid
    row: int
    column: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of 20 m cells."""
        return self.height, self.width

    @property
    def corner_m(self) -> tuple[float, float]:
        """Upper left corner."""
        return self.grid.x_min_m + self.column * CELL_M, self.grid.y_max_m - self.row * CELL_M

    @property
    def slices(self) -> tuple[slice, slice]:
        """Where it lies in an array of the whole grid."""
        return slice(self.row, self.row + self.height), slice(self.column, self.column + self.width)

    def grown(self, cells: int) -> Box:
        """Return the box with so many cells more on each side, beyond the grid's edge too."""
        return Box(
            self.grid, self.row - cells, self.column - cells, self.height + 2 * cells, self.width + 2 * cells
        )

    def contains(self, other: Box) -> bool:
        """Whether another box of the same grid lies within."""
        return self.meet(other) == other

    def meet(self, other: Box) -> Box | None:
        """Common part of two boxes of the same grid, None where they have none."""
        row, column = max(self.row, other.row), max(self.column, other.column)
        height = min(self.row + self.height, other.row + other.height) - row
        width = min(self.column + self.width, other.column + other.width) - column
        return Box(self.grid, row, column, height, width) if height > 0 and width > 0 else None

    def within(self, other: Box) -> tuple[slice, slice]:
        """Slices of this box in an array of a larger one."""
        row, column = self.row - other.row, self.column - other.column
        return slice(row, row + self.height), slice(column, column + self.width)

    def coarse_lon_lat(self) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """Longitude and latitude of each eighth node, and that step; without a jump at 180 degrees."""
        x_min, y_max = self.corner_m
        rows = np.arange(self.height // _COARSE + 2) * (_COARSE * CELL_M)
        columns = np.arange(self.width // _COARSE + 2) * (_COARSE * CELL_M)
        x, y = np.meshgrid(x_min + columns, y_max - rows)
        lon, lat = Transformer.from_crs(self.grid.epsg, 4326, always_xy=True).transform(x, y)
        return np.degrees(np.unwrap(np.unwrap(np.radians(lon), axis=1), axis=0)), lat, _COARSE


def box_around(outline: BaseGeometry, grid: Grid) -> Box | None:
    """Return the cells of a grid that an outline in longitude and latitude touches, None for none."""
    if outline.is_empty:
        return None
    to_grid = Transformer.from_crs(4326, grid.epsg, always_xy=True)
    dense = shapely.segmentize(outline, 0.05)
    projected = shapely.transform(dense, lambda c: np.column_stack(to_grid.transform(c[:, 0], c[:, 1])))
    x_min, y_min, x_max, y_max = projected.bounds
    if not np.isfinite([x_min, y_min, x_max, y_max]).all():
        return None
    row, column = (
        int(np.floor((grid.y_max_m - y_max) / CELL_M)),
        int(np.floor((x_min - grid.x_min_m) / CELL_M)),
    )
    wanted = Box(
        grid,
        row,
        column,
        int(np.ceil((grid.y_max_m - y_min) / CELL_M)) - row,
        int(np.ceil((x_max - grid.x_min_m) / CELL_M)) - column,
    )
    return wanted.meet(Box(grid, 0, 0, grid.height, grid.width))
