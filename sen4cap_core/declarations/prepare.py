"""Declarations made ready: stable numbers, repaired geometry, areas, flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from sen4cap_core.declarations.attributes import as_json, content_hashes, geometry_hashes
from sen4cap_core.declarations.geometry import (
    MAX_OVERLAP,
    WGS84,
    Geometries,
    Repaired,
    are_valid,
    areas_m2,
    duplicates,
    equal_area_crs,
    in_plane,
    move_in_place,
    overlapped_shares,
    repair,
    reproject,
    shape_index,
)
from sen4cap_core.declarations.identity import SortKey, distinguish, name_nameless, number
from sen4cap_core.declarations.reading import Declarations
from sen4cap_core.declarations.texts import Texts, as_text_array, is_missing, joined
from sen4cap_core.rasters.outlines import outlines_of

N_SHOWN = 10
"""Rows or ids named in a warning; the rest is counted."""


@dataclass(frozen=True)
class _Ids:
    parcel: Texts
    holding: Texts
    crop: Texts


class _Planar:
    """Outlines in metres, made when one is asked for: few files have parcels without an id of their own."""

    def __init__(self, geometry: Geometries, crs: CRS, equal_area: CRS) -> None:
        self._geometry, self._crs, self._equal_area = geometry, crs, equal_area

    def outline(self, row: int) -> BaseGeometry | None:
        """Return the outline of a row, None where it has none."""
        return self._all[row]

    @cached_property
    def _all(self) -> Geometries:
        if self._crs.is_projected:
            return self._geometry
        return reproject(self._geometry, self._crs, self._equal_area)


def prepare_parcels(
    declarations: Declarations,
    known_ids: Mapping[str, int],
    known_holdings: Mapping[str, int],
    *,
    release: bool = False,
) -> gpd.GeoDataFrame:
    """Give each declared parcel its number, its flags and a geometry that can be computed with.

    No parcel is dropped. One without an id gets ``no-id-`` and a hash of its geometry (the same one when the
    same parcel is uploaded again); parcels that share an id get ``-A``, ``-B`` ... from west to east; one
    without a holding is its own holding; one without a crop code has the code ``""``.

    Parameters
    ----------
    declarations : Declarations
        From `reading.read_declarations`.
    known_ids, known_holdings : mapping of str to int
        Numbers given before. They are kept; new ones follow the largest in the order of the ids, so the
        order of the file changes nothing.
    release : bool
        Empty ``declarations.frame`` on the way, so that a million parcels are not held twice.

    Returns
    -------
    GeoDataFrame, sorted by ``new_id``, EPSG:4326
        new_id, hold_id : int64.
        ori_id, ori_hold, ori_crop : str.
        geometry : valid MultiPolygon, or None.
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

        ``attrs["warnings"]`` is a list of sentences, ``attrs["counts"]`` a dict of str to int.
    """
    frame = declarations.frame
    geometry = np.asarray(frame.geometry.to_numpy(), dtype=object)
    table = {
        str(name): as_text_array(_arrow(frame[name])) for name in frame.columns.drop(frame.geometry.name)
    }
    crs, n_rows = frame.crs, len(frame)
    with ThreadPoolExecutor(1) as beside:
        # Arrow writes texts while GEOS looks at outlines.
        coming = beside.submit(as_json, table, n_rows)
        fixed = repair(geometry)
        del geometry
        if release:
            for name in list(frame.columns):
                del frame[name]
        equal_area = equal_area_crs(fixed.geometry, crs)
        outlines = outlines_of(fixed.geometry)
        area = areas_m2(outlines, crs, equal_area)
        # Overlaps and shape are ratios: where the file's CRS is plane they are taken in it, without the
        # slivers that reprojected straight edges make.
        planar = in_plane(outlines, crs, equal_area)
        del outlines
        measures = planar.measured()
        shares = overlapped_shares(planar, measures, fixed.valid)
        shape = shape_index(measures)
        del planar, measures
        attributes = coming.result()
    warnings: list[str] = []
    ids = _identify(declarations, table, _Planar(fixed.geometry, crs, equal_area), area, warnings)
    table.clear()
    duplic = duplicates(fixed.geometry, fixed.valid)
    in_degrees = _in_degrees(fixed.geometry, crs)
    prepared = gpd.GeoDataFrame(
        {
            "new_id": number(ids.parcel, known_ids),
            "hold_id": number(ids.holding, known_holdings),
            "ori_id": ids.parcel,
            "ori_hold": ids.holding,
            "ori_crop": ids.crop,
            "geom_valid": fixed.valid,
            "repaired": fixed.repaired,
            "duplic": duplic,
            "overlap": shares > MAX_OVERLAP,
            "area_m2": area,
            "shape_index": shape,
            "row": np.arange(1, n_rows + 1),
            "geometry_hash": geometry_hashes(in_degrees),
            "content_hash": content_hashes(ids.holding, ids.crop, attributes),
            "attributes": pd.Series(attributes, dtype=pd.ArrowDtype(pa.large_string())),
        },
        geometry=gpd.GeoSeries(in_degrees, crs=WGS84),
        crs=WGS84,
    )
    prepared = prepared.sort_values("new_id", ignore_index=True)
    warnings += _geometry_warnings(fixed, ids.parcel, prepared)
    prepared.attrs["warnings"] = warnings
    prepared.attrs["counts"] = _counts(prepared, fixed)
    return prepared


def flags_among(
    geometry: Geometries, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Flag duplicates and overlaps among parcels of several files, in longitude and latitude."""
    planar = in_plane(outlines_of(geometry), WGS84, equal_area_crs(geometry, WGS84))
    return duplicates(geometry, usable), overlapped_shares(planar, planar.measured(), usable) > MAX_OVERLAP


def _arrow(series: pd.Series) -> pa.Array | pa.ChunkedArray:
    return pa.Array.from_pandas(series)


def _identify(
    declarations: Declarations,
    table: Mapping[str, pa.Array],
    planar: _Planar,
    area: NDArray[np.float64],
    warnings: list[str],
) -> _Ids:
    columns = declarations.columns

    def role(names: Sequence[str]) -> Texts:
        return joined([table[name].to_numpy(zero_copy_only=False) for name in names])

    parcel = role(columns.parcel_id.columns)
    crop = role(columns.crop_code.columns)
    holding = role(columns.holding_id.columns) if columns.holding_id.columns else None

    def row_text(row: int) -> str:
        return "\0".join(f"{name}={text[row]}" for name, text in table.items() if text[row].is_valid)

    def content(row: int) -> bytes:
        outline = planar.outline(row)
        if outline is None:
            return row_text(row).encode()
        return bytes(shapely.to_wkb(shapely.normalize(outline)))

    def sort_key(row: int) -> SortKey:
        # Asked of the few parcels that share an id: a centre costs more than all else that is known of one.
        outline = planar.outline(row)
        centre = shapely.Point(0, 0) if outline is None else shapely.centroid(outline)
        return (centre.x, centre.y, float(area[row]), row_text(row))

    parcel, nameless = name_nameless(parcel, content)
    if len(nameless):
        warnings.append(
            f"{_n_parcels(len(nameless))} without an id in {_and(columns.parcel_id.columns)} "
            f"({_rows(nameless)}): each was given an id made of its geometry, `no-id-...`"
        )
    twice = sorted(set(pd.Series(parcel)[pd.Series(parcel).duplicated()]))
    parcel, n_shared = distinguish(parcel, sort_key)
    if n_shared:
        share = n_shared / len(parcel)
        doubt = "; is this really the column of the parcel id?" if share > 0.2 else ""
        warnings.append(
            f"{_n_parcels(n_shared)} share {len(twice)} {'id' if len(twice) == 1 else 'ids'} "
            f"({_shown(twice)}): -A, -B ... were added from west to east{doubt}"
        )
    without_crop = np.flatnonzero(is_missing(crop))
    if len(without_crop):
        warnings.append(
            f"{_n_parcels(len(without_crop))} without a crop code in {_and(columns.crop_code.columns)} "
            f"({_rows(without_crop)})"
        )
        crop = np.where(is_missing(crop), "", crop).astype(object)
    return _Ids(parcel, _holdings(holding, parcel, columns.holding_id.columns, warnings), crop)


def _holdings(holding: Texts | None, parcel: Texts, columns: Sequence[str], warnings: list[str]) -> Texts:
    if holding is None:
        return parcel.copy()
    without = is_missing(holding)
    if without.any():
        warnings.append(
            f"{_n_parcels(int(without.sum()))} without a holding in {_and(columns)} "
            f"({_rows(np.flatnonzero(without))}): each counts as its own holding"
        )
    return np.where(without, parcel, holding).astype(object)


def _in_degrees(geometry: Geometries, crs: CRS) -> Geometries:
    """Longitude and latitude, in place; what rounding made invalid on the way is repaired again."""
    moved = move_in_place(geometry, crs, WGS84)
    broken = np.flatnonzero(~are_valid(moved) & ~shapely.is_missing(moved))
    if len(broken):
        moved[broken] = repair(moved[broken]).geometry
    return moved


def _geometry_warnings(fixed: Repaired, ids: Texts, prepared: gpd.GeoDataFrame) -> list[str]:
    unusable = ~fixed.valid & ~fixed.missing & ~fixed.no_polygon
    found = [
        (fixed.missing, "without geometry: kept, and not computed with"),
        (fixed.no_polygon, "with a point or line instead of a polygon: kept, and not computed with"),
        (fixed.repaired, "with a self-crossing or otherwise invalid outline: repaired (area changed < 1 %)"),
        (unusable, "with an invalid outline whose repair changes the area by 1 % or more: kept, and not "
                   "computed with"),
    ]  # fmt: skip
    warnings = [
        f"{_n_parcels(int(flags.sum()))} {what} ({_rows(np.flatnonzero(flags))})"
        for flags, what in found
        if flags.any()
    ]
    for column, what in (
        ("duplic", "with exactly the geometry of another one"),
        ("overlap", f"overlapped by others by more than {MAX_OVERLAP:.0%} of the area"),
    ):
        flagged = prepared.loc[prepared[column], "ori_id"].tolist()
        if flagged:
            warnings.append(f"{_n_parcels(len(flagged))} {what} ({_shown(flagged)})")
    return warnings


def _counts(prepared: gpd.GeoDataFrame, fixed: Repaired) -> dict[str, int]:
    return {
        "parcels": len(prepared),
        "holdings": int(prepared["hold_id"].nunique()),
        "crop codes": int(prepared["ori_crop"].nunique()),
        "without geometry": int((fixed.missing | fixed.no_polygon).sum()),
        "repaired": int(fixed.repaired.sum()),
        "invalid": int((~fixed.valid).sum()),
        "duplicates": int(prepared["duplic"].sum()),
        "overlapping": int(prepared["overlap"].sum()),
    }


def _n_parcels(count: int) -> str:
    return "1 parcel" if count == 1 else f"{count} parcels"


def _rows(indices: NDArray[np.intp]) -> str:
    """Name rows as the file numbers them, the first feature being row 1."""
    return f"{'row' if len(indices) == 1 else 'rows'} {_shown([str(index + 1) for index in indices])}"


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - N_SHOWN} more" if len(names) > N_SHOWN else ""
    return ", ".join(names[:N_SHOWN]) + more


def _and(columns: Sequence[str]) -> str:
    return " and ".join(repr(column) for column in columns)
