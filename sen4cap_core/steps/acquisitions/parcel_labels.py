"""Labels of a declaration set on a grid: burnt once, kept as a file, reused for each date."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from shapely import box
from shapely.geometry.base import BaseGeometry

from sen4cap_core import __version__
from sen4cap_core.db.declared.declarations import load_parcels
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.products.footprint import grid_footprint
from sen4cap_core.products.naming import content_key, labels_path, version_of
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans, burn_labels, load_labels, save_labels
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sqlalchemy import Engine


def inner_buffer_m(resolution_m: float) -> float:
    """Distance by which outlines shrink before pixels are taken: half a pixel, as the original."""
    return -resolution_m / 2


def labels_of(
    context: Context,
    site_slug: str,
    year: int,
    declaration_set_id: int,
    tile: str,
    grid: Grid,
    *,
    buffer_m: float | None = None,
) -> LabelSpans:
    """Return the pixels of a declaration set's parcels on a grid; burnt at the first call, then read.

    ``buffer_m`` is negative for an inner buffer; default half a pixel.
    """
    if buffer_m is None:
        buffer_m = inner_buffer_m(grid.resolution_m)
    key = content_key(
        [f"declarations:{declaration_set_id}"], {"grid": grid.key, "buffer_m": buffer_m}, __version__
    )
    path = context.settings.data / labels_path(
        site_slug, year, declaration_set_id, tile, grid.resolution_m, version_of(key)
    )
    if path.is_file():
        return load_labels(path)
    with context.session() as session:
        parcels = load_parcels(session, declaration_set_id, bounds=grid_footprint(grid).bounds)
    # Geometry that could not be repaired is declared, flagged, and not measured.
    usable = parcels[parcels.geom_valid & ~parcels.geometry.isna()].to_crs(grid.epsg)
    labels = burn_labels(list(usable.geometry), usable.new_id.to_numpy(), grid, buffer_m)
    save_labels(path, labels)
    return labels


def outlines_on(
    context: Context, declaration_set_id: int, grid: Grid, limit: int = 5000
) -> list[BaseGeometry]:
    """Return parcel outlines in the CRS of a grid, for pictures; at most ``limit``, the largest.

    A version of declarations does not change: the scenes of a tile have the same outlines.
    """
    return list(_outlines_on(context.engine, declaration_set_id, grid, limit))


@lru_cache(maxsize=8)
def _outlines_on(engine: Engine, declaration_set_id: int, grid: Grid, limit: int) -> tuple[BaseGeometry, ...]:
    with session_scope(engine) as session:
        bounds = grid_footprint(grid).bounds
        parcels = load_parcels(session, declaration_set_id, bounds=bounds, largest=limit)
    parcels = parcels[~parcels.geometry.isna()].to_crs(grid.epsg)
    west, south, east, north = grid.bounds_m
    return tuple(parcels.geometry[parcels.intersects(box(west, south, east, north))])
