"""Practice tables on their way into the database and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.declarations.tables.practice_tables import DATE_COLUMNS, NO_DAY, PracticeTable, TextColumn

NOT_GIVEN = "NA"


def as_rows(table: PracticeTable) -> pa.Table:
    """Return a practice table as typed rows: the parcel's own id, texts trimmed, dates or null.

    Columns: ``row`` (as an editor counts, the header is row 1), ``ori_id``, ``country`` (null where the table
    has none), ``main_crop``, ``veg_start``, ``h_start``, ``h_end``, ``practice``, ``p_type``, ``p_start``,
    ``p_end``.
    """
    columns: dict[str, pa.Array] = {
        "row": pa.array(np.arange(2, len(table) + 2, dtype=np.int32)),
        "ori_id": table.orig_ids,
        "country": _texts(table.columns["COUNTRY"])
        if "COUNTRY" in table.columns
        else pa.nulls(len(table), pa.string()),
    }
    for name in ("MAIN_CROP", "VEG_START", "H_START", "H_END", "PRACTICE", "P_TYPE", "P_START", "P_END"):
        column = table.columns[name]
        columns[name.lower()] = _dates(column) if name in DATE_COLUMNS else _texts(column)
    return pa.table(columns)


def from_rows(rows: pd.DataFrame, country: str, year: int, name: str) -> PracticeTable:
    """Return stored rows as the 22-column table has them, NewID as the parcel's id in the observations.

    ``rows`` is what ``db.practices.load_practices`` gives; ``country`` is taken where a row has none, and
    ``name`` stands for the file in messages.
    """
    columns = {
        "COUNTRY": _column(rows.country.fillna(country)),
        "YEAR": TextColumn(np.zeros(len(rows), np.int32), (str(year),)),
        "S1Pix": _column(rows.s1_pix.map(lambda count: "" if count is None else str(count))),
    }
    for column in ("main_crop", "practice", "p_type"):
        columns[column.upper()] = _column(rows[column])
    for column in DATE_COLUMNS:
        days = rows[column.lower()]
        columns[column] = _column(days.map(lambda day: NOT_GIVEN if day is None else day.isoformat()))
    ids = pa.array(rows.new_id.astype(str).tolist(), pa.string())
    return PracticeTable(Path(name), ids, pa.array(rows.ori_id.tolist(), pa.string()), columns)


def _column(texts: pd.Series) -> TextColumn:
    codes, distinct = pd.factorize(texts)
    return TextColumn(codes.astype(np.int32), tuple(distinct.tolist()))


def _texts(column: TextColumn) -> pa.Array:
    return _taken(pa.array([text.strip() for text in column.texts], pa.string()), column.codes)


def _dates(column: TextColumn) -> pa.Array:
    days: Sequence[date | None] = [
        None if day == NO_DAY else date.fromisoformat(text.strip())
        for text, day in zip(column.texts, _days(column), strict=True)
    ]
    return _taken(pa.array(days, pa.date32()), column.codes)


def _days(column: TextColumn) -> NDArray[np.int32]:
    return TextColumn(np.arange(len(column.texts), dtype=np.int32), column.texts).days()


def _taken(values: pa.Array, codes: NDArray[np.int32]) -> pa.Array:
    return values.take(pa.array(codes))
