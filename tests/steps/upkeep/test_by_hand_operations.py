"""Operations by hand: each does what its form says, and says what it did."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from pydantic import ValidationError
from sqlalchemy import select

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Job, ObservationSet, RadarAcquisition, SceneRow, Site
from sen4cap_core.db.work import jobs
from sen4cap_core.errors import BadUploadError, ConfigurationError, NothingToDoError, Sen4capError
from sen4cap_core.reports.pages.answer import answer_lines, answer_markdown
from sen4cap_core.steps.acquisitions.forgotten import forget_results
from sen4cap_core.steps.products.export import find_products
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.upkeep import by_hand
from sen4cap_core.steps.upkeep.by_hand_forms import (
    EditSite,
    ImportFolder,
    PairAgain,
    ReplayInterval,
    ReprocessScenes,
    RetryFailed,
    RunAgain,
)
from sen4cap_core.steps.upkeep.check_files import check_files
from sen4cap_core.steps.upkeep.site_life import edit_site
from tests.steps.conftest import SITE, YEAR, Desk

pytestmark = pytest.mark.service


def _waiting(desk: Desk, kind: str) -> list[str]:
    with desk.context.session() as session:
        query = select(Job.key).where(Job.kind == kind, Job.state == "waiting").order_by(Job.key)
        return list(session.scalars(query))


def test_scenes_are_made_anew_to_the_same_files(desk: Desk) -> None:
    desk.declare()
    done = desk.process(desk.scene(14))
    scene_id = done.subject.scene_id
    before = {path: path.read_bytes() for path in done.rasters.values()}
    form = ReprocessScenes(site=SITE, start=date(YEAR, 6, 14), end=date(YEAR, 6, 14), dry_run=True)
    assert len(by_hand.reprocess_scenes(desk.context, form)["scenes"]) == 1
    assert _waiting(desk, "process-scene") in ([], [f"process-scene/{scene_id}"])
    with desk.context.session() as session:
        assert session.scalars(select(ObservationSet)).all()

    by_hand.reprocess_scenes(desk.context, form.model_copy(update={"dry_run": False}))

    with desk.context.session() as session:
        assert not session.scalars(select(ObservationSet)).all()
        assert session.get_one(SceneRow, scene_id).state == "ingested"
    assert before
    assert not [path for path in before if path.exists()]
    assert check_files(desk.context).found() == {}
    assert _waiting(desk, "process-scene") == [f"process-scene/{scene_id}"]
    again = process_scene(desk.context, scene_id)
    assert {path: path.read_bytes() for path in again.rasters.values()} == before
    assert check_files(desk.context).found() == {}
    with pytest.raises(NothingToDoError, match="no scene"):
        by_hand.reprocess_scenes(desk.context, ReprocessScenes(site=SITE, tiles=["31UFT"]))
    with pytest.raises(Sen4capError, match=f"no site that is known here.* There are: {SITE}"):
        by_hand.reprocess_scenes(desk.context, ReprocessScenes(site="nowhere"))


def test_files_that_were_made_anew_meanwhile_and_those_of_a_broken_transaction_stay(desk: Desk) -> None:
    desk.declare()
    done = desk.process(desk.scene(14))
    [raster, *_] = done.rasters.values()
    root = desk.context.settings.data
    with desk.context.session() as session:
        forget_results(session, root, session.get_one(SceneRow, done.subject.scene_id))
        session.rollback()
    assert raster.is_file()
    assert check_files(desk.context).found() == {}
    with desk.context.session() as session:
        forget_results(session, root, session.get_one(SceneRow, done.subject.scene_id))
        # A worker is quicker than we are: it has put the same file in its place.
        made = raster.with_name("new")
        made.write_bytes(raster.read_bytes())
        made.replace(raster)
    assert raster.is_file()
    assert check_files(desk.context).found() == {"orphans": [raster.relative_to(root).as_posix()]}


def test_mowing_with_other_parameters_is_a_version_beside_the_old_one(desk: Desk) -> None:
    desk.declare()
    for day, ndvi in ((2, 0.8), (7, 0.8), (12, 0.3), (17, 0.4), (22, 0.6)):
        desk.process(desk.scene(day, ndvi=ndvi))
    form = RunAgain(site=SITE, season=str(YEAR), processor="l4b")
    first = by_hand.run_again(desk.context, form)["l4b"]
    earlier = by_hand.run_again(desk.context, form.model_copy(update={"until": date(YEAR, 6, 12)}))["l4b"]
    changed = {"switch": {"method": "falls"}}
    other = by_hand.run_again(desk.context, form.model_copy(update=changed))["l4b"]
    assert (first["as of"], earlier["as of"], other["as of"]) == ("2019-06-22", "2019-06-12", "2019-06-22")
    paths = [set(answer["files"].values()) for answer in (first, earlier, other)]
    assert not paths[0] & paths[1]
    assert not paths[0] & paths[2]
    assert all(Path(path).exists() for files in paths for path in files)
    # What is listed, exported and shown in QGIS is what is in force, and that is the first one.
    [listed] = find_products(desk.context, SITE, kinds=["l4b-mowing"])
    assert str(desk.context.settings.data / listed.path) in paths[0]
    assert len(find_products(desk.context, SITE, kinds=["l4b-mowing"], every_version=True)) == 3
    with pytest.raises(ConfigurationError, match="l4b"):
        by_hand.run_again(desk.context, form.model_copy(update={"switch": {"methd": "falls"}}))
    with pytest.raises(Sen4capError, match=f"known: {YEAR} {YEAR}"):
        by_hand.run_again(desk.context, form.model_copy(update={"season": "winter"}))

    replay = ReplayInterval(
        site=SITE, season=str(YEAR), start=date(YEAR, 6, 1), end=date(YEAR, 7, 31), processors=["l4b"]
    )
    said: list[str] = []
    answer = by_hand.replay_interval(dataclasses.replace(desk.context, say=said.append), replay)
    assert list(answer) == ["l4b 2019-06-30", "l4b 2019-07-31", "l4b in force"]
    # Each takes a while: whoever waits is told as it begins.
    assert said == [f"{part} ({number} of 3)" for number, part in enumerate(answer, start=1)]


def test_radar_is_paired_again(desk: Desk) -> None:
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        for day, orbit, kind in ((3, 30, "SLC"), (9, 30, "SLC"), (9, 103, "GRD")):
            when = datetime(YEAR, 6, day, 6, tzinfo=UTC)
            session.add(
                RadarAcquisition(
                    site_id=site.id, product_id=f"S1_{day}_{orbit}", kind=kind, platform="S1A",
                    started_at=when, stopped_at=when, relative_orbit=orbit, orbit_direction="ascending",
                    polarisations=["VV"], footprint_wkt="POLYGON EMPTY", path="x", state="failed",
                    looked_at=when,
                )
            )  # fmt: skip
    form = PairAgain(site=SITE, start=date(YEAR, 6, 9))
    assert by_hand.pair_again(desk.context, form)["acquisitions"] == ["S1_9_30", "S1_9_103"]
    assert _waiting(desk, "process-slc") == ["process-slc/2"]
    assert _waiting(desk, "process-grd") == ["process-grd/3"]
    with desk.context.session() as session:
        assert [a.state for a in by_hand.rows.radar_of_period(session, 1, None, None, None)] == [
            "failed", "waiting", "waiting",
        ]  # fmt: skip
    with pytest.raises(NothingToDoError):
        by_hand.pair_again(desk.context, PairAgain(site=SITE, relative_orbit=7))


def test_a_folder_is_taken_file_by_file(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "codes.csv").write_text("this is no table")
    (folder / ".hidden").write_text("x")
    form = ImportFolder(site=SITE, folder=folder, year=YEAR, kind="crop-codes")
    answer = by_hand.import_folder(desk.context, form)
    assert answer["taken"] == []
    assert list(answer["refused"]) == ["codes.csv"]
    with pytest.raises(Sen4capError, match="not a folder"):
        by_hand.import_folder(desk.context, form.model_copy(update={"folder": folder / "none"}))
    with pytest.raises(ValidationError, match="absolute"):
        ImportFolder(site=SITE, folder="../etc", year=YEAR)


def test_failed_work_is_retried_by_kind(desk: Desk) -> None:
    with desk.context.session() as session:
        for kind in ("process-scene", "detect-mowing"):
            jobs.enqueue(session, kind, f"{kind}/1", SITE, {})
            [job] = jobs.claim(session, [kind], "worker", 60)
            jobs.fail(session, job.id, "worker", "disk full")
    form = RetryFailed(site=SITE, kinds=["process-scene"])
    assert by_hand.retry_failed(desk.context, form) == {"jobs that wait again": 1}
    assert _waiting(desk, "detect-mowing") == []
    with pytest.raises(Sen4capError, match="is no kind of work"):
        by_hand.retry_failed(desk.context, RetryFailed(kinds=["proces-scene"]))
    with pytest.raises(NothingToDoError):
        by_hand.retry_failed(desk.context, form)


def test_a_site_is_edited_as_by_a_dropped_site_yaml(desk: Desk) -> None:
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        site_rows.set_config(session, site, {"processors": {"l4b": {"mowing_start": "2019-04-01"}}})
    edit_site(
        desk.context,
        EditSite(site=SITE, tiles=["T30TUM"], processors={"l4c": False}, schedule={"l4a": "week"}),
    )
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        assert site.tiles == ["30TUM"]
        assert site.config["processors"]["l4b"] == {"mowing_start": "2019-04-01"}
        assert site.config["processors"]["l4c"] == {"enabled": False}
        assert site.config["schedule"]["l4a"] == {"every": "week"}
    with pytest.raises(ConfigurationError, match="tile"):
        edit_site(desk.context, EditSite(site=SITE, tiles=["Valladolid"]))


def test_another_extent_brings_other_tiles_and_a_bad_file_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    outline = tmp_path / "outline.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.box(5.6, 52.6, 5.7, 52.7)], crs=4326).to_file(outline)
    stored = edit_site(desk.context, EditSite(site=SITE, extent=str(outline), name="Moved"))
    assert (stored["site"], stored["tiles"]) == ("Moved", ["31UFU"])
    outline.write_bytes(b"nothing")
    with pytest.raises(BadUploadError):
        edit_site(desk.context, EditSite(site=SITE, extent=str(outline), name="Again"))
    with desk.context.session() as session:
        site = session.scalars(select(Site)).one()
        assert (site.name, site.tiles) == ("Moved", ["31UFU"])
    with pytest.raises(ValidationError, match="absolute path"):
        EditSite(site=SITE, extent="outline.gpkg")


def test_an_answer_is_a_page_and_lines() -> None:
    answer: dict[str, Any] = {"dry run": True, "scenes": ["a|b", "c"], "refused": {"x.csv": "wrong"}}
    answer["l4b"] = {"files": {"CSV": "a.csv"}}
    assert answer_lines(answer) == [
        "dry run: True",
        "scenes: 2",
        "  a|b",
        "  c",
        "refused:",
        "  x.csv: wrong",
        "l4b:",
        "  files:",
        "    CSV: a.csv",
    ]
    assert "a\\|b" in answer_markdown("reprocess", answer)


def test_a_form_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValidationError, match="starts"):
        ReprocessScenes(site=SITE, start=date(2019, 2, 1), end=date(2019, 1, 1))
    with pytest.raises(ValidationError, match="any day"):
        ReplayInterval(site=SITE, season="x", processors=["s1_composites"])
