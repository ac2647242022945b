"""Footprints that cross the 180th meridian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon, box, get_coordinates, transform, unary_union
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry


def split_at_antimeridian(footprint: Polygon | MultiPolygon) -> BaseGeometry:
    """Return a footprint in longitude and latitude as parts within -180..180 degrees.

    A footprint of one tile that spans more than 180 degrees of longitude crosses the antimeridian: its
    corners were written with longitudes on both sides of it. So does one whose longitudes go on beyond 180.
    """
    longitudes = get_coordinates(footprint)[:, 0]
    if longitudes.max() - longitudes.min() <= 180.0 and longitudes.max() <= 180.0:
        return footprint
    unrolled = transform(footprint, _unroll)
    west = unrolled.intersection(box(0.0, -90.0, 180.0, 90.0))
    east = translate(unrolled.intersection(box(180.0, -90.0, 360.0, 90.0)), xoff=-360.0)
    return unary_union([part for part in (west, east) if part.area > 0])


def _unroll(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([corners[:, 0] % 360.0, corners[:, 1]])
