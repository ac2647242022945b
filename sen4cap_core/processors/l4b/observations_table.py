"""A long table of observations (parcel, mission, orbit, date, mean) read into one matrix, batch by batch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.settings.l4b_config import L4BConfig, normal_orbit
from sen4cap_core.kernels.mowing.matrix import combine_codes, scatter_rows, take_numbers
from sen4cap_core.processors.l4b.model import ObservationMatrix, Source
from sen4cap_core.tables.arrow_arrays import to_numbers
from sen4cap_core.tables.bad_rows import BadRows, bad_rows
from sen4cap_core.tables.parcels import ParcelTable
from sen4cap_core.tables.reading import TEXT, read_batches, row_count

FIRST_CAPACITY = 128
MAX_FIRST_CAPACITY = 512
NO_DAY = np.int32(-(2**31))
POLARISATION_NAMES = ("polarisation", "polarization", "pol")
ONLY_POLARISATION = "VH"
"""Taken where the table has no polarisation column."""


@dataclass
class _Columns:
    """The matrix while it is being filled: columns come as their first row comes."""

    values: NDArray[np.float64]
    best_counts: NDArray[np.int32]
    column_of: NDArray[np.int32]
    column_start: NDArray[np.int32]
    scores: NDArray[np.float32]
    keys: list[tuple[str, str, str]] = field(default_factory=list)
    n: int = 0


@dataclass(frozen=True)
class TableObservations:
    """The observations of a table run."""

    matrix: ObservationMatrix
    has_rows: dict[str, NDArray[np.bool_]]
    """For each mission, which parcels have a row, with or without a value; only filled for missions
    without a count of pixels in the parcels table."""
    n_foreign_rows: int
    """Rows of parcels that are not in the parcels table."""


def read_observations_table(
    path: Path,
    parcels: ParcelTable,
    config: L4BConfig,
    start: date,
    end: date,
    missions: tuple[str, ...],
    *,
    with_scores: bool = False,
) -> TableObservations:
    """Read the rows of the missions and dates a run needs.

    Needed are the days from ``start`` to ``end`` and before them the back window of each mission (its time
    interval times its number of samples). Rows may come in any order; of several rows of the same parcel,
    source and day the one with the most valid pixels wins, a tie: the highest mean. The dates of a source are
    those of its rows, also of rows without a value. ``with_scores`` also reads ``clear_score`` (0 cloudy to 1
    clear) where the table has it; the clearest row of a day then wins.

    Raises
    ------
    BadUploadError
        When a column is missing or a value cannot be understood.
    """
    first_day = {
        "S2": to_days(start) - int(config.s2.time_interval_days * config.s2.back_window_samples),
        "S1": to_days(start) - int(config.s1.time_interval_days * config.s1.window_samples),
    }
    base = min(first_day[m] for m in missions)
    last_day = to_days(end)
    capacity = FIRST_CAPACITY
    if n_rows := row_count(path):
        # A complete table has one row for each parcel and column: no growing, no more memory than needed.
        capacity = min(max(n_rows // len(parcels) + 1, 16), MAX_FIRST_CAPACITY)
    state = _Columns(
        values=np.full((len(parcels), capacity), np.nan),
        best_counts=np.full((len(parcels), capacity), -1, np.int32),
        column_of=np.empty((0, last_day - base + 1), np.int32),
        column_start=np.full(capacity, NO_DAY),
        scores=np.empty((0, 0), np.float32),
    )
    required = {"parcel_id": TEXT, "mission": TEXT, "date": TEXT, "mean": pa.float64()}
    if "S1" in missions:
        required["orbit"] = TEXT
    optional = {
        "orbit": TEXT,
        "date1": TEXT,
        "n_valid": pa.float64(),
        **dict.fromkeys(POLARISATION_NAMES, TEXT),
        **({"clear_score": pa.float64()} if with_scores else {}),
    }
    optional = {name: kind for name, kind in optional.items() if name not in required}
    has_rows = {mission: np.zeros(len(parcels), np.bool_) for mission in missions}
    n_foreign = 0
    row_before = 1
    for batch in read_batches(path, required, optional):
        rows = parcels.locate(batch["parcel_id"])
        n_foreign += int((rows < 0).sum())
        sources = _sources(batch, missions, state, bad_rows(path, row_before))
        days = _days(batch, "date", bad_rows(path, row_before))
        starts = _days(batch, "date1", bad_rows(path, row_before), may_be_empty=True)
        counts = _counts(batch)
        means = _means(batch, bad_rows(path, row_before))
        scores = _scores(batch, bad_rows(path, row_before))
        if scores.size and not state.scores.size:
            state.scores = np.full(state.values.shape, np.nan, np.float32)
        _scatter(state, rows, sources, days, starts, means, counts, scores, first_day, last_day)
        for mission, seen in has_rows.items():
            if parcels.n_pixels(mission) is not None:
                continue
            of_mission = np.array([key[0] == mission for key in state.keys] + [False])
            is_row = of_mission[sources] & (rows >= 0) & (days >= first_day[mission]) & (days <= last_day)
            seen[rows[is_row]] = True
        row_before += batch.num_rows
    matrix = ObservationMatrix(
        state.values,
        _as_sources(state, base, config),
        config.s2.scale,
        state.scores if state.scores.size else None,
    )
    return TableObservations(matrix, has_rows, n_foreign)


def _dictionary(column: pa.Array) -> tuple[list[str], NDArray[np.int32]]:
    """Distinct texts of a column and each row's number among them; an empty value is the last number."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    texts = column.dictionary.cast(pa.string()).to_pylist()
    codes = to_numbers(column.indices.cast(pa.int32()), len(texts))
    return [text or "" for text in texts] + [""], codes


def _sources(
    batch: pa.RecordBatch, missions: tuple[str, ...], state: _Columns, bad: BadRows
) -> NDArray[np.int8]:
    """Number of the source of each row; -1 for a mission that is not wanted. New sources get a row of
    columns.
    """
    names = batch.schema.names
    mission_texts, mission = _dictionary(batch["mission"])
    orbit_texts, orbit = [""], np.empty(0, np.int32)
    if "orbit" in names:
        orbit_texts, orbit = _dictionary(batch["orbit"])
    polarisation_texts, polarisation = [ONLY_POLARISATION], np.empty(0, np.int32)
    for name in POLARISATION_NAMES:
        if name in names:
            polarisation_texts, polarisation = _dictionary(batch[name])
    shape = len(mission_texts), len(orbit_texts), len(polarisation_texts)
    n_rows = np.zeros(shape[0] * shape[1] * shape[2], np.int64)
    code = combine_codes(mission, orbit, polarisation, shape[1], shape[2], n_rows)
    number = np.full(n_rows.size, -1, np.int8)
    for combined in np.nonzero(n_rows)[0]:
        m, o, p = np.unravel_index(int(combined), shape)
        name, relative, channel = mission_texts[m], normal_orbit(orbit_texts[o]), polarisation_texts[p]
        if name not in ("S1", "S2"):
            raise bad(code == combined, "mission", f"expected S1 or S2, found {name!r}")
        if name not in missions:
            continue
        if name == "S1" and not relative:
            raise bad(code == combined, "orbit", "a row of S1 needs its relative orbit")
        key = ("S1", relative, channel or ONLY_POLARISATION) if name == "S1" else ("S2", "", "")
        if key not in state.keys:
            state.keys.append(key)
            more = np.full((1, state.column_of.shape[1]), -1, np.int32)
            state.column_of = np.concatenate([state.column_of, more])
        number[combined] = state.keys.index(key)
    return take_numbers(number, code)


def _days(batch: pa.RecordBatch, name: str, bad: BadRows, may_be_empty: bool = False) -> NDArray[np.int32]:
    """Days since 1970-01-01; ``NO_DAY`` for an empty value."""
    if name not in batch.schema.names:
        return np.full(batch.num_rows, NO_DAY)
    column = batch[name]
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        days = column.cast(pa.date32(), safe=False).cast(pa.int32())
        result: NDArray[np.int32] = to_numbers(days, int(NO_DAY))
    else:
        texts, codes = _dictionary(column)
        by_code = np.array([_day(text) for text in texts], np.int32)
        result = by_code[codes]
        is_bad = (np.array([bool(text) for text in texts]) & (by_code == NO_DAY))[codes]
        if is_bad.any():
            found = texts[int(codes[np.argmax(is_bad)])]
            raise bad(is_bad, name, f"expected a date as YYYY-MM-DD, found {found!r}")
    if not may_be_empty and (result == NO_DAY).any():
        raise bad(result == NO_DAY, name, "is empty")
    return result


def _day(text: str) -> int:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([ T].*)?", text):
        return int(NO_DAY)
    try:
        return to_days(date.fromisoformat(text[:10]))
    except ValueError:
        return int(NO_DAY)


def _means(batch: pa.RecordBatch, bad: BadRows) -> NDArray[np.float64]:
    column = batch["mean"]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise bad(np.ones(1, np.bool_), "mean", f"expected numbers, found a column of type {column.type}")
    return to_numbers(column.cast(pa.float64()), np.nan)


def _scores(batch: pa.RecordBatch, bad: BadRows) -> NDArray[np.float32]:
    """Clear scores of the rows, NaN where empty; (0,) where the table has none."""
    if "clear_score" not in batch.schema.names:
        return np.empty(0, np.float32)
    column = batch["clear_score"]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise bad(
            np.ones(1, np.bool_), "clear_score", f"expected numbers, found a column of type {column.type}"
        )
    scores = to_numbers(column.cast(pa.float64()), np.nan)
    with np.errstate(invalid="ignore"):
        is_wrong = (scores < 0) | (scores > 1)
    if is_wrong.any():
        raise bad(is_wrong, "clear_score", f"expected 0 to 1, found {scores[np.argmax(is_wrong)]:g}")
    result: NDArray[np.float32] = scores.astype(np.float32)
    return result


def _counts(batch: pa.RecordBatch) -> NDArray[np.int32]:
    if "n_valid" not in batch.schema.names:
        return np.zeros(batch.num_rows, np.int32)
    counts: NDArray[np.int32] = to_numbers(batch["n_valid"].cast(pa.int32(), safe=False), 0)
    return counts


def _scatter(
    state: _Columns,
    rows: NDArray[np.int32],
    sources: NDArray[np.int8],
    days: NDArray[np.int32],
    starts: NDArray[np.int32],
    means: NDArray[np.float64],
    counts: NDArray[np.int32],
    scores: NDArray[np.float32],
    first_day: dict[str, int],
    last_day: int,
) -> None:
    """Put a batch into the matrix, which grows when its dates are more than it has columns."""
    if not state.keys:
        return
    firsts = np.array([first_day[key[0]] for key in state.keys], np.int32)
    # The table of columns counts from the earliest day of all missions, known before the first row of each.
    base = last_day - state.column_of.shape[1] + 1
    begin = 0
    while begin < len(rows):
        begin, state.n = scatter_rows(
            begin,
            rows,
            sources,
            days,
            starts,
            means,
            counts,
            scores,
            firsts,
            base,
            last_day,
            state.column_of,
            state.column_start,
            state.n,
            state.values,
            state.best_counts,
            state.scores,
        )
        if begin < len(rows):
            capacity = state.values.shape[1]
            state.values = np.pad(state.values, ((0, 0), (0, capacity)), constant_values=np.nan)
            state.best_counts = np.pad(state.best_counts, ((0, 0), (0, capacity)), constant_values=-1)
            if state.scores.size:
                state.scores = np.pad(state.scores, ((0, 0), (0, capacity)), constant_values=np.nan)
            state.column_start = np.pad(state.column_start, (0, capacity), constant_values=NO_DAY)


def _as_sources(state: _Columns, base: int, config: L4BConfig) -> tuple[Source, ...]:
    sources = []
    for number, (mission, orbit, polarisation) in enumerate(state.keys):
        at = np.nonzero(state.column_of[number] >= 0)[0]
        if not at.size:
            continue
        columns = state.column_of[number, at].astype(np.int64)
        days = (at + base).astype(np.int32)
        starts = days
        if mission == "S1":
            known = state.column_start[columns]
            assumed = days - np.int32(config.s1.time_interval_days)
            starts = np.where(known == NO_DAY, assumed, known).astype(np.int32)
        sources.append(Source(mission, columns, days, starts, orbit, polarisation))
    return tuple(sorted(sources, key=lambda s: (s.mission, s.orbit, s.polarisation)))
