"""Footprints in longitude and latitude, as STAC wants them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyproj
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from sen4cap_core.rasters.grids.grid import Grid

DECIMALS = 6
"""Of a degree: 0.11 m on the ground, a hundredth of a 10 m pixel."""
EDGE_PARTS = 8
"""Pieces each edge of a grid is cut into: a straight UTM edge of 110 km is bent by up to 400 m in degrees."""


def grid_footprint(grid: Grid) -> Polygon | MultiPolygon:
    """Return the outline of a grid in EPSG:4326, split where it crosses the 180th meridian."""
    x_min, y_min, x_max, y_max = grid.bounds_m
    outline = shapely.box(x_min, y_min, x_max, y_max)
    longest_m = max(x_max - x_min, y_max - y_min)
    return to_degrees(outline.segmentize(longest_m / EDGE_PARTS), f"EPSG:{grid.epsg}")


def to_degrees(outline: Polygon, crs: str) -> Polygon | MultiPolygon:
    """Project one polygon to EPSG:4326, rounded, split where it crosses the 180th meridian.

    The polygon must not hold a pole; those of Sentinel-2 tiles do not.
    """
    to_wgs84 = _to_wgs84(crs)
    x, y = shapely.get_coordinates(outline.exterior).T
    longitude, latitude = to_wgs84.transform(x, y)
    crosses = longitude.max() - longitude.min() > 180
    if crosses:
        longitude = np.where(longitude < 0, longitude + 360, longitude)
    ring = Polygon(np.column_stack([longitude, latitude]).round(DECIMALS))
    ring = shapely.orient_polygons(ring)  # counter-clockwise, as GeoJSON says
    if not crosses:
        return ring
    west = shapely.intersection(ring, shapely.box(0, -90, 180, 90))
    east = shapely.intersection(ring, shapely.box(180, -90, 360, 90))
    east = shapely.transform(east, lambda xy: xy - (360.0, 0.0))
    return MultiPolygon([shapely.orient_polygons(part) for part in (west, east)])


def bbox_of(footprint: BaseGeometry) -> list[float]:
    """Return ``[west, south, east, north]`` in degrees; west > east where it crosses the 180th meridian."""
    west, south, east, north = footprint.bounds
    if isinstance(footprint, MultiPolygon) and west == -180 and east == 180:
        west = min(part.bounds[0] for part in footprint.geoms if part.bounds[0] >= 0)
        east = max(part.bounds[2] for part in footprint.geoms if part.bounds[2] <= 0)
    return [round(value, DECIMALS) for value in (west, south, east, north)]


def union_bbox(boxes: Sequence[Sequence[float]]) -> list[float]:
    """Return the box around several; all longitudes where one of them crosses the 180th meridian."""
    if any(box[0] > box[2] for box in boxes):
        west, east = -180.0, 180.0
    else:
        west, east = min(box[0] for box in boxes), max(box[2] for box in boxes)
    return [west, min(box[1] for box in boxes), east, max(box[3] for box in boxes)]


@lru_cache(maxsize=256)
def _to_wgs84(crs: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
