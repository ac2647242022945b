"""Observations of a season, from one table or from a folder of the store's files.

Forms that are understood (docs/formats.md has examples):

* the store's files: wide, one acquisition each, ``parcel, n_total, <variable>_mean/_std/_n_valid``; day,
  tile and orbit come from the file's metadata;
* a wide table: the same columns with ``date`` and, if there are several, ``tile`` and ``orbit``;
* a long table: ``parcel, variable, date, mean`` and if known ``std, n_valid, tile, orbit``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.errors import BadUploadError
from sen4cap_core.processors.l4a.crop_type.columns import (
    canonical_variable,
    day_numbers,
    find_column,
    orbit_names,
)
from sen4cap_core.processors.l4a.crop_type.model import OPTICAL, SeasonSeries
from sen4cap_core.processors.l4a.crop_type.season_cells import RADAR_FORMS, add_rows, checked, note_totals
from sen4cap_core.tables.arrow_arrays import to_numbers
from sen4cap_core.tables.parcels import ParcelTable
from sen4cap_core.tables.reading import NULLS, table_format

WANTED = frozenset((*OPTICAL, *RADAR_FORMS))
BATCH_ROWS = 1_000_000
_STAMP = re.compile(r"(?<!\d)(20\d{2})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True)
class ObservationSource:
    """One store file and what is known of its acquisition from elsewhere (the database)."""

    path: Path
    day: int
    """Days since 1970-01-01."""
    orbit: str


def read_season(
    path: Path, parcels: ParcelTable, *, start: date | None = None, until: date | None = None
) -> SeasonSeries:
    """Read what is needed of a table file or of all ``.parquet``/``.csv`` files below a folder.

    Parameters
    ----------
    start, until : first and last day that counts, included.

    Raises
    ------
    BadUploadError
        When nothing can be read, a column is missing, or a value cannot be understood.
    """
    series = SeasonSeries(len(parcels))
    span = _Span(start, until)
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in (".parquet", ".pq") or _is_csv(f))
        if not files:
            raise BadUploadError(path, "there is no .parquet or .csv file in this folder.")
    elif path.is_file():
        table_format(path)
        files = [path]
    else:
        raise BadUploadError(path, "there is no such file or folder.", remedy="Check the path.")
    for file in files:
        _read_file(file, parcels, series, span)
    return checked(series, path)


def read_sources(
    sources: Sequence[ObservationSource], parcels: ParcelTable, *, n_parcels: int
) -> SeasonSeries:
    """Read store files whose day and orbit are known.

    Raises
    ------
    BadUploadError
        When a file cannot be read.
    """
    series = SeasonSeries(n_parcels)
    for source in sources:
        for batch in _batches(source.path):
            _take_wide(source.path, batch, parcels, series, _Span(), source.day, source.orbit)
    return series


@dataclass(frozen=True)
class _Span:
    start: date | None = None
    until: date | None = None

    def holds(self, days: NDArray[np.int32]) -> NDArray[np.bool_]:
        inside = np.ones(days.shape, np.bool_)
        if self.start is not None:
            inside &= days >= to_days(self.start)
        if self.until is not None:
            inside &= days <= to_days(self.until)
        return inside


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz"))


def _read_file(path: Path, parcels: ParcelTable, series: SeasonSeries, span: _Span) -> None:
    row_before = 0
    for batch in _batches(path):
        names = batch.schema.names
        if find_column(names, "variable") and find_column(names, "mean"):
            _take_long(path, batch, parcels, series, span, row_before)
        else:
            day, orbit = (None, "")
            if find_column(names, "date") is None:
                day, orbit = _acquisition(path)
            _take_wide(path, batch, parcels, series, span, day, orbit, row_before)
        row_before += batch.num_rows


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        if table_format(path) == "parquet":
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(BATCH_ROWS)
            return
        texts = _text_columns(path)
        with (
            pa.input_stream(str(path), compression="detect") as stream,
            pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(block_size=64 << 20),
                parse_options=pa.csv.ParseOptions(delimiter=_delimiter(path)),
                convert_options=pa.csv.ConvertOptions(
                    null_values=NULLS, column_types=dict.fromkeys(texts, pa.string())
                ),
            ) as reader,
        ):
            yield from reader
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadUploadError(
            path, f"cannot be read: {error}", remedy="Correct the table and run again."
        ) from error


def _header(path: Path) -> str:
    with pa.input_stream(str(path), compression="detect") as stream:
        text: str = stream.read(1_000_000).split(b"\n", 1)[0].decode("utf-8-sig")
    return text.strip("\r")


def _delimiter(path: Path) -> str:
    header = _header(path)
    return max(",;\t", key=header.count)


def _text_columns(path: Path) -> list[str]:
    """Columns that stay text: ids with their zeros, dates in any writing, names."""
    names = [n.strip().strip('"') for n in _header(path).split(_delimiter(path))]
    roles = ("parcel", "date", "variable", "tile", "orbit", "direction", "polarisation", "group")
    found = {find_column(names, role) for role in roles}
    return [name for name in names if name in found]


def _acquisition(path: Path) -> tuple[int, str]:
    """Day and orbit of a store file: its metadata, else the first date in its name or folders."""
    metadata: dict[str, str] = {}
    if table_format(path) == "parquet":
        raw = pq.read_schema(path).metadata or {}
        metadata = {k.decode(): v.decode() for k, v in raw.items() if not k.startswith(b"ARROW")}
    orbit = metadata.get("orbit_direction") or metadata.get("relative_orbit") or ""
    orbit = str(orbit_names(np.array([orbit], object))[0])
    for text in (metadata.get("acquired_at", ""), path.name, path.parent.name):
        match = _STAMP.search(text)
        if match:
            try:
                return to_days(datetime(*map(int, match.groups())).date()), orbit  # type: ignore[arg-type]
            except ValueError:
                continue
    raise BadUploadError(
        path,
        "it has no column 'date', and neither its metadata (acquired_at) nor its name tells a day.",
        remedy="Add a column date (YYYY-MM-DD), or name the file YYYYMMDD_....parquet.",
    )


def _rows_of(path: Path, batch: pa.RecordBatch, parcels: ParcelTable) -> NDArray[np.intp]:
    name = find_column(batch.schema.names, "parcel")
    if name is None:
        raise BadUploadError(
            path,
            "there is no column of parcels.",
            expected="a column 'parcel' (or parcel_id, NewID)",
            remedy=f"The table has: {', '.join(batch.schema.names[:20])}.",
        )
    ids = batch.column(name)
    if pa.types.is_floating(ids.type):
        ids = ids.cast(pa.int64())
    return parcels.locate(ids).astype(np.intp)


def _numbers(batch: pa.RecordBatch, name: str, path: Path) -> NDArray[np.float64]:
    column = batch.column(name)
    try:
        return np.array(to_numbers(column.cast(pa.float64()), np.nan))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadUploadError(
            path, f"column {name!r} holds a value that is no number: {error}.", remedy="Correct the table."
        ) from error


def _orbits(batch: pa.RecordBatch) -> NDArray[np.object_]:
    names = batch.schema.names
    name = find_column(names, "direction") or find_column(names, "orbit")
    if name is None:
        return np.full(batch.num_rows, "", object)
    return orbit_names(np.array(batch.column(name).to_pylist(), object))


def _days(path: Path, batch: pa.RecordBatch, row_before: int) -> NDArray[np.int32]:
    name = find_column(batch.schema.names, "date")
    if name is None:
        raise BadUploadError(path, "there is no column 'date'.", expected="days as YYYY-MM-DD")
    return day_numbers(path, batch.column(name), name, row_before)


def _take_wide(
    path: Path,
    batch: pa.RecordBatch,
    parcels: ParcelTable,
    series: SeasonSeries,
    span: _Span,
    day: int | None,
    orbit: str,
    row_before: int = 0,
) -> None:
    """Take the variables of a wide batch, of one acquisition (``day`` given) or of many."""
    rows = _rows_of(path, batch, parcels)
    series.n_foreign_rows += int((rows < 0).sum())
    if day is None:
        days = _days(path, batch, row_before)
        orbits = _orbits(batch)
    else:
        days = np.full(batch.num_rows, day, np.int32)
        orbits = np.full(batch.num_rows, orbit, object)
    usable = (rows >= 0) & span.holds(days)
    if not usable.any():
        return
    names = batch.schema.names
    total = find_column(names, "n_total")
    if total is not None:
        note_totals(series, rows[usable], _numbers(batch, total, path)[usable], names)
    for name in names:
        variable, part = canonical_variable(name)
        if part != "mean" or variable not in WANTED:
            continue
        mean = _numbers(batch, name, path)
        stem = name[: -len("_mean")] if name.lower().endswith("_mean") else name
        lower = {n.lower(): n for n in names}
        std_name = lower.get(f"{stem}_std".lower())
        n_name = lower.get(f"{stem}_n_valid".lower())
        std = _numbers(batch, std_name, path) if std_name else np.zeros(len(mean))
        n = _numbers(batch, n_name, path) if n_name else np.where(np.isnan(mean), np.nan, 1)
        add_rows(series, variable, orbits, days, rows, n, mean, std, usable)


def _take_long(
    path: Path,
    batch: pa.RecordBatch,
    parcels: ParcelTable,
    series: SeasonSeries,
    span: _Span,
    row_before: int,
) -> None:
    names = batch.schema.names
    rows = _rows_of(path, batch, parcels)
    series.n_foreign_rows += int((rows < 0).sum())
    days = _days(path, batch, row_before)
    usable = (rows >= 0) & span.holds(days)
    variable_name = find_column(names, "variable")
    mean_name = find_column(names, "mean")
    assert variable_name is not None
    assert mean_name is not None
    texts = batch.column(variable_name)
    texts = texts if pa.types.is_dictionary(texts.type) else texts.cast(pa.string()).dictionary_encode()
    codes = np.array(to_numbers(texts.indices.cast(pa.int32()), -1))
    known = [canonical_variable(str(text)) for text in texts.dictionary.to_pylist()]
    polarisation = find_column(names, "polarisation")
    pols = None
    if polarisation is not None:
        pols = np.char.lower(np.array([p or "" for p in batch.column(polarisation).to_pylist()], str))
    group = find_column(names, "group")
    groups = (
        np.char.lower(np.array([g or "" for g in batch.column(group).to_pylist()], str)) if group else None
    )
    mean = _numbers(batch, mean_name, path)
    std_name, n_name = find_column(names, "std"), find_column(names, "n_valid")
    std = _numbers(batch, std_name, path) if std_name else np.zeros(len(mean))
    n = _numbers(batch, n_name, path) if n_name else np.where(np.isnan(mean), np.nan, 1)
    total = find_column(names, "n_total")
    orbits = _orbits(batch)
    for code, (variable, part) in enumerate(known):
        mine = usable & (codes == code)
        if part not in ("mean", "") or not mine.any():
            continue
        for name, chosen in _resolved(variable, mine, pols, groups):
            if name in WANTED and chosen.any():
                if total is not None:
                    note_totals(series, rows[chosen], _numbers(batch, total, path)[chosen], [name])
                add_rows(series, name, orbits, days, rows, n, mean, std, chosen)


def _resolved(
    variable: str, mine: NDArray[np.bool_], pols: NDArray[np.str_] | None, groups: NDArray[np.str_] | None
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield names with their rows: a kind split by polarisation, vv and vh of the coherence group apart."""
    if variable in ("coherence", "backscatter") and pols is not None:
        for pol in ("vv", "vh"):
            yield ("coh_" + pol if variable == "coherence" else pol), mine & (pols == pol)
    elif variable in ("vv", "vh") and groups is not None:
        is_coherence = np.char.startswith(groups, "coh")
        yield "coh_" + variable, mine & is_coherence
        yield variable, mine & ~is_coherence
    else:
        yield variable, mine
