"""Pictures of an evaluation of practices: histogram, map, and a few rows with all they rest on."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import from_days
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.kernels.practices.series import NEVER
from sen4cap_core.reports.pages.practices import TITLES
from sen4cap_core.reports.pictures.practice_pictures import (
    HARVESTED,
    NO_SERIES,
    NOT_HARVESTED,
    PracticeChart,
    harvest_histogram_png,
    practice_chart_png,
    practice_map_png,
)
from sen4cap_core.steps.practices.monitor import MonitoringAnswer, PracticeAnswer
from sen4cap_core.steps.practices.series import HALF_DB, NDVI_FACTOR

N_EXAMPLES: Final = 3
_INTERESTING: Final = ("POOR", "WEAK", "STRONG", "MODERATE", "NR", "NA")


def practice_pictures(answer: MonitoringAnswer, practice: PracticeAnswer) -> dict[str, bytes]:
    """Return the pictures of one practice by title."""
    out = practice.monitored.judgements
    weeks = out.harvest_week[out.harvest_week > NO_DAY]
    title = TITLES[practice.task.practice]
    pictures = {
        "Harvest weeks": harvest_histogram_png(
            [from_days(int(day)) for day in weeks], f"Harvest weeks, {answer.evaluation.year}"
        ),
        "Map": _map(answer, practice, title),
    }
    for row in examples(practice):
        chart = chart_of(answer, practice, row)
        pictures[chart.title] = practice_chart_png(chart)
    return pictures


def examples(practice: PracticeAnswer) -> list[int]:
    """Rows people look at first: one of each grade, those with a harvest before those without."""
    grades = practice.table["C_INDEX"].to_pylist()
    has_harvest = practice.monitored.judgements.harvest_week > NO_DAY
    has_weeks = practice.monitored.judgements.last_week > NO_DAY
    found: list[int] = []
    for grade in _INTERESTING:
        rows = [i for i in range(len(grades)) if grades[i] == grade and has_weeks[i]]
        rows.sort(key=lambda i: (not has_harvest[i], i))
        found += rows[: 1 if grade != "NA" else N_EXAMPLES]
    return found[:N_EXAMPLES]


def chart_of(answer: MonitoringAnswer, practice: PracticeAnswer, row: int) -> PracticeChart:
    """Gather the series, markers and periods of one row."""
    monitored, series = practice.monitored, answer.series
    rows, out, weeks = monitored.rows, monitored.judgements, monitored.weeks
    p = int(rows.parcel[row])
    table = practice.table
    crop = table["MAIN_CROP"][row].as_py()
    n = int(weeks.n[p])
    mondays = weeks.table.monday[weeks.at[p] : weeks.at[p] + n]
    at = int(out.weekly_at[row])
    dated = {"harvest": int(out.harvest_week[row]), "tillage": int(out.tillage_week[row])}
    told = {name: day for name, day in dated.items() if day > NO_DAY}
    words = [f"C_INDEX {table['C_INDEX'][row].as_py()}"]
    judged = [f"M{i} {table[f'M{i}'][row].as_py()}" for i in range(6, 11)]
    if practice.task.practice != "NA":
        words.append(" ".join(judged))
    words += [
        f"{name} {from_days(day)} to {from_days(day) + timedelta(days=6)}" for name, day in told.items()
    ]
    return PracticeChart(
        title=f"Parcel {table['ORIG_ID'][row].as_py()}, crop {crop}",
        subtitle=", ".join(words),
        ndvi=_part(series.ndvi_day, series.ndvi / NDVI_FACTOR, series.ndvi_at, p),
        ratio=_part(series.pair_day, series.ratio_db / HALF_DB, series.pair_at, p),
        coherence=_part(series.coherence_day, series.coherence, series.coherence_at, p),
        mondays=mondays,
        markers=out.weekly[at : at + n],
        harvest_period=_period(rows.harvest_start_week[row], rows.harvest_end_week[row]),
        practice_period=_period(out.practice_start[row], out.practice_end[row]),
        weeks=told,
    )


def _map(answer: MonitoringAnswer, practice: PracticeAnswer, title: str) -> bytes:
    grades = practice.table["C_INDEX"].to_pylist()
    if practice.task.practice == "NA":
        found = practice.monitored.judgements.harvest_week > NO_DAY
        seen = practice.monitored.judgements.last_week > NO_DAY
        words = np.where(found, HARVESTED, np.where(seen, NOT_HARVESTED, NO_SERIES))
        grades = [str(word) for word in words]
    by_parcel = dict(zip(practice.table["FIELD_ID"].to_pylist(), grades, strict=True))
    shown = answer.parcels[answer.parcels.new_id.astype(str).isin(by_parcel)]
    values = [by_parcel[str(new_id)] for new_id in shown.new_id.tolist()]
    return practice_map_png(shown, values, title)


def _part(
    days: NDArray[np.int32], values: NDArray[np.float64], at: NDArray[np.int64], p: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    part = slice(int(at[p]), int(at[p + 1]))
    is_used = days[part] != NEVER
    return days[part][is_used], values[part][is_used]


def _period(start: int, end: int) -> tuple[int, int] | None:
    return (int(start), int(end)) if start > NO_DAY and end > NO_DAY else None
