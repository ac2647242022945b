"""The extent of a site, as a polygon file has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from shapely import MultiPolygon

from sen4cap_core.declarations.shapes.geometry import WGS84, repair, reproject
from sen4cap_core.declarations.vectors.vector_files import read_vector
from sen4cap_core.errors import BadUploadError

_MAX_EDGE_M = 5000.0
"""Longer straight edges get more vertices before they are reprojected: seen in degrees, 100 km of UTM bend
by 200 m, 5 km by half a metre."""


def read_site_extent(path: Path) -> MultiPolygon:
    """Read the extent of a site: the union of all polygons of a zipped shapefile, a GeoPackage or the like.

    Returns
    -------
    MultiPolygon in longitude and latitude (EPSG:4326), two dimensions, valid.

    Raises
    ------
    BadUploadError
        The file cannot be read, has no coordinate reference system, several layers, or no polygon.
    UnsafeArchiveError
        A zip that is not safe to unpack.
    """
    layer = read_vector(path)
    polygons = repair(layer.shapes.objects())
    if not any(polygon is not None for polygon in polygons.geometry):
        raise BadUploadError(
            path,
            f"{layer.file} holds no polygon.",
            expected="one or more polygons around the area to monitor",
            remedy="export the layer with the outline of the site.",
        )
    extent = shapely.union_all(polygons.geometry)
    if layer.crs.is_projected:
        unit_m = layer.crs.axis_info[0].unit_conversion_factor
        extent = shapely.segmentize(extent, _MAX_EDGE_M / unit_m)
    outline: MultiPolygon = repair(reproject(np.array([extent]), layer.crs, WGS84)).geometry[0]
    return outline
