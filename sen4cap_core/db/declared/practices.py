"""Practice tables: one version in force for each site, year and practice."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from sen4cap_core.db.bulk.copying import BATCH_ROWS, copy_rows
from sen4cap_core.db.models import CropCode, DeclarationSet, Parcel, PracticeRow, PracticeSet

ROW_COLUMNS = (
    "row",
    "ori_id",
    "country",
    "main_crop",
    "veg_start",
    "h_start",
    "h_end",
    "practice",
    "p_type",
    "p_start",
    "p_end",
)
"""Columns of a table of rows, in this order."""


def store_practices(
    session: Session, site_id: int, year: int, practice: str, upload_id: int | None, rows: pa.Table
) -> PracticeSet:
    """Make a practice table the one in force; the former one stays as history.

    ``rows`` has ``ROW_COLUMNS``: dates as date32, null for NA. Storing what is in force changes nothing.
    """
    current = current_practices(session, site_id, year, practice)
    if current is not None and upload_id is not None and current.upload_id == upload_id:
        return current
    session.execute(
        update(PracticeSet)
        .where(
            PracticeSet.site_id == site_id,
            PracticeSet.year == year,
            PracticeSet.practice == practice,
            PracticeSet.valid_to.is_(None),
        )
        .values(valid_to=func.now())
    )
    new = PracticeSet(
        site_id=site_id, year=year, practice=practice, upload_id=upload_id, n_rows=rows.num_rows
    )
    session.add(new)
    session.flush()
    numbered = rows.select(list(ROW_COLUMNS)).add_column(0, "set_id", pa.repeat(new.id, rows.num_rows))
    copy_rows(session, "practice_row", numbered.to_batches(max_chunksize=BATCH_ROWS))
    return new


def current_practices(session: Session, site_id: int, year: int, practice: str) -> PracticeSet | None:
    """Return the table in force of a practice (``NA``, ``CC``, ``FL``, ``NFC``), None where there is none."""
    return session.scalars(
        select(PracticeSet)
        .where(
            PracticeSet.site_id == site_id,
            PracticeSet.year == year,
            PracticeSet.practice == practice,
            PracticeSet.valid_to.is_(None),
        )
        .order_by(PracticeSet.id.desc())
        .limit(1)
    ).one_or_none()


def practices_in_force(session: Session, site_id: int, year: int) -> dict[str, PracticeSet]:
    """Return the tables in force of a site and year by practice."""
    query = (
        select(PracticeSet)
        .where(PracticeSet.site_id == site_id, PracticeSet.year == year, PracticeSet.valid_to.is_(None))
        .order_by(PracticeSet.id)
    )
    return {row.practice: row for row in session.scalars(query)}


def load_practices(session: Session, practice_set_id: int, declaration_set_id: int) -> pd.DataFrame:
    """Return the rows of a practice table whose parcel is declared, by NewID and row of the file.

    Columns: ``new_id``, those of ``ROW_COLUMNS`` (dates as ``datetime.date``, None for NA), ``geom_valid``,
    ``duplic``, ``overlap``, ``area_m2``, ``shape_index``, ``s1_pix``, ``s2_pix`` of the parcel, and ``lc``,
    ``ctnum``, ``ct`` of its crop, None where the crop code table does not know it (the original leaves such
    parcels out).
    """
    query = (
        select(
            Parcel.new_id,
            *(getattr(PracticeRow, name) for name in ROW_COLUMNS),
            Parcel.geom_valid,
            Parcel.duplic,
            Parcel.overlap,
            Parcel.area_m2,
            Parcel.shape_index,
            Parcel.s1_pix,
            Parcel.s2_pix,
            CropCode.lc,
            CropCode.ctnum,
            CropCode.ct,
        )
        .select_from(PracticeRow)
        .join(Parcel, (Parcel.ori_id == PracticeRow.ori_id) & (Parcel.set_id == declaration_set_id))
        .join(DeclarationSet, DeclarationSet.id == Parcel.set_id)
        .outerjoin(
            CropCode,
            (CropCode.site_id == DeclarationSet.site_id)
            & (CropCode.year == DeclarationSet.year)
            & (CropCode.ori_crop == Parcel.ori_crop),
        )
        .where(PracticeRow.set_id == practice_set_id)
        .order_by(Parcel.new_id, PracticeRow.row)
    )
    result = session.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()), dtype=object)


def undeclared_rows(
    session: Session, practice_set_id: int, declaration_set_id: int, limit: int
) -> tuple[int, list[tuple[int, str]]]:
    """Count the rows whose parcel is not declared; return the number and the first ones as (row, ori_id)."""
    declared = select(Parcel.ori_id).where(
        Parcel.set_id == declaration_set_id, Parcel.ori_id == PracticeRow.ori_id
    )
    missing = (PracticeRow.set_id == practice_set_id) & ~declared.exists()
    count = session.execute(select(func.count()).select_from(PracticeRow).where(missing)).scalar_one()
    query = select(PracticeRow.row, PracticeRow.ori_id).where(missing).order_by(PracticeRow.row).limit(limit)
    return count, [(row, ori_id) for row, ori_id in session.execute(query)]
