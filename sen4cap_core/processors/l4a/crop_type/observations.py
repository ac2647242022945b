"""Observations of a season, from one table or from a folder of the store's files, merged per parcel and day.

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
from sen4cap_core.processors.l4a.crop_type.model import OPTICAL, RADAR, DayCell, SeasonSeries
from sen4cap_core.tables.arrow_arrays import to_numbers
from sen4cap_core.tables.parcels import ParcelTable
from sen4cap_core.tables.reading import NULLS, table_format

WANTED = frozenset((*OPTICAL, *RADAR, "vv_db", "vh_db"))
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


def checked(series: SeasonSeries, path: Path) -> SeasonSeries:
    """Bring units together: reflectance 0..1, NDVI -1..1, linear power; refuse what has no observation."""
    if not series.cells:
        raise BadUploadError(
            path,
            "no observation of these parcels in this period that a crop type could be told from.",
            expected=f"variables such as {', '.join((*OPTICAL, *RADAR))}",
            remedy="Check the parcel ids, the dates and the names of the variables.",
        )
    for db, linear in (("vv_db", "vv"), ("vh_db", "vh")):
        for key in [key for key in series.cells if key[0] == db]:
            if (linear, key[1]) not in series.cells:
                series.cells[(linear, key[1])] = {d: _from_db(c) for d, c in series.cells[key].items()}
            del series.cells[key]
    for variable in ("vv", "vh"):
        for key in [key for key in series.cells if key[0] == variable]:
            if _median(series, key) < 0:
                series.cells[key] = {d: _from_db(c) for d, c in series.cells[key].items()}
                series.remarks.append(f"{' '.join(key).strip()} is below 0: read as dB")
    for key in list(series.cells):
        divisor = 1.0
        if key[0].startswith("b") and _median(series, key) > 2:
            divisor = 10_000.0
        if key[0] == "ndvi" and _peak(series, key) > 2:
            divisor = 1000.0
        if divisor != 1:
            for cell in series.cells[key].values():
                cell.mean /= np.float32(divisor)
                cell.std /= np.float32(divisor)
            series.remarks.append(f"{key[0]} divided by {divisor:g}: its values are digital numbers")
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
        _note_totals(series, rows[usable], _numbers(batch, total, path)[usable], names)
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
        _add(series, variable, orbits, days, rows, n, mean, std, usable)


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
                    _note_totals(series, rows[chosen], _numbers(batch, total, path)[chosen], [name])
                _add(series, name, orbits, days, rows, n, mean, std, chosen)


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


def _note_totals(
    series: SeasonSeries, rows: NDArray[np.intp], totals: NDArray[np.float64], names: Sequence[str]
) -> None:
    variables = {canonical_variable(name)[0] for name in names}
    for mission, members in (("S2", OPTICAL), ("S1", (*RADAR, "vv_db", "vh_db"))):
        if variables.intersection(members):
            most = series.n_total.setdefault(mission, np.zeros(series.n_parcels, np.int32))
            np.maximum.at(most, rows, np.nan_to_num(totals).astype(np.int32))


def _add(
    series: SeasonSeries,
    variable: str,
    orbits: NDArray[np.object_],
    days: NDArray[np.int32],
    rows: NDArray[np.intp],
    n: NDArray[np.float64],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    usable: NDArray[np.bool_],
) -> None:
    """Merge rows into the cells of their days and orbits."""
    optical = variable in OPTICAL
    good = np.flatnonzero(usable & np.isfinite(mean) & (n > 0))
    # A day without any clear parcel is a date of the season still: the 10-day grid may start there. A row
    # without a count is of another acquisition.
    told = usable & np.isfinite(n)
    for day in np.unique(days[told]):
        for orbit in {""} if optical else set(orbits[told & (days == day)].tolist()):
            series.cell((variable, "" if optical else orbit), int(day))
    if not len(good):
        return
    names, which = np.unique(orbits[good].astype(str), return_inverse=True)
    if optical:
        names, which = np.array([""]), np.zeros(len(good), np.int64)
    key = days[good].astype(np.int64) * len(names) + which
    order = np.lexsort((rows[good], key))
    good, key = good[order], key[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    stops = np.r_[starts[1:], len(key)]
    spread = np.nan_to_num(std)
    counts = np.clip(np.nan_to_num(n), 0, 2**31 - 1).astype(np.int32)
    for begin, end in zip(starts.tolist(), stops.tolist(), strict=True):
        part = good[begin:end]
        cell = series.cell((variable, str(names[key[begin] % len(names)])), int(days[part[0]]))
        _merge(cell, rows[part], counts[part], mean[part], spread[part])


def _merge(
    cell: DayCell,
    rows: NDArray[np.intp],
    n: NDArray[np.int32],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
) -> None:
    """Merge rows sorted by parcel; a parcel that comes several times (tiles) is merged one by one."""
    while len(rows):
        is_first = np.r_[True, rows[1:] != rows[:-1]]
        cell.add(rows[is_first], n[is_first], mean[is_first], std[is_first])
        rows, n, mean, std = (a[~is_first] for a in (rows, n, mean, std))


def _values(series: SeasonSeries, key: tuple[str, str]) -> NDArray[np.float32]:
    parts = [cell.mean[cell.n > 0] for cell in series.cells[key].values()]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _median(series: SeasonSeries, key: tuple[str, str]) -> float:
    values = _values(series, key)
    return float(np.median(values)) if len(values) else 0.0


def _peak(series: SeasonSeries, key: tuple[str, str]) -> float:
    values = _values(series, key)
    return float(np.quantile(np.abs(values), 0.99)) if len(values) else 0.0


def _from_db(cell: DayCell) -> DayCell:
    """Linear power of a mean in dB; the deviation by the slope of the scale there."""
    mean = np.float32(10) ** (cell.mean / np.float32(10))
    return DayCell(cell.n, mean, (mean * np.float32(np.log(10) / 10) * cell.std).astype(np.float32))
