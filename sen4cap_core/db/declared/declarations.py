"""Declaration sets, parcels, crop codes and processor configurations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import CropCode, DeclarationSet, Json, Parcel, ProcessorConfig
from sen4cap_core.errors import Sen4capError

_ORIGINAL_COLUMNS = {
    "holdid": Parcel.hold_id,
    "geomvalid": Parcel.geom_valid,
    "duplic": Parcel.duplic,
    "overlap": Parcel.overlap,
    "area_meters": Parcel.area_m2,
    "shapeind": Parcel.shape_index,
    "s1pix": Parcel.s1_pix,
    "s2pix": Parcel.s2_pix,
}
"""What the original computes of a parcel, by the lower-case name it has there."""


def current_set(session: Session, site_id: int, year: int) -> DeclarationSet | None:
    """Return the declaration set in force for a site and year."""
    return session.scalars(
        select(DeclarationSet)
        .where(
            DeclarationSet.site_id == site_id, DeclarationSet.year == year, DeclarationSet.valid_to.is_(None)
        )
        .order_by(DeclarationSet.id.desc())
        .limit(1)
    ).one_or_none()


def current_sets(session: Session) -> list[DeclarationSet]:
    """Return all declaration sets in force."""
    return list(session.scalars(select(DeclarationSet).where(DeclarationSet.valid_to.is_(None))))


def load_parcels(
    session: Session,
    set_id: int,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    largest: int | None = None,
) -> gpd.GeoDataFrame:
    """Return the parcels of a set ordered by new_id, geometry in EPSG:4326 (None where the file had none).

    ``s1_pix`` and ``s2_pix`` are missing where they were not counted yet.

    ``bounds`` (west, south, east, north in degrees) keeps those whose box meets it; ``largest`` keeps so
    many, by area.
    """
    query = select(
        Parcel.new_id,
        Parcel.hold_id,
        Parcel.ori_id,
        Parcel.ori_hold,
        Parcel.ori_crop,
        Parcel.geom_valid,
        Parcel.area_m2,
        Parcel.s1_pix,
        Parcel.s2_pix,
        func.ST_AsBinary(Parcel.geom).label("wkb"),
    ).where(Parcel.set_id == set_id)
    if bounds is not None:
        query = query.where(Parcel.geom.op("&&")(func.ST_MakeEnvelope(*bounds, 4326)))
    order = [Parcel.new_id] if largest is None else [Parcel.area_m2.desc(), Parcel.new_id]
    rows = session.execute(query.order_by(*order).limit(largest)).all()
    plain = ["new_id", "hold_id", "ori_id", "ori_hold", "ori_crop", "geom_valid", "area_m2"]
    frame = pd.DataFrame(rows, columns=[*plain, "s1_pix", "s2_pix", "wkb"])
    for name in ("s1_pix", "s2_pix"):
        frame[name] = frame[name].astype("Int32")
    geometries = shapely.from_wkb([None if w is None else bytes(w) for w in frame.pop("wkb")])
    return gpd.GeoDataFrame(frame, geometry=np.asarray(geometries, dtype=object), crs=4326)


def parcel_names(session: Session, set_id: int) -> tuple[NDArray[np.int32], list[str]]:
    """Return new_id and ori_id of the parcels of a set, ordered by new_id."""
    query = select(Parcel.new_id, Parcel.ori_id).where(Parcel.set_id == set_id).order_by(Parcel.new_id)
    rows = session.execute(query).all()
    return np.array([row[0] for row in rows], np.int32), [row[1] for row in rows]


def declared_columns(session: Session, set_id: int, names: Sequence[str]) -> pd.DataFrame:
    """Return columns of the declarations of a set, one row per parcel ordered by new_id, with ``new_id``.

    A name is that of a column of the dropped file, or of the original's table (``HoldID``, ``ShapeInd``,
    ``S2Pix`` ...), capitals or not; the columns of the answer are called as asked for. Values of the file are
    texts, None where it has none.

    Raises
    ------
    Sen4capError
        No parcel has a value in such a column.
    """
    key = func.jsonb_object_keys(Parcel.attributes).label("key")
    of_file = {
        row.key.lower(): row.key
        for row in session.execute(select(key).where(Parcel.set_id == set_id).distinct())
    }
    columns = []
    for name in names:
        if name.lower() in of_file:
            columns.append(Parcel.attributes[of_file[name.lower()]].astext.label(name))
        elif name.lower() in _ORIGINAL_COLUMNS:
            columns.append(_ORIGINAL_COLUMNS[name.lower()].label(name))
        else:
            known = ", ".join(sorted(of_file.values(), key=str.lower)) or "none"
            raise Sen4capError(
                f"no declared parcel has a value in a column {name!r}; columns with values: {known}. "
                "Correct the name, or take it out."
            )
    rows = session.execute(
        select(Parcel.new_id, *columns).where(Parcel.set_id == set_id).order_by(Parcel.new_id)
    ).all()
    return pd.DataFrame(rows, columns=["new_id", *names])


def replace_crop_codes(
    session: Session, site_id: int, year: int, upload_id: int | None, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Replace the look-up table of a site and year."""
    session.execute(delete(CropCode).where(CropCode.site_id == site_id, CropCode.year == year))
    if rows:
        session.execute(
            insert(CropCode),
            [dict(row, site_id=site_id, year=year, upload_id=upload_id) for row in rows],
        )


def crop_codes(session: Session, site_id: int, year: int) -> list[CropCode]:
    """Return the look-up table in force, by original code."""
    return list(
        session.scalars(
            select(CropCode)
            .where(CropCode.site_id == site_id, CropCode.year == year)
            .order_by(CropCode.ori_crop)
        )
    )


def crops_and_areas(session: Session, set_id: int) -> tuple[list[str], list[float]]:
    """Return crop code and area [m2] of each parcel of a set."""
    rows = session.execute(select(Parcel.ori_crop, Parcel.area_m2).where(Parcel.set_id == set_id)).all()
    return [row.ori_crop for row in rows], [row.area_m2 for row in rows]


def n_parcels_of(session: Session, set_id: int, crops: Collection[str]) -> int:
    """Return how many parcels of a set have one of some crop codes."""
    query = select(func.count()).where(Parcel.set_id == set_id, Parcel.ori_crop.in_(crops))
    return session.execute(query).scalar_one()


def store_config(
    session: Session, site_id: int, year: int, processor: str, upload_id: int | None, values: Json
) -> ProcessorConfig:
    """Make a configuration the one in force for a site, year and processor."""
    session.execute(
        update(ProcessorConfig)
        .where(
            ProcessorConfig.site_id == site_id,
            ProcessorConfig.year == year,
            ProcessorConfig.processor == processor,
            ProcessorConfig.valid_to.is_(None),
        )
        .values(valid_to=func.now())
    )
    existing = session.scalars(
        select(ProcessorConfig).where(
            ProcessorConfig.site_id == site_id,
            ProcessorConfig.year == year,
            ProcessorConfig.processor == processor,
            ProcessorConfig.upload_id == upload_id,
        )
    ).one_or_none()
    if existing is None:
        existing = ProcessorConfig(site_id=site_id, year=year, processor=processor, upload_id=upload_id)
        session.add(existing)
    existing.values, existing.valid_to = values, None
    session.flush()
    return existing


def current_config(session: Session, site_id: int, year: int, processor: str) -> ProcessorConfig | None:
    """Return the configuration in force, None where the defaults apply."""
    return session.scalars(
        select(ProcessorConfig)
        .where(
            ProcessorConfig.site_id == site_id,
            ProcessorConfig.year == year,
            ProcessorConfig.processor == processor,
            ProcessorConfig.valid_to.is_(None),
        )
        .order_by(ProcessorConfig.id.desc())
        .limit(1)
    ).one_or_none()
