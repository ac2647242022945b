"""A site that asks for cloud screening: what its scenes and composites leave out."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
import rasterio
from sqlalchemy import select
from steps.conftest import SITE

from sen4cap_core.db.models import Site
from sen4cap_core.steps.composites.optical import composite_optical
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.upkeep.by_hand import reprocess_scenes
from sen4cap_core.steps.upkeep.by_hand_forms import ReprocessScenes

CLOUDY = (slice(30, 60), slice(60, 90))
"""Pixels of 10 m that the classification calls vegetation and a cloud covers."""


def ask_for_screening(desk) -> None:
    with desk.context.session() as session:
        session.scalars(select(Site)).one().config = {"cloud_screening": True}


def drop(desk, day: int, *, cloudy: bool = False, blue: bool = True):
    bands = {
        "B02": np.full((120, 120), 0.04),
        "B04": np.full((120, 120), 0.05),
        "B08": np.full((120, 120), 0.3),
    }
    if cloudy:
        for values in bands.values():
            values[CLOUDY] = 0.7 * values[CLOUDY] + 0.3 * 0.55
    if not blue:
        del bands["B02"]
    return desk.process(desk.scene(day, reflectance=bands))


def ndvi(done) -> np.ndarray:
    with rasterio.open(done.rasters["ndvi"]) as dataset:
        return dataset.read(1, masked=True)


def stated(desk, done) -> tuple[int, str | None]:
    item = json.loads(done.rasters["ndvi"].with_suffix(".json").read_text())
    return tuple(item["properties"][f"sen4cap:screened_{what}"] for what in ("by_dates", "after"))


@pytest.mark.service
def test_an_overlooked_cloud_is_missing_in_rasters_and_composites(desk) -> None:
    ask_for_screening(desk)
    first = drop(desk, 6)
    assert not ndvi(first).mask.any()
    second = drop(desk, 11, cloudy=True)
    mask = ndvi(second).mask
    assert mask[CLOUDY].all()
    # Edges reach two pixels of 60 m at most.
    assert mask.sum() <= (30 + 24) ** 2
    assert second.clear_fraction == pytest.approx(1 - mask.mean(), abs=1e-6)
    assert "cloud screening" in second.seconds
    # A date before both that comes late is judged by nothing; a composite leaves the cloud out.
    drop(desk, 2, cloudy=True)
    report = composite_optical(desk.context, SITE, date(2019, 6, 11), days_before=6, bands=["B04"])
    (made,) = report.made
    with rasterio.open(made.raster_path(desk.context, "b04")) as dataset:
        values = dataset.read(1)
    assert abs(int(values[45, 75]) - 500) <= 15
    # The first date was judged before that one came: processed anew it is judged by it.
    assert stated(desk, first) == (0, None)
    assert stated(desk, second)[0] == 1
    form = ReprocessScenes(site=SITE, start=date(2019, 6, 6), end=date(2019, 6, 6), dry_run=False)
    reprocess_scenes(desk.context, form)
    again = process_scene(desk.context, first.subject.scene_id)
    n_dates, last = stated(desk, again)
    assert n_dates == 1
    assert last.startswith("20190602T")
    assert again.rasters["ndvi"].name != first.rasters["ndvi"].name, "judged by other dates: another raster"
    without_blue = drop(desk, 16, blue=False)
    assert any("no blue band" in warning for warning in without_blue.warnings)


@pytest.mark.service
def test_without_asking_nothing_is_screened(desk) -> None:
    drop(desk, 6)
    assert not ndvi(drop(desk, 11, cloudy=True)).mask.any()
    assert not list(desk.context.settings.data.rglob("*_marks.tif"))
