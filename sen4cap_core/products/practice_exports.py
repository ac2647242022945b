"""The practice tables an agency takes home, with the column names of the original Sen4CAP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely

from sen4cap_core.files import atomic_path
from sen4cap_core.products.geoparquet import write_geoparquet
from sen4cap_core.products.tables import write_geopackage

LAYER: Final = "practices"
ORIGINAL_COLUMNS: Final = (
    *("FIELD_ID", "ORIG_ID", "COUNTRY", "YEAR", "MAIN_CROP", "VEG_START", "H_START", "H_END", "PRACTICE"),
    *("P_TYPE", "P_START", "P_END", "L_WEEK", "M1", "M2", "M3", "M4", "M5", "H_WEEK", "H_W_START"),
    *("H_W_END", "H_W_S1", "M6", "M7", "M8", "M9", "M10", "C_INDEX", "S1PIX", "S1GAPS", "H_S1GAPS"),
    *("P_S1GAPS", "H_W_S1GAPS", "H_QUALITY", "C_QUALITY", "TL_WEEK", "TL_W_START", "TL_W_END"),
)
"""Columns of the original's CSV; the last three only with tillage."""
COLUMN_TEXTS: Final[Mapping[str, str]] = {
    "FIELD_ID": "Number of the parcel in this system (NewID)",
    "ORIG_ID": "Parcel id of the declaration",
    "L_WEEK": "Monday of the last week with data; NA: not available, NA1: too few radar pixels",
    **{f"M{i}": f"Marker {i} of the last week: TRUE, FALSE, NA, NR (not relevant)" for i in range(1, 6)},
    **{f"M{i}": f"Marker {i} of the practice period" for i in range(6, 11)},
    "H_WEEK": "ISO number of the harvest week, or NO-HARVEST",
    "H_W_START": "Monday of the harvest week",
    "H_W_S1": "Monday of the first week in which radar alone says harvest",
    "C_INDEX": "Grade of the practice: STRONG, MODERATE, WEAK, POOR, NR (not yet or not relevant), NA",
    "S1GAPS": "Weeks without radar",
    "TL_WEEK": "ISO number of the week of tillage, or NO-TILLAGE",
    **{f"H_M{i}": f"Marker {i} of the week in which all told the harvest" for i in range(1, 6)},
    "AMP_WEEKS": "Weeks with backscatter",
    "COHE_WEEKS": "Weeks with coherence",
    "NDVI_WEEKS": "Weeks with NDVI",
    "C_IN_PERIOD": "Whether the catch crop that was seen grew from P_START to P_END: TRUE, FALSE, NA",
}
_TEXT_MARKS: Final = (";", '"', "\n", "\r")


def write_practice_exports(
    table: pa.Table, parcels: geopandas.GeoDataFrame, folder: Path, stem: str
) -> tuple[Path, Path, Path]:
    """Write ``<stem>.gpkg``, ``<stem>.parquet`` and ``<stem>.csv`` into ``folder``; return their paths.

    Parameters
    ----------
    table : all columns as text, FIELD_ID holding NewID
    parcels : ``new_id`` (ascending, unique) and geometry with CRS; a missing geometry is written as null

    The CSV has the original's columns alone, separated by semicolons. Each file appears whole or not at all.
    """
    new_ids = np.array([int(text) for text in table["FIELD_ID"].to_pylist()], np.int64)
    place = np.searchsorted(parcels.new_id.to_numpy(), new_ids)
    geometry = [_multi(shape) for shape in parcels.geometry.to_numpy()[place]]
    frame = geopandas.GeoDataFrame(table.to_pandas(), geometry=geometry, crs=parcels.crs)
    frame["FIELD_ID"] = new_ids
    gpkg = write_geopackage(frame, folder / f"{stem}.gpkg", LAYER)
    parquet = write_geoparquet(frame, folder / f"{stem}.parquet")
    return gpkg, parquet, write_original_csv(table, folder / f"{stem}.csv")


def write_original_csv(table: pa.Table, path: Path) -> Path:
    """Write the original's CSV: its columns, separated by semicolons, quoted only where a text forbids."""
    names = [name for name in ORIGINAL_COLUMNS if name in table.column_names]
    texts = table.select(names)
    is_plain = all(
        not any(mark in text for mark in _TEXT_MARKS)
        for name in names
        for text in texts[name].unique().to_pylist()
    )
    options = pa.csv.WriteOptions(
        include_header=False, delimiter=";", quoting_style="none" if is_plain else "needed"
    )
    with atomic_path(path) as temporary, pa.output_stream(str(temporary)) as stream:
        stream.write((";".join(names) + "\n").encode())
        pa.csv.write_csv(texts, stream, options)
    return path


def _multi(shape: shapely.Geometry | None) -> shapely.Geometry | None:
    return shapely.MultiPolygon([shape]) if isinstance(shape, shapely.Polygon) else shape
