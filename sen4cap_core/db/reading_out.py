"""Columns of many rows out of PostgreSQL with COPY: no Python object for each value."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, LiteralString

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from sen4cap_core.db.binary_copy import EPOCH_US, HEAD

_FORMS = {"int32": (">i4", np.int64), "int64": (">i8", np.int64), "time": (">i8", "datetime64[us]")}
"""How a number is written, and as what it comes back."""


def read_numbers(
    session: Session, query: LiteralString, values: Mapping[str, object], kinds: Mapping[str, str]
) -> dict[str, NDArray[Any]]:
    """Return the columns of a query as arrays: rows of COPY's binary form all have the same length.

    Parameters
    ----------
    query : SELECT without missing values; ``values`` fill its ``%(name)s``.
    kinds : ``int32``, ``int64`` or ``time`` (timestamp with time zone) for each column, in their order.

    Returns
    -------
    int64 arrays, and datetime64[us] in UTC, by the names of ``kinds``.

    Raises
    ------
    ValueError
        Rows of another length: a value is missing, or a column is of another type.
    """
    fields: list[tuple[str, str]] = [("", ">i2")]
    for name, kind in kinds.items():
        fields += [(f"{name} length", ">i4"), (name, _FORMS[kind][0])]
    # An unnamed field would be called f0.
    row = np.dtype([(name or "columns", form) for name, form in fields])
    data = _copied(session, query, values, "binary")
    body = memoryview(data)[len(HEAD) : -2]
    if len(body) % row.itemsize:
        raise ValueError("a value is missing, or of another type")
    rows = np.frombuffer(body, row)
    for name, kind in kinds.items():
        if (rows[f"{name} length"] != np.dtype(_FORMS[kind][0]).itemsize).any():
            raise ValueError(f"{name}: a value is missing, or of another type")
    out: dict[str, NDArray[Any]] = {}
    for name, kind in kinds.items():
        numbers = rows[name].astype(np.int64)
        out[name] = (numbers + EPOCH_US).view("datetime64[us]") if kind == "time" else numbers
    return out


def read_names(
    session: Session, query: LiteralString, values: Mapping[str, object]
) -> tuple[pa.LargeStringArray, NDArray[np.int64]]:
    """Return a column of text and one of whole numbers; the query has just these, without missing values."""
    data = _copied(session, query, values, "csv")
    if not data:
        return pa.array([], pa.large_string()), np.empty(0, np.int64)
    table = pa.csv.read_csv(
        io.BytesIO(data),
        pa.csv.ReadOptions(column_names=["name", "number"], block_size=max(len(data), 1)),
        pa.csv.ParseOptions(newlines_in_values=True),
        pa.csv.ConvertOptions(column_types={"name": pa.large_string(), "number": pa.int64()}),
    ).combine_chunks()
    return table["name"].chunk(0), table["number"].to_numpy()


def _copied(
    session: Session, query: LiteralString, values: Mapping[str, object], form: LiteralString
) -> bytes:
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT {form})", dict(values)) as copy,
    ):
        return b"".join(copy)
