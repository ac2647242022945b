"""A new version of the declarations of a year: what it takes from the one before, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sen4cap_core.db.bulk.copying import BATCH_ROWS
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import parcel_versions
from sen4cap_core.db.declared.parcel_versions import Group, Kept, Version
from sen4cap_core.db.models import DeclarationSet, Json
from sen4cap_core.declarations.parcels.columns import Mode
from sen4cap_core.declarations.parcels.prepare import Parcels, flags_among
from sen4cap_core.declarations.parcels.versions import (
    ATTRIBUTES,
    BACK,
    GEOMETRY,
    NEW,
    SAME,
    Comparison,
    Fingerprints,
    change_ratios,
    compare,
)
from sen4cap_core.rasters.parcels.outlines import Outlines, joined, outlines_of
from sen4cap_core.steps.uploads.pixel_numbers import PixelNumbers, pixel_numbers

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

N_SHOWN = 10
PLACE_DEG = 0.05
"""Side of the squares by which parcels lie on disk: 5 km hold as many as some pages do."""
Numbers = NDArray[Any]
_NOTHING_GONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Prepared:
    """A version ready to be stored."""

    version: Version
    gone: NDArray[np.int64]
    """Parcels of the former version that are no longer declared."""
    kept: Kept | None = None
    """Of ``incremental``: parcels the file does not have and that stay, with the flags they have now; their
    pixels are counted when those of the version are."""


def make_version(
    session: Session,
    parcels: Parcels,
    former: DeclarationSet | None,
    mode: Mode,
    columns: Json,
    tiles: list[str],
    threads: int,
) -> Prepared:
    """Compare prepared parcels with the version in force; their pixels are counted while they are stored.

    ``update``: parcels the file lacks are gone. ``incremental``: they stay. ``replace``: a new beginning,
    compared with nothing. Numbers, areas, flags and pixel counts are the same in all three.
    """
    if mode == "replace":
        former = None
    staying = None
    if former is not None and mode == "incremental":
        everything = declaration_rows.load_parcels(session, former.id)
        staying = everything[~everything.new_id.isin(parcels.table.new_id)].reset_index(drop=True)
    table = parcels.table
    kept, numbers = _measured(parcels, staying, tiles, threads)
    before = None if former is None else parcel_versions.fingerprints(session, former.id)
    comparison = _compare(session, table, former, before)
    n = len(table)
    ratios, since = np.full(n, np.nan), np.full(n, np.datetime64("NaT"), "datetime64[us]")
    if former is not None and before is not None:
        moved = comparison.moved()
        outlines = parcel_versions.geometries_of(session, former.id, table.new_id.to_numpy()[moved])
        ratios[moved] = change_ratios(outlines_of(outlines), parcels.outlines.take(moved))
        comparison = comparison.settle(ratios[moved])
        # Written otherwise, covering the same ground; declared since they were first declared so.
        same = np.flatnonzero(comparison.kind == SAME)
        ratios[same] = np.nan
        place = np.searchsorted(before["new_id"], table.new_id.to_numpy(np.int64)[same])
        since[same] = before["since"][place]
    table["change"] = comparison.kind
    table["geom_change_ratio"] = ratios
    table["since"] = pd.Series(since, index=table.index).dt.tz_localize("UTC")
    gone = _NOTHING_GONE if kept is not None else comparison.gone
    changes = {kind: int((comparison.kind == kind).sum()) for kind in (NEW, SAME, GEOMETRY, ATTRIBUTES, BACK)}
    changes |= {"gone": len(gone), "kept": 0 if kept is None else len(kept.new_id)}
    version = Version(
        table,
        partial(_ewkb, parcels.outlines),
        _groups(numbers, _places(parcels.outlines), kept),
        mode,
        former.id if former else None,
        changes,
        columns,
    )
    return Prepared(version, gone, kept)


def store(session: Session, site_id: int, year: int, upload_id: int, prepared: Prepared) -> DeclarationSet:
    """Store a version and make it the one in force."""
    version = prepared.version
    new = parcel_versions.store_version(session, site_id, year, upload_id, version)
    if prepared.kept is not None and len(prepared.kept.new_id) and version.former_id is not None:
        parcel_versions.keep_parcels(session, new, version.former_id, prepared.kept)
    return new


def told(session: Session, prepared: Prepared) -> tuple[dict[str, int], list[dict[str, object]]]:
    """Return the numbers of a receipt, and a table of the first parcels of each kind of change."""
    version = prepared.version
    if version.former_id is None:
        return {}, []
    words = {
        NEW: "new parcels",
        GEOMETRY: "parcels with another outline",
        ATTRIBUTES: "parcels with other attributes",
        BACK: "parcels back again",
        "gone": "parcels gone",
        "kept": "parcels kept that the file does not have",
        SAME: "unchanged parcels",
    }
    numbers = {
        words[kind]: version.changes[kind] for kind in words if kind != "kept" or version.changes[kind]
    }
    rows: list[dict[str, object]] = []
    for kind in (NEW, GEOMETRY, ATTRIBUTES, BACK):
        first = version.parcels[version.parcels.change == kind].head(N_SHOWN)
        for name, share in zip(first.ori_id.tolist(), first.geom_change_ratio.tolist(), strict=True):
            changed = "" if np.isnan(share) else f"{share:.1%}"
            rows.append({"change": words[kind], "parcel": name, "area changed": changed})
    first_gone = prepared.gone[:N_SHOWN].tolist()
    for name in parcel_versions.parcel_names(session, version.former_id, first_gone):
        rows.append({"change": words["gone"], "parcel": name, "area changed": ""})
    return numbers, rows


def _measured(
    parcels: Parcels, staying: gpd.GeoDataFrame | None, tiles: list[str], threads: int
) -> tuple[Kept | None, Iterator[PixelNumbers]]:
    """Begin to count pixels; with parcels that stay, flag all anew: both depend on the neighbours."""
    table, outlines = parcels.table, parcels.outlines
    n = len(table)
    valid = table.geom_valid.to_numpy(np.bool_)
    new_ids = table.new_id.to_numpy(np.int64)
    if staying is not None:
        outlines = joined([outlines, outlines_of(np.asarray(staying.geometry.array))])
        valid = np.concatenate([valid, staying.geom_valid.to_numpy(np.bool_)])
        new_ids = np.concatenate([new_ids, staying.new_id.to_numpy(np.int64)])
    usable = valid & outlines.there
    # Meanwhile the database server takes in what is counted: one core is left to it.
    numbers = pixel_numbers(outlines, usable, new_ids, tiles, max(threads - 1, 1))
    if staying is None:
        return None, numbers
    duplic, overlap = flags_among(outlines, usable)
    table["duplic"], table["overlap"] = duplic[:n], overlap[:n]
    uncounted = np.zeros((2, len(staying)), np.int64)
    return Kept(new_ids[n:], duplic[n:], overlap[n:], *uncounted), numbers


def _groups(numbers: Iterator[PixelNumbers], places: NDArray[np.int64], kept: Kept | None) -> Iterator[Group]:
    """Gather what is counted into groups to be stored, place by place; note what is counted of ``kept``."""
    n = len(places)
    some: list[Group] = []

    def group() -> Group:
        rows, s1, s2 = (
            np.concatenate([getattr(one, name) for one in some]) for name in ("rows", "s1_pix", "s2_pix")
        )
        order = np.argsort(places[rows], kind="stable")
        return Group(rows[order], s1[order], s2[order])

    for counted in numbers:
        of_file = counted.rows < n
        if kept is not None:
            rows = counted.rows[~of_file] - n
            kept.s1_pix[rows], kept.s2_pix[rows] = counted.s1[~of_file], counted.s2[~of_file]
        some.append(Group(counted.rows[of_file], counted.s1[of_file], counted.s2[of_file]))
        if sum(len(one.rows) for one in some) >= BATCH_ROWS:
            yield group()
            some.clear()
    if some:
        yield group()


def _compare(
    session: Session,
    parcels: pd.DataFrame,
    former: DeclarationSet | None,
    before: Mapping[str, Numbers] | None,
) -> Comparison:
    if former is None or before is None:
        kind = np.full(len(parcels), NEW, dtype=object)
        return Comparison(kind, np.zeros(len(parcels), np.bool_), _NOTHING_GONE)
    earlier = parcel_versions.ids_before(session, former)
    names = ("new_id", "geometry_hash", "content_hash")
    new = Fingerprints(*(parcels[name].to_numpy(np.int64) for name in names))
    return compare(Fingerprints(*(before[name] for name in names)), new, earlier)


def _places(outlines: Outlines) -> NDArray[np.int64]:
    """Number outlines in longitude and latitude in an order that goes from one square of land to the next."""
    squares = np.floor(outlines.measured().boxes[:, :2] / PLACE_DEG)
    places = np.empty(len(outlines), np.int64)
    places[np.lexsort((squares[:, 0], squares[:, 1]))] = np.arange(len(outlines))
    return places


def _ewkb(outlines: Outlines, rows: NDArray[np.intp]) -> pa.LargeBinaryArray:
    """Return some outlines as PostGIS' own binary, in longitude and latitude; null without ring."""
    part = outlines.take(rows)
    data, starts = part.wkb(srid=4326)
    there = pa.array(part.there)
    made = pa.Array.from_buffers(
        pa.large_binary(), len(part), [None, pa.py_buffer(starts), pa.py_buffer(data)]
    )
    return pc.if_else(there, made, pa.scalar(None, pa.large_binary()))
