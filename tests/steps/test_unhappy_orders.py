"""What must hold whatever comes first, fails, is lost or is said again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from sen4cap_core.db.declared.sites import SeasonSpan, get_or_create_site, seasons_of, set_seasons
from sen4cap_core.db.models import DeclarationSet, Job, MowingRun, ObservationSet, SceneRow, Season, Upload
from sen4cap_core.db.work import backlog, jobs
from sen4cap_core.errors import NothingToDoError, Sen4capError, UnreadableSceneError
from sen4cap_core.simulation.uploads import write_crop_codes, write_l4b_config, write_shapefile_zip
from sen4cap_core.steps.mowing.detect import detect_mowing
from sen4cap_core.steps.scenes.extract_parcels import extract_parcels
from sen4cap_core.steps.scenes.ingest import ingest_scenes
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.shared.leases import is_gone, new_owner
from sen4cap_core.steps.uploads.receive import receive_upload
from sen4cap_core.steps.uploads.site import receive_site_config
from sen4cap_core.steps.uploads.tables import receive_crop_codes, receive_l4b_config
from tests.steps.conftest import SITE, fields

pytestmark = pytest.mark.service


def truncate(scene: Path, band: str = "B08") -> None:
    path = next(scene.rglob(f"*{band}*.jp2"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scene_states(desk) -> dict[str, str]:
    with desk.context.session() as session:
        return {s.baseline: s.state for s in session.scalars(select(SceneRow))}


def test_an_unreadable_newer_baseline_leaves_the_older_one_in_force(desk) -> None:
    desk.declare()
    rng = np.random.default_rng(2)
    values = rng.uniform(0.1, 0.9, (120, 120))
    desk.process(desk.scene(16, ndvi=values, baseline="02.12"))
    newer = desk.scene(16, ndvi=values, baseline="05.10")
    scene_id = desk.ingest(newer)
    truncate(newer)
    with pytest.raises(UnreadableSceneError):
        process_scene(desk.context, scene_id)

    assert scene_states(desk) == {"02.12": "ingested", "05.10": "failed"}
    with pytest.raises(NothingToDoError, match="complete"):
        process_scene(desk.context, 1)
    assert scene_states(desk) == {"02.12": "processed", "05.10": "failed"}


def test_a_corrected_product_under_the_same_id_is_read_anew(desk) -> None:
    desk.declare()
    first = desk.scene(16, ndvi=0.3)
    desk.process(first)
    corrected = desk.scene(16, ndvi=0.7)
    assert corrected.name == first.name

    done = desk.process(corrected)

    assert done.observed[0].source == "scene"


def test_a_lost_observation_file_is_made_again(desk) -> None:
    desk.declare(n=1)
    for day in (1, 11, 21):
        desk.process(desk.scene(day))
    with desk.context.session() as session:
        path = session.scalars(select(ObservationSet.path)).first()
    (desk.context.settings.data / path).unlink()

    with pytest.raises(Sen4capError, match="made again"):
        detect_mowing(desk.context, 1)
    with desk.context.session() as session:
        waiting = session.scalars(select(Job.key).where(Job.kind == "process-scene", Job.state == "waiting"))
        assert "process-scene/1" in set(waiting)
    process_scene(desk.context, 1)
    assert detect_mowing(desk.context, 1).n_dates == 3


def test_one_bad_upload_does_not_keep_the_burst_from_being_registered(desk) -> None:
    uploads = [desk.enter(desk.scene(day), "scene").upload_id for day in (1, 11)]
    gone = desk.scene(21)
    uploads.insert(1, desk.enter(gone, "scene").upload_id)
    gone.rename(gone.with_name("elsewhere"))

    report = ingest_scenes(desk.context, uploads)

    assert len(report.scenes) == 2
    assert list(report.faults) == [uploads[1]]


def test_one_missing_scene_does_not_stop_a_backfill(desk) -> None:
    desk.context = replace_l3b(desk)
    paths = [desk.scene(day) for day in (1, 11, 21)]
    for path in paths:
        with pytest.raises(NothingToDoError, match="nothing to be made"):
            desk.process(path)
    paths[1].rename(paths[1].with_name("elsewhere"))
    taken = desk.declare()

    done = extract_parcels(desk.context, taken.stored["declaration set"])

    assert len(done.unreadable) == 1
    with desk.context.session() as session:
        assert len(session.scalars(select(ObservationSet)).all()) == 2


def replace_l3b(desk):  # type: ignore[no-untyped-def]
    """The desk's site without rasters."""
    path = desk.folder / "site.yaml"
    path.write_text("processors: {l3b: false}\n")
    receive_site_config(desk.context, desk.enter(path, "site-config", 0))
    return replace(desk.context)


def test_a_backfill_makes_room_for_fresh_scenes(desk) -> None:
    for day in range(1, 13):
        desk.process(desk.scene(day))
    taken = desk.declare()
    with desk.context.session() as session:
        jobs.enqueue(session, "process-scene", "process-scene/999", SITE, {"scene_id": 999})

    done = extract_parcels(desk.context, taken.stored["declaration set"])

    assert done.n_scenes == 10
    with desk.context.session() as session:
        states = {j.key: j.state for j in session.scalars(select(Job))}
    assert states["extract-parcels/1"] == "waiting"


def test_a_retry_does_not_put_an_older_file_back_in_force(desk) -> None:
    drops = []
    for number, crop in enumerate(("265", "051")):
        path = desk.place(f"parcels-{number}.zip")
        write_shapefile_zip(path, fields(crop=crop), "parcels")
        drops.append(desk.enter(path, "declarations").upload_id)
    receive_upload(desk.context, drops[1])

    answer = receive_upload(desk.context, drops[0])

    assert answer.accepted
    assert "earlier version" in answer.receipt["taken_for"]
    with desk.context.session() as session:
        assert session.scalars(select(DeclarationSet.upload_id)).all() == [drops[1]]


def test_a_layer_named_later_counts_although_the_columns_are_the_same(desk) -> None:
    path = desk.place("parcels.gpkg")
    fields(n=2).to_file(path, layer="y2018")
    drop = desk.enter(path, "declarations")
    receive_upload(desk.context, drop.upload_id)
    path.with_name("declarations.yaml").write_text("layer: y2018\n")
    receive_upload(desk.context, drop.upload_id)

    with desk.context.session() as session:
        assert len(session.scalars(select(DeclarationSet)).all()) == 2


def test_other_crop_codes_change_who_is_evaluated(desk, tmp_path: Path) -> None:
    desk.declare(n=2, crop="265")
    for day in (1, 11, 21):
        desk.process(desk.scene(day))
    codes, config = tmp_path / "codes.csv", tmp_path / "grass.cfg"
    write_crop_codes(codes)
    write_l4b_config(config, 2019)
    receive_l4b_config(desk.context, desk.enter(config, "l4b-config"))
    receive_crop_codes(desk.context, desk.enter(codes, "crop-codes"))
    assert len(detect_mowing(desk.context, 1).table) == 2

    # 265 is no grassland any more: its number is one the filter does not name.
    text = codes.read_text().replace("265,104,", "265,999,")
    codes.write_text(text)
    receive_crop_codes(desk.context, desk.enter(codes, "crop-codes"))
    with pytest.raises(NothingToDoError, match="CTNUM_FILTER"):
        detect_mowing(desk.context, 1)


def test_a_paused_site_processes_and_evaluates_nothing(desk) -> None:
    scene_id = desk.ingest(desk.scene(16))
    path = desk.folder / "site.yaml"
    path.write_text("enabled: false\n")
    receive_site_config(desk.context, desk.enter(path, "site-config", 0))

    with pytest.raises(NothingToDoError, match="paused"):
        process_scene(desk.context, scene_id)


def test_a_mowing_start_of_another_year_is_not_this_seasons(desk) -> None:
    desk.declare(n=1)
    for day in (1, 11, 21):
        desk.process(desk.scene(day))
    path = desk.folder / "site.yaml"
    path.write_text("processors: {l4b: {mowing_start: 2020-03-01}}\n")
    receive_site_config(desk.context, desk.enter(path, "site-config", 0))

    assert str(detect_mowing(desk.context, 1).evaluation.start) == "2019-01-01"


def test_a_year_without_a_named_season_is_the_calendar_year_again(desk) -> None:
    with desk.context.session() as session:
        site = get_or_create_site(session, SITE)
        (assumed,) = seasons_of(session, site.id)
        named = SeasonSpan("summer", 2019, assumed.start, None, assumed.end)
        set_seasons(session, site, [named])
        set_seasons(session, site, [])
        states = {s.name: s.enabled for s in session.scalars(select(Season))}

    assert states == {"2019": True, "summer": False}


def test_an_evaluation_that_was_overtaken_gives_way(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.declare(n=1)
    for day in (1, 11):
        desk.process(desk.scene(day))
    from sen4cap_core.steps.mowing import detect as module

    real = module._evaluate

    def overtaken(context, evaluation, parcels):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(module, "_evaluate", real)
        detect_mowing(context, evaluation.season_id)
        return real(context, evaluation, parcels)

    monkeypatch.setattr(module, "_evaluate", overtaken)
    with pytest.raises(Sen4capError, match="came first"):
        detect_mowing(desk.context, 1)
    with desk.context.session() as session:
        assert len(session.scalars(select(MowingRun)).all()) == 1


def test_a_step_of_the_clock_does_not_kill_a_living_worker() -> None:
    host, pid, start, rest = new_owner().split("|")

    assert not is_gone(f"{host}|{pid}|{float(start) + 2.0:.2f}|{rest}")
    assert is_gone(f"{host}|{pid}|{float(start) - 10_000:.2f}|{rest}")
    assert not is_gone(f"other-{host}|{pid}|{start}|{rest}")


def test_a_file_that_is_gone_is_answered(desk) -> None:
    path = desk.place("parcels.zip")
    write_shapefile_zip(path, fields(), "parcels")
    drop = desk.enter(path, "declarations")
    path.unlink()

    answer = receive_upload(desk.context, drop.upload_id)

    assert not answer.accepted
    assert "gone" in answer.receipt["error"]
    with desk.context.session() as session:
        assert session.get_one(Upload, drop.upload_id).state == "rejected"


def test_a_season_waits_for_the_scenes_of_its_site_only(desk) -> None:
    with desk.context.session() as session:
        for site in ("busy", "quiet"):
            jobs.enqueue(session, "detect-mowing", f"detect-mowing/{site}", site, {})
        jobs.enqueue(session, "process-scene", "process-scene/1", "busy", {})
        now = backlog.quiet_sites(session, "detect-mowing", ["process-scene"], 900)
        patient = backlog.quiet_sites(session, "detect-mowing", ["process-scene"], -1)

    assert now == ["quiet"]
    assert set(patient) == {"busy", "quiet"}
