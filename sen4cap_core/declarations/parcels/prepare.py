"""Declarations made ready: stable numbers, repaired geometry, areas, flags."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sen4cap_core.declarations.parcels.attributes import as_json, content_hashes, geometry_hashes
from sen4cap_core.declarations.parcels.identity import Given, number
from sen4cap_core.declarations.parcels.parcel_ids import N_SHOWN, Ids, identify, n_parcels, rows_text, shown
from sen4cap_core.declarations.parcels.reading import Declarations
from sen4cap_core.declarations.shapes.geometry import (
    MAX_OVERLAP,
    WGS84,
    Ready,
    areas_m2,
    duplicates,
    equal_area_crs,
    in_degrees,
    in_plane,
    make_ready,
    overlapped_shares,
    shape_index,
)
from sen4cap_core.declarations.texts.texts import as_text_array
from sen4cap_core.rasters.parcels.outlines import Outlines


@dataclass(eq=False)
class Parcels:
    """Parcels ready to be stored, by ascending number."""

    table: pd.DataFrame
    """See `prepare_parcels`."""
    outlines: Outlines
    """In longitude and latitude, valid; one without area has no ring."""
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    def frame(self) -> gpd.GeoDataFrame:
        """Return table and outlines (EPSG:4326, None without area) as GeoPandas has them.

        Its ``attrs`` have the warnings and the counts.
        """
        frame = gpd.GeoDataFrame(self.table, geometry=gpd.GeoSeries(self.outlines.shapes(), crs=WGS84))
        frame.attrs.update(warnings=self.warnings, counts=self.counts)
        return frame


def prepare_parcels(
    declarations: Declarations,
    known_ids: Given,
    known_holdings: Given,
    *,
    release: bool = False,
) -> Parcels:
    """Give each declared parcel its number, its flags and a geometry that can be computed with.

    No parcel is dropped. One without an id gets ``no-id-`` and a hash of its geometry (the same one when the
    same parcel is uploaded again); parcels that share an id get ``-A``, ``-B`` ... from west to east; one
    without a holding is its own holding; one without a crop code has the code ``""``.

    Parameters
    ----------
    declarations : Declarations
        From `reading.read_declarations`.
    known_ids, known_holdings
        Numbers given before. They are kept; new ones follow the largest in the order of the ids, so the
        order of the file changes nothing.
    release : bool
        Empty ``declarations`` of shapes and attributes, so that a million parcels are not held twice.

    Returns
    -------
    Parcels, sorted by ``new_id``. Columns of the table:
        new_id, hold_id : int64.
        ori_id, ori_hold, ori_crop : text.
        geom_valid : bool; the geometry was valid, or was repaired with less than 1 % change of area. Parcels
        where it is false are kept and never computed with.
        repaired : bool.
        duplic : bool; another parcel has exactly this geometry.
        overlap : bool; more than 10 % lie under other parcels.
        area_m2 : float [m2] in an equal-area projection; 0 without geometry.
        shape_index : float; NaN without area.
        row : int; 1 for the first feature of the file.
        geometry_hash, content_hash : int64; other ones where the geometry, or holding, crop code or any
        attribute, is another.
        attributes : JSON text; the source's own columns as text, those without value left out.
    """
    crs, n_rows = declarations.crs, declarations.n_rows
    source = declarations.attributes
    shapes = declarations.shapes
    if release:
        declarations.release()
    with ThreadPoolExecutor(1) as beside:
        # Texts are written while outlines are measured, and numbers given while they are moved.
        written = beside.submit(_texts, source, n_rows)
        del source
        ready = make_ready(shapes)
        del shapes
        equal_area = equal_area_crs(ready.outlines.bounds(), crs)
        area = areas_m2(ready.outlines, crs, equal_area)
        # Overlaps and shape are ratios: where the file's CRS is plane they are taken in it, without the
        # slivers that reprojected straight edges make.
        planar = in_plane(ready.outlines, crs, equal_area)
        measures = planar.measured()
        shares = overlapped_shares(planar, measures, ready.valid)
        shape = shape_index(measures)
        table, attributes = written.result()
        named = beside.submit(
            _named, declarations, table, attributes, planar, area, known_ids, known_holdings
        )
        del table, measures
        duplic = duplicates(ready.outlines, ready.outlines.measured(), ready.valid)
        outlines = in_degrees(ready.outlines, crs)
        hashes = geometry_hashes(outlines)
        names = named.result()
        # Of a million parcels each copy of outlines or texts is a third of a gigabyte.
        del planar, named
        ready = replace(ready, outlines=outlines.part(0, 0))
    prepared = pd.DataFrame(
        {
            "new_id": names.new_id,
            "hold_id": names.hold_id,
            "ori_id": _column(names.ids.parcel),
            "ori_hold": _column(names.ids.holding),
            "ori_crop": _column(names.ids.crop),
            "geom_valid": ready.valid,
            "repaired": ready.repaired,
            "duplic": duplic,
            "overlap": shares > MAX_OVERLAP,
            "area_m2": area,
            "shape_index": shape,
            "row": np.arange(1, n_rows + 1),
            "geometry_hash": hashes,
            "content_hash": names.content_hash,
        }
    )
    order = np.argsort(names.new_id, kind="stable")
    prepared = prepared.take(order).reset_index(drop=True)
    outlines = outlines.take(order)
    prepared["attributes"] = _column(attributes.take(pa.array(order)))
    warnings = names.warnings + _geometry_warnings(ready, prepared)
    return Parcels(prepared, outlines, warnings, _counts(prepared, ready))


def flags_among(outlines: Outlines, usable: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Flag duplicates and overlaps among parcels of several files, in longitude and latitude."""
    planar = in_plane(outlines, WGS84, equal_area_crs(outlines.bounds(), WGS84))
    twice = duplicates(outlines, outlines.measured(), usable)
    return twice, overlapped_shares(planar, planar.measured(), usable) > MAX_OVERLAP


@dataclass(frozen=True)
class _Names:
    ids: Ids
    new_id: NDArray[np.int64]
    hold_id: NDArray[np.int64]
    content_hash: NDArray[np.int64]
    warnings: list[str]


def _texts(source: pa.Table, n_rows: int) -> tuple[dict[str, pa.Array], pa.ChunkedArray]:
    """All columns as text, by name, and the JSON text of each row."""
    table = {name: as_text_array(source.column(name)) for name in source.column_names}
    return table, as_json(table, n_rows)


def _named(
    declarations: Declarations,
    table: Mapping[str, pa.Array],
    attributes: pa.ChunkedArray,
    planar: Outlines,
    area_m2: NDArray[np.float64],
    known_ids: Given,
    known_holdings: Given,
) -> _Names:
    """Ids, their numbers and the hashes of what else a parcel has."""
    warnings: list[str] = []

    def outline(row: int) -> BaseGeometry | None:
        return planar.shapes(np.array([row]))[0]

    ids = identify(declarations.columns, table, outline, area_m2, warnings)
    return _Names(
        ids,
        number(ids.parcel, known_ids),
        number(ids.holding, known_holdings),
        content_hashes(ids.holding, ids.crop, attributes),
        warnings,
    )


def _column(texts: pa.Array | pa.ChunkedArray) -> pd.Series:
    return pd.Series(texts, dtype=pd.ArrowDtype(pa.large_string()))


def _geometry_warnings(ready: Ready, prepared: pd.DataFrame) -> list[str]:
    unusable = ~ready.valid & ~ready.missing & ~ready.no_polygon
    found = [
        (ready.missing, "without geometry: kept, and not computed with"),
        (ready.no_polygon, "with a point or line instead of a polygon: kept, and not computed with"),
        (ready.repaired, "with a self-crossing or otherwise invalid outline: repaired (area changed < 1 %)"),
        (unusable, "with an invalid outline whose repair changes the area by 1 % or more: kept, and not "
                   "computed with"),
    ]  # fmt: skip
    warnings = [
        f"{n_parcels(int(flags.sum()))} {what} ({rows_text(np.flatnonzero(flags))})"
        for flags, what in found
        if flags.any()
    ]
    for column, what in (
        ("duplic", "with exactly the geometry of another one"),
        ("overlap", f"overlapped by others by more than {MAX_OVERLAP:.0%} of the area"),
    ):
        n_flagged = int(prepared[column].sum())
        if n_flagged:
            flagged = prepared.loc[prepared[column], "ori_id"].iloc[:N_SHOWN].tolist()
            warnings.append(f"{n_parcels(n_flagged)} {what} ({shown(flagged, n_flagged)})")
    return warnings


def n_crop_codes(codes: pd.Series) -> int:
    """Return how many crop codes are declared; ``""``, of a parcel without one, is none."""
    return int(codes[codes != ""].nunique())


def _counts(prepared: pd.DataFrame, ready: Ready) -> dict[str, int]:
    return {
        "parcels": len(prepared),
        "holdings": int(prepared["hold_id"].nunique()),
        "crop codes": n_crop_codes(prepared["ori_crop"]),
        "without geometry": int((ready.missing | ready.no_polygon).sum()),
        "repaired": int(ready.repaired.sum()),
        "invalid": int((~ready.valid).sum()),
        "duplicates": int(prepared["duplic"].sum()),
        "overlapping": int(prepared["overlap"].sum()),
    }
