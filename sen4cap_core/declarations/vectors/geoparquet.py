"""GeoParquet, and plain Parquet whose geometry is only WKB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from sen4cap_core.declarations.shapes.shapes import Shapes, joined_shapes, shapes_of, shapes_of_wkb
from sen4cap_core.declarations.vectors.vector_packs import called
from sen4cap_core.errors import BadUploadError

_BATCH_ROWS = 32_768
_USUAL_NAMES = ("geometry", "geom", "wkb_geometry", "the_geom", "wkb", "shape")


def read(path: Path, file: Path) -> tuple[Shapes, pa.Table, CRS | None]:
    """Read shapes, other columns, and the CRS where one is stated.

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
                shapes, crs = _from_metadata(file, parquet, about["columns"][primary], primary)
                covering = about["columns"][primary].get("covering", {}).get("bbox", {})
                unwanted = {*about["columns"], *(places[0] for places in covering.values())}
            else:
                primary = _usual_column(path, file, schema)
                shapes, crs = _from_wkb(parquet, primary), None
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
    return shapes, attributes, crs


def _from_metadata(
    file: Path, parquet: pq.ParquetFile, about: dict[str, Any], name: str
) -> tuple[Shapes, CRS | None]:
    if about["encoding"] != "WKB":
        series = gpd.read_parquet(file, columns=[name]).geometry
        return shapes_of(series.to_numpy()), series.crs
    crs = about.get("crs", "OGC:CRS84")
    return _from_wkb(parquet, name), None if crs is None else CRS.from_user_input(crs)


def _from_wkb(parquet: pq.ParquetFile, name: str) -> Shapes:
    batches = parquet.iter_batches(_BATCH_ROWS, columns=[name])
    return joined_shapes([shapes_of_wkb(batch.column(0)) for batch in batches])


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
