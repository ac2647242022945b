"""The harvest an earlier run reported for each parcel."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from sen4cap_core.clock import to_days
from sen4cap_core.errors import BadUploadError
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.processors.l4c.monitoring import leading_number

COLUMNS = ("FIELD_ID", "H_W_START", "H_W_S1GAPS")


def read_previous(path: Path) -> dict[str, tuple[int, int]]:
    """Read an earlier result: id -> (harvest week as day, 0 for none; its weeks without radar, 0 for none).

    Raises
    ------
    BadUploadError
        When the file is missing, is no table or lacks a column.
    """
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    try:
        table = _read(path)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise BadUploadError(
            path, f"is not a readable table: {error}", expected="An earlier result."
        ) from error
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise BadUploadError(
            path, f"the earlier result lacks {', '.join(missing)}.", expected=f"columns {', '.join(COLUMNS)}."
        )
    ids, weeks, gaps = (table[name].cast(pa.string()).to_pylist() for name in COLUMNS)
    known = {}
    for parcel_id, week, gap in zip(ids, weeks, gaps, strict=True):
        known[parcel_id or ""] = (_day(week or ""), max(0, leading_number(gap or "")))
    return known


def _day(text: str) -> int:
    try:
        return to_days(date.fromisoformat(text.strip()))
    except ValueError:
        return NO_DAY


def _read(path: Path) -> pa.Table:
    if path.name.lower().endswith((".parquet", ".pq")):
        return pq.read_table(path)
    with pa.input_stream(str(path), compression="detect") as stream:
        header = stream.read(100_000).split(b"\n", 1)[0].decode("utf-8-sig")
    delimiter = ";" if ";" in header else ","
    names = [name.strip().strip('"') for name in header.strip().split(delimiter)]
    with pa.input_stream(str(path), compression="detect") as stream:
        return pa.csv.read_csv(
            stream,
            read_options=pa.csv.ReadOptions(column_names=names, skip_rows=1),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
