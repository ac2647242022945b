"""Every deployment's flow under a Prefect server: its state, its readable name, its page, what it did.

What the end-to-end tests run with workers is not repeated here, and radar products, which take their time,
go through their flows where their steps are tested; together they hold all of ``prefect.yaml``.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from sqlalchemy import select, update

from flows import runtime
from flows.by_hand import (
    delete_site,
    edit_site,
    export_products,
    import_folder,
    pause_site,
    purge_site,
    replay_interval,
    reprocess_scenes,
    resume_site,
    retry_failed,
    run_again,
)
from flows.classify_crops import classify_crops
from flows.composite_optical import composite_optical
from flows.composite_radar import composite_radar
from flows.detect_mowing import detect_mowing
from flows.export_markers import export_markers, update_markers
from flows.extract_parcels import extract_parcels
from flows.fetch_scene import fetch_scene
from flows.ingest_scene import ingest_scene
from flows.keeping import apply_retention, check_files, restore_downloads, retention_report
from flows.monitor_practices import monitor_all_practices, monitor_practices
from flows.plan_seasons import plan_seasons
from flows.preprocess_scene import preprocess_scene
from flows.process_radar import process_grd, process_slc
from flows.process_scene import process_scene
from flows.products import show_products
from flows.reconcile import reconcile
from flows.search_sources import search_sources
from flows.season_report import season_report, send_alert
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import DeclarationSet, Job, Season, Site
from sen4cap_core.steps.crop_types.classify import STAGES
from sen4cap_core.steps.upkeep.by_hand_forms import (
    DeleteSite,
    EditSite,
    ExportProducts,
    ImportFolder,
    PauseSite,
    PurgeSite,
    ReplayInterval,
    ReprocessScenes,
    ResumeSite,
    RetryFailed,
    RunAgain,
)
from tests.conftest import REPOSITORY
from tests.flows.conftest import Server
from tests.steps.conftest import SITE, YEAR, Desk
from tests.steps.crop_types.test_crop_type_way import season as crop_season
from tests.steps.practices.test_practice_way import season as practice_season
from tests.steps.scenes.test_preprocess_scene import level_1c_drop
from tests.steps.sources.test_sources_way import Network, network

pytestmark = pytest.mark.service
__all__ = ["crop_season", "network", "practice_season"]

BY_HAND = {
    ReprocessScenes: reprocess_scenes, PauseSite: pause_site, ResumeSite: resume_site,
    DeleteSite: delete_site, PurgeSite: purge_site,
}  # fmt: skip
WITH_WORKERS = {"receive-upload", "ingest-scene", "process-scene"}
"""Run by the end-to-end tests, in processes of their own."""
WITH_STEPS = {"process-slc", "process-grd", "pair-again", "composite-radar"}
"""Run by ``tests/steps/radar/test_slc_way.py``."""
HERE = {
    "apply-retention", "check-files", "classify-crops", "composite-optical", "delete-site", "detect-mowing",
    "edit-site", "export-markers", "export-products", "extract-parcels", "fetch-scene", "import-folder",
    "monitor-all-practices", "monitor-practices", "pause-site", "plan-seasons", "preprocess-scene",
    "purge-site", "reconcile", "replay-interval", "reprocess-scenes", "restore-downloads", "resume-site",
    "retention-report", "retry-failed", "run-again", "search-sources", "season-report", "send-alert",
    "show-products", "update-markers",
}  # fmt: skip


def test_no_deployment_is_left_out() -> None:
    deployments = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    assert {one["name"] for one in deployments} == HERE | WITH_STEPS | WITH_WORKERS


def test_optical_scenes_become_composites_mowings_and_products(desk: Desk, server: Server) -> None:
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        site_rows.set_config(session, site, {"processors": {"l3b": ["ndvi"], "l3a": True}})
    for day in (2, 6, 10, 14, 18):
        desk.process(desk.scene(day))
    desk.declare()
    with desk.context.session() as session:
        set_id = session.scalars(select(DeclarationSet.id)).one()
        season = session.scalars(select(Season.id)).one()

    backfill = server.run(extract_parcels, set_id)
    assert (backfill.state, backfill.result) == ("Completed", 5)
    assert {f"site:{SITE}", f"season:{YEAR}"} <= set(backfill.tags)
    mowing = server.run(detect_mowing, season)
    assert mowing.state == "Completed", mowing.message
    assert any("mowing" in key for key in mowing.pages)
    composite = server.run(composite_optical, SITE, date(YEAR, 6, 10), bands=["B04", "B08"], method="median")
    assert composite.state == "Completed"
    assert "30TUM, 10 m" in composite.pages[f"composite-{SITE}-{YEAR}-06-10-median"]
    assert float(composite.pages[f"progress-composites-of-reflectance-of-{SITE}"]) == 100
    equal = server.run(composite_optical, SITE, date(YEAR, 6, 10), bands=["B04", "B08"], method="median")
    assert (equal.state, "nothing new" in equal.message) == ("Skipped", True)

    shown = server.run(show_products, SITE)
    assert shown.state == "Completed"
    assert shown.name == f"show-products {SITE}"
    assert "data:image" in shown.pages[f"products-{SITE}"]
    target = desk.folder / "out.zip"
    packed = server.run(export_products, ExportProducts(site=SITE, target=str(target)))
    assert packed.state == "Completed", packed.message
    assert target.is_file()

    seen = server.run(reprocess_scenes, ReprocessScenes(site=SITE, tiles=["30TUM"]))
    assert len(seen.result["scenes"]) == 5
    assert server.run(reprocess_scenes, ReprocessScenes(site=SITE, tiles=["31UFT"])).state == "Skipped"
    again = server.run(run_again, RunAgain(site=SITE, season=str(YEAR), processor="l4b"))
    assert again.state in {"Completed", "Skipped"}


def test_a_site_or_season_that_does_not_exist_is_an_error_that_names_those_there_are(
    desk: Desk, server: Server
) -> None:
    desk.declare()
    wrong = SITE[:-1] + "x"
    flows: list[tuple[Any, dict[str, Any]]] = [
        (composite_optical, {}), (search_sources, {}), (plan_seasons, {}), (season_report, {}),
        (show_products, {}), (retention_report, {}), (apply_retention, {"report": "12345678"}),
        (restore_downloads, {"year": YEAR}), (update_markers, {}),
        (export_markers, {"start": date(YEAR, 3, 1), "end": date(YEAR, 12, 31)}),
    ]  # fmt: skip
    for flow, parameters in flows:
        ran = server.run(flow, site=wrong, **parameters)
        assert ran.state == "Failed", f"{flow.name}: {ran.state}, {ran.message}"
        told = f"{wrong!r} is no site that is known here, did you mean {SITE!r}? There are: {SITE}."
        assert told in ran.message, flow.name
    for form in (ReprocessScenes, PauseSite, ResumeSite, DeleteSite, PurgeSite):
        ran = server.run(BY_HAND[form], form(site=wrong))
        assert (ran.state, "There are: " in ran.message) == ("Failed", True), form.__name__
    for flow in (detect_mowing, monitor_practices, classify_crops, composite_radar):
        ran = server.run(flow, 99)
        assert ran.state == "Failed", f"{flow.name}: {ran.state}, {ran.message}"
        assert f"Known seasons: 1 ({SITE} {YEAR} {YEAR})" in ran.message, flow.name


def test_a_number_that_does_not_exist_is_an_error_that_names_those_there_are(
    desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEN4CAP_SEN2COR", str(desk.folder / "L2A_Process"))
    desk.declare()
    scene = desk.ingest(desk.scene(14))
    flows: list[tuple[Any, tuple[Any, ...], str]] = [
        (process_scene, (99,), f"no scene with the number 99. The last ones: {scene} (S2A_MSIL2A_20190614"),
        (ingest_scene, ([98, 99],), "no upload with the number 98. The last ones: 2 (S2A_"),
        (preprocess_scene, (99,), "no upload with the number 99. The last ones: 2 (S2A_"),
        (process_slc, (99,), "no radar acquisition with the number 99. The last ones: none yet."),
        (process_grd, (99,), "no radar acquisition with the number 99. The last ones: none yet."),
        (extract_parcels, (99,), f"no declaration set with the number 99. The last ones: 1 (of {YEAR})."),
        (fetch_scene, (99, "s2/30TUM"), f"no site with the number 99. The last ones: 1 ({SITE})."),
        (fetch_scene, (1, "s2/30TUM"), f"no source ever offered 's2/30TUM' for {SITE}"),
    ]
    for flow, parameters, told in flows:
        ran = server.run(flow, *parameters)
        assert ran.state == "Failed", f"{flow.name}: {ran.state}, {ran.message}"
        assert told in ran.message, flow.name
    # One of several is told among what was done.
    both = server.run(ingest_scene, [2, 99])
    assert both.state == "Completed", both.message
    assert "no upload with the number 99" in both.result[99]


def test_a_site_lives_and_ends(desk: Desk, server: Server) -> None:
    desk.declare()
    done = desk.process(desk.scene(14))
    changed = server.run(edit_site, EditSite(site=SITE, name="Polder of tests", processors={"l4c": False}))
    assert changed.state == "Completed"
    with desk.context.session() as session:
        assert session.scalars(select(Site)).one().name == "Polder of tests"
        session.execute(update(Job).values(state="failed"))
    retried = server.run(retry_failed, RetryFailed(site=SITE))
    assert retried.state == "Completed"
    with desk.context.session() as session:
        assert set(session.scalars(select(Job.state))) <= {"waiting"}
    planned = server.run(plan_seasons, SITE)
    assert planned.state == "Completed"
    assert f"season-{SITE}" in planned.pages
    replayed = server.run(
        replay_interval, ReplayInterval(site=SITE, season=str(YEAR), processors=["l4b"], end=date(YEAR, 7, 1))
    )
    assert replayed.state in {"Completed", "Skipped"}, replayed.message
    report = server.run(season_report, SITE)
    assert report.state == "Completed"
    assert any(key.startswith(f"season-report-{SITE}") for key in report.pages)
    alert = server.run(send_alert, "test", "nothing is wrong")
    assert (alert.state, alert.name) == ("NotSent", "send-alert: test")
    assert server.run(reconcile).state == "Completed"

    drops = desk.folder / "archive"
    shutil.copytree(desk.scene(20), drops / "S2A_MSIL2A_20190620T110621_N0212_R137_T30TUM_x.SAFE")
    taken = server.run(import_folder, ImportFolder(site=SITE, folder=str(drops), year=YEAR))
    assert taken.state == "Completed", taken.message

    checked = server.run(check_files)
    assert (checked.result, checked.name) == ({"differences": 0}, "check-files")
    for path in done.rasters.values():
        path.unlink()
    differs = server.run(check_files)
    assert differs.state == "Differs"
    assert "1" in differs.message
    refused = server.run(purge_site, PurgeSite(site=SITE))
    assert "not deleted" in refused.message or "not deleted" in str(refused.pages)
    with desk.context.session() as session:
        season = session.scalars(select(Season.name)).one()
    paused = server.run(pause_site, PauseSite(site=SITE, season=season))
    assert f"season {season} {YEAR} of {SITE} is paused" in paused.pages[f"pause-site-{SITE}"]
    assert server.run(resume_site, ResumeSite(site=SITE, season=season)).state == "Completed"
    # Without more words it is a dry run.
    assert server.run(delete_site, DeleteSite(site=SITE)).result["dry run"] is True
    assert server.run(delete_site, DeleteSite(site=SITE, dry_run=False)).state == "Completed"
    told = server.run(purge_site, PurgeSite(site=SITE))
    assert told.state == "Completed"


def test_practices_and_markers(practice_season: Desk, server: Server) -> None:
    judged = server.run(monitor_practices, 1)
    assert judged.state == "Completed", judged.message
    assert {f"practices-{SITE}-{YEAR}-{name}" for name in ("na", "cc", "left-out")} <= set(judged.pages)
    check_practice_pages(judged.pages)
    nothing = server.run(monitor_practices, 1)
    assert (nothing.state, "nothing new" in nothing.message) == ("Skipped", True)
    assert server.run(monitor_all_practices).state in {"Completed", "Skipped"}
    wrote = server.run(export_markers, SITE, date(YEAR, 3, 1), date(YEAR, 12, 31))
    assert wrote.state == "Completed", wrote.message
    assert all(Path(path).is_file() for path in wrote.result["files"].values())
    assert f"markers-{SITE}-{YEAR}" in wrote.pages
    written = server.run(update_markers, SITE, YEAR)
    assert written.result == {"written": {f"{SITE} {YEAR}": 4}}
    assert server.run(update_markers, SITE, YEAR).state == "Skipped"
    assert server.run(update_markers).state == "Skipped"


def check_practice_pages(pages: dict[str, str]) -> None:
    """What the pages of practices say and show, as the Prefect UI gets it."""
    harvest, catch_crop, left_out = (
        pages[f"practices-{SITE}-{YEAR}-{name}"] for name in ("na", "cc", "left-out")
    )
    assert "| **Rows** | 2 |" in harvest
    assert "C_INDEX by crop" not in harvest
    header, _, row = catch_crop[catch_crop.index("| Crop ") :].splitlines()[:3]
    cells = dict(zip(header.split("|"), row.split("|"), strict=True))
    told = {name.strip(): cell.strip() for name, cell in cells.items()}
    assert (told["Crop"], told["STRONG"], told["POOR"], told["Rows"]) == ("0233", "1", "0", "1")
    assert "there is no practice table FL" in left_out
    for page, n_examples in ((harvest, 2), (catch_crop, 1)):
        pictures = re.findall(r"!\[([^\]]*)\]\(data:image/png;base64,([^)]*)\)", page)
        titles = [title for title, _ in pictures]
        assert titles[:2] == ["Harvest weeks", "Map"]
        assert len(titles) == 2 + n_examples
        for _, data in pictures:
            image = Image.open(io.BytesIO(base64.b64decode(data)))
            assert min(image.size) >= 280
            assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 5


def test_crop_types_and_each_step_as_the_server_shows_it(
    desk: Desk, crop_season: dict[str, int], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, float]] = []
    say = runtime._ShownProgress.say

    def say_and_look(shown: runtime._ShownProgress, text: str) -> None:
        say(shown, text)
        seen.append(server.artifact("progress-crop-types-of-season-1"))

    monkeypatch.setattr(runtime._ShownProgress, "say", say_and_look)
    with desk.context.session() as session:
        site = session.scalars(select(Site)).one()
        settings = {"pa_min": "5", "num_trees": "15", "smote_target": "40"}
        site.config = {**site.config, "processors": {"l4a": {"settings": settings}}}
    done = server.run(classify_crops, 1, until=date(YEAR, 7, 20), method="sen4cap")
    assert done.state == "Completed", done.message
    page = done.pages[f"crop-types-{SITE}-{YEAR}-{YEAR}"]
    [facts] = done.result.values()
    assert date(YEAR, 7, 10) < date.fromisoformat(facts["as_of"]) <= date(YEAR, 7, 20)
    assert "the original's forest" in page
    told = ("Overall accuracy", "Most doubtful declarations", "Map", "What was taken for what", "Diagnosis")
    assert all(words in page for words in told)
    steps = [f"step {number} of 4: {name}" for number, name in enumerate(STAGES, start=1)]
    assert [text for text, _ in seen] == [f"crop types of season 1: {step}" for step in steps]
    percent = [progress for _, progress in seen] + [float(done.pages["progress-crop-types-of-season-1"])]
    assert percent == [0, 5, 40, 85, 100]
    assert [line for line in server.log(done, steps[-1]) if line.startswith("step ")] == steps


def test_sources_are_searched_fetched_and_kept(network: Network, server: Server) -> None:
    network.settle(retention={"downloads_days": 1})
    network.desk.declare()
    network.offer(network.first, 14)
    found = server.run(search_sources, SITE, date(YEAR, 6, 1))
    assert found.state == "Completed", found.message
    with network.desk.context.session() as session:
        job = session.scalars(select(Job).where(Job.kind == "fetch-scene")).one()
    got = server.run(fetch_scene, **job.payload)
    assert got.state == "Completed", got.message
    assert got.name.startswith("fetch-scene S2A_MSIL2A_20190614")
    told = server.run(retention_report, SITE)
    assert told.state == "Completed", told.message
    gone = server.run(apply_retention, SITE, told.result["reports"][SITE])
    assert gone.state in {"Completed", "Skipped"}, gone.message
    assert server.run(restore_downloads, SITE, YEAR).state in {"Completed", "Skipped"}


def test_a_level_1c_product_without_a_program_is_refused(desk: Desk, server: Server) -> None:
    drop = desk.enter(level_1c_drop(desk, 14), "scene")
    refused = server.run(preprocess_scene, drop.upload_id)
    assert refused.state == "Failed"
    assert "MAJA" in refused.message
