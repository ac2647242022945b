"""A dropped Level-1C product: refused, or corrected by a stand-in and processed like any other scene."""

from __future__ import annotations

import dataclasses
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.db.models import Job, SceneRow
from sen4cap_core.db.work import jobs
from sen4cap_core.external.running import ExternalProgramError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.simulation.optical.landsat_product import landsat_scene
from sen4cap_core.simulation.optical.maja_product import maja_scene
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.steps.scenes.correction_order import corrections_in_turn
from sen4cap_core.steps.scenes.preprocess import preprocess_scene
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.shared.leases import claim_next
from sen4cap_core.steps.uploads.receive import receive_upload
from tests.steps.conftest import GRID, SITE, YEAR
from tests.steps.scenes.test_scene_way import observations, rows

pytestmark = pytest.mark.service

NIR = 0.05 * 1.6 / 0.4
LANDSAT = Grid(GRID.epsg, GRID.x_min_m - 600, GRID.y_max_m + 600, 30.0, 80, 80)


def level_1c_drop(desk, day: int, *, as_zip: bool = False) -> Path:  # type: ignore[no-untyped-def]
    folder = desk.context.settings.uploads_root / SITE / str(YEAR) / "scenes"
    name = f"S2A_MSIL1C_201906{day:02d}T110621_N0207_R137_T30TUM_201906{day:02d}T120000.SAFE"
    if as_zip:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}/MTD_MSIL1C.xml", "<x/>")
        return folder / f"{name}.zip"
    (folder / name).mkdir(parents=True)
    (folder / name / "MTD_MSIL1C.xml").write_text(f"<x>{name}</x>")
    return folder / name


def with_program(desk, tmp_path: Path, made: Path, setting: str, **more: object):  # type: ignore[no-untyped-def]
    program = tmp_path / f"program-{made.name}"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> "{tmp_path}/called"\n'
        'while [ $# -gt 0 ]; do case "$1" in --output|--output_dir) out=$2;; esac; shift; done\n'
        f'cp -r "{made}" "$out/"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    settings = desk.context.settings.model_copy(update={setting: str(program), **more})
    desk.context = dataclasses.replace(desk.context, settings=settings)


def at(day: int) -> datetime:
    return datetime(2019, 6, day, 11, 6, 21, tzinfo=UTC)


def test_without_a_program_it_is_refused_with_both_ways_out(desk) -> None:
    path = level_1c_drop(desk, 16)

    answer = receive_upload(desk.context, desk.enter(path, "scene").upload_id)

    assert not answer.accepted
    assert "S2A_MSIL2A_20190616T110621_*_R137_T30TUM_*.SAFE" in answer.receipt["error"]
    assert "install Sen2Cor or MAJA and set SEN4CAP_SEN2COR or SEN4CAP_MAJA" in answer.receipt["error"]


@pytest.mark.parametrize("as_zip", [False, True])
def test_sen2cor_makes_it_a_scene(desk, tmp_path: Path, as_zip: bool) -> None:
    desk.declare()
    made = tile_scene(tmp_path / "made", {"B04": 0.05, "B08": NIR}, grid=GRID, acquired_at=at(16))
    with_program(desk, tmp_path, made, "sen2cor")
    drop = desk.enter(level_1c_drop(desk, 16, as_zip=as_zip), "scene")

    answer = receive_upload(desk.context, drop.upload_id)
    assert answer.accepted
    assert f"preprocess-scene/{drop.upload_id}" in {job.key for job in rows(desk.context, Job)}
    done = preprocess_scene(desk.context, drop.upload_id)
    again = preprocess_scene(desk.context, drop.upload_id)
    process_scene(desk.context, done.scenes[0].scene_id)

    assert done.program == "Sen2Cor"
    assert again.path == done.path
    assert len((tmp_path / "called").read_text().splitlines()) == 1
    assert done.path.is_relative_to(desk.context.settings.data)
    (scene,) = rows(desk.context, SceneRow)
    assert (scene.state, scene.path) == ("processed", str(done.path))
    (table,) = observations(desk.context).values()
    np.testing.assert_allclose(table["ndvi_mean"].to_numpy(), 0.6, atol=2e-3)


def test_maja_goes_on_from_the_last_date(desk, tmp_path: Path) -> None:
    parameters, terrain = tmp_path / "gipp", tmp_path / "terrain"
    (parameters / "UserConfiguration").mkdir(parents=True)
    (terrain / "S2__TEST_AUX_REFDE2_30TUM.DBL.DIR").mkdir(parents=True)
    for day in (6, 16):
        made = maja_scene(tmp_path / "made", grid=GRID, acquired_at=at(day))
        with_program(desk, tmp_path, made, "maja", maja_gipp=parameters, maja_terrain=terrain)
        drop = desk.enter(level_1c_drop(desk, day), "scene")
        assert receive_upload(desk.context, drop.upload_id).accepted
        preprocess_scene(desk.context, drop.upload_id)

    first, second = (tmp_path / "called").read_text().splitlines()
    assert "L2INIT" in first
    assert "L2NOMINAL" in second
    assert {scene.format for scene in rows(desk.context, SceneRow)} == {"maja"}


def test_a_lie_leaves_nothing_but_the_log(desk, tmp_path: Path) -> None:
    other = tile_scene(tmp_path / "made", grid=GRID, acquired_at=at(21))
    with_program(desk, tmp_path, other, "sen2cor")
    drop = desk.enter(level_1c_drop(desk, 16), "scene")
    receive_upload(desk.context, drop.upload_id)

    with pytest.raises(ExternalProgramError, match="outputs are not there") as caught:
        preprocess_scene(desk.context, drop.upload_id)

    assert caught.value.log is not None
    assert caught.value.log.is_file()
    assert rows(desk.context, SceneRow) == []
    assert not (desk.context.settings.data / "sites" / SITE / "l2a").exists()


def landsat_drop(desk, day: str, *, as_tar: bool = True) -> Path:  # type: ignore[no-untyped-def]
    folder = desk.context.settings.uploads_root / SITE / str(YEAR) / "scenes"
    at_day = datetime.strptime(day, "%Y%m%d").replace(hour=10, minute=58, tzinfo=UTC)
    return landsat_scene(folder, LANDSAT, level="L1TP", acquired_at=at_day, as_tar=as_tar)


def test_landsat_is_corrected_by_maja_from_the_date_before(desk, tmp_path: Path) -> None:
    parameters, terrain = tmp_path / "gipp", tmp_path / "terrain"
    (parameters / "UserConfiguration").mkdir(parents=True)
    (terrain / "L8_TEST_AUX_REFDE2_201-031_0001.DBL.DIR").mkdir(parents=True)
    desk.declare()
    for day, as_tar in ((1, True), (17, False)):
        when = datetime(2019, 6, day, 10, 58, tzinfo=UTC)
        made = maja_scene(
            tmp_path / "made", {"B04": 0.05, "B08": NIR}, tile="201031", platform="L8", grid=LANDSAT,
            acquired_at=when,
        )  # fmt: skip
        with_program(desk, tmp_path, made, "maja", maja_gipp=parameters, maja_terrain=terrain)
        drop = desk.enter(landsat_drop(desk, f"201906{day:02d}", as_tar=as_tar), "scene")
        answer = receive_upload(desk.context, drop.upload_id)
        assert "Landsat Level-1, to be corrected by MAJA" in answer.receipt.values()
        done = preprocess_scene(desk.context, drop.upload_id)
        process_scene(desk.context, done.scenes[0].scene_id)

    first, second = (tmp_path / "called").read_text().splitlines()
    assert "--mode L2INIT --TileId 201031" in first
    assert "--mode L2NOMINAL" in second
    found = rows(desk.context, SceneRow)
    assert {(s.sensor, s.tile, s.platform, s.state) for s in found} == {
        ("landsat-l2", "201031", "L8", "processed")
    }
    for table in observations(desk.context).values():
        means = table["ndvi_mean"].to_numpy()
        assert np.isfinite(means).any()
        np.testing.assert_allclose(means[np.isfinite(means)], 0.6, atol=2e-3)


@pytest.mark.parametrize("setting", [None, "sen2cor"])
def test_landsat_without_maja_is_refused_with_both_ways_out(
    desk, tmp_path: Path, setting: str | None
) -> None:
    if setting:
        with_program(desk, tmp_path, tmp_path, setting)

    answer = receive_upload(desk.context, desk.enter(landsat_drop(desk, "20190617"), "scene").upload_id)

    assert not answer.accepted
    assert (
        "drop the Level-2 product of the same acquisition: LC08_L2SP_201031_20190617_*"
        in (answer.receipt["error"])
    )
    assert "install MAJA and set SEN4CAP_MAJA" in answer.receipt["error"]


def test_maja_takes_dates_in_order_and_waits_for_one_that_failed(desk, tmp_path: Path) -> None:
    with_program(desk, tmp_path, tmp_path, "maja")
    keys = {}
    for day in (26, 6, 16):
        drop = desk.enter(level_1c_drop(desk, day, as_zip=day == 16), "scene")
        receive_upload(desk.context, drop.upload_id)
        keys[day] = f"preprocess-scene/{drop.upload_id}"
    other = desk.enter(landsat_drop(desk, "20190617"), "scene")
    receive_upload(desk.context, other.upload_id)
    landsat = f"preprocess-scene/{other.upload_id}"

    assert corrections_in_turn(desk.context) == [keys[6], landsat]
    job = claim_next(desk.context, ["preprocess-scene"], "me", key=keys[6])
    assert job is not None
    assert corrections_in_turn(desk.context) == [keys[6], landsat], "held while it runs"
    with desk.context.session() as session:
        jobs.fail(session, job.id, "me", "out of memory", 3600.0, max_attempts=3)
    assert corrections_in_turn(desk.context) == [keys[6], landsat], "and while it waits for its next try"
    assert claim_next(desk.context, ["preprocess-scene"], "me", key=keys[6]) is None
    with desk.context.session() as session:
        session.get_one(Job, job.id).state = "failed"
    assert corrections_in_turn(desk.context) == [keys[16], landsat]
    with_program(desk, tmp_path, tmp_path, "sen2cor", maja=None)
    assert corrections_in_turn(desk.context)[:2] == [keys[16], landsat], "Sen2Cor needs no order"
    assert set(corrections_in_turn(desk.context)) == {keys[16], keys[26], landsat}
