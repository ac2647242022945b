"""Arrow batches as the rows of PostgreSQL's binary COPY: no text to be written here and read there.

Half of what a text COPY of parcels costs is hexadecimal geometry, quoting and decimal numbers. The form is
that of "COPY, Binary Format" in PostgreSQL's manual: for each row the number of its fields, for each field
its length and its bytes, numbers with the highest byte first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from sen4cap_core.db.bulk.copying import pour

_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TAIL = b"\xff\xff"
_NULL = -1
EPOCH_US = 946_684_800_000_000
"""PostgreSQL counts time from the year 2000."""
_NUMBERS = {pa.int32(): ">i4", pa.int64(): ">i8", pa.float64(): ">f8"}


def copy_binary(session: Session, table: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Append rows to a table in this transaction; the columns of the batches name those of the table.

    The next batch is made ready while the server takes one in. Types have to be those of the table: int32 for
    integer, int64 for bigint, float64, bool, timestamps with a time zone, (large) string for text and
    large binary for what is neither (geometry: EWKB; jsonb: a byte 1 and the text). Null stays null.

    Raises
    ------
    TypeError
        A column of another type.
    """
    pour(session, table, batches, "binary", _framed)


def _framed(batches: Iterator[pa.RecordBatch]) -> Iterator[bytes | memoryview]:
    yield _HEAD
    yield from _ahead(map(rows_of, batches))
    yield _TAIL


def rows_of(batch: pa.RecordBatch) -> memoryview:
    """Return the rows of a batch in binary form."""
    n = batch.num_rows
    head = np.broadcast_to(np.array([batch.num_columns], ">i2").view("V2"), n)
    pieces = [_bytes_of(head)]
    for column in batch.columns:
        value, lengths = _field(column)
        pieces += [_bytes_of(lengths.astype(">i4")), value]
    rows = pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = rows.buffers()
    first, last = np.frombuffer(offsets, np.int64, n + 1, 8 * rows.offset)[[0, -1]].tolist()
    return memoryview(data)[first:last] if data is not None else memoryview(b"")


def _field(column: pa.Array) -> tuple[pa.LargeBinaryArray, NDArray[np.int64]]:
    """Return each value's bytes, none for null, and their number, -1 for null."""
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string(kind) or pa.types.is_large_binary(kind):
        value = column.cast(pa.large_binary())
        lengths = pc.binary_length(value).fill_null(_NULL).to_numpy()
    else:
        numbers = _numbers(column)
        value = _bytes_of(numbers)
        lengths = np.full(len(column), numbers.dtype.itemsize, np.int64)
        if column.null_count:
            missing = column.is_null().to_numpy(zero_copy_only=False)
            lengths[missing] = _NULL
            value = pc.if_else(pa.array(missing), pa.scalar(None, pa.large_binary()), value)
    return (value.fill_null(b"") if value.null_count else value), lengths


def _numbers(column: pa.Array) -> NDArray[np.generic]:
    kind = column.type
    if pa.types.is_boolean(kind):
        return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), np.uint8)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        since_1970 = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64()).fill_null(0).to_numpy()
        return np.asarray(since_1970 - EPOCH_US, ">i8")
    if kind not in _NUMBERS:
        raise TypeError(f"no binary form of {kind} is known")
    return np.asarray(column.fill_null(0).to_numpy(), _NUMBERS[kind])


def _bytes_of(numbers: NDArray[np.generic]) -> pa.LargeBinaryArray:
    """Return the memory of each number as an array of bytes."""
    size = numbers.dtype.itemsize
    offsets = np.arange(0, (len(numbers) + 1) * size, size, dtype=np.int64)
    data = pa.py_buffer(np.ascontiguousarray(numbers).tobytes())
    return pa.Array.from_buffers(
        pa.large_binary(), len(numbers), [None, pa.py_buffer(offsets.tobytes()), data]
    )


def _ahead(items: Iterator[memoryview]) -> Iterator[memoryview]:
    """Make the next item in a thread while the one before is used."""
    nothing = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, nothing)
        while isinstance(item := coming.result(), memoryview):
            coming = pool.submit(next, items, nothing)
            yield item
