"""A long table of radar and optical parcel means read into series, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.settings.l4b_config import normal_orbit
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.kernels.practices.rows import (
    AMP_VH,
    AMP_VV,
    COHERENCE,
    N_KINDS,
    NDVI,
    RowCodes,
    count_rows,
)
from sen4cap_core.kernels.practices.series import NEVER, Series
from sen4cap_core.processors.l4c.series_assembly import Assembly, CodedBatch
from sen4cap_core.processors.l4c.series_making import RowBatch, build, lay_out
from sen4cap_core.tables.arrow_arrays import from_numbers, to_numbers
from sen4cap_core.tables.bad_rows import BadRows, bad_rows
from sen4cap_core.tables.parcels import ParcelTable
from sen4cap_core.tables.reading import TEXT, read_batches

KINDS = {("AMP", "VV"): AMP_VV, ("AMP", "VH"): AMP_VH, ("COHE", "VV"): COHERENCE}
"""Kind and polarisation of the rows that are used; NDVI has no polarisation."""
OTHER_KIND = -1
NO_ROW = -1
MAX_ORBITS = 30_000


@dataclass
class _Reading:
    orbits: dict[str, int] = field(default_factory=dict)
    n_foreign_rows: int = 0


@dataclass(frozen=True)
class ParcelSeries:
    """Series of all parcels of a run."""

    series: Series
    place: NDArray[np.int32]
    """(P) which series each parcel has, -1 for one without."""
    last_day: int
    """Last day with any observation that was read, of any parcel; 0 without any."""
    n_foreign_rows: int
    """Rows of parcels no practice table names."""


def read_parcel_series(
    path: Path, parcels: ParcelTable, until: date | None, min_acquisitions: int, original: bool
) -> ParcelSeries:
    """Read the observations of the parcels up to ``until`` (inclusive).

    Columns: ``parcel_id``, ``kind`` (AMP, COHE, NDVI), ``pol``, ``orbit``, ``date``, ``mean`` and, where the
    table has them, ``std`` and ``date1``. Rows may come in any order; rows without a value are left out.

    Raises
    ------
    BadUploadError
        When a column is missing or a value cannot be understood.
    """
    last = NEVER if until is None else to_days(until)
    reading = _Reading()
    assembly = Assembly(len(parcels), last, min_acquisitions, original)
    for batch in _batches(path, parcels, reading, with_std=False):
        # Most tables stand parcel by parcel: series of a batch are made while the next one is being decoded.
        if not assembly.add(batch, len(reading.orbits)):
            break
    else:
        series = assembly.finish(len(reading.orbits))
        if series is not None:
            return ParcelSeries(series, assembly.place, assembly.latest, reading.n_foreign_rows)
    found = _read(path, parcels, last, with_std=False)
    rows, is_suspicious = lay_out(found.batches, found.counts, with_std=False)
    if is_suspicious:
        # Only now does the standard deviation matter, which is a column of millions of numbers.
        found = _read(path, parcels, last, with_std=True)
        rows, _ = lay_out(found.batches, found.counts, with_std=True)
    found.batches.clear()
    series = build(rows, found.n_orbits, min_acquisitions, original)
    place = np.arange(len(parcels), dtype=np.int32)
    return ParcelSeries(series, place, found.last_day, found.n_foreign_rows)


@dataclass
class _Rows:
    batches: list[RowBatch]
    counts: NDArray[np.int64]
    """(4P) rows of each parcel and kind."""
    last_day: int
    n_orbits: int
    n_foreign_rows: int


def _read(path: Path, parcels: ParcelTable, last: int, *, with_std: bool) -> _Rows:
    reading = _Reading()
    counts = np.zeros(N_KINDS * len(parcels), np.int64)
    batches = []
    last_day = NO_DAY
    for coded in _batches(path, parcels, reading, with_std=with_std):
        batch, latest = coded.translated(last)
        # Counted here, while the next rows are being decoded.
        count_rows(batch.parcel, batch.kind, counts)
        batches.append(batch)
        last_day = max(last_day, latest)
    return _Rows(batches, counts, last_day, len(reading.orbits), reading.n_foreign_rows)


def _batches(path: Path, parcels: ParcelTable, reading: _Reading, *, with_std: bool) -> Iterator[CodedBatch]:
    """Yield the observations batch by batch; ``reading`` gathers what they have in common."""
    required = {"parcel_id": TEXT, "kind": TEXT, "date": TEXT, "mean": pa.float64()}
    optional = {"pol": TEXT, "polarisation": TEXT, "orbit": TEXT, "date1": TEXT}
    if with_std:
        optional["std"] = pa.float64()
    row_before = 1
    for batch in read_batches(path, required, optional):
        if batch.num_rows == 0:
            continue
        bad = bad_rows(path, row_before)
        names = batch.schema.names
        run_at = _runs(batch["parcel_id"])
        run_parcel = parcels.locate(batch["parcel_id"].take(from_numbers(run_at[:-1])))
        reading.n_foreign_rows += int(np.diff(run_at)[run_parcel < 0].sum())
        kinds, pols, kind_table = _kinds(batch, names, bad)
        orbits, orbit_table = _orbits(batch, names, reading.orbits)
        days, day_table = _days(batch["date"], "date", bad)
        start = np.empty(0, np.int32)
        if "date1" in names:
            codes, starts = _days(batch["date1"], "date1", bad, may_be_empty=True)
            start = starts[codes]
        yield CodedBatch(
            run_at,
            run_parcel,
            RowCodes(kinds, pols, orbits, days, kind_table, orbit_table, day_table),
            start,
            _means(batch["mean"]),
            _means(batch["std"]) if "std" in names else np.empty(0, np.float64),
        )
        row_before += batch.num_rows


def _runs(ids: pa.Array) -> NDArray[np.int64]:
    """First row of each run of the same parcel id, and the number of rows."""
    if pa.types.is_dictionary(ids.type):
        ids = ids.indices
    elif not pa.types.is_integer(ids.type):
        ids = ids.dictionary_encode().indices
    numbers = to_numbers(ids if ids.type in (pa.int32(), pa.int64()) else ids.cast(pa.int64()), -1)
    changes = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    return np.concatenate([[0], changes, [numbers.size]])


def _codes(column: pa.Array) -> tuple[NDArray[np.int32], list[str]]:
    """Positions and texts of a text column; a null is position -1."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    texts = [text or "" for text in column.dictionary.cast(pa.string()).to_pylist()]
    return to_numbers(column.indices.cast(pa.int32()), NO_ROW), texts


def _refuse(codes: NDArray[np.int32], is_good: Sequence[bool], name: str, problem: str, bad: BadRows) -> None:
    """Raise when a row has a text that is not good, or none; texts no row has do no harm."""
    if all(is_good) and codes.min() != NO_ROW:
        return
    good: NDArray[np.bool_] = np.array([*is_good, False], np.bool_)[codes]
    if not good.all():
        raise bad(~good, name, problem)


def _kinds(
    batch: pa.RecordBatch, names: list[str], bad: BadRows
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Positions of each row's kind and polarisation in a table of what the two mean together."""
    codes, texts = _codes(batch["kind"])
    texts = [text.strip().upper() for text in texts]
    _refuse(codes, [t in ("AMP", "COHE", "NDVI") for t in texts], "kind", "expected AMP, COHE or NDVI", bad)
    name = next((n for n in ("pol", "polarisation") if n in names), None)
    pol_codes, pols = (np.zeros(len(codes), np.int32), [""]) if name is None else _codes(batch[name])
    pols = [pol.strip().upper() for pol in pols] + [""]
    table = np.full((len(texts), len(pols)), OTHER_KIND, np.int8)
    for i, text in enumerate(texts):
        for j, pol in enumerate(pols):
            table[i, j] = NDVI if text == "NDVI" else KINDS.get((text, pol), OTHER_KIND)
    return codes, pol_codes, table


def _orbits(
    batch: pa.RecordBatch, names: list[str], known: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Positions of each row's orbit in a table of orbit numbers, whose last place is that of no orbit."""
    codes, texts = (
        (np.zeros(batch.num_rows, np.int32), []) if "orbit" not in names else _codes(batch["orbit"])
    )
    numbers = [known.setdefault(normal_orbit(text.strip()), len(known)) for text in texts]
    numbers.append(known.setdefault("", len(known)))
    if len(known) > MAX_ORBITS:
        raise ValueError("more orbits than there can be")
    return codes, np.array(numbers, np.int16)


def _days(
    column: pa.Array, name: str, bad: BadRows, *, may_be_empty: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Positions of each row's date in a table of days, whose last place is that of no date."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.string())
    codes, texts = _codes(column)
    days = [_day(text) for text in texts]
    if not may_be_empty:
        _refuse(codes, [day != NO_DAY for day in days], name, "expected a date as YYYY-MM-DD", bad)
    return codes, np.array([*days, NO_DAY], np.int32)


def _day(text: str) -> int:
    try:
        return to_days(date.fromisoformat(text.strip()[:10]))
    except ValueError:
        return NO_DAY


def _means(column: pa.Array) -> NDArray[np.float64]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return to_numbers(column.cast(pa.float64()), np.nan)
