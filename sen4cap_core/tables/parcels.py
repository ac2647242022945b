"""The parcels of a table run: ids, crop codes, pixel counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.kernels.mowing.matrix import locate_numbers
from sen4cap_core.tables.arrow_arrays import from_numbers, from_texts, in_one_piece, to_flags, to_numbers
from sen4cap_core.tables.reading import TEXT, read_batches

_ZERO = np.zeros(1, np.int32)
COUNTS = ("fid", "n_pix_s2", "n_pix_s1")


@dataclass(frozen=True)
class ParcelTable:
    """Rows of the parcels table in the file's order."""

    ids: pa.Array
    """Text, unique."""
    crop_codes: tuple[str, ...]
    n_pixels_s2: NDArray[np.int32] | None
    n_pixels_s1: NDArray[np.int32] | None
    """None when the table has no such column: a parcel with observations counts as being in the images."""
    fid: NDArray[np.int64] | None
    neighbourhood: NDArray[np.int32] | None = None
    """Number of each parcel's neighbourhood from 0, in alphabetical order of the names; an empty name is one
    too."""

    def __len__(self) -> int:
        return len(self.crop_codes)

    def n_pixels(self, mission: str) -> NDArray[np.int32] | None:
        """Pixels of each parcel in the images of ``S2`` or ``S1``."""
        return self.n_pixels_s2 if mission == "S2" else self.n_pixels_s1

    def locate(self, ids: pa.Array) -> NDArray[np.int32]:
        """Row of each id (integers, text or dictionary of text); -1 when there is none."""
        if pa.types.is_dictionary(ids.type):
            by_code = np.append(self.locate(ids.dictionary), np.int32(-1))
            rows: NDArray[np.int32] = by_code[to_numbers(ids.indices.cast(pa.int32()), -1)]
            return rows
        if pa.types.is_integer(ids.type):
            wanted = to_numbers(ids.cast(pa.int64()), -1)
            rows = np.empty(len(wanted), np.int32)
            known_rows, known = self._numbers
            locate_numbers(wanted, known, known_rows, rows)
            return rows
        rows = to_numbers(pc.index_in(ids.cast(pa.string()), self.ids), -1)
        return rows

    @cached_property
    def _numbers(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Rows whose ids are plain integers, in ascending order of these, and the integers."""
        is_number = pc.match_substring_regex(self.ids, r"^(0|-?[1-9]\d{0,17})$")
        rows = np.nonzero(to_flags(is_number))[0].astype(np.int32)
        numbers = to_numbers(self.ids.filter(is_number).cast(pa.int64()), 0)
        order = np.argsort(numbers, kind="stable")
        return rows[order], numbers[order]


def read_parcels(path: Path, ct_numbers: tuple[str, ...] = ()) -> ParcelTable:
    """Read the parcels table: ``parcel_id`` and ``crop_code``, and ``fid``, ``n_pix_s2``, ``n_pix_s1``,
    ``neighbourhood`` if there.

    With ``ct_numbers`` only parcels whose ``ctnum`` is among them are kept; a table without that column is
    taken to hold these parcels only, as the original's detector gets it.

    Raises
    ------
    BadUploadError
        When a column is missing, an id is missing or stands twice, or a count is no number.
    """
    batches = list(
        read_batches(
            path,
            {"parcel_id": TEXT, "crop_code": TEXT},
            {**{name: pa.float64() for name in COUNTS}, "ctnum": TEXT, "neighbourhood": TEXT},
        )
    )
    if not batches or sum(b.num_rows for b in batches) == 0:
        raise BadUploadError(path, "there is no parcel in it.")
    table = pa.Table.from_batches([_plain(b) for b in batches]).combine_chunks()
    if ct_numbers and "ctnum" in table.column_names:
        table = table.filter(pc.is_in(_text(table["ctnum"]), from_texts(ct_numbers)))
        if table.num_rows == 0:
            raise BadUploadError(path, f"no parcel has one of the crop type numbers {', '.join(ct_numbers)}.")
    ids = _text(table["parcel_id"])
    _check_ids(path, ids)
    codes = [code or "" for code in _text(table["crop_code"]).to_pylist()]
    counts = {name: _counts(path, table, name) for name in COUNTS}
    s2, s1, fid = counts["n_pix_s2"], counts["n_pix_s1"], counts["fid"]
    return ParcelTable(
        ids=ids,
        crop_codes=tuple(codes),
        n_pixels_s2=None if s2 is None else s2.astype(np.int32),
        n_pixels_s1=None if s1 is None else s1.astype(np.int32),
        fid=fid,
        neighbourhood=_groups(table),
    )


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionaries of different batches differ; plain text can be joined."""
    arrays = [a.dictionary_decode() if pa.types.is_dictionary(a.type) else a for a in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _text(column: pa.ChunkedArray) -> pa.Array:
    return in_one_piece(column).cast(pa.string())


def _check_ids(path: Path, ids: pa.Array) -> None:
    is_missing = to_flags(ids.is_null()) | to_flags(pc.equal(pc.binary_length(ids), from_numbers(_ZERO)[0]))
    if is_missing.any():
        row = int(np.argmax(is_missing))
        problem = Problem("is empty", row=row + 2, column="parcel_id")
        raise BadUploadError(path, "a parcel has no id.", problems=[problem])
    if pc.count_distinct(ids).as_py() != len(ids):
        first_row: dict[str, int] = {}
        for row, parcel_id in enumerate(ids.to_pylist(), start=2):
            if first_row.setdefault(parcel_id, row) != row:
                text = f"{parcel_id!r} is already in row {first_row[parcel_id]}"
                problem = Problem(text, row=row, column="parcel_id")
                raise BadUploadError(path, "a parcel stands there twice.", problems=[problem])


def _counts(path: Path, table: pa.Table, name: str) -> NDArray[np.int64] | None:
    if name not in table.column_names:
        return None
    column = to_numbers(in_one_piece(table[name].cast(pa.float64())), np.nan)
    with np.errstate(invalid="ignore"):
        bad = np.nonzero(~(column >= 0) | (column != np.floor(column)))[0]
    if bad.size:
        problem = Problem("expected a whole number, 0 or more", row=int(bad[0]) + 2, column=name)
        raise BadUploadError(path, "a count is wrong.", problems=[problem])
    return column.astype(np.int64)


def _groups(table: pa.Table) -> NDArray[np.int32] | None:
    """Numbers of the neighbourhoods; None without such a column."""
    if "neighbourhood" not in table.column_names:
        return None
    column = table["neighbourhood"]
    names = in_one_piece(column) if not pa.types.is_string(column.type) else _text(column)
    texts = [str(name or "") for name in names.to_pylist()]
    _, codes = np.unique(np.array(texts, dtype=object), return_inverse=True)
    return codes.astype(np.int32)
