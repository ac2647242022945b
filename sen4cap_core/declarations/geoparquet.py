"""GeoParquet, and plain Parquet whose geometry is only WKB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from sen4cap_core.declarations.vector_packs import called
from sen4cap_core.declarations.wkb import from_wkb, in_two_dimensions
from sen4cap_core.errors import BadUploadError

_USUAL_NAMES = ("geometry", "geom", "wkb_geometry", "the_geom", "wkb", "shape")


def read(path: Path, file: Path) -> tuple[NDArray[np.object_], pa.Table, CRS | None]:
    """Read geometries (two dimensions, None where missing), other columns, and the CRS where one is stated.

    The metadata of GeoParquet 1.x say which column is the geometry and its CRS (longitude and latitude
    where they say nothing). Without them a binary column of a usual name is read as WKB; its CRS is unknown.

    Raises
    ------
    BadUploadError
        The file is damaged or has no geometry.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            schema = parquet.schema_arrow
            metadata = (schema.metadata or {}).get(b"geo")
            if metadata is not None:
                about: dict[str, Any] = json.loads(metadata)
                primary = str(about["primary_column"])
                geometry, crs = _from_metadata(file, primary)
                covering = about["columns"][primary].get("covering", {}).get("bbox", {})
                unwanted = {*about["columns"], *(places[0] for places in covering.values())}
            else:
                primary = _usual_column(path, file, schema)
                geometry, crs = from_wkb(parquet.read([primary]).column(0)), None
                unwanted = {primary}
            kept = [name for name in schema.names if name not in unwanted]
            attributes = parquet.read(kept)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, CRSError,
            shapely.errors.ShapelyError) as error:  # fmt: skip
        raise BadUploadError(
            path,
            f"{called(path, file)} cannot be read as GeoParquet ({error}).",
            remedy="copy or export the file again.",
        ) from error
    return in_two_dimensions(geometry), attributes, crs


def _from_metadata(file: Path, primary: str) -> tuple[NDArray[np.object_], CRS | None]:
    series = gpd.read_parquet(file, columns=[primary]).geometry
    return series.to_numpy(), series.crs


def _usual_column(path: Path, file: Path, schema: pa.Schema) -> str:
    binary: list[str] = [
        field.name
        for field in schema
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
    ]
    for name in _USUAL_NAMES:
        for column in binary:
            if column.lower() == name:
                return column
    raise BadUploadError(
        path,
        f"{called(path, file)} is a Parquet table without geometry; its columns are "
        f"{', '.join(schema.names[:30])}.",
        expected="GeoParquet, or a column `geometry` with WKB",
        remedy="export the parcels with their polygons as GeoParquet.",
    )
