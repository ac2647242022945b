"""L4B over a season: series out of the observations, mowings, verdicts, exported tables.

Every run evaluates the whole season with all observations there are: that takes seconds, and nothing an
earlier run said is carried on. So scenes one by one, all at once or late give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sen4cap_core.clock import midnight
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.made import mowing as mowing_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.models import Product, Season
from sen4cap_core.declarations.settings.grass_settings import GrassSettings
from sen4cap_core.declarations.settings.l4b_config import Compat, L4BConfig, Method
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.processors.l3b.groups import NDVI_GROUP
from sen4cap_core.processors.l4b.detection import detect, effective_method
from sen4cap_core.processors.l4b.explain import explanations
from sen4cap_core.processors.l4b.model import MowingOutcome
from sen4cap_core.products.tables import COLUMNS
from sen4cap_core.steps.mowing.evaluation import Evaluation
from sen4cap_core.steps.mowing.product import Published, events_frame, export_frame, publish_mowing
from sen4cap_core.steps.mowing.request import MowingRequest
from sen4cap_core.steps.mowing.series import MowingSeries, read_mowing_series
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.mowing_selection import answers_stay, select_crops
from sen4cap_core.steps.shared.product_files import asset_files, is_whole
from sen4cap_core.steps.shared.season_input import find_season_input, require_files
from sen4cap_core.steps.uploads.config_in_force import l4b_in_force

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


COHERENCE_GROUP = "coherence"
GROUPS = {"S2": NDVI_GROUP, "S1": COHERENCE_GROUP}
"""Observation group that is read of each mission."""
SATELLITES = {"S2": {"S2", "L8"}, "S1": {"S1"}}
"""Satellites of site.yaml behind each mission."""


class AnswersStayError(NothingToDoError):
    """No parcel is left to look at, and an earlier evaluation stays in force."""

    def __init__(self, text: str, evaluation: Evaluation, files: dict[str, Path]) -> None:
        super().__init__(text)
        self.evaluation = evaluation
        self.files = files
        """What is in force, by title."""


MOST_NEWS = 5000
"""Mowings named in one event: a server takes a megabyte and a half."""


@dataclass(frozen=True)
class MowingAnswer:
    """What an evaluation found, for the people who look."""

    evaluation: Evaluation
    table: gpd.GeoDataFrame
    """One row per parcel in the original's columns, with reason and n_observations."""
    events: pd.DataFrame
    """All events: NewID, Ori_id, start, end (UTC), confidence, missions."""
    as_of: date
    n_dates: int
    """Days with an acquisition."""
    series: MowingSeries
    """Of the rows of the table, in their order."""
    published: Published
    looked_on: str
    """Which parcels were evaluated, and why not the others: a sentence."""

    @property
    def files(self) -> dict[str, Path]:
        """What was written, by title."""
        return self.published.files

    def news(self) -> dict[str, Any]:
        """Return what is new since the evaluation before, as the payload of an event; empty without."""
        new = self.events[self.published.is_new]
        if new.empty:
            return {}
        named = new.sort_values("end", ascending=False, kind="stable").head(MOST_NEWS)
        return {
            "site": self.evaluation.site,
            "season": self.evaluation.season,
            "season_id": self.evaluation.season_id,
            "run_id": self.published.run_id,
            "product": self.published.item_id,
            "as_of": str(self.as_of),
            "mowings": len(new),
            "left_off": len(new) - len(named),
            "parcels": sorted(set(named["Ori_id"])),
            "new_ids": sorted(set(named["NewID"].tolist())),
        }


def detect_mowing(context: Context, season_id: int, request: MowingRequest | None = None) -> MowingAnswer:
    """Evaluate a season with all observations there are, or as a request by hand says.

    Raises
    ------
    NothingToDoError
        Without season, declarations, observations or parcels to look at, or when nothing is new.
    """
    with context.session() as session:
        evaluation = find_evaluation(session, context.settings.data, season_id, request or MowingRequest())
        parcels, looked_on = _parcels(session, evaluation, context.settings.data)
        declared = _additional_columns(session, evaluation, parcels)
    require_files(context, evaluation.site, evaluation.files)
    series, outcome = _evaluate(context, evaluation, parcels)
    table = export_frame(parcels, outcome, explanations(outcome, series.facts, evaluation.config))
    table = table.assign(**declared)
    events = events_frame(parcels, outcome)
    days = {file.acquired_at.date() for file in evaluation.files}
    published = publish_mowing(context, evaluation, table, events, max(days))
    return MowingAnswer(evaluation, table, events, max(days), len(days), series, published, looked_on)


def _evaluate(
    context: Context, evaluation: Evaluation, parcels: gpd.GeoDataFrame
) -> tuple[MowingSeries, MowingOutcome]:
    series = read_mowing_series(
        context.settings.data,
        evaluation.optical,
        evaluation.radar,
        parcels,
        evaluation.config.s1,
        evaluation.compat,
    )
    outcome = detect(
        series.matrix,
        series.facts,
        evaluation.config,
        evaluation.missions,
        evaluation.compat,
        evaluation.method,
    )
    return series, outcome


def find_evaluation(session: Session, root: Path, season_id: int, request: MowingRequest) -> Evaluation:
    """Look up what is to be evaluated, and whether anything is new, or lost below ``root``."""
    given = find_season_input(session, season_id, "l4b")
    season, site, current = given.season, given.site, given.declared
    switch = given.config.processors.l4b
    effective, config_id = l4b_in_force(session, site, season.year)
    config = _with_thresholds(effective.config, request.thresholds)
    start = _start_of(season, request.mowing_start or switch.mowing_start)
    end = min(season.end, request.until or season.end)
    missions = tuple(m for m, names in SATELLITES.items() if names & set(given.config.satellites))
    if request.missions is not None:
        missions = tuple(m for m in ("S2", "S1") if m in request.missions.split("_"))
    compat: Compat = request.compat or switch.compat or "default"
    method = _method_of(compat, request, switch.method)
    back_days = {
        "S2": config.s2.time_interval_days * config.s2.back_window_samples,
        "S1": config.s1.time_interval_days * config.s1.window_samples,
    }
    files = {
        mission: tuple(
            product_rows.observation_files(
                session,
                current.id,
                GROUPS[mission],
                midnight(start - timedelta(days=back_days[mission])),
                midnight(end + timedelta(days=1)),
            )
        )
        for mission in missions
    }
    if not any(files.values()):
        raise NothingToDoError(f"{site.slug} has no observations between {start} and {end} yet")
    last = mowing_rows.latest_run(session, season_id)
    codes = declaration_rows.crop_codes(session, site.id, season.year)
    evaluation = Evaluation(
        season_id=season_id,
        site_id=site.id,
        site=site.slug,
        season=season.name,
        year=season.year,
        start=start,
        end=end,
        declaration_set_id=current.id,
        config_id=config_id,
        config=config,
        compat=compat,
        method=method,
        missions=missions,
        optical=files.get("S2", ()),
        radar=files.get("S1", ()),
        crop_names={code.ori_crop: code.ct for code in codes},
        selection=select_crops(config, compat, codes),
        last_run_id=last.id if last else None,
        stands_aside=request.stands_aside,
        with_shapefile=request.shapefile or switch.shapefile,
    )
    is_known = not request.stands_aside and last is not None and last.input_key == evaluation.input_key
    if last is not None and is_known and is_whole(session, root, last.product_id):
        raise NothingToDoError(f"nothing new since the evaluation of {last.created_at:%Y-%m-%d %H:%M} UTC")
    return evaluation


def _with_thresholds(config: L4BConfig, thresholds: dict[str, float]) -> L4BConfig:
    if not thresholds:
        return config
    values = {**config.grass.model_dump(), **thresholds}
    return config.model_copy(update={"grass": GrassSettings.model_validate(values)})


def _method_of(compat: Compat, request: MowingRequest, of_site: Method | None) -> Method:
    """Return the method; raises NothingToDoError for one that the original does not have."""
    if compat == "sen4cap" and request.method == "neighbourhood":
        raise NothingToDoError("the original (compat: sen4cap) does not have the method neighbourhood")
    # Asked for by hand, the original's behaviour goes over the method of site.yaml.
    return effective_method(compat, None if compat == "sen4cap" else request.method or of_site)


def _parcels(session: Session, evaluation: Evaluation, root: Path) -> tuple[gpd.GeoDataFrame, str]:
    """Return the parcels to be evaluated, and a sentence that says which these are."""
    parcels = declaration_rows.load_parcels(session, evaluation.declaration_set_id)
    selection, declared = evaluation.selection, parcels.ori_crop.tolist()
    if selection.crops is not None:
        parcels = parcels[parcels.ori_crop.isin(selection.crops)]
    sentence = selection.sentence(declared, len(parcels))
    if parcels.empty:
        text = f"no parcel of {evaluation.site} {evaluation.year} is grassland: {sentence}"
        last = mowing_rows.latest_run(session, evaluation.season_id)
        if last is None or evaluation.stands_aside:
            raise NothingToDoError(text)
        product = session.get(Product, last.product_id) if last.product_id is not None else None
        files = asset_files(root, product) if product is not None else {}
        raise AnswersStayError(f"{text} For now {answers_stay(last)}.", evaluation, files)
    return parcels.reset_index(drop=True), sentence


def _start_of(season: Season, mowing_start: date | None) -> date:
    """Return the first day mowing is looked for: mowing_start where it lies in this season."""
    if mowing_start is not None and season.start <= mowing_start <= season.end:
        return mowing_start
    return season.start


def _additional_columns(
    session: Session, evaluation: Evaluation, parcels: gpd.GeoDataFrame
) -> dict[str, NDArray[np.generic]]:
    """Return what ADDITIONAL_COLUMNS names, in the order of the parcels; the table's own it has anyway."""
    own = {name.lower() for name in COLUMNS}
    names = [name for name in evaluation.config.additional_columns if name.lower() not in own]
    if not names:
        return {}
    try:
        declared = declaration_rows.declared_columns(session, evaluation.declaration_set_id, names)
    except Sen4capError as error:
        raise Sen4capError(f"ADDITIONAL_COLUMNS of the L4B configuration: {error}") from error
    ordered = declared.set_index("new_id").loc[parcels.new_id]
    return {name: ordered[name].to_numpy() for name in names}
