"""Drains of the inbox: a process of its own for each, one at a time; one that dies takes nothing along."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from flows.drains import prepare_drains, start_drain
from flows.receive_upload import receive_upload
from sen4cap_core.db.models import Job, Upload
from sen4cap_core.db.server.session import alone
from sen4cap_core.db.work.uploads import DRAIN_LOCK
from sen4cap_core.steps.shared.work import RECEIVE_UPLOAD, ask_receive
from tests.flows.conftest import Server
from tests.steps.conftest import SITE, YEAR, Desk

pytestmark = pytest.mark.service


PATIENCE_S = 300.0


@pytest.fixture
def forks(server: Server) -> Iterator[None]:
    """What drains are forked off has the environment of this test, and of no other one."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    yield
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def drop(desk: Desk) -> Path:
    """Drop the settings of the site as a user and the watcher do."""
    path = desk.context.settings.uploads_root / SITE / "site.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"name: Polder\nseasons: [{{name: main, start: {YEAR}-01-01, end: {YEAR}-12-31}}]\n")
    upload_id = desk.enter(path, "site-config").upload_id
    with desk.context.session() as session:
        ask_receive(session, SITE, upload_id)
    return path


def test_a_drain_receives_in_a_process_of_its_own_and_one_that_dies_takes_nothing_along(
    desk: Desk, forks: None, prefect_api: str
) -> None:
    path = drop(desk)
    prepare_drains()
    lost = start_drain(60.0)
    lost.process.kill()
    lost.process.join()
    drain = start_drain(PATIENCE_S)
    until = time.monotonic() + PATIENCE_S
    while job_of(desk).state != "done":
        assert time.monotonic() < until
        time.sleep(0.2)
    # At a stop of the services: a run that is terminated would count as crashed.
    drain.end(30.0)

    assert drain.process.exitcode == 0
    assert lost.process.pid != drain.process.pid != os.getpid()
    assert path.with_name("site.yaml.receipt.json").exists()
    with desk.context.session() as session:
        assert session.scalars(select(Upload.state)).all() == ["received"]
        job = session.scalars(select(Job).where(Job.kind == RECEIVE_UPLOAD)).one()
    assert job.state == "done"
    told = httpx.get(f"{prefect_api}/flow_runs/{job.flow_run_id}", timeout=30).raise_for_status().json()
    assert (told["state_type"], told["name"]) == ("COMPLETED", "receive-upload: 1 received, 0 rejected")


def job_of(desk: Desk) -> Job:
    with desk.context.session() as session:
        return session.scalars(select(Job).where(Job.kind == RECEIVE_UPLOAD)).one()


def test_a_second_drain_leaves_what_waits_to_the_first(desk: Desk, server: Server) -> None:
    drop(desk)
    with alone(desk.context.engine, DRAIN_LOCK) as is_alone:
        assert is_alone
        ran = server.run(receive_upload, 60.0)
    assert (ran.state, ran.message) == ("Skipped", "another run receives what waits")
    assert ran.name == "receive-upload: skipped, another run receives what waits"
    assert server.run(receive_upload, 0.1).result == {"received": 1, "rejected": 0, "put off": 0}
