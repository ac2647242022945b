"""The source's own columns of each parcel as one JSON text, and what tells one version from another.

Made column by column in Arrow: a dictionary for each of a million parcels would take a gigabyte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

CHUNK_ROWS = 50_000
_RARE_CONTROLS = r"[\x01-\x08\x0b\x0e-\x1f]"


def as_json(table: Mapping[str, pa.Array], n_rows: int) -> pa.ChunkedArray:
    """Return one JSON object for each row: columns by name by alphabet, missing ones left out.

    Parameters
    ----------
    table : text arrays of ``n_rows`` by column name, at least one.
    """
    chunks = [_object_texts(table, start) for start in range(0, n_rows, CHUNK_ROWS)]
    return pa.chunked_array(chunks, pa.large_string())


def _object_texts(table: Mapping[str, pa.Array], start: int) -> pa.Array:
    members = []
    for name in sorted(table):
        key = _large(f"{json.dumps(name, ensure_ascii=False)}: ")
        members.append(
            pc.binary_join_element_wise(key, _quoted(table[name].slice(start, CHUNK_ROWS)), _large(""))
        )
    inner = pc.binary_join_element_wise(*members, _large(", "), null_handling="skip")
    return pc.binary_join_element_wise(_large("{"), inner, _large("}"), _large(""))


def _quoted(texts: pa.Array) -> pa.Array:
    """JSON strings; what PostgreSQL cannot hold, the zero character, is left out."""
    texts = pc.replace_substring(texts, "\0", "")
    if pc.any(pc.match_substring_regex(texts, _RARE_CONTROLS), min_count=0).as_py():
        plain = [None if t is None else json.dumps(t, ensure_ascii=False) for t in texts.to_pylist()]
        return pa.array(plain, pa.large_string())
    for mark, escaped in (
        ("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\f", "\\f"),
    ):  # fmt: skip
        texts = pc.replace_substring(texts, mark, escaped)
    return pc.binary_join_element_wise(_large('"'), texts, _large('"'), _large(""))


def content_hashes(holdings: NDArray[np.object_], crops: NDArray[np.object_], attributes: pa.ChunkedArray
                   ) -> NDArray[np.int64]:  # fmt: skip
    """Return one number for each parcel that differs when its holding, crop or any attribute differs."""
    out = np.empty(len(holdings), np.int64)
    for start in range(0, len(holdings), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        texts = pc.binary_join_element_wise(
            pa.array(holdings[rows], pa.large_string()),
            pa.array(crops[rows], pa.large_string()),
            _whole(attributes.slice(start, CHUNK_ROWS)),
            _large("\x1f"),
        )
        out[rows] = pd.util.hash_array(texts.to_numpy(zero_copy_only=False)).view(np.int64)
    return out


def geometry_hashes(geometry: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return one number for each geometry that differs when any coordinate differs; 0 without geometry."""
    out = np.zeros(len(geometry), np.int64)
    for start in range(0, len(geometry), CHUNK_ROWS):
        wkb = shapely.to_wkb(geometry[start : start + CHUNK_ROWS])
        there = np.flatnonzero(~shapely.is_missing(geometry[start : start + CHUNK_ROWS]))
        out[start + there] = pd.util.hash_array(wkb[there]).view(np.int64)
    return out


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _large(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
