"""Columns of a table file as arrays; what does not fit is named by file, row and column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.processors.l4a.diversification.model import NO_CODE
from sen4cap_core.tables.arrow_arrays import from_texts, to_flags, to_numbers
from sen4cap_core.tables.reading import NULLS, read_batches

_FLAGS = {
    "1": True,
    "1.0": True,
    "t": True,
    "true": True,
    "0": False,
    "0.0": False,
    "f": False,
    "false": False,
}
_MAX_CODE = 2**31 - 1


class Columns:
    """Columns of one table, in the order of its rows."""

    def __init__(self, path: Path, table: pa.Table) -> None:
        self._path = path
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __contains__(self, name: str) -> bool:
        return name in self._table.column_names

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Numbers as float64, NaN where missing."""
        column = self._column(name)
        if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
            texts = self.texts(name)
            is_missing = to_flags(pc.is_in(texts, from_texts(NULLS)))
            texts = pc.if_else(pa.array(is_missing), pa.scalar(None, pa.string()), texts)
            looks_right = pc.match_substring_regex(texts, r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
            self.check(name, is_missing | to_flags(looks_right), "expected a number")
            column = texts
        try:
            return np.array(to_numbers(column.cast(pa.float64()), np.nan))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BadUploadError(self._path, f"column {name!r} holds {column.type}, no numbers.") from error

    def codes(self, name: str) -> NDArray[np.int32]:
        """Whole numbers from 0 on as int32, `NO_CODE` where missing."""
        values = self.numbers(name)
        is_missing = np.isnan(values)
        fits = (values >= 0) & (values <= _MAX_CODE) & (values == np.floor(values))
        self.check(name, is_missing | fits, "expected a whole number from 0 on")
        return np.where(is_missing, NO_CODE, values).astype(np.int32)

    def flags(self, name: str, *, missing: bool) -> NDArray[np.bool_]:
        """Flags written as 0 and 1, f and t, or false and true; ``missing`` where empty."""
        texts = self.texts(name).dictionary_encode()
        known = {**_FLAGS, **dict.fromkeys(map(str.lower, NULLS), missing)}
        meanings = [known.get(text.strip().lower()) for text in texts.dictionary.to_pylist()]
        of_row = to_numbers(texts.indices, 0)
        self.check(name, np.array([one is not None for one in meanings], np.bool_)[of_row], "expected 0 or 1")
        values: NDArray[np.bool_] = np.array([bool(one) for one in meanings], np.bool_)[of_row]
        return values

    def ids(self, name: str) -> pa.Array:
        """Ids as text, none of them empty."""
        texts = self.texts(name)
        self.check(name, to_flags(pc.not_equal(texts, from_texts([""])[0])), "an id is needed")
        return texts

    def groups(self, name: str) -> tuple[NDArray[np.int32], pa.Array]:
        """Number each row by its id; return the numbers and the ids in order of first appearance."""
        encoded = self.ids(name).dictionary_encode()
        return to_numbers(encoded.indices, 0), encoded.dictionary

    def check_unique(self, name: str, ids: pa.Array) -> None:
        """Raise where an id stands twice."""
        encoded = ids.dictionary_encode()
        if len(encoded.dictionary) == len(ids):
            return
        codes = to_numbers(encoded.indices, 0)
        first = np.unique(codes, return_index=True)[1]
        is_first = np.zeros(codes.size, np.bool_)
        is_first[first] = True
        row = int(np.argmin(is_first))
        text = f"{ids[row].as_py()!r} is already in row {first[codes[row]] + 2}"
        self._refuse("an id stands there twice.", Problem(text, row=row + 2, column=name))

    def check(self, name: str, is_right: NDArray[np.bool_], expected: str) -> None:
        """Raise with the first row of a column that is not right."""
        if is_right.all():
            return
        row = int(np.argmin(is_right))
        found = self._table[name][row].as_py()
        shown = "nothing" if found in (None, "") else repr(found)
        problem = Problem(f"{expected}, found {shown}", row=row + 2, column=name)
        n_bad = int((~is_right).sum())
        self._refuse(f"{n_bad} value{'s do' if n_bad > 1 else ' does'} not fit the column.", problem)

    def _refuse(self, what: str, problem: Problem) -> None:
        raise BadUploadError(self._path, what, problems=[problem], remedy="Correct the table and run again.")

    def _column(self, name: str) -> pa.Array:
        column = self._table[name].combine_chunks()
        return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column

    def texts(self, name: str) -> pa.Array:
        """Return any column as text: whole numbers without decimals, nothing as the empty text."""
        column = self._column(name)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_floating(column.type) and pc.all(pc.equal(column, pc.floor(column))).as_py():
            column = column.cast(pa.int64())
        return pc.utf8_trim_whitespace(pc.coalesce(column.cast(pa.string()), from_texts([""])[0]))


def read_columns(
    path: Path, required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType]
) -> Columns:
    """Read the columns asked for; an optional one that is missing is left out.

    Raises
    ------
    BadUploadError
        As ``read_batches``, and when the table has no row.
    """
    batches = list(read_batches(path, required, optional))
    if sum(batch.num_rows for batch in batches) == 0:
        raise BadUploadError(path, "there is no row in it.")
    return Columns(path, pa.Table.from_batches(batches).unify_dictionaries())
