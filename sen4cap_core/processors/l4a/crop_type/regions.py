"""Which region each parcel is learnt with, by the polygons of the strata."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyproj import CRS

from sen4cap_core.declarations.sites.strata import Strata, read_strata
from sen4cap_core.errors import BadUploadError
from sen4cap_core.tables.reading import table_format

ID_COLUMNS = ("newid", "parcel_id", "parcel", "new_id", "ori_id")
"""Names of the column of parcel ids in lower case; the first that is there counts."""
OUTSIDE = "in none of the strata"
_FILES = (".gpkg", ".shp", ".zip", ".geojson", ".json", ".parquet", ".fgb", ".gml", ".kml")


def regions_of(
    strata: Strata, geometry: NDArray[np.object_], crs: CRS
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the name of each parcel's stratum, and why a parcel has none (None where it has one)."""
    stratum = strata.of(geometry, crs)
    is_outside = np.array([name is None for name in stratum.tolist()], np.bool_)
    why = np.full(len(stratum), None, object)
    why[is_outside] = OUTSIDE
    stratum[is_outside] = ""
    return stratum, why


def strata_file(given: str | None) -> Path | None:
    """Return the file a run's strata are in; None where a column of the parcels names them, or nothing.

    Raises
    ------
    BadUploadError
        The text looks like a file and there is none.
    """
    if given is None:
        return None
    path = Path(given)
    if path.is_file():
        return path
    if path.suffix.lower() in _FILES or len(path.parts) > 1:
        raise BadUploadError(
            path,
            "there is no such file of strata.",
            remedy="Check the path, or name a column of the parcels.",
        )
    return None


def read_shapes(parcels_path: Path, ids: NDArray[np.object_]) -> gpd.GeoSeries | None:
    """Return the polygon of each parcel; None where the table of parcels is no GeoParquet file."""
    if table_format(parcels_path) != "parquet" or b"geo" not in (pq.read_schema(parcels_path).metadata or {}):
        return None
    frame = gpd.read_parquet(parcels_path)
    lower = {str(name).strip().lower(): name for name in reversed(list(frame.columns))}
    column = next(lower[name] for name in ID_COLUMNS if name in lower)
    at = {text.strip(): row for row, text in enumerate(frame[column].astype(str).tolist())}
    rows = [at[text] for text in ids.tolist()]
    return frame.geometry.iloc[rows].reset_index(drop=True)


def read_regions(
    strata_path: Path, parcels_path: Path, order: NDArray[np.intp]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return what `regions_of` tells of the parcels of a GeoParquet file, its rows taken in an order.

    Raises
    ------
    BadUploadError
        The strata cannot be read, or the parcels have no geometry.
    """
    strata = read_strata(strata_path)
    try:
        if table_format(parcels_path) != "parquet":
            raise ValueError("a CSV table holds no polygons")
        shapes = gpd.read_parquet(parcels_path).geometry
        if shapes.crs is None:
            raise ValueError("it states no coordinate system")
    except (ValueError, AttributeError, pa.ArrowException, OSError) as error:
        raise BadUploadError(
            parcels_path,
            f"the polygons of the parcels are needed to find their strata: {error}.",
            remedy="Give the parcels as GeoParquet, or name a column of theirs with --strata.",
        ) from error
    return regions_of(strata, shapes.to_numpy()[order], shapes.crs)
