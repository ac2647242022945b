"""Arrow to numpy and back through the buffers.

pyarrow's own ways (``pa.array``, ``pa.scalar``, copying ``to_numpy``) import pandas, which costs a command
half a second or more before it has read a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.kernels.tables.bitmaps import filled

_ARROW_TYPES: dict[np.dtype[Any], Any] = {
    np.dtype(np.int8): pa.int8(),
    np.dtype(np.int32): pa.int32(),
    np.dtype(np.int64): pa.int64(),
    np.dtype(np.float64): pa.float64(),
}
_NUMPY_TYPES = {arrow: numpy for numpy, arrow in _ARROW_TYPES.items()}


def to_numbers(array: pa.Array, missing: float) -> NDArray[Any]:
    """Values of an int8, int32, int64 or float64 array, with ``missing`` for the nulls."""
    dtype = _NUMPY_TYPES[array.type]
    buffers = array.buffers()
    stop = array.offset + len(array)
    values: NDArray[Any] = np.empty(0, dtype)
    if len(array):
        values = np.frombuffer(buffers[1], dtype, count=stop)[array.offset :]
    if array.null_count == 0:
        return values
    return filled(values, np.frombuffer(buffers[0], np.uint8), array.offset, dtype.type(missing))


def in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    """The values of a column as one array."""
    whole = column.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def to_flags(array: pa.Array) -> NDArray[np.bool_]:
    """Values of a boolean array; nulls are False."""
    buffers = array.buffers()
    flags = _bits(buffers[1], array.offset, len(array))
    if array.null_count:
        flags = flags & _bits(buffers[0], array.offset, len(array))
    return flags


def from_numbers(values: NDArray[Any]) -> pa.Array:
    """Arrow array of an int8, int32, int64 or float64 array."""
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(_ARROW_TYPES[values.dtype], len(values), [None, pa.py_buffer(values)])


def from_texts(texts: Sequence[str]) -> pa.Array:
    """Arrow array of texts."""
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(data), pa.py_buffer(offsets), pa.py_buffer(b"".join(data)))


def _bits(buffer: pa.Buffer | None, offset: int, length: int) -> NDArray[np.bool_]:
    if buffer is None:
        return np.ones(length, np.bool_)
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
    return bits[offset : offset + length].astype(np.bool_)
