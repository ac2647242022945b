"""Bursts, half copies, and services that die: every drop is processed exactly once, nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from sqlalchemy import func, select

from sen4cap_core.db.models import Job, ObservationSet, SceneRow, Site, Upload
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.simulation.uploads import write_shapefile_zip
from tests.e2e.system import System
from tests.steps.conftest import fields

pytestmark = pytest.mark.e2e

WHOLE = tile_grid("30TUM")
SMALL = Grid(WHOLE.epsg, WHOLE.x_min_m, WHOLE.y_max_m, 10.0, 120, 120)
LARGE = Grid(WHOLE.epsg, WHOLE.x_min_m, WHOLE.y_max_m, 10.0, 3000, 3000)
FIRST = datetime(2019, 1, 2, 11, 6, 21, tzinfo=UTC)


def scenes(folder: Path, number: int, grid: Grid = SMALL, *, first: datetime = FIRST) -> list[Path]:
    """Write so many small scenes a day apart."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    made = []
    for day in range(number):
        values = {"B04": rng.uniform(0.02, 0.1, grid.shape), "B08": rng.uniform(0.2, 0.5, grid.shape)}
        made.append(tile_scene(folder, values, grid=grid, acquired_at=first + timedelta(days=day)))
    return made


def states(system: System, site: str) -> dict[str, int]:
    with system.context.session() as session:
        query = (
            select(SceneRow.state, func.count())
            .join(Site, Site.id == SceneRow.site_id)
            .where(Site.slug == site)
            .group_by(SceneRow.state)
        )
        return dict(session.execute(query).tuples().all())


def no_partial_files(system: System) -> bool:
    return not [p for p in system.place.settings.data.rglob(".*.part*") if p.is_file()]


def test_two_hundred_files_at_once_are_each_processed_once(system: System, tmp_path: Path) -> None:
    parcels = tmp_path / "parcels.zip"
    write_shapefile_zip(parcels, fields(), "parcels")
    made = scenes(tmp_path / "made", 200)
    target = system.uploads / "burst" / "2019" / "scenes"
    target.mkdir(parents=True)
    system.drop(parcels, "burst/2019/declarations/parcels.zip")
    for path in made:
        path.rename(target / path.name)

    system.wait_quiet("burst", scenes=200, seconds=420)

    assert states(system, "burst") == {"processed": 200}
    with system.context.session() as session:
        uploads = session.scalar(select(func.count()).select_from(Upload).where(Upload.site_slug == "burst"))
        attempts = session.scalar(select(func.max(Job.attempts)).where(Job.site_slug == "burst"))
        n_sets = session.scalar(
            select(func.count())
            .select_from(ObservationSet)
            .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
            .join(Site, Site.id == SceneRow.site_id)
            .where(Site.slug == "burst")
        )
    assert (uploads, attempts, n_sets) == (201, 1, 200)
    assert no_partial_files(system)


def test_a_file_still_being_copied_is_not_touched(system: System, tmp_path: Path) -> None:
    parcels = tmp_path / "parcels.zip"
    write_shapefile_zip(parcels, fields(), "parcels")
    content = parcels.read_bytes()
    target = system.uploads / "growing" / "2019" / "declarations" / "parcels.zip"
    target.parent.mkdir(parents=True)
    with target.open("wb") as handle:
        for start in range(0, len(content), len(content) // 8):
            handle.write(content[start : start + len(content) // 8])
            handle.flush()
            time.sleep(0.35)
            assert system.progress("growing").uploads == 0

    system.wait_until(target.with_name("parcels.zip.receipt.json").exists, 60)

    now = system.progress("growing")
    assert (now.failures, now.rejections) == ((), ())


def test_the_same_scene_again_under_another_name_and_in_a_newer_baseline(
    system: System, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    old = tile_scene(folder, grid=SMALL, acquired_at=FIRST, baseline="02.12", as_zip=True)
    new = tile_scene(folder, grid=SMALL, acquired_at=FIRST, baseline="05.10", as_zip=True)
    system.drop(old, f"twice/2019/scenes/{old.name}")
    system.wait_quiet("twice", scenes=1)
    system.drop(old, "twice/2019/scenes/copy-of-it.SAFE.zip")
    system.wait_until(
        lambda: (system.uploads / "twice/2019/scenes/copy-of-it.SAFE.zip.receipt.json").exists()
    )
    system.drop(new, f"twice/2019/scenes/{new.name}")
    system.wait_quiet("twice", scenes=2)

    assert states(system, "twice") == {"processed": 1, "superseded": 1}


def test_files_dropped_while_the_prefect_server_is_down(system: System, tmp_path: Path) -> None:
    made = scenes(tmp_path / "made", 6)
    server = system.pid_of("prefect")
    assert server is not None
    os.kill(server, signal.SIGKILL)
    for path in made:
        system.drop(path, f"serverless/2019/scenes/{path.name}")

    system.wait_quiet("serverless", scenes=6, seconds=300)

    assert states(system, "serverless") == {"processed": 6}
    assert system.pid_of("prefect") != server


def test_a_worker_killed_in_the_middle_of_a_scene(system: System, tmp_path: Path) -> None:
    (path,) = scenes(tmp_path / "made", 1, LARGE)
    target = system.uploads / "killed" / "2019" / "scenes"
    target.mkdir(parents=True)
    path.rename(target / path.name)

    def started() -> Job | None:
        with system.context.session() as session:
            job = session.scalars(
                select(Job).where(Job.kind == "process-scene", Job.site_slug == "killed")
            ).one_or_none()
            session.expunge_all()
            return job if job and job.state == "running" and job.flow_run_id else None

    job = system.wait_until(started, 180)
    worker = system.pid_of("scenes")
    assert worker is not None
    os.kill(worker, signal.SIGKILL)

    system.wait_quiet("killed", scenes=1, seconds=240)

    def crashed() -> bool:
        (run,) = [r for r in system.flow_runs("process-scene") if r["id"] == job.flow_run_id]
        return bool(run["state_type"] == "CRASHED")

    system.wait_until(crashed, 120)
    assert states(system, "killed") == {"processed": 1}
    assert no_partial_files(system)
    assert system.pid_of("scenes") != worker


def test_postgis_restarted_under_load(system: System, tmp_path: Path) -> None:
    made = scenes(tmp_path / "made", 30)
    target = system.uploads / "restart" / "2019" / "scenes"
    target.mkdir(parents=True)

    def pour() -> None:
        for path in made:
            shutil.move(path, target / path.name)
            time.sleep(0.1)

    pouring = threading.Thread(target=pour)
    pouring.start()
    system.wait_until(lambda: system.progress("restart").scenes_processed >= 3, 120)
    database = system.place.cluster.running_pid()
    assert database is not None
    # An immediate stop: connections break, the server recovers from its log.
    psutil.Process(database).send_signal(signal.SIGQUIT)
    pouring.join()
    system.wait_until(lambda: system.place.cluster.running_pid() not in (None, database), 60)
    system.wait_until(lambda: _answers(system), 60)

    system.wait_quiet("restart", scenes=30, seconds=420)

    assert states(system, "restart") == {"processed": 30}
    with system.context.session() as session:
        double = session.execute(
            select(ObservationSet.scene_id).group_by(ObservationSet.scene_id).having(func.count() > 1)
        ).all()
    assert double == []


def _answers(system: System) -> bool:
    try:
        system.progress("restart")
    except Exception:
        return False
    return True
