"""The mowing tables an agency takes home, with the column names of the original Sen4CAP."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely

from sen4cap_core.files import atomic_path
from sen4cap_core.products.geoparquet import write_geoparquet, write_table

MAX_SLOTS: Final = 4
"""Mowing events that have columns of their own; all of them are in the events table."""
SHAPEFILE: Final = "SEN4CAP_L4B_{}_MowingDetection"
"""Name of the original's shapefile; between are its satellites, ``S1_S2``, ``S2`` or ``S1``."""
LAYER: Final = "mowing"
"""Layer name inside the GeoPackage, the same in each file so that styles and scripts find it."""

_SLOTS: Final = {
    f"m{slot}_{part}": kind
    for slot in range(1, MAX_SLOTS + 1)
    for part, kind in (("dstart", "text"), ("dend", "text"), ("conf", "real"), ("mis", "text"))
}
COLUMNS: Final[Mapping[str, str]] = {
    "NewID": "int",
    "Ori_hold": "text",
    "Ori_id": "text",
    "Ori_crop": "text",
    "Area_meter": "real",
    "mow_n": "int",
    **_SLOTS,
    "proc": "int",
    "compl": "int",
    "reason": "text or nothing",
    "n_observations": "int",
    "gap_days": "int",
    "n_radar": "int",
    "no_radar": "int",
    "mow_total": "int",
    "explanation": "text",
}
"""Columns of the export in their order; from ``reason`` on they are ours, the rest the original's. Columns of
the declaration that come along stand between ``Area_meter`` and ``mow_n``, as in the original."""

COLUMN_TEXTS: Final[Mapping[str, str]] = {
    "id": "Parcel id of the declaration, as text (the same as Ori_id; the name fiboa readers expect)",
    "NewID": "Number of the parcel in this system, the same in each season and version",
    "Ori_hold": "Holding id of the declaration",
    "Ori_id": "Parcel id of the declaration",
    "Ori_crop": "Declared crop code, leading zeros kept",
    "Area_meter": "Area, m2",
    "mow_n": "Mowing events found, at most 4 (all of them are in the events table)",
    **{
        f"m{slot}_{part}": text.format(slot)
        for slot in range(1, MAX_SLOTS + 1)
        for part, text in (
            ("dstart", "Event {}: start of the interval it lies in, YYYY-MM-DD HH:MM:SS; 0 = none"),
            ("dend", "Event {}: end of the interval it lies in, YYYY-MM-DD HH:MM:SS; 0 = none"),
            ("conf", "Event {}: confidence 0..1"),
            ("mis", "Event {}: satellite that saw it, S2, S1 or S2/S1; 0 = none"),
        )
    },
    "proc": "1 = judged, 0 = could not be judged",
    "compl": "-1 no rule for this crop, 0 not assessed, 1 compliant, 2 not compliant, 3 mown in and out",
    "reason": "Why the parcel could not be judged; nothing where it was",
    "n_observations": "Clear dates the answer rests on",
    "gap_days": "Longest time between two clear dates, days; 0 with fewer than two",
    "n_radar": "Coherence values that could be tested",
    "no_radar": "1 = these are too few (min_radar_tests): the answer rests on optical images alone",
    "mow_total": "Mowing events found, also those beyond the fourth",
    "explanation": "The answer in words and dates, with the evidence it rests on",
    "all_dstart": "All events in order of time, also those beyond the fourth: starts of their intervals",
    "all_dend": "All events: ends of their intervals",
    "all_conf": "All events: confidences",
    "all_mis": "All events: satellites that saw them",
    "metrics:area": "Area, m2 (the same as Area_meter; the name fiboa readers expect)",
}

ALL_EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "all_dstart": ("start", "text"),
    "all_dend": ("end", "text"),
    "all_conf": ("confidence", "real"),
    "all_mis": ("missions", "text"),
}
"""List columns of the GeoParquet: of which column of the events each is made. The other formats have none."""

EVENT_COLUMNS: Final[Mapping[str, pa.DataType]] = {
    "NewID": pa.int32(),
    "Ori_id": pa.string(),
    "start": pa.timestamp("ms", tz="UTC"),
    "end": pa.timestamp("ms", tz="UTC"),
    "confidence": pa.float64(),
    "missions": pa.string(),
}
"""Columns of the events table, one row for each event."""


def write_mowing_exports(
    frame: geopandas.GeoDataFrame, folder: Path, stem: str, events: pd.DataFrame
) -> tuple[Path, Path]:
    """Write ``<stem>.gpkg`` and ``<stem>.parquet`` into ``folder``; return their paths.

    Parameters
    ----------
    frame : the columns of ``COLUMNS`` in any order, further columns of the declaration, a geometry with CRS.
        A missing ``reason`` means judged; a missing geometry is written as null. One row for each parcel.
    events : the columns of ``EVENT_COLUMNS``, one row for each mowing of these parcels.

    Notes
    -----
    Each file appears whole or not at all. The GeoPackage has the frame's rows in order of ``NewID``, the
    GeoParquet along a Hilbert curve and with more columns: ``id`` and ``metrics:area`` (fiboa's names), and
    all events of each parcel as lists (``ALL_EVENTS``).

    Raises
    ------
    ValueError
        When a column is missing or holds what its type cannot, a ``NewID`` comes twice, an event is of no
        parcel of the table, or there is no CRS.
    OSError
        When the disk is full or the folder cannot be written.
    """
    table = _ordered(frame)
    gpkg, parquet = folder / f"{stem}.gpkg", folder / f"{stem}.parquet"
    lists = _all_events(table["NewID"].to_numpy(), events)
    write_geopackage(table, gpkg)
    fiboa = table.copy()
    fiboa.insert(0, "id", table["Ori_id"])
    fiboa["metrics:area"] = table["Area_meter"]
    for name, values in lists.items():
        fiboa[name] = values
    write_geoparquet(fiboa, parquet)
    return gpkg, parquet


def _all_events(
    new_ids: np.ndarray[tuple[int], np.dtype[np.int32]], events: pd.DataFrame
) -> dict[str, pd.Series]:
    """Events of each parcel (ids ascend) as lists in order of time; no events: an empty list."""
    _check_events(events, "all events")
    ordered = events.sort_values(["NewID", "start", "end"], kind="stable")
    ids = ordered["NewID"].to_numpy(np.int64)
    if not np.isin(ids, new_ids).all():
        raise ValueError(f"events of a parcel that is not in the table: {ids[~np.isin(ids, new_ids)][0]}")
    bounds = np.searchsorted(ids, new_ids)[1:]
    lists = {}
    for name, (column, kind) in ALL_EVENTS.items():
        values = ordered[column]
        if column in ("start", "end"):
            values = pd.to_datetime(values, utc=True).dt.strftime("%Y-%m-%d %H:%M:%S")
        elif kind == "real":
            values = values.round(3)
        # Typed arrays: an empty list still has its type in the file.
        typed = values.to_numpy(np.float64 if kind == "real" else np.str_)
        lists[name] = pd.Series(np.split(typed, bounds)[: len(new_ids)], dtype=object)
    return lists


def _check_events(events: pd.DataFrame, name: str) -> None:
    missing = [column for column in EVENT_COLUMNS if column not in events.columns]
    if missing:
        raise ValueError(f"{name}: events without the columns {', '.join(missing)}")


def write_events_parquet(events: pd.DataFrame, path: Path) -> Path:
    """Write every event, also those beyond the fourth of a parcel; return the path.

    Parameters
    ----------
    events : the columns of ``EVENT_COLUMNS``; times are aware, or naive in UTC.

    Raises
    ------
    ValueError
        When a column is missing.
    """
    _check_events(events, path.name)
    ordered = events.sort_values(["NewID", "start", "end"], kind="stable")
    schema = pa.schema(list(EVENT_COLUMNS.items()))
    columns: dict[str, object] = {name: ordered[name] for name in EVENT_COLUMNS}
    for name in ("start", "end"):
        columns[name] = pd.to_datetime(ordered[name], utc=True).dt.floor("ms")
    for name in ("Ori_id", "missions"):
        columns[name] = ordered[name].astype(str)
    table = pa.Table.from_pandas(pd.DataFrame(columns), schema=schema, preserve_index=False)
    return write_table(table.replace_schema_metadata(None), path)


def write_mowing_csv(frame: geopandas.GeoDataFrame, path: Path) -> Path:
    """Write the columns of the exports without geometry as CSV, UTF-8; return the path."""
    table = _ordered(frame)
    with atomic_path(path) as temporary:
        pd.DataFrame(table.drop(columns=table.geometry.name)).to_csv(temporary, index=False)
    return path


def write_mowing_shapefile(frame: geopandas.GeoDataFrame, path: Path, missions: str) -> Path:
    """Write the original's shapefile, zipped: its file name, its columns and no others; return the path.

    ``missions`` is ``S1_S2``, ``S2`` or ``S1``. Text is UTF-8.

    Raises
    ------
    OSError
        When the disk is full, or the tables pass the 2 GB of a shapefile.
    """
    table = _ordered(frame)
    ours = list(COLUMNS)[list(COLUMNS).index("reason") :]
    name = SHAPEFILE.format(missions)
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        pyogrio.write_dataframe(
            table.drop(columns=ours),
            Path(work) / f"{name}.shp",
            driver="ESRI Shapefile",
            geometry_type="MultiPolygon",
            promote_to_multi=True,
            encoding="UTF-8",
        )
        with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(Path(work).iterdir()):
                archive.write(part, part.name)
    return path


def write_geopackage(frame: geopandas.GeoDataFrame, path: Path, layer: str = LAYER) -> Path:
    """Write one layer as a GeoPackage that appears whole or not at all; return the path.

    Raises
    ------
    OSError
        When not all rows could be written (a full disk may only show when the file is read back).
    """
    with atomic_path(path) as temporary:
        temporary.unlink(missing_ok=True)
        pyogrio.write_dataframe(
            frame, temporary, layer=layer, driver="GPKG", geometry_type="MultiPolygon", promote_to_multi=True
        )
        written = pyogrio.read_info(temporary, layer=layer, force_feature_count=True)["features"]
        if written != len(frame):
            raise OSError(f"{path.name}: {written} of {len(frame)} rows were written; is the disk full?")
    return path


def _ordered(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    if frame.crs is None:
        raise ValueError("mowing table without coordinate reference system")
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise ValueError(f"mowing table without the columns {', '.join(missing)}")
    if frame["NewID"].duplicated().any():
        twice = frame.loc[frame["NewID"].duplicated(), "NewID"].iloc[0]
        raise ValueError(f"mowing table with parcel {twice} more than once")
    geometry = frame.geometry.name
    extras = [str(name) for name in frame.columns if name not in COLUMNS and name != geometry]
    before = list(COLUMNS)[: list(COLUMNS).index("mow_n")]
    names = [*before, *extras, *list(COLUMNS)[len(before) :]]
    data = {name: _typed(frame[name], COLUMNS.get(name)) for name in names}
    table = geopandas.GeoDataFrame(data, geometry=_multi(frame.geometry), crs=frame.crs)
    return table.sort_values("NewID", kind="stable").reset_index(drop=True)


def _typed(column: pd.Series, kind: str | None) -> pd.Series:
    if kind == "int":
        return _whole(column)
    if kind == "real":
        return column.astype(np.float64)
    if kind == "text":
        if column.isna().any():
            raise ValueError(f"column {column.name}: {int(column.isna().sum())} rows without a value")
        return column.astype(str).astype(object)
    if kind == "text or nothing":
        return column.astype(object).where(column.notna(), None)
    return column


def _whole(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column)
    if numbers.isna().any() or (numbers != numbers.round()).any():
        raise ValueError(f"column {column.name}: not all values are whole numbers")
    if len(numbers) and (abs(numbers) > np.iinfo(np.int32).max).any():
        raise ValueError(f"column {column.name}: a value needs more than 32 bits")
    return numbers.astype(np.int32)


def _multi(geometry: geopandas.GeoSeries) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Polygons as multipolygons: one geometry type for the whole column."""
    shapes = np.asarray(geometry.array, dtype=object)
    single = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
    out = shapes.copy()
    out[single] = shapely.multipolygons(shapes[single], indices=np.arange(single.sum()))
    return out
