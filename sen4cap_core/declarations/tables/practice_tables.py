"""Practice tables: which parcel is to be monitored for which practice, between which dates.

Three forms, told apart by the header: the upload with nine columns, the same with COUNTRY and YEAR (eleven),
and the original's table of 22 columns, which adds the parcel's number and facts of its geometry. Separated by
commas, semicolons or tabs. ``NA`` is a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.texts.table_files import refuse_no_table
from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.tables.arrow_arrays import from_numbers, in_one_piece, to_flags

UPLOAD_COLUMNS = (
    "FIELD_ID",
    "MAIN_CROP",
    "VEG_START",
    "H_START",
    "H_END",
    "PRACTICE",
    "P_TYPE",
    "P_START",
    "P_END",
)
OTHER_COLUMNS = ("SEQ_ID", "COUNTRY", "YEAR", "S1Pix")
"""Used where the table has them."""
DATE_COLUMNS = ("VEG_START", "H_START", "H_END", "P_START", "P_END")
PRACTICE_NAMES = {"NA": "NA", "CC": "CatchCrop", "FL": "Fallow", "NFC": "NFC"}
"""PRACTICE of the rows of each practice."""
NA_TEXTS = ("NA", "")
MAX_PROBLEMS = 200
"""So many are told of a table."""
NO_DAY = 0
_EXCEL_ZERO = date(1899, 12, 30)
_ZERO = np.zeros(1, np.int32)


@dataclass(frozen=True)
class TextColumn:
    """A column of few distinct texts."""

    codes: NDArray[np.int32]
    """(R) positions in ``texts``."""
    texts: tuple[str, ...]

    def __getitem__(self, row: int) -> str:
        return self.texts[int(self.codes[row])]

    def map_texts(self, values: Iterable[int]) -> NDArray[np.int32]:
        """Return one number for each row from one for each text."""
        table = np.fromiter(values, np.int32, len(self.texts))
        return table[self.codes]

    def days(self) -> NDArray[np.int32]:
        """Days since 1970-01-01 of a column of dates; 0 where there is no date."""
        return self.map_texts(_day(text) for text in self.texts)


@dataclass(frozen=True)
class PracticeTable:
    """A practice table as text, rows in the file's order."""

    path: Path
    ids: pa.StringArray
    """Id of the parcel in the observations: SEQ_ID, or FIELD_ID where the table has no SEQ_ID."""
    orig_ids: pa.StringArray
    columns: dict[str, TextColumn]
    """By the names of the 22-column table; COUNTRY, YEAR and S1Pix only where the file has them."""

    def __len__(self) -> int:
        return len(self.ids)


def read_practice_table(path: Path) -> PracticeTable:
    """Read a practice table; values are not judged (see ``check_practice_table``).

    Raises
    ------
    BadUploadError
        When the file is missing, is no table, lacks a column, has no rows, or a row lacks its parcel.
    """
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    refuse_no_table(path)
    try:
        table = _read_texts(path)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise BadUploadError(
            path,
            f"is not a readable table: {error}",
            expected=f"CSV, gzip CSV or Parquet with the columns {', '.join(UPLOAD_COLUMNS)}.",
        ) from error
    stored = {name.strip().lower(): i for i, name in reversed(list(enumerate(table.column_names)))}
    missing = [name for name in UPLOAD_COLUMNS if name.lower() not in stored]
    if missing:
        raise BadUploadError(
            path,
            f"the practice table lacks {', '.join(missing)}.",
            expected=f"a header with {', '.join(UPLOAD_COLUMNS)}, separated by commas, semicolons or tabs.",
            remedy=f"The file has: {', '.join(table.column_names[:30])}.",
        )
    if table.num_rows == 0:
        raise BadUploadError(path, "there is no row in it.")
    arrays = {
        name: in_one_piece(table.column(stored[name.lower()]))
        for name in (*UPLOAD_COLUMNS, *OTHER_COLUMNS)
        if name.lower() in stored
    }
    ids = arrays.pop("SEQ_ID", arrays["FIELD_ID"])
    empty = np.nonzero(~to_flags(pc.greater(pc.binary_length(ids), from_numbers(_ZERO)[0])))[0].tolist()
    if empty:
        raise BadUploadError(
            path,
            "a row does not say which parcel it is for.",
            problems=[Problem("is empty", row=i + 2, column="FIELD_ID") for i in empty[:MAX_PROBLEMS]],
        )
    orig_ids = arrays.pop("FIELD_ID")
    return PracticeTable(path, ids, orig_ids, {name: _encode(array) for name, array in arrays.items()})


def check_practice_table(table: PracticeTable, practice: str, year: int) -> list[Problem]:
    """Find what is wrong with the rows of a table of one practice (``NA``, ``CC``, ``FL``, ``NFC``).

    Dates must be dates and follow each other, VEG_START must lie in the season's year or the one before, the
    period must be there where the practice needs one, and no parcel may stand there twice.
    """
    problems = [*unreadable_dates(table), *doubtful_rows(table, practice, year)]
    problems.sort(key=lambda problem: problem.row or 0)
    return problems[:MAX_PROBLEMS]


def unreadable_dates(table: PracticeTable) -> list[Problem]:
    """Find the cells of date columns that are neither a date nor NA."""
    problems: list[Problem] = []
    for name in DATE_COLUMNS:
        column = table.columns[name]
        is_bad = column.map_texts(_day(t) == NO_DAY and t.strip() not in NA_TEXTS for t in column.texts)
        problems += [
            Problem(_no_date(column[row]), row=row + 2, column=name) for row in np.nonzero(is_bad)[0].tolist()
        ]
    return sorted(problems, key=lambda problem: problem.row or 0)


def _no_date(text: str) -> str:
    if re.fullmatch(r"[2-7][0-9]{4}", text.strip()):
        day = _EXCEL_ZERO + timedelta(days=int(text))
        return f"{text!r} is no date but Excel's day number of {day}: format the column as text"
    return f"{text!r} is no date of the form YYYY-MM-DD"


def doubtful_rows(table: PracticeTable, practice: str, year: int) -> list[Problem]:
    """Find rows that can be read and are hardly meant so: missing dates, dates out of order, doubles ..."""
    problems: list[Problem] = []
    days = {name: table.columns[name].days() for name in DATE_COLUMNS}
    for name in ("VEG_START", "H_START", "H_END"):
        column = table.columns[name]
        is_na = column.map_texts(t.strip() in NA_TEXTS for t in column.texts)
        problems += [
            Problem("a date is needed", row=row + 2, column=name) for row in np.nonzero(is_na)[0].tolist()
        ]
    for first, second in (("VEG_START", "H_START"), ("H_START", "H_END"), ("P_START", "P_END")):
        wrong = (days[first] != NO_DAY) & (days[second] != NO_DAY) & (days[first] > days[second])
        problems += [
            Problem(
                f"{table.columns[second][row]} lies before {first} {table.columns[first][row]}",
                row=row + 2,
                column=second,
            )
            for row in np.nonzero(wrong)[0].tolist()
        ]
    first_day, last_day = to_days(date(year - 1, 1, 1)), to_days(date(year, 12, 31))
    start = days["VEG_START"]
    outside = (start != NO_DAY) & ((start < first_day) | (start > last_day))
    problems += [
        Problem(
            f"{table.columns['VEG_START'][row]} is not of the season {year}", row=row + 2, column="VEG_START"
        )
        for row in np.nonzero(outside)[0].tolist()
    ]
    names = table.columns["PRACTICE"]
    if practice != "NA":
        is_other = names.map_texts(PRACTICE_NAMES[practice] not in text for text in names.texts)
        others = np.nonzero(is_other)[0].tolist()
        if 2 * len(others) > len(table):
            text = (
                f"{len(others)} of {len(table)} rows are not {PRACTICE_NAMES[practice]!r} and are not judged:"
            )
            problems.append(Problem(f"{text} is this the table of another practice?", column="PRACTICE"))
            others = []
        problems += [
            Problem(
                f"{names[row]!r} is not {PRACTICE_NAMES[practice]!r}: the row is not judged",
                row=row + 2,
                column="PRACTICE",
            )
            for row in others
        ]
        needed = ("P_START",) if practice == "CC" else ("P_START", "P_END")
        for name in needed:
            absent = (days[name] == NO_DAY) & (is_other == 0)
            problems += [
                Problem(f"{PRACTICE_NAMES[practice]} needs a date", row=row + 2, column=name)
                for row in np.nonzero(absent)[0].tolist()
            ]
    problems += _doubles(table)
    return sorted(problems, key=lambda problem: problem.row or 0)


def _doubles(table: PracticeTable) -> list[Problem]:
    column = _encode(table.ids)
    if len(column.texts) == len(table):
        return []
    first: dict[int, int] = {}
    problems = []
    for row, code in enumerate(column.codes.tolist()):
        if first.setdefault(code, row) != row:
            text = f"{column.texts[code]!r} is already in row {first[code] + 2}"
            problems.append(Problem(text, row=row + 2, column="FIELD_ID"))
    return problems


def _day(text: str) -> int:
    try:
        return to_days(date.fromisoformat(text.strip())) if len(text.strip()) == 10 else NO_DAY
    except ValueError:
        return NO_DAY


def _read_texts(path: Path) -> pa.Table:
    """Read every column as text; an empty cell is the empty text."""
    if path.name.lower().endswith((".parquet", ".pq")):
        table = pq.read_table(path)
        texts = [column.cast(pa.string()).fill_null("") for column in table.columns]
        return pa.Table.from_arrays(texts, names=table.column_names)
    with pa.input_stream(str(path), compression="detect") as stream:
        header = stream.read(100_000).split(b"\n", 1)[0].decode("utf-8-sig")
    delimiter = next((mark for mark in (";", "\t") if mark in header), ",")
    names = [name.strip().strip('"').strip() for name in header.strip().split(delimiter)]
    with pa.input_stream(str(path), compression="detect") as stream:
        return pa.csv.read_csv(
            stream,
            read_options=pa.csv.ReadOptions(column_names=names, skip_rows=1),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )


def _encode(array: pa.StringArray) -> TextColumn:
    encoded = array.dictionary_encode()
    indices = encoded.indices
    codes = np.frombuffer(indices.buffers()[1], np.int32, count=indices.offset + len(indices))
    return TextColumn(codes[indices.offset :], tuple(encoded.dictionary.to_pylist()))
