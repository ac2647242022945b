"""The crop type map as people open it: a GeoPackage and the original's shapefile."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import geopandas as gpd
import pyogrio

from sen4cap_core.products.tables import write_geopackage


def write_crop_type_shapes(table: gpd.GeoDataFrame, folder: Path) -> dict[str, Path]:
    """Write ``CropType.gpkg`` and ``SHP/CropType.shp`` (text in UTF-8); return them by name.

    Raises
    ------
    OSError
        When not all could be written.
    """
    return {
        "CropType.gpkg": write_geopackage(table, folder / "CropType.gpkg", layer="CropType"),
        "CropType.shp": _write_shapefile(table, folder / "SHP" / "CropType.shp"),
    }


def _write_shapefile(table: gpd.GeoDataFrame, path: Path) -> Path:
    """Write a shapefile beside its place and move its parts there, the .shp last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = table.copy()
    for name in frame.columns[frame.dtypes == "Int64"]:
        frame[name] = frame[name].astype("float64")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".", suffix=".part") as work:
        pyogrio.write_dataframe(frame, Path(work) / path.name, driver="ESRI Shapefile", encoding="UTF-8")
        for part in sorted(Path(work).iterdir(), key=lambda p: (p.suffix == ".shp", p.name)):
            os.replace(part, path.parent / part.name)
    return path
