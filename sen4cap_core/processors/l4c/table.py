"""Judgements in the original's columns, as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.declarations.tables.practice_tables import PracticeTable
from sen4cap_core.kernels.practices.calendar import NA1_DAY, NO_DAY, NR_DAY
from sen4cap_core.kernels.practices.judgements import MANY_GAPS
from sen4cap_core.processors.l4c.country_rules import INDEX_CODES
from sen4cap_core.processors.l4c.monitoring import Monitored, Run, leading_number
from sen4cap_core.tables.arrow_arrays import from_numbers, from_texts

CODE_TEXTS = {-1: "NA", -2: "NR", -3: "NA1"}
MARKER_TEXTS = {0: "FALSE", 1: "TRUE", **CODE_TEXTS}
INDEX_TEXTS = {-3: "NA1", **{code: text for text, code in INDEX_CODES.items()}}
NO_HARVEST = "NO-HARVEST"
NO_TILLAGE = "NO-TILLAGE"
NO_PIXELS = "0"
EVIDENCE_COLUMNS = ("AMP_WEEKS", "COHE_WEEKS", "NDVI_WEEKS")
"""Weeks with a value of each kind."""
IN_PERIOD_COLUMN = "C_IN_PERIOD"
"""Whether a catch crop that C_INDEX says stood grew within P_START..P_END."""


def practice_table(monitored: Monitored, run: Run) -> pa.Table:
    """Return one row for each judged row of the practice table: the original's 35 columns, 38 with tillage.

    All columns are plain text. In the default mode nine more follow: M1 to M5 of the week in which they told
    the harvest, the number of weeks with backscatter, coherence and NDVI, and whether a catch crop grew in
    its period.
    """
    return decoded(coded_practice_table(monitored, run))


def decoded(table: pa.Table) -> pa.Table:
    """Return the table with plain text for dictionaries of text."""
    plain = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(plain, names=table.column_names)


def coded_practice_table(monitored: Monitored, run: Run) -> pa.Table:
    """Return :func:`practice_table` with dictionaries of its few different texts, ids apart.

    Parquet keeps such columns as codes: making and writing 100 000 rows costs half.
    """
    table, kept, out = monitored.table, monitored.kept, monitored.judgements
    rows = monitored.rows
    take = from_numbers(kept.astype(np.int64))

    def column(name: str, otherwise: str = "") -> pa.Array:
        source = table.columns.get(name)
        if source is None:
            return _repeated(otherwise, len(kept))
        return _pick(source.texts, source.codes[kept])

    days = {name: table.columns[name].days()[kept] for name in ("H_START", "H_END")}
    columns: dict[str, pa.Array] = {
        "FIELD_ID": table.ids.take(take),
        "ORIG_ID": table.orig_ids.take(take),
        "COUNTRY": column("COUNTRY", run.country),
        "YEAR": _numbers(_years(rows.vegetation_start)),
        "MAIN_CROP": column("MAIN_CROP"),
        "VEG_START": _dates(out.vegetation_start, "NR"),
        "H_START": _dates(days["H_START"], "NR"),
        "H_END": _dates(days["H_END"], "NR"),
        "PRACTICE": column("PRACTICE"),
        "P_TYPE": column("P_TYPE"),
        "P_START": _dates(out.practice_start, "NR"),
        "P_END": _dates(out.practice_end, "NR"),
        "L_WEEK": _dates(out.last_week, "NR"),
    }
    for i in range(5):
        columns[f"M{i + 1}"] = _coded(out.markers[:, i], MARKER_TEXTS)
    harvest = out.harvest_week
    columns["H_WEEK"] = _week_numbers(harvest, NO_HARVEST)
    columns["H_W_START"] = _dates(harvest, NO_HARVEST)
    columns["H_W_END"] = _dates(_plus(harvest, 6), NO_HARVEST)
    columns["H_W_S1"] = _dates(out.radar_harvest_week, NO_HARVEST)
    for i in range(5, 10):
        columns[f"M{i + 1}"] = _coded(out.markers[:, i], MARKER_TEXTS)
    columns["C_INDEX"] = _coded(out.grade, INDEX_TEXTS)
    columns["S1PIX"] = _pixels(table, kept)
    for i, name in enumerate(("S1GAPS", "H_S1GAPS", "P_S1GAPS")):
        columns[name] = _numbers(out.gaps[:, i])
    has_harvest = harvest > NO_DAY
    at_harvest = np.where(has_harvest, out.gaps[:, 3], np.where(harvest == NO_DAY, -1, harvest))
    columns["H_W_S1GAPS"] = _numbers(at_harvest)
    columns["H_QUALITY"] = _flags(
        has_harvest & (out.gaps[:, 3] >= MANY_GAPS) & _tells(out.radar_harvest_week, run)
    )
    columns["C_QUALITY"] = _flags(out.gaps[:, 2] >= MANY_GAPS)
    if run.with_tillage:
        columns["TL_WEEK"] = _week_numbers(out.tillage_week, NO_TILLAGE)
        columns["TL_W_START"] = _dates(out.tillage_week, NO_TILLAGE)
        columns["TL_W_END"] = _dates(_plus(out.tillage_week, 6), NO_TILLAGE)
    if not run.original:
        for i in range(5):
            columns[f"H_M{i + 1}"] = _coded(out.at_harvest[:, i], MARKER_TEXTS)
        for i, name in enumerate(EVIDENCE_COLUMNS):
            columns[name] = _numbers(out.evidence[:, i])
        columns[IN_PERIOD_COLUMN] = _coded(out.in_period, MARKER_TEXTS)
    return pa.table(columns)


def weekly_table(monitored: Monitored) -> pa.Table:
    """Return M1 to M5 of each week of each row that has weeks.

    Columns: ``parcel_id`` (whole numbers where all ids are), ``seq`` (0, 1, 2 ... in the row), ``week`` (ISO
    number) and M1..M5 as dictionaries of text.
    """
    out, weeks, rows = monitored.judgements, monitored.weeks, monitored.rows
    n = np.diff(out.weekly_at)
    row = np.repeat(np.arange(n.size), n)
    seq = np.arange(row.size) - out.weekly_at[:-1][row]
    mondays = weeks.table.monday[weeks.at[rows.parcel[row]] + seq]
    distinct, codes = np.unique(mondays, return_inverse=True)
    numbers = _iso_weeks(distinct)
    ids = monitored.table.ids.take(from_numbers(monitored.kept[row].astype(np.int64)))
    with suppress(pa.ArrowInvalid):
        ids = ids.cast(pa.int64())
    columns: dict[str, pa.Array] = {
        "parcel_id": ids,
        "seq": from_numbers(seq.astype(np.int32)),
        "week": from_numbers(numbers[codes].astype(np.int32)),
    }
    for i in range(5):
        columns[f"M{i + 1}"] = _coded(out.weekly[:, i], MARKER_TEXTS)
    return pa.table(columns)


def _tells(radar_week: NDArray[np.int32], run: Run) -> NDArray[np.bool_]:
    """Whether H_W_S1 lets a harvest be of doubtful quality; a missing one does too in the original."""
    return radar_week != NO_DAY if run.original else radar_week > NO_DAY


def _pick(texts: Sequence[str], codes: NDArray[np.integer]) -> pa.DictionaryArray:
    """Dictionary of some texts, each once, as Parquet wants it."""
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < len(texts):
        place = {text: i for i, text in enumerate(distinct)}
        codes = np.array([place[text] for text in texts], np.int32)[codes]
    return pa.DictionaryArray.from_arrays(from_numbers(codes.astype(np.int32)), from_texts(distinct))


def _repeated(text: str, n: int) -> pa.Array:
    return _pick((text,), np.zeros(n, np.int32))


def _coded(values: NDArray[np.int8], texts: dict[int, str]) -> pa.Array:
    lowest = min(texts)
    table = [texts.get(code, "") for code in range(lowest, max(texts) + 1)]
    return _pick(table, values.astype(np.int32) - lowest)


def _numbers(values: NDArray[np.integer]) -> pa.Array:
    distinct, codes = np.unique(values, return_inverse=True)
    return _pick([CODE_TEXTS.get(v, str(v)) for v in distinct.tolist()], codes)


def _day_codes(days: NDArray[np.int32], nothing: str) -> tuple[NDArray[np.int32], list[str]]:
    distinct = np.unique(days)
    special = {NO_DAY: "NA", NR_DAY: nothing, NA1_DAY: "NA1"}
    texts = np.datetime_as_string(distinct.astype("datetime64[D]")).tolist()
    return distinct, [special.get(d, t) for d, t in zip(distinct.tolist(), texts, strict=True)]


def _dates(days: NDArray[np.int32], nothing: str) -> pa.Array:
    distinct, texts = _day_codes(days, nothing)
    return _pick(texts, np.searchsorted(distinct, days))


def _week_numbers(mondays: NDArray[np.int32], nothing: str) -> pa.Array:
    distinct, texts = _day_codes(mondays, nothing)
    numbers = _iso_weeks(distinct).tolist()
    weeks = [str(w) if d > NO_DAY else t for d, w, t in zip(distinct.tolist(), numbers, texts, strict=True)]
    return _pick(weeks, np.searchsorted(distinct, mondays))


def _iso_weeks(days: NDArray[np.int32]) -> NDArray[np.int64]:
    """ISO number of the week of each day: that of its Thursday."""
    thursday = (days - (days + 3) % 7 + 3).astype("datetime64[D]")
    day_of_year = (thursday - thursday.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    weeks: NDArray[np.int64] = day_of_year // 7 + 1
    return weeks


def _plus(days: NDArray[np.int32], more: int) -> NDArray[np.int32]:
    return np.where(days > NO_DAY, days + more, days).astype(np.int32)


def _years(days: NDArray[np.int32]) -> NDArray[np.int64]:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def _flags(is_set: NDArray[np.bool_]) -> pa.Array:
    return _pick(("", "1"), is_set.astype(np.int32))


def _pixels(table: PracticeTable, kept: NDArray[np.int64]) -> pa.Array:
    """S1Pix as given; what is no number, or zero, is written as zero."""
    column = table.columns.get("S1Pix")
    if column is None:
        return _repeated("", len(kept))
    texts = [text if leading_number(text) != 0 else NO_PIXELS for text in column.texts]
    return _pick(texts, column.codes[kept])
