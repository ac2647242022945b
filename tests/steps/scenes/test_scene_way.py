"""From scene to observations: late or in order, twice or once, old baseline or new."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from sen4cap_core.db.models import Job, ObservationSet, Product, ProductInput, SceneRow
from sen4cap_core.db.overview.progress import site_progress
from sen4cap_core.errors import NothingToDoError, UnreadableSceneError
from sen4cap_core.simulation.uploads import write_shapefile_zip
from sen4cap_core.steps.scenes.extract_parcels import extract_parcels
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.work import MOWING_DELAY_SECONDS
from sen4cap_core.steps.uploads.declarations import receive_declarations
from tests.steps.conftest import SITE, YEAR, fields

pytestmark = pytest.mark.service


def rows(context: Context, model: type) -> list:  # type: ignore[type-arg]
    with context.session() as session:
        found = list(session.scalars(select(model).order_by(*model.__table__.primary_key)))
        session.expunge_all()
        return found


def observations(context: Context) -> dict[str, bytes]:
    """Content of all observation files in force, by acquisition."""
    sets = rows(context, ObservationSet)
    scenes = {scene.id: scene for scene in rows(context, SceneRow)}
    return {
        str(scenes[one.scene_id].acquired_at): pq.read_table(context.settings.data / one.path)
        for one in sets
        if scenes[one.scene_id].state != "superseded"
    }


def test_parcel_means_are_those_of_the_scene(desk) -> None:
    desk.declare()
    done = desk.process(desk.scene(16, ndvi=0.6))

    table = pq.read_table(desk.context.settings.data / rows(desk.context, ObservationSet)[0].path)
    assert table["parcel"].to_pylist() == [1, 2, 3, 4]
    # 200 m less 5 m on each side.
    assert table["n_total"].to_pylist() == [19 * 19] * 4
    np.testing.assert_allclose(table["ndvi_mean"].to_numpy(), 0.6, atol=2e-3)
    assert done.observed[0].n_observed == 4
    assert done.clear_fraction == 1.0


def test_late_declarations_give_the_same_observations_to_the_bit(desk, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    paths = [desk.scene(day, ndvi=rng.uniform(0.1, 0.9, (120, 120))) for day in (1, 6, 11)]
    for path in paths:
        desk.process(path)
    taken = desk.declare()
    done = extract_parcels(desk.context, taken.stored["declaration set"])
    late = observations(desk.context)

    with desk.context.session() as session:
        session.query(ObservationSet).delete()
        session.query(ProductInput).delete()
        session.query(Product).delete()
        session.query(SceneRow).delete()
    for path in paths:
        desk.process(path)
    in_order = observations(desk.context)

    assert done.n_from_raster == 3
    assert late.keys() == in_order.keys()
    assert all(late[key].equals(in_order[key]) for key in late)


def test_a_new_version_reads_only_what_has_other_pixels_and_equals_reading_all(desk, monkeypatch) -> None:
    rng = np.random.default_rng(8)
    for day in (1, 6):
        desk.process(desk.scene(day, ndvi=rng.uniform(0.1, 0.9, (120, 120))))
    first = desk.declare(n=4)
    extract_parcels(desk.context, first.stored["declaration set"])
    # The last field shrinks, one is gone, one is new.
    changed = fields(n=5).iloc[1:].reset_index(drop=True)
    changed.loc[2, "geometry"] = changed.geometry[2].buffer(-30)
    path = desk.folder / "changed.zip"
    write_shapefile_zip(path, changed, "parcels")
    second = receive_declarations(desk.context, desk.enter(path, "declarations"))
    done = extract_parcels(desk.context, second.stored["declaration set"])
    carried_over = observations(desk.context)

    with desk.context.session() as session:
        session.query(ObservationSet).delete()
    extract_parcels(desk.context, second.stored["declaration set"])

    assert (done.n_values, done.n_carried_over) == (2 * 2, 2 * 2)
    every = observations(desk.context)
    assert every.keys() == carried_over.keys()
    assert all(carried_over[key].equals(every[key]) for key in every)


def test_a_scene_processed_twice_is_complete_the_second_time(desk) -> None:
    desk.declare()
    done = desk.process(desk.scene(16))
    before = observations(desk.context)

    with pytest.raises(NothingToDoError, match="complete"):
        process_scene(desk.context, done.subject.scene_id)

    assert all(before[key].equals(value) for key, value in observations(desk.context).items())


def test_a_season_of_mixed_baselines_with_a_date_at_the_edge_of_the_swath(desk) -> None:
    """Numbers of old and new baselines differ by 1000; of the last date nine tenths were not seen."""
    desk.declare()
    seen = np.zeros((60, 60), int)
    seen[:, :6] = 4
    ndvi = np.random.default_rng(9).uniform(0.2, 0.9, (120, 120))
    for day, baseline, scl in ((6, "02.07", 4), (11, "04.00", 4), (16, "05.10", seen)):
        desk.process(desk.scene(day, ndvi=ndvi, baseline=baseline, scl=scl))

    old, new, edge = (table for _, table in sorted(observations(desk.context).items()))
    assert (old["ndvi_n_valid"].to_numpy() == old["n_total"].to_numpy()).all()
    np.testing.assert_allclose(old["ndvi_mean"].to_numpy(), new["ndvi_mean"].to_numpy(), atol=2e-4)
    scenes = rows(desk.context, SceneRow)
    assert [(s.baseline, s.state, s.data_fraction) for s in scenes] == [
        ("02.07", "processed", 1.0),
        ("04.00", "processed", 1.0),
        ("05.10", "processed", pytest.approx(0.1)),
    ]
    # The swath ends after the tile's 12th column: 6 of the 19 of the first field, which begins 6 further in.
    assert edge["ndvi_n_valid"].to_pylist() == [6 * 19, 0, 0, 0]
    assert edge["ndvi_mean"][0].as_py() == pytest.approx(ndvi[6:25, 6:12].mean(), abs=2e-3)
    assert np.isnan(edge["ndvi_mean"].to_numpy()[1:]).all()


@pytest.mark.parametrize("order", [("02.12", "05.10"), ("05.10", "02.12")])
def test_the_newest_baseline_is_in_force_whatever_came_first(desk, order) -> None:
    desk.declare()
    ndvi = {"02.12": 0.3, "05.10": 0.7}
    for baseline in order:
        path = desk.scene(16, ndvi=ndvi[baseline], baseline=baseline)
        scene_id = desk.ingest(path)
        if desk.is_in_force(scene_id):
            process_scene(desk.context, scene_id)

    scenes = {scene.baseline: scene for scene in rows(desk.context, SceneRow)}
    assert scenes["05.10"].state == "processed"
    assert scenes["02.12"].state == "superseded"
    (table,) = observations(desk.context).values()
    np.testing.assert_allclose(table["ndvi_mean"].to_numpy(), 0.7, atol=2e-3)


def test_the_same_scene_under_another_name_is_one_scene(desk) -> None:
    first = desk.scene(16)
    desk.process(first)
    copy = desk.folder / "again" / first.name
    copy.parent.mkdir()
    first.rename(copy)
    scene_id = desk.ingest(copy)

    assert len(rows(desk.context, SceneRow)) == 1
    with pytest.raises(NothingToDoError):
        process_scene(desk.context, scene_id)


def test_a_truncated_band_fails_with_its_name_and_leaves_nothing(desk) -> None:
    desk.declare()
    rng = np.random.default_rng(3)
    path = desk.scene(16, ndvi=rng.uniform(0.1, 0.9, (120, 120)))
    scene_id = desk.ingest(path)
    band = next(path.rglob("*B08*.jp2"))
    band.write_bytes(band.read_bytes()[: band.stat().st_size // 2])

    with pytest.raises(UnreadableSceneError, match="B08"):
        process_scene(desk.context, scene_id)

    scene = rows(desk.context, SceneRow)[0]
    assert scene.state == "failed"
    assert "B08" in scene.state_reason
    assert rows(desk.context, Product) == []
    assert [p for p in desk.context.settings.data.rglob("*") if p.is_file() and "labels" not in p.parts] == []


def test_a_repaired_scene_is_taken_up_again(desk) -> None:
    path = desk.scene(16)
    scene_id = desk.ingest(path)
    band = next(path.rglob("*B08*.jp2"))
    whole = band.read_bytes()
    band.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableSceneError):
        process_scene(desk.context, scene_id)
    band.write_bytes(whole)

    assert desk.ingest(path) == scene_id
    process_scene(desk.context, scene_id)
    assert rows(desk.context, SceneRow)[0].state == "processed"


def test_processing_asks_for_an_evaluation_and_declarations_for_a_backfill(desk) -> None:
    desk.process(desk.scene(16))
    desk.declare()

    keys = {job.key for job in rows(desk.context, Job)}
    assert "extract-parcels/1" in keys
    assert "detect-mowing/1" not in keys
    extract_parcels(desk.context, 1)
    assert "detect-mowing/1" in {job.key for job in rows(desk.context, Job)}
    # Whole tables wait for the rest of a burst, and for it alone.
    (markers,) = (job for job in rows(desk.context, Job) if job.kind == "update-markers")
    assert (markers.state, markers.payload) == ("waiting", {"site": SITE, "year": YEAR})
    assert timedelta(minutes=9) < markers.not_before - datetime.now(UTC) < timedelta(minutes=11)
    first = markers.not_before
    # Who waits for the site does not wait for them.
    others = [job for job in rows(desk.context, Job) if job.kind != "update-markers"]
    with desk.context.session() as session:
        n_open = site_progress(session, SITE).jobs_open
    assert n_open == sum(job.state in {"waiting", "running"} for job in others) > 0
    desk.process(desk.scene(21))
    (again,) = (job for job in rows(desk.context, Job) if job.kind == "update-markers")
    assert again.not_before == first


def test_a_burst_of_scenes_is_one_evaluation_that_waits_for_the_next_scene(desk) -> None:
    desk.declare()
    for day in (16, 21, 26):
        desk.process(desk.scene(day))

    (job,) = [job for job in rows(desk.context, Job) if job.kind == "detect-mowing"]
    assert (job.key, job.state, job.attempts) == ("detect-mowing/1", "waiting", 0)
    waits = job.not_before - job.created_at
    assert timedelta(seconds=MOWING_DELAY_SECONDS) <= waits < timedelta(minutes=1), "the first scene counts"


def test_lineage_names_the_scene(desk) -> None:
    desk.process(desk.scene(16))

    assert [row.ref for row in rows(desk.context, ProductInput)] == ["scene:1"]
    assert rows(desk.context, Product)[0].kind == "sen4cap-l3b-ndvi"


def test_the_item_tells_clouds_from_shadow_snow_and_water(desk) -> None:
    """Ten bands of rows: no data, land, water, shadow, cloud and snow; shares of what has data."""
    scl = np.repeat([0, 0, 4, 5, 6, 3, 9, 9, 9, 11], 6)[:, np.newaxis].repeat(60, 1)
    done = desk.process(desk.scene(16, scl=scl))

    item = json.loads(done.rasters["ndvi"].with_suffix(".json").read_text())
    properties = item["properties"]
    assert (properties["eo:cloud_cover"], properties["eo:snow_cover"]) == (37.5, 12.5)
    assert properties["sen4cap:status_percent"] == {
        "land": 25.0, "water": 12.5, "shadow": 12.5, "snow": 12.5, "cloud": 37.5, "saturated": 0.0,
    }  # fmt: skip
    assert rows(desk.context, SceneRow)[0].clear_fraction == pytest.approx(0.375)
