"""Two warm workers on two hosts share one season: nothing is done twice, nothing is lost with one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from sqlalchemy import func, select

from sen4cap_core.db.models import Job, JobUsage, ObservationSet, Product, SceneRow
from sen4cap_core.service.cluster import end_with_parent
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.work import PROCESS_SCENE, ask_ingest
from sen4cap_core.steps.upkeep.check_files import check_files
from tests.fixtures_services import PrefectServer
from tests.steps.conftest import GRID, SITE, YEAR, Desk

pytestmark = pytest.mark.service

REPOSITORY = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("worker_of_a_host.py")
N_SCENES = 20
"""More than one run for each: several of a backlog are claimed together, and lost together."""
LEASE_S = 10.0
PATIENCE_S = 180.0


def wait_for(what: Callable[[], object], saying: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until, saying
        time.sleep(0.02)


@contextmanager
def host(desk: Desk, server: PrefectServer, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with a home and a name of its own; the store, the database and the server are shared."""
    shared = desk.context.settings
    home = desk.folder / name
    home.mkdir()
    environment = {
        **os.environ,
        **server.environment,
        "SEN4CAP_HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "SEN4CAP_DATA_ROOT": str(shared.data),
        "SEN4CAP_UPLOADS": str(shared.uploads_root),
        "SEN4CAP_DATABASE_URL": desk.context.engine.url.render_as_string(hide_password=False),
        "SEN4CAP_LEASE_SECONDS": str(LEASE_S),
        "SEN4CAP_PROJECT": str(REPOSITORY),
        "PYTHONPATH": str(REPOSITORY),
    }
    with (home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(WORKER), name],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_at_work(desk: Desk, process: subprocess.Popen[bytes]) -> bool:
    """Whether a worker has come so far that it asks the database for work."""
    assert process.poll() is None, "the worker has ended by itself"
    port = desk.context.engine.url.port
    return any(one.raddr and one.raddr.port == port for one in psutil.Process(process.pid).net_connections())


def held(context: Context, name: str) -> dict[str, tuple[datetime, str | None]]:
    """Scenes that a host has claimed: end of its lease, and its flow run."""
    with context.session() as session:
        query = select(Job).where(
            Job.kind == PROCESS_SCENE, Job.state == "running", Job.lease_owner.startswith(f"{name}|")
        )
        jobs = session.scalars(query)
        return {job.key: (job.lease_until, job.flow_run_id) for job in jobs if job.lease_until}


def done_by(context: Context) -> dict[str, int]:
    """Scenes processed in runs that came to their end, by host."""
    with context.session() as session:
        query = select(JobUsage.host, func.sum(JobUsage.n_jobs)).where(JobUsage.kind == PROCESS_SCENE)
        return {name: int(n) for name, n in session.execute(query.group_by(JobUsage.host)).tuples()}


def n_ended(context: Context) -> int:
    """Scenes that need nothing more; of some the lost host had written all and not said so."""
    with context.session() as session:
        ended = Job.state.in_(["done", "skipped"])
        query = select(func.count()).where(Job.kind == PROCESS_SCENE, ended)
        return session.execute(query).scalar_one()


def drop_season(desk: Desk) -> None:
    """Let the scenes of a season be dropped at once."""
    folder = desk.folder / "season"
    folder.mkdir()
    rng = np.random.default_rng(9)
    uploads = []
    for number in range(N_SCENES):
        values = {"B04": rng.uniform(0.02, 0.1, GRID.shape), "B08": rng.uniform(0.2, 0.5, GRID.shape)}
        when = datetime(YEAR, 4, 1, 11, 6, 21, tzinfo=UTC) + timedelta(days=5 * number)
        path = tile_scene(folder, values, grid=GRID, acquired_at=when)
        uploads.append(desk.enter(path, "scene").upload_id)
    with desk.context.session() as session:
        for upload_id in uploads:
            ask_ingest(session, SITE, upload_id)


def state_of(server: PrefectServer, run_id: str | None) -> str:
    """Return the type of state that Prefect tells of a run."""
    told = httpx.get(f"{server.api_url}/flow_runs/{run_id}", timeout=30).raise_for_status().json()
    return str(told["state_type"])


def kill_with_scenes_in_hand(
    context: Context, server: PrefectServer, process: subprocess.Popen[bytes], name: str
) -> dict[str, tuple[datetime, str | None]]:
    """Kill a worker and all it started while it holds claimed scenes; return what it held."""
    until = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < until, f"{name} never held a scene"
        if done_by(context).get(name) and held(context, name):
            # Stopped first, so that what it holds is what it held when it died.
            os.killpg(process.pid, signal.SIGSTOP)
            lost = held(context, name)
            if lost and all(run and state_of(server, run) == "RUNNING" for _, run in lost.values()):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return lost
            os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.02)


def test_a_season_is_shared_and_the_scenes_of_a_killed_host_are_taken_over(
    desk: Desk, prefect_server: PrefectServer
) -> None:
    context = desk.context
    desk.declare()
    with host(desk, prefect_server, "host-a") as lost, host(desk, prefect_server, "host-b") as other:
        wait_for(lambda: is_at_work(desk, lost) and is_at_work(desk, other), "the workers did not start")
        drop_season(desk)
        in_hand = kill_with_scenes_in_hand(context, prefect_server, lost, "host-a")
        wait_for(lambda: n_ended(context) == N_SCENES, "host-b did not do what host-a had in hand")

        with context.session() as session:
            tries = dict(
                session.execute(select(Job.key, Job.attempts).where(Job.kind == PROCESS_SCENE)).tuples().all()
            )
            begun = session.scalars(
                select(JobUsage.started_at).where(
                    JobUsage.kind == PROCESS_SCENE, JobUsage.host == "host-b", JobUsage.key.in_(in_hand)
                )
            ).all()
            states = session.execute(select(SceneRow.state, func.count()).group_by(SceneRow.state)).all()
            observed = session.execute(
                select(func.count(), func.count(ObservationSet.scene_id.distinct()))
            ).one()
            n_rasters = session.scalar(select(func.count()).where(Product.kind == "sen4cap-l3b-ndvi"))
    # Only what was lost has a second try, and not before the lease of the first had lapsed.
    assert {key for key, n in tries.items() if n > 1} == set(in_hand)
    assert set(tries.values()) == {1, 2}
    assert begun
    assert min(begun) >= min(lapsed for lapsed, _ in in_hand.values())
    by_host = done_by(context)
    assert by_host["host-a"] > 0
    assert by_host["host-b"] > 0
    assert sum(by_host.values()) == N_SCENES
    assert list(states) == [("processed", N_SCENES)]
    assert tuple(observed) == (N_SCENES, N_SCENES)
    assert n_rasters == N_SCENES
    found = check_files(context).found()
    assert found == {}
    # Prefect's list does not go on showing the run of a host that is lost.
    for run_id in {run for _, run in in_hand.values()}:
        assert state_of(prefect_server, run_id) == "CRASHED"
