"""Columns of many rows out of PostgreSQL in one value each: nothing is done for each row on this side.

Rows fetched one by one, by COPY too, cost some microseconds each. The server strings the bytes of a column
together in less than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, text
from sqlalchemy.orm import Session

from sen4cap_core.db.bulk.binary_copy import EPOCH_US

_FORMS = {"int32": ("int4send", ">i4"), "int64": ("int8send", ">i8"), "time": ("timestamptz_send", ">i8")}
"""What makes bytes of a number, and what these are."""


def read_numbers(
    session: Session, query: str, values: Mapping[str, object], kinds: Mapping[str, str]
) -> dict[str, NDArray[Any]]:
    """Return the columns of a query as arrays, in the order of its rows.

    Parameters
    ----------
    query : SELECT whose columns have names and no missing value; ``values`` fill its ``:name``.
    kinds : ``int32``, ``int64`` or ``time`` (timestamp with time zone) for each column.

    Returns
    -------
    int64 arrays, and datetime64[us] in UTC, by the names of ``kinds``.

    Raises
    ------
    ValueError
        A value is missing.
    """
    sent = {name: f"{_FORMS[kind][0]}({name})" for name, kind in kinds.items()}
    found, n = _strung(session, query, values, sent)
    out: dict[str, NDArray[Any]] = {}
    for name, kind in kinds.items():
        numbers = np.frombuffer(found[name], _FORMS[kind][1]).astype(np.int64)
        if len(numbers) != n:
            raise ValueError(f"{name}: a value is missing")
        out[name] = (numbers + EPOCH_US).view("datetime64[us]") if kind == "time" else numbers
    return out


def read_names(
    session: Session, query: str, values: Mapping[str, object]
) -> tuple[pa.LargeStringArray, NDArray[np.int64]]:
    """Return a column ``name`` of text and one ``number`` (integer) of a query.

    Raises
    ------
    ValueError
        A value is missing.
    """
    sent = {
        "texts": "convert_to(name, 'UTF8')",
        "lengths": "int4send(octet_length(convert_to(name, 'UTF8')))",
        "numbers": "int4send(number)",
    }
    found, n = _strung(session, query, values, sent)
    lengths, numbers = (np.frombuffer(found[name], ">i4").astype(np.int64) for name in ("lengths", "numbers"))
    if not len(lengths) == len(numbers) == n:
        raise ValueError("a name or number is missing")
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(found["texts"])]
    return pa.Array.from_buffers(pa.large_string(), n, buffers), numbers


def _strung(
    session: Session, query: str, values: Mapping[str, object], sent: Mapping[str, str]
) -> tuple[dict[str, bytes], int]:
    """Return the bytes of each expression over all rows, one after the other, and the number of rows."""
    columns = [f"string_agg({expression}, ''::bytea) AS {name}" for name, expression in sent.items()]
    statement = text(f"SELECT count(*), {', '.join(columns)} FROM ({query}) AS wanted")
    n, *found = session.execute(statement.columns(**dict.fromkeys(sent, LargeBinary())), values).one()
    return {name: bytes(value or b"") for name, value in zip(sent, found, strict=True)}, n
