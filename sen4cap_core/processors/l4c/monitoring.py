"""From series and practice tables to judgements, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import from_days, to_days
from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.declarations.settings.l4c_config import L4CConfig, PracticeCode, PracticeSettings
from sen4cap_core.declarations.tables.practice_tables import PRACTICE_NAMES, PracticeTable
from sen4cap_core.errors import ConfigurationError
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.kernels.practices.evaluate import judge_rows, room_to_judge
from sen4cap_core.kernels.practices.judgements import (
    BY_RULES,
    CATCH_CROP,
    ECHOED,
    NOT_JUDGED,
    Judgements,
    PracticeRows,
)
from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.kernels.practices.weeks import Weeks, WeekTable, build_weeks, count_weeks
from sen4cap_core.processors.l4c.country_rules import RuleSet, as_arrays, load_rule_book
from sen4cap_core.processors.l4c.thresholds import Thresholds, kernel_thresholds
from sen4cap_core.tables.threads import run_in_chunks

MIN_RADAR_PIXELS = 1


@dataclass(frozen=True)
class PreviousResult:
    """What an earlier run reported of each row: harvest week (day, 0 none) and its gap count (0 none)."""

    harvest_week: NDArray[np.int32]
    gaps: NDArray[np.int32]


@dataclass(frozen=True)
class Run:
    """How a practice is monitored."""

    practice: PracticeCode
    country: str
    """Of rows whose table does not name one."""
    year: int
    limit_day: int
    """Gaps are counted up to this day."""
    with_tillage: bool
    with_weeks: bool
    compat: Compat
    ratio_scale: float = 1.0
    """0.5 when the series are in half decibels."""

    @property
    def original(self) -> bool:
        """Whether the original is reproduced with its defects."""
        return self.compat == "sen4cap"


@dataclass(frozen=True)
class Monitored:
    """A practice table with its judgements; rows that cannot be judged at all are not in it."""

    table: PracticeTable
    kept: NDArray[np.int64]
    """Rows of the table the judgements are of."""
    rows: PracticeRows
    judgements: Judgements
    weeks: Weeks


def group_weeks(series: Series, original: bool) -> Weeks:
    """Group the series of all parcels by weeks."""
    n_parcels = series.is_usable.size
    n = np.zeros(n_parcels, np.int64)
    run_in_chunks(lambda first, last: count_weeks(first, last, series, original, n), n_parcels)
    at = np.concatenate([[0], np.cumsum(n)]).astype(np.int64)
    size = int(at[-1])
    table = WeekTable(
        np.empty(size, np.int32),
        np.empty(size, np.float64),
        np.empty(size, np.float64),
        np.empty(size, np.float64),
        np.empty(size, np.float64),
        np.empty(size, np.float64),
    )
    weeks = Weeks(
        at,
        np.zeros(n_parcels, np.int32),
        table,
        np.zeros(n_parcels),
        np.zeros(n_parcels),
        np.zeros(n_parcels),
    )
    run_in_chunks(lambda first, last: build_weeks(first, last, series, original, weeks), n_parcels)
    return weeks


def monitor(
    series: Series,
    weeks: Weeks,
    table: PracticeTable,
    parcel: NDArray[np.int32],
    config: L4CConfig,
    run: Run,
    previous: PreviousResult | None = None,
) -> Monitored:
    """Judge all rows of a practice table; ``parcel`` says which series each row has (-1: none)."""
    settings = config.for_practice(run.practice)
    if run.original and run.practice == "CC" and not settings.catchmain:
        raise ConfigurationError(
            config.path,
            "CATCHMAIN is empty.",
            remedy="Catch crops need the P_TYPE of those under the main crop.",
        )
    thresholds = kernel_thresholds(settings, run.compat, run.ratio_scale)
    days = {
        name: table.columns[name].days() for name in ("VEG_START", "H_START", "H_END", "P_START", "P_END")
    }
    kept = np.nonzero((days["VEG_START"] != NO_DAY) & (days["H_START"] != NO_DAY))[0]
    days = {name: values[kept] for name, values in days.items()}
    task = _tasks(table, run, days["P_START"], kept)
    sets: tuple[RuleSet, ...] = ()
    ruleset = np.zeros(kept.size, np.int32)
    if run.practice in ("FL", "NFC"):
        book = load_rule_book(run.practice)
        sets = book.sets
        ruleset = _pairwise(table, kept, run, book.find)
    no_days = np.zeros(kept.size, np.int32)
    rows = PracticeRows(
        parcel=parcel[kept],
        has_pixels=_pixels(table)[kept] >= MIN_RADAR_PIXELS,
        vegetation_start=days["VEG_START"],
        vegetation_week=_season_weeks(days["VEG_START"], run.original),
        harvest_start_week=_season_weeks(days["H_START"], run.original),
        harvest_end_week=_mondays(days["H_END"]),
        practice_start=days["P_START"],
        practice_end=days["P_END"],
        year_start=_year_starts(days["VEG_START"]),
        task=task,
        ruleset=ruleset,
        is_in_main_crop=_is_in_main_crop(table, settings)[kept],
        is_main_crop=_is_main_crop(table, settings)[kept],
        prolong_season=_prolongs_season(table, settings, run)[kept] & (days["P_START"] != NO_DAY),
        previous_harvest=no_days if previous is None else previous.harvest_week[kept],
        previous_gaps=no_days if previous is None else previous.gaps[kept],
    )
    return Monitored(table, kept, rows, _judge(rows, series, weeks, thresholds, sets, settings, run), weeks)


def _judge(
    rows: PracticeRows,
    series: Series,
    weeks: Weeks,
    thresholds: Thresholds,
    sets: tuple[RuleSet, ...],
    settings: PracticeSettings,
    run: Run,
) -> Judgements:
    n = rows.parcel.size
    n_weeks = np.where((rows.parcel >= 0) & rows.has_pixels, weeks.n[rows.parcel], 0)
    weekly_at = np.concatenate([[0], np.cumsum(n_weeks)]).astype(np.int64)
    out = Judgements(
        markers=np.empty((n, 10), np.int8),
        at_harvest=np.empty((n, 5), np.int8),
        grade=np.empty(n, np.int8),
        in_period=np.empty(n, np.int8),
        vegetation_start=np.empty(n, np.int32),
        practice_start=np.empty(n, np.int32),
        practice_end=np.empty(n, np.int32),
        last_week=np.empty(n, np.int32),
        harvest_week=np.empty(n, np.int32),
        radar_harvest_week=np.empty(n, np.int32),
        tillage_week=np.empty(n, np.int32),
        gaps=np.empty((n, 4), np.int32),
        evidence=np.empty((n, 3), np.int32),
        weekly=np.empty((int(weekly_at[-1]) if run.with_weeks else 0, 5), np.int8),
        weekly_at=weekly_at,
    )
    mark_start, mark_end = (
        NO_DAY if day is None else to_days(day)
        for day in (settings.flmarkstartdate, settings.flmarkstenddate)
    )
    rules = as_arrays(sets, mark_start, mark_end)
    limit_day = min(run.limit_day, to_days(date(run.year, 12, 31))) if run.original else run.limit_day
    run_in_chunks(
        lambda first, last: judge_rows(
            first,
            last,
            rows,
            series,
            weeks,
            thresholds.harvest,
            thresholds.practice,
            thresholds.catch_crop,
            rules,
            thresholds.tillage,
            run.with_tillage,
            limit_day,
            thresholds.critical_f,
            run.original,
            *room_to_judge(weeks),
            out,
        ),
        n,
    )
    return out


def _tasks(
    table: PracticeTable, run: Run, start: NDArray[np.int32], kept: NDArray[np.int64]
) -> NDArray[np.int8]:
    """Say what to do with each row: a row of another practice has a harvest and no grade.

    In the original PRACTICE only switches the judgement of the run's practice on, whichever it names.
    """
    if run.practice == "NA":
        return np.full(kept.size, NOT_JUDGED, np.int8)
    names = table.columns["PRACTICE"]
    judged = CATCH_CROP if run.practice == "CC" else BY_RULES

    def task(name: str) -> int:
        if name == "NA":
            return NOT_JUDGED
        if not ("CatchCrop" in name or name in ("Fallow", "NFC")):
            return ECHOED
        return judged if run.original or PRACTICE_NAMES[run.practice] in name else NOT_JUDGED

    tasks = names.map_texts(task(name) for name in names.texts)[kept]
    return np.where(start == NO_DAY, NOT_JUDGED, tasks).astype(np.int8)


def _pairwise(
    table: PracticeTable, kept: NDArray[np.int64], run: Run, find: Callable[[str, str], int]
) -> NDArray[np.int32]:
    """Rule set of each row, sought once for each pair of country and type."""
    types = table.columns["P_TYPE"]
    countries = table.columns.get("COUNTRY")
    country_codes = np.zeros(len(table), np.int64) if countries is None else countries.codes.astype(np.int64)
    country_texts = (run.country,) if countries is None else countries.texts
    pairs, inverse = np.unique(
        country_codes[kept] * len(types.texts) + types.codes[kept], return_inverse=True
    )
    found = [
        find(country_texts[p // len(types.texts)], types.texts[p % len(types.texts)]) for p in pairs.tolist()
    ]
    return np.array(found or [0], np.int32)[inverse]


def _pixels(table: PracticeTable) -> NDArray[np.int32]:
    """Radar pixels of each row; a table without that column is taken to hold parcels that have enough."""
    column = table.columns.get("S1Pix")
    if column is None:
        return np.full(len(table), MIN_RADAR_PIXELS, np.int32)
    return column.map_texts(leading_number(text) for text in column.texts)


def leading_number(text: str) -> int:
    """Whole number a text starts with, 0 when it starts with none."""
    text = text.strip()
    sign = text[:1] if text[:1] in ("+", "-") else ""
    digits = ""
    for character in text[len(sign) :]:
        if not character.isdigit():
            break
        digits += character
    return max(-(2**31), min(2**31 - 1, int(sign + digits))) if digits else 0


def _is_in_main_crop(table: PracticeTable, settings: PracticeSettings) -> NDArray[np.bool_]:
    types = table.columns["P_TYPE"]
    main = (settings.catchmain, settings.catchcropismain)
    return types.map_texts(text in main for text in types.texts).astype(np.bool_)


def _is_main_crop(table: PracticeTable, settings: PracticeSettings) -> NDArray[np.bool_]:
    """Say whose catch crop is the main crop, after P_TYPE, or after PRACTICE as some countries write it."""
    types, names = table.columns["P_TYPE"], table.columns["PRACTICE"]
    by_type = types.map_texts(text == settings.catchcropismain for text in types.texts)
    by_name = names.map_texts(text == settings.catchcropismain for text in names.texts)
    return (by_type | by_name).astype(np.bool_)


def _prolongs_season(table: PracticeTable, settings: PracticeSettings, run: Run) -> NDArray[np.bool_]:
    """Say whose season lasts beyond the harvest end: that of catch crops that are a second crop."""
    if run.practice != "CC" or run.with_tillage:
        return np.zeros(len(table), np.bool_)
    names = table.columns["PRACTICE"]
    is_catch_crop = names.map_texts(text == "CatchCrop" for text in names.texts).astype(np.bool_)
    return is_catch_crop & ~_is_in_main_crop(table, settings)


def _mondays(days: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.where(days == NO_DAY, NO_DAY, days - (days + 3) % 7).astype(np.int32)


def _season_weeks(days: NDArray[np.int32], original: bool) -> NDArray[np.int32]:
    """Mondays of the days; in the original a day in the first ISO week counts as of the second."""
    weeks = _mondays(days)
    if not original:
        return weeks
    distinct, inverse = np.unique(days, return_inverse=True)
    is_first = np.array([from_days(day).isocalendar().week == 1 for day in distinct.tolist()], np.bool_)
    return (weeks + 7 * is_first[inverse]).astype(np.int32)


def _year_starts(days: NDArray[np.int32]) -> NDArray[np.int32]:
    years = days.astype("datetime64[D]").astype("datetime64[Y]")
    return years.astype("datetime64[D]").astype(np.int32)


def previous_of(table: PracticeTable, known: Mapping[str, tuple[int, int]]) -> PreviousResult:
    """Match an earlier result (id -> harvest week, gaps) with the rows of a table."""
    found = [known.get(parcel_id, (NO_DAY, 0)) for parcel_id in table.ids.to_pylist()]
    harvest, gaps = zip(*found, strict=True) if found else ((), ())
    return PreviousResult(np.array(harvest, np.int32), np.array(gaps, np.int32))
