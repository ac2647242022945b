"""Columns of any type as text: ids and codes are strings, whatever the file made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Texts = NDArray[np.object_]
"""Object array of str, None where missing."""


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type are texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def as_texts(column: pa.ChunkedArray | pa.Array) -> Texts:
    """Return a column as text (see `as_text_array`), None where missing or blank."""
    out: Texts = as_text_array(column).to_numpy(zero_copy_only=False)
    return out


def as_text_array(column: pa.ChunkedArray | pa.Array) -> pa.LargeStringArray:
    """Return a column as text, null where missing or blank.

    Whole numbers come without decimals (a database that stores ids as floating point gives 12.0 for 12),
    text without surrounding blanks and with its leading zeros, times in ISO 8601.
    """
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_string(column.type):  # more text than one array of short offsets can hold
            column = column.cast(pa.large_string())
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    texts = pc.utf8_trim_whitespace(_to_string(column))
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts)


def _to_string(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _to_string(array.dictionary_decode())
    if pa.types.is_large_string(kind) or pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.large_string())
    if pa.types.is_floating(kind):
        return _floats(array)
    if pa.types.is_decimal(kind):
        text = array.cast(pa.large_string())
        return pc.replace_substring_regex(text, r"\.0+$", "")
    if pa.types.is_timestamp(kind):
        return _timestamps(array)
    if pa.types.is_nested(kind):
        return pa.array(
            [None if value is None else json.dumps(value, default=str, ensure_ascii=False)
             for value in array.to_pylist()], pa.large_string(),
        )  # fmt: skip
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([None if value is None else value.hex() for value in array.to_pylist()],
                        pa.large_string())  # fmt: skip
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.large_string())
    return array.cast(pa.large_string())


def _floats(array: pa.Array) -> pa.Array:
    """Whole numbers as such, others in their shortest form; NaN is missing."""
    values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(values)
    whole = ~missing & (np.abs(values) < 2.0**63) & (values == np.floor(values))
    numbers = pa.array(np.where(whole, values, 0.0).astype(np.int64)).cast(pa.large_string())
    # The array's own type, so that a float32 0.1 reads 0.1.
    others = array.cast(pa.large_string())
    text = pc.if_else(pa.array(whole), numbers, others)
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.large_string()), text)


def _timestamps(array: pa.Array) -> pa.Array:
    """Dates without a time of day where no value has one."""
    if array.type.tz is not None:
        return pc.strftime(array.cast(pa.timestamp("s", "UTC"), safe=False), "%Y-%m-%dT%H:%M:%SZ").cast(
            pa.large_string()
        )
    dates = array.cast(pa.date32(), safe=False)
    if pc.all(pc.equal(dates.cast(array.type), array), min_count=0).as_py():
        return dates.cast(pa.large_string())
    return pc.strftime(array.cast(pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%S").cast(pa.large_string())


def joined_arrays(columns: Sequence[pa.LargeStringArray]) -> pa.LargeStringArray:
    """Join the texts of several columns with ``-``; null where any part is missing."""
    if len(columns) == 1:
        return columns[0]
    return pc.binary_join_element_wise(*columns, pa.scalar("-", pa.large_string()))


def joined(columns: Sequence[Texts]) -> Texts:
    """Join the texts of several columns with ``-``; None where any part is missing."""
    if len(columns) == 1:
        return columns[0]
    arrays = [pa.array(column, pa.large_string()) for column in columns]
    out: Texts = joined_arrays(arrays).to_numpy(zero_copy_only=False)
    return out
