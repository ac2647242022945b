"""Radar products brought to a tile's grid, strip by strip: linear power or coherence, NaN missing."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.warp import reproject

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.passes.radar_sums import RadarInput, grid_of_window, read_strips, window_of

_MARGIN_PX = 2
"""Source pixels beyond a strip that its edge is interpolated from."""
_STEPS_PER_SIDE = 20


def bounds_in(grid: Grid, epsg: int) -> tuple[float, float, float, float]:
    """Return (x_min, y_min, x_max, y_max) of a grid in another projection."""
    if grid.epsg == epsg:
        return grid.bounds_m
    x_min, y_min, x_max, y_max = grid.bounds_m
    side = max(x_max - x_min, y_max - y_min) / _STEPS_PER_SIDE
    xy = shapely.get_coordinates(shapely.segmentize(shapely.box(x_min, y_min, x_max, y_max), side))
    x, y = Transformer.from_crs(grid.epsg, epsg, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def read_on_grid(
    one: RadarInput, mask: tuple[BandSource, tuple[int, ...]] | None, grid: Grid
) -> NDArray[np.float32]:
    """Read a product on the pixels of a grid (a strip of a tile); NaN where it has none.

    Products on other pixels are converted to power first and then interpolated bilinearly, finer ones
    averaged: the mean of decibels or amplitudes is another number.

    Raises UnreadableSceneError where the file cannot be read.
    """
    out = np.full(grid.shape, np.nan, np.float32)
    own = one.source.grid
    step = own.resolution_m
    x_min, y_min, x_max, y_max = bounds_in(grid, own.epsg)
    margin = 0.0 if _same_pixels(own, grid) else _MARGIN_PX * max(step, grid.resolution_m)
    window = window_of(own, (x_min - margin, y_min - margin, x_max + margin, y_max + margin))
    if window is None:
        return out
    values = _read(one, mask, window)
    part = grid_of_window(own, window)
    if _same_pixels(own, grid):
        row = round((grid.y_max_m - part.y_max_m) / step)
        column = round((part.x_min_m - grid.x_min_m) / step)
        out[row : row + part.height, column : column + part.width] = values
        return out
    how = Resampling.average if step < 0.75 * grid.resolution_m else Resampling.bilinear
    reproject(
        values, out, src_transform=part.transform, src_crs=f"EPSG:{part.epsg}", src_nodata=np.nan,
        dst_transform=grid.transform, dst_crs=f"EPSG:{grid.epsg}", dst_nodata=np.nan, resampling=how,
    )  # fmt: skip
    return out


def _read(
    one: RadarInput, mask: tuple[BandSource, tuple[int, ...]] | None, window: Block
) -> NDArray[np.float32]:
    strips = [values["band"] for _, values in read_strips({"band": one}, mask, window)]
    return np.vstack(strips)


def _same_pixels(own: Grid, grid: Grid) -> bool:
    """Whether the pixels of both coincide where they meet."""
    if own.epsg != grid.epsg or abs(own.resolution_m - grid.resolution_m) > 1e-6:
        return False
    rows = (own.y_max_m - grid.y_max_m) / grid.resolution_m
    columns = (own.x_min_m - grid.x_min_m) / grid.resolution_m
    return abs(rows - round(rows)) < 1e-3 and abs(columns - round(columns)) < 1e-3
