"""The source's own columns of each parcel as one JSON text, and what tells one version from another.

Made column by column in plain arrays: a dictionary for each of a million parcels would take a gigabyte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sen4cap_core.kernels.tables.json_objects import measure_objects, write_objects
from sen4cap_core.kernels.tables.text_hashes import hash_bytes
from sen4cap_core.rasters.parcels.outlines import Outlines
from sen4cap_core.tables.arrow_arrays import in_one_piece

CHUNK_ROWS = 50_000
_KEY = np.frombuffer(b"0123456789123456", "<u8").astype(np.uint64)
"""Of the hashes; another one would make every parcel of the next version a changed one."""
_MIXING = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""SplitMix64 (Steele, Lea and Flood 2014), which pandas puts after SipHash."""


def as_json(table: Mapping[str, pa.Array], n_rows: int) -> pa.ChunkedArray:
    """Return one JSON object for each row: columns by name by alphabet, missing ones left out.

    What PostgreSQL cannot hold, the zero character, is left out.

    Parameters
    ----------
    table : large string arrays of ``n_rows`` by column name, at least one.
    """
    chunks = [
        _object_texts(table, start, min(start + CHUNK_ROWS, n_rows)) for start in range(0, n_rows, CHUNK_ROWS)
    ]
    return pa.chunked_array(chunks, pa.large_string())


def _object_texts(table: Mapping[str, pa.Array], first: int, end: int) -> pa.Array:
    names, n = sorted(table), end - first
    keys = [f"{json.dumps(name, ensure_ascii=False)}: ".encode() for name in names]
    firsts, ends = np.empty((len(names), n), np.int64), np.empty((len(names), n), np.int64)
    pieces, filled = [np.empty(0, np.uint8)], 0
    for column, name in enumerate(names):
        texts = table[name].slice(first, n)
        bounds, data = text_bytes(texts)
        firsts[column], ends[column] = bounds[:-1] + (filled - bounds[0]), bounds[1:] + (filled - bounds[0])
        if texts.null_count:
            firsts[column][texts.is_null().to_numpy(zero_copy_only=False)] = -1
        pieces.append(data[bounds[0] : bounds[-1]])
        filled += int(bounds[-1] - bounds[0])
    values = np.concatenate(pieces)
    key_starts = np.cumsum([0, *map(len, keys)], dtype=np.int64)
    sizes = np.empty(n, np.int64)
    measure_objects(values, firsts, ends, key_starts, sizes)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    out = np.empty(int(starts[-1]), np.uint8)
    write_objects(values, firsts, ends, np.frombuffer(b"".join(keys), np.uint8), key_starts, starts, out)
    return pa.Array.from_buffers(pa.large_string(), n, [None, pa.py_buffer(starts), pa.py_buffer(out)])


def content_hashes(
    holdings: pa.LargeStringArray, crops: pa.LargeStringArray, attributes: pa.ChunkedArray
) -> NDArray[np.int64]:
    """Return one number for each parcel that differs when its holding, crop or any attribute differs."""
    out = np.empty(len(holdings), np.int64)
    for start in range(0, len(holdings), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        separator = pa.scalar("\x1f", pa.large_string())
        texts = pc.binary_join_element_wise(
            holdings[rows], crops[rows], in_one_piece(attributes.slice(start, CHUNK_ROWS)), separator
        )
        starts, data = text_bytes(texts)
        out[rows] = _hashes(data, starts)
    return out


def geometry_hashes(outlines: Outlines) -> NDArray[np.int64]:
    """Return one number for each geometry that differs when any coordinate differs; 0 without geometry."""
    out = np.zeros(len(outlines), np.int64)
    for start in range(0, len(outlines), CHUNK_ROWS):
        end = min(start + CHUNK_ROWS, len(outlines))
        part = outlines.part(start, end)
        data, starts = part.wkb()
        out[start:end] = np.where(part.there, _hashes(data, starts), 0)
    return out


def text_bytes(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return where each text of a large string array begins and the last ends, and the bytes they lie in."""
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
    return bounds, np.frombuffer(data if data is not None else b"", np.uint8)


def _hashes(data: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the hashes that pandas makes of the same bytes."""
    hashes = np.empty(len(starts) - 1, np.uint64)
    hash_bytes(data, starts, _KEY, hashes)
    for shift, factor in _MIXING:
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(31)
    return hashes.view(np.int64)
