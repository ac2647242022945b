"""Scenes of another UTM zone on the grid of a tile: Landsat comes in the zone of its own scene's centre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pyproj import Transformer

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import LAND, NO_DATA
from sen4cap_core.rasters.masks.status_masks import StatusMask
from sen4cap_core.scenes.acquisition.model import Scene

_STEPS_PER_SIDE = 20


def shares_ground(scene: Grid, tile: Grid) -> bool:
    """Whether a scene's grid, of any zone, reaches into that of a tile."""
    left, bottom, right, top = scene.bounds_m
    if scene.epsg != tile.epsg:
        to_tile = Transformer.from_crs(scene.epsg, tile.epsg, always_xy=True)
        left, bottom, right, top = to_tile.transform_bounds(left, bottom, right, top, _STEPS_PER_SIDE)
    x_min, y_min, x_max, y_max = tile.bounds_m
    return left < x_max and right > x_min and bottom < y_max and top > y_min


def in_zone_of(scene: Scene, grid: Grid) -> Scene:
    """Return a scene whose bands and masks lie on a grid, where it is of another zone; else the scene itself.

    Each pixel takes the one of the scene that holds its centre: the one resampling. Beyond the scene there
    is no data. Angle grids are left out, for they lie in the zone of the scene.
    """
    if scene.grid.epsg == grid.epsg:
        return scene
    angles = scene.angles
    return replace(
        scene,
        grid=grid,
        bands={
            name: replace(band, grid=grid, warped_from=band.grid, outside=band.nodata)
            for name, band in scene.bands.items()
        },
        masks=tuple(_moved(mask, grid) for mask in scene.masks),
        aot=None if scene.aot is None else replace(scene.aot, grid=grid, warped_from=scene.aot.grid),
        angles=None if angles is None else replace(angles, sun=None, view={}),
    )


def _moved(mask: StatusMask, grid: Grid) -> StatusMask:
    """Beyond a mask stands a number that it calls no data; one that knows none has nothing to say there."""
    numbers = np.flatnonzero(mask.table == NO_DATA)
    numbers = numbers if numbers.size else np.flatnonzero(mask.table == LAND)
    source = mask.source
    moved = replace(source, grid=grid, warped_from=source.grid, nodata=None, outside=float(numbers[0]))
    return replace(mask, source=moved)
