"""What a site says about its radar products, and the tiles a product meets."""

from __future__ import annotations

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from sen4cap_core.db.models import Site
from sen4cap_core.declarations.sites.site import RadarConfig, SiteConfig
from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_footprint, tile_grid, tiles_of_extent
from sen4cap_core.rasters.passes.radar_sums import HALF_DB, TRUE_DB, window_of
from sen4cap_core.scenes.acquisition.footprints import split_at_antimeridian
from sen4cap_core.scenes.radar.s1_model import RadarDefaults, RadarScene

_STEPS_PER_SIDE = 20
MAX_TILES = 60
"""A whole radar slice meets 12 to 16 tiles."""


def radar_config(site: Site) -> RadarConfig:
    """Return the radar part of a site's configuration."""
    return SiteConfig.model_validate(site.config).radar


def radar_defaults(config: RadarConfig) -> RadarDefaults:
    """Return what site.yaml says of products that do not say it themselves."""
    ours = {"compat", "dem_heights", "fringes", "backscatter", "layover_shadow"}
    return RadarDefaults(**config.model_dump(exclude=ours))


def db_factor_of(config: RadarConfig) -> tuple[float, str]:
    """Return the factor before log10(power), and its name in the observations' metadata."""
    return (HALF_DB, "half_db") if config.compat == "sen4cap" else (TRUE_DB, "true_db")


def outline_of(grid: Grid) -> BaseGeometry:
    """Outline of a grid in longitude and latitude, in two parts where it crosses the 180th meridian."""
    x_min, y_min, x_max, y_max = grid.bounds_m
    side_m = max(x_max - x_min, y_max - y_min) / _STEPS_PER_SIDE
    xy = shapely.get_coordinates(shapely.segmentize(shapely.box(x_min, y_min, x_max, y_max), side_m))
    longitude, latitude = Transformer.from_crs(grid.epsg, 4326, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return split_at_antimeridian(shapely.Polygon(np.column_stack([longitude, latitude])))


def tiles_met(scene: RadarScene, site_tiles: list[str]) -> list[str]:
    """Return the tiles of a site that a product lies on; its own tile where it was cut to one.

    Of a site without tiles, all that meet the product.

    Raises
    ------
    UnreadableSceneError
        When the product covers more tiles than a radar slice can.
    """
    if scene.tile is not None:
        return [scene.tile]
    outline = outline_of(scene.grid)
    if site_tiles:
        met = []
        for tile in site_tiles:
            footprint = tile_footprint(tile)
            if outline.intersects(footprint) and not outline.touches(footprint):
                met.append(tile)
        return met
    found = tiles_of_extent(outline)
    if len(found) > MAX_TILES:
        raise UnreadableSceneError(
            scene.path,
            f"it covers {len(found)} tiles, more than one radar product can.",
            remedy="check its coordinate system, or name the site's tiles in site.yaml.",
        )
    return found


def window_on_tile(grid: Grid, tile: str) -> Block | None:
    """Return the part of a product's grid that covers a tile; None where they do not meet."""
    whole = tile_grid(tile, 20)
    if whole.epsg == grid.epsg:
        return window_of(grid, whole.bounds_m)
    x_min, y_min, x_max, y_max = whole.bounds_m
    xy = shapely.get_coordinates(
        shapely.segmentize(shapely.box(x_min, y_min, x_max, y_max), (x_max - x_min) / _STEPS_PER_SIDE)
    )
    x, y = Transformer.from_crs(whole.epsg, grid.epsg, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return window_of(grid, (float(x.min()), float(y.min()), float(x.max()), float(y.max())))
