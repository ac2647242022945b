"""A new version of the declarations of a year: what it takes from the one before, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sen4cap_core.db import declarations as declaration_rows
from sen4cap_core.db import parcel_versions
from sen4cap_core.db.models import DeclarationSet, Json
from sen4cap_core.db.parcel_versions import Version
from sen4cap_core.declarations.columns import Mode
from sen4cap_core.declarations.prepare import flags_among
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
from sen4cap_core.steps.pixel_numbers import pixel_numbers

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

N_SHOWN = 10
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
    parcels: gpd.GeoDataFrame,
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
        kept = everything[~everything.new_id.isin(parcels.new_id)].reset_index(drop=True)
    parcels, kept = _measured(parcels, kept, tiles, threads)
    before = None if former is None else parcel_versions.fingerprints(session, former.id)
    comparison = _compare(session, parcels, former, before)
    parcels["change"] = comparison.kind
    parcels["geom_change_ratio"] = np.nan
    parcels["since"] = pd.Series(pd.NaT, index=parcels.index, dtype="datetime64[us, UTC]")
    if former is not None and before is not None:
        moved = comparison.moved()
        outlines = parcel_versions.geometries_of(session, former.id, parcels.new_id.to_numpy()[moved])
        ratios = change_ratios(outlines, np.asarray(parcels.geometry.array)[moved])
        comparison = comparison.settle(ratios)
        parcels["change"] = comparison.kind
        parcels.loc[moved, "geom_change_ratio"] = ratios
        _keep_dates(parcels, before)
    gone = _NOTHING_GONE if kept is not None else comparison.gone
    changes = {kind: int((comparison.kind == kind).sum()) for kind in (NEW, SAME, GEOMETRY, ATTRIBUTES, BACK)}
    changes |= {"gone": len(gone), "kept": 0 if kept is None else len(kept)}
    version = Version(parcels, mode, former.id if former else None, changes, columns)
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
        for parcel in version.parcels[version.parcels.change == kind].head(N_SHOWN).itertuples():
            ratio = "" if np.isnan(parcel.geom_change_ratio) else f"{parcel.geom_change_ratio:.1%}"
            rows.append({"change": words[kind], "parcel": parcel.ori_id, "area changed": ratio})
    first_gone = prepared.gone[:N_SHOWN].tolist()
    for name in parcel_versions.parcel_names(session, version.former_id, first_gone):
        rows.append({"change": words["gone"], "parcel": name, "area changed": ""})
    return numbers, rows


def _measured(
    parcels: gpd.GeoDataFrame, kept: gpd.GeoDataFrame | None, tiles: list[str], threads: int
) -> tuple[gpd.GeoDataFrame, pd.DataFrame | None]:
    """Count pixels; with parcels that stay, flags too: both depend on the neighbours."""
    n = len(parcels)
    geometry, valid = np.asarray(parcels.geometry.array), parcels.geom_valid.to_numpy(np.bool_)
    new_ids = parcels.new_id.to_numpy(np.int64)
    if kept is not None:
        geometry = np.concatenate([geometry, np.asarray(kept.geometry.array)])
        valid = np.concatenate([valid, kept.geom_valid.to_numpy(np.bool_)])
        new_ids = np.concatenate([new_ids, kept.new_id.to_numpy(np.int64)])
    usable = valid & ~pd.isna(geometry)
    s1_pix, s2_pix = pixel_numbers(geometry, usable, new_ids, tiles, threads)
    parcels["s1_pix"], parcels["s2_pix"] = s1_pix[:n], s2_pix[:n]
    if kept is None:
        return parcels, None
    duplic, overlap = flags_among(geometry, usable)
    parcels["duplic"], parcels["overlap"] = duplic[:n], overlap[:n]
    flags = {"duplic": duplic[n:], "overlap": overlap[n:], "s1_pix": s1_pix[n:], "s2_pix": s2_pix[n:]}
    return parcels, pd.DataFrame({"new_id": new_ids[n:], **flags})


def _compare(
    session: Session, parcels: gpd.GeoDataFrame, former: DeclarationSet | None, before: pd.DataFrame | None
) -> Comparison:
    if former is None or before is None:
        kind = np.full(len(parcels), NEW, dtype=object)
        return Comparison(kind, np.zeros(len(parcels), np.bool_), _NOTHING_GONE)
    earlier = parcel_versions.ids_before(session, former)
    return compare(_fingerprints(before), _fingerprints(parcels), earlier)


def _fingerprints(frame: pd.DataFrame) -> Fingerprints:
    names = ("new_id", "geometry_hash", "content_hash")
    return Fingerprints(*(frame[name].to_numpy(np.int64) for name in names))


def _keep_dates(parcels: gpd.GeoDataFrame, before: pd.DataFrame) -> None:
    """Let parcels that did not change be declared since they were first declared so."""
    since = before.set_index("new_id").since
    same = parcels.index[parcels.change == SAME]
    parcels.loc[same, "since"] = since.reindex(parcels.new_id[same]).to_numpy()
    # Written otherwise, covering the same ground.
    parcels.loc[same, "geom_change_ratio"] = np.nan
