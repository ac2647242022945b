"""A new version of the declarations of a year: what it takes from the one before, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sen4cap_core.db import declarations as declaration_rows
from sen4cap_core.db import parcel_versions
from sen4cap_core.db.models import DeclarationSet, Json
from sen4cap_core.db.parcel_versions import Version
from sen4cap_core.declarations.columns import Mode
from sen4cap_core.declarations.prepare import Parcels, flags_among
from sen4cap_core.declarations.versions import (
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
from sen4cap_core.rasters.outlines import Outlines, joined, outlines_of
from sen4cap_core.steps.pixel_numbers import pixel_numbers

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
    kept: pd.DataFrame | None = None
    """Of ``incremental``: parcels the file does not have and that stay, with the flags they have now."""


def make_version(
    session: Session,
    parcels: Parcels,
    former: DeclarationSet | None,
    mode: Mode,
    columns: Json,
    tiles: list[str],
    threads: int,
) -> Prepared:
    """Compare prepared parcels with the version in force and count their pixels.

    ``update``: parcels the file lacks are gone. ``incremental``: they stay. ``replace``: a new beginning,
    compared with nothing. Numbers, areas, flags and pixel counts are the same in all three.
    """
    if mode == "replace":
        former = None
    kept = None
    if former is not None and mode == "incremental":
        everything = declaration_rows.load_parcels(session, former.id)
        kept = everything[~everything.new_id.isin(parcels.table.new_id)].reset_index(drop=True)
    table = parcels.table
    kept = _measured(parcels, kept, tiles, threads)
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
    changes |= {"gone": len(gone), "kept": 0 if kept is None else len(kept)}
    version = Version(
        table,
        partial(_ewkb, parcels.outlines),
        _by_place(parcels.outlines),
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
    if prepared.kept is not None and len(prepared.kept) and version.former_id is not None:
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
    parcels: Parcels, kept: gpd.GeoDataFrame | None, tiles: list[str], threads: int
) -> pd.DataFrame | None:
    """Count pixels; with parcels that stay, flags too: both depend on the neighbours."""
    table, outlines = parcels.table, parcels.outlines
    n = len(table)
    valid = table.geom_valid.to_numpy(np.bool_)
    new_ids = table.new_id.to_numpy(np.int64)
    if kept is not None:
        outlines = joined([outlines, outlines_of(np.asarray(kept.geometry.array))])
        valid = np.concatenate([valid, kept.geom_valid.to_numpy(np.bool_)])
        new_ids = np.concatenate([new_ids, kept.new_id.to_numpy(np.int64)])
    usable = valid & outlines.there
    s1_pix, s2_pix = pixel_numbers(outlines, usable, new_ids, tiles, threads)
    table["s1_pix"], table["s2_pix"] = s1_pix[:n], s2_pix[:n]
    if kept is None:
        return None
    duplic, overlap = flags_among(outlines, usable)
    table["duplic"], table["overlap"] = duplic[:n], overlap[:n]
    flags = {"duplic": duplic[n:], "overlap": overlap[n:], "s1_pix": s1_pix[n:], "s2_pix": s2_pix[n:]}
    return pd.DataFrame({"new_id": new_ids[n:], **flags})


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


def _by_place(outlines: Outlines) -> NDArray[np.intp]:
    """Order of outlines in longitude and latitude that goes from one square of the land to the next."""
    squares = np.floor(outlines.measured().boxes[:, :2] / PLACE_DEG)
    return np.lexsort((squares[:, 0], squares[:, 1]))


def _ewkb(outlines: Outlines, rows: NDArray[np.intp]) -> pa.LargeBinaryArray:
    """Return some outlines as PostGIS' own binary, in longitude and latitude; null without ring."""
    part = outlines.take(rows)
    data, starts = part.wkb(srid=4326)
    there = pa.array(part.there)
    made = pa.Array.from_buffers(
        pa.large_binary(), len(part), [None, pa.py_buffer(starts), pa.py_buffer(data)]
    )
    return pc.if_else(there, made, pa.scalar(None, pa.large_binary()))
