"""Versions of the declarations: numbers that stay, what tells versions apart, and the rows themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from sen4cap_core.db.bulk.binary_copy import copy_binary
from sen4cap_core.db.bulk.copying import BATCH_ROWS
from sen4cap_core.db.bulk.reading_out import read_names, read_numbers
from sen4cap_core.db.models import DeclarationSet, Json, Parcel


@dataclass(frozen=True)
class KnownIds:
    """Integer ids given to parcels and holdings of a site so far; they never change."""

    parcels: tuple[pa.LargeStringArray, NDArray[np.int64]]
    """The agency's id of each, and its number."""
    holdings: tuple[pa.LargeStringArray, NDArray[np.int64]]
    last_set_id: int
    """Latest version of the site when they were read: while it is the latest, no more were given."""


@dataclass(frozen=True)
class Group:
    """Parcels that are stored together."""

    rows: NDArray[np.int64]
    """Their places in the table of the version."""
    s1_pix: NDArray[np.int64]
    s2_pix: NDArray[np.int64]


@dataclass(frozen=True)
class Version:
    """A set about to be stored: its rows and how they compare with the version before."""

    parcels: pd.DataFrame
    """As `declarations.prepare` gives them, with ``change``, ``geom_change_ratio`` (NaN where the outline is
    the same) and ``since`` (NaT: from now on)."""
    ewkb: Callable[[NDArray[np.intp]], pa.LargeBinaryArray]
    """Outlines of some rows, as PostGIS' own binary in EPSG:4326; null without area."""
    groups: Iterator[Group]
    """All parcels, in the order in which they are to lie on disk: neighbours near to one another. The server
    takes one group in while the pixels of the next one are counted."""
    mode: str
    former_id: int | None
    changes: Json
    columns: Json


@dataclass(frozen=True)
class Kept:
    """Parcels of the former version that stay, and what depends on their neighbours; a row for each."""

    new_id: NDArray[np.int64]
    duplic: NDArray[np.bool_]
    overlap: NDArray[np.bool_]
    s1_pix: NDArray[np.int64]
    s2_pix: NDArray[np.int64]


def known_ids(session: Session, site_id: int) -> KnownIds:
    """Return all NewIDs and HoldIDs ever given in a site, over all years."""
    of_site = "WHERE set_id IN (SELECT id FROM declaration_set WHERE site_id = :site)"
    site = {"site": site_id}
    return KnownIds(
        read_names(
            session, f"SELECT ori_id AS name, min(new_id) AS number FROM parcel {of_site} GROUP BY 1", site
        ),
        read_names(
            session, f"SELECT ori_hold AS name, min(hold_id) AS number FROM parcel {of_site} GROUP BY 1", site
        ),
        last_set_id(session, site_id),
    )


def last_set_id(session: Session, site_id: int) -> int:
    """Return the latest version of a site, over all years; 0 where there is none."""
    query = select(func.max(DeclarationSet.id)).where(DeclarationSet.site_id == site_id)
    return session.execute(query).scalar_one() or 0


def fingerprints(session: Session, set_id: int) -> dict[str, NDArray[Any]]:
    """Return ``new_id``, ``geometry_hash``, ``content_hash``, ``since`` (UTC) of a version, by new_id."""
    kinds = {"new_id": "int32", "geometry_hash": "int64", "content_hash": "int64", "since": "time"}
    query = (
        "SELECT new_id, geometry_hash, content_hash, since FROM parcel WHERE set_id = :set ORDER BY new_id"
    )
    return read_numbers(session, query, {"set": set_id}, kinds)


def ids_before(session: Session, former: DeclarationSet) -> NDArray[np.int64]:
    """Return the parcels of all versions of the year before ``former``."""
    query = (
        "SELECT DISTINCT new_id FROM parcel JOIN declaration_set d ON d.id = set_id "
        "WHERE site_id = :site AND year = :year AND d.id < :set"
    )
    values = {"site": former.site_id, "year": former.year, "set": former.id}
    return read_numbers(session, query, values, {"new_id": "int32"})["new_id"]


def geometries_of(session: Session, set_id: int, new_ids: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the geometries of some parcels of a version, in the order of ``new_ids``; None where missing."""
    out = np.full(len(new_ids), None, dtype=object)
    order = np.argsort(new_ids)
    for start in range(0, len(new_ids), BATCH_ROWS):
        places = order[start : start + BATCH_ROWS]
        query = select(Parcel.new_id, func.ST_AsBinary(Parcel.geom)).where(
            Parcel.set_id == set_id, Parcel.new_id == func.any(new_ids[places].tolist())
        )
        found = {row[0]: row[1] for row in session.execute(query)}
        wkb = [found.get(number) for number in new_ids[places].tolist()]
        out[places] = shapely.from_wkb([None if w is None else bytes(w) for w in wkb])
    return out


def store_version(
    session: Session, site_id: int, year: int, upload_id: int | None, version: Version
) -> DeclarationSet:
    """Store the current set of a site and year; the former one stays as history."""
    session.execute(
        update(DeclarationSet)
        .where(
            DeclarationSet.site_id == site_id, DeclarationSet.year == year, DeclarationSet.valid_to.is_(None)
        )
        .values(valid_to=func.now())
    )
    new = DeclarationSet(
        site_id=site_id,
        year=year,
        upload_id=upload_id,
        n_parcels=len(version.parcels),
        mode=version.mode,
        former_id=version.former_id,
        changes=version.changes,
        columns=version.columns,
    )
    session.add(new)
    session.flush()
    copy_binary(session, "parcel", _batches(version, new.id, new.valid_from))
    return new


def keep_parcels(session: Session, new: DeclarationSet, former_id: int, kept: Kept) -> None:
    """Take parcels of the former version over into a new one, as they are but for their flags."""
    session.execute(
        text(
            """INSERT INTO parcel (set_id, new_id, hold_id, ori_id, ori_hold, ori_crop, geom, geom_valid,
                 area_m2, shape_index, attributes, change, since, geometry_hash, content_hash,
                 duplic, overlap, s1_pix, s2_pix)
               SELECT :new_set, p.new_id, hold_id, ori_id, ori_hold, ori_crop, geom, geom_valid,
                 area_m2, shape_index, attributes, 'same', since, geometry_hash, content_hash,
                 f.duplic, f.overlap, f.s1_pix, f.s2_pix
               FROM parcel p JOIN unnest(
                 CAST(:ids AS int[]), CAST(:duplic AS bool[]), CAST(:overlap AS bool[]),
                 CAST(:s1 AS int[]), CAST(:s2 AS int[])) AS f(new_id, duplic, overlap, s1_pix, s2_pix)
                 ON f.new_id = p.new_id
               WHERE p.set_id = :former"""
        ),
        {
            "new_set": new.id,
            "former": former_id,
            "ids": kept.new_id.tolist(),
            "duplic": kept.duplic.tolist(),
            "overlap": kept.overlap.tolist(),
            "s1": kept.s1_pix.tolist(),
            "s2": kept.s2_pix.tolist(),
        },
    )
    new.n_parcels += len(kept.new_id)
    session.flush()


def parcel_names(session: Session, set_id: int, new_ids: list[int]) -> list[str]:
    """Return the agency's ids of some parcels, in the order of their numbers."""
    query = select(Parcel.ori_id).where(Parcel.set_id == set_id, Parcel.new_id.in_(new_ids))
    return list(session.scalars(query.order_by(Parcel.new_id)))


def _batches(version: Version, set_id: int, now: datetime) -> Iterator[pa.RecordBatch]:
    for group in version.groups:
        rows = version.parcels.take(group.rows)
        columns: dict[str, Any] = {
            "set_id": pa.array(np.full(len(rows), set_id, np.int32)),
            "geom": version.ewkb(group.rows),
            "attributes": _jsonb(pa.array(rows.attributes, pa.large_string())),
            "since": pa.array(rows.since.fillna(pd.Timestamp(now)), pa.timestamp("us", "UTC")),
        }
        integers = {name: rows[name].to_numpy(np.int64) for name in ("new_id", "hold_id")}
        integers |= {"s1_pix": group.s1_pix, "s2_pix": group.s2_pix}
        columns |= {name: pa.array(numbers).cast(pa.int32()) for name, numbers in integers.items()}
        for name in ("geometry_hash", "content_hash"):
            columns[name] = pa.array(rows[name].to_numpy(np.int64))
        for name in ("ori_id", "ori_hold", "ori_crop", "change"):
            columns[name] = pa.array(rows[name], pa.large_string())
        for name in ("geom_valid", "duplic", "overlap"):
            columns[name] = pa.array(rows[name].to_numpy(np.bool_))
        for name in ("area_m2", "shape_index", "geom_change_ratio"):
            columns[name] = pa.array(rows[name].to_numpy(np.float64), from_pandas=True)
        yield from pa.table(columns).combine_chunks().to_batches()


def _jsonb(texts: pa.Array) -> pa.Array:
    """Return JSON texts as jsonb takes them in: its version, 1, before the text."""
    version, nothing = pa.scalar(b"\x01", pa.large_binary()), pa.scalar(b"", pa.large_binary())
    return pc.binary_join_element_wise(version, texts.cast(pa.large_binary()), nothing)
