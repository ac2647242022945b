"""L4C over a year: series out of the observations, each practice judged, exported, entered.

Every run judges the whole year: that takes seconds, and nothing an earlier run said is carried on, unless the
site asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import practices as practice_rows
from sen4cap_core.declarations.tables.practice_rows import from_rows
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.processors.l4c.monitoring import Monitored, Run, group_weeks, monitor, previous_of
from sen4cap_core.processors.l4c.previous import read_previous
from sen4cap_core.processors.l4c.table import practice_table
from sen4cap_core.steps.practices.evaluation import PracticeEvaluation, PracticeTask, find_practices
from sen4cap_core.steps.practices.product import publish_practice
from sen4cap_core.steps.practices.series import HALF_DB, radar_pixels, read_series
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.season_input import AS_STATED, Otherwise, require_files

MIN_ACQUISITIONS = 15
"""Only for the original's method, whose default it is."""
ENOUGH_PIXELS = 1


@dataclass(frozen=True)
class PracticeAnswer:
    """What was found for one practice."""

    task: PracticeTask
    monitored: Monitored
    table: pa.Table
    """The original's columns and ours, one row for each judged row of the practice table."""
    n_left_out: int
    """Rows without a date in VEG_START or H_START."""
    files: dict[str, Path]
    """What was written, by title."""


@dataclass(frozen=True)
class MonitoringAnswer:
    """What an evaluation found, for the people who look."""

    evaluation: PracticeEvaluation
    parcels: gpd.GeoDataFrame
    series: Series
    """Of the parcels, in their order."""
    practices: tuple[PracticeAnswer, ...]
    left_out: dict[str, str]


def monitor_practices(context: Context, season_id: int, otherwise: Otherwise = AS_STATED) -> MonitoringAnswer:
    """Evaluate the practices of a season's year with all observations there are.

    Raises
    ------
    NothingToDoError
        Without tables, configuration, declarations or observations, or when nothing is new.
    """
    with context.session() as session:
        evaluation = find_practices(session, context.settings.data, season_id, otherwise)
        parcels = declaration_rows.load_parcels(session, evaluation.declaration_set_id)
        rows = {
            task.practice: practice_rows.load_practices(
                session, task.practice_set_id, evaluation.declaration_set_id
            )
            for task in evaluation.tasks
        }
    require_files(context, evaluation.site, [item.file for item in evaluation.files])
    left_out = dict(evaluation.left_out)
    ids = np.unique(np.concatenate([found.new_id.to_numpy(np.int32) for found in rows.values()]))
    if not ids.size:
        raise NothingToDoError("no parcel of the practice tables is declared")
    parcels = parcels[parcels.new_id.isin(ids)].sort_values("new_id").reset_index(drop=True)
    original = evaluation.compat == "sen4cap"
    series = read_series(context.settings.data, evaluation.files, ids, MIN_ACQUISITIONS, original)
    weeks = group_weeks(series, original)
    pixels = radar_pixels(context.settings.data, evaluation.files, ids)
    answers: list[PracticeAnswer] = []
    for number, task in enumerate(evaluation.tasks, start=1):
        found = rows[task.practice]
        if not len(found):
            left_out[task.practice] = "no parcel of its table is declared"
            continue
        place = np.searchsorted(ids, found.new_id.to_numpy(np.int32)).astype(np.int32)
        found = _with_pixels(found, None if pixels is None else pixels[place])
        table = from_rows(found, evaluation.country, evaluation.year, f"practice table {task.practice}")
        run = Run(
            practice=task.practice,
            country=evaluation.country,
            year=evaluation.year,
            limit_day=to_days(evaluation.last_day),
            with_tillage=evaluation.with_tillage,
            with_weeks=True,
            compat=evaluation.compat,
            ratio_scale=HALF_DB,
        )
        previous = None
        if task.previous is not None:
            previous = previous_of(table, read_previous(context.settings.data / task.previous.path))
        monitored = monitor(series, weeks, table, place, evaluation.config, run, previous)
        if not monitored.kept.size:
            left_out[task.practice] = "no row of its table has a date in VEG_START and H_START"
            continue
        judged = practice_table(monitored, run)
        files = publish_practice(context, evaluation, task, parcels, monitored, judged)
        answers.append(PracticeAnswer(task, monitored, judged, len(table) - monitored.kept.size, files))
        context.progress(number / len(evaluation.tasks))
    if not answers:
        raise NothingToDoError("; ".join(f"{practice}: {why}" for practice, why in left_out.items()))
    return MonitoringAnswer(evaluation, parcels, series, tuple(answers), left_out)


def _with_pixels(rows: pd.DataFrame, pixels: NDArray[np.int32] | None) -> pd.DataFrame:
    """Fill in radar pixels that were not counted yet; without radar every parcel counts as large enough."""
    counted = [ENOUGH_PIXELS] * len(rows) if pixels is None else pixels.tolist()
    filled = [n if known is None else known for known, n in zip(rows.s1_pix, counted, strict=True)]
    return rows.assign(s1_pix=pd.Series(filled, index=rows.index, dtype=object))


def result_frame(answer: PracticeAnswer) -> pd.DataFrame:
    """Return the table of a practice as a frame of texts."""
    frame: pd.DataFrame = answer.table.to_pandas()
    return frame
