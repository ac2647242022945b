"""What the warm worker has in hand when it is told to stop waits again, and its runs say why they ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import select

from flows import runs
from flows import worker as warm
from flows.drains import prepare_drains, start_drain
from flows.runtime import STOPPED, step_context
from sen4cap_core.db.models import Job
from sen4cap_core.db.work import jobs
from sen4cap_core.steps.shared.work import CLASSIFY_CROPS, DETECT_MOWING, RECEIVE_UPLOAD
from tests.flows.conftest import Server
from tests.flows.test_drains import drop, forks
from tests.steps.conftest import SITE, Desk

__all__ = ["forks"]

pytestmark = pytest.mark.service

PATIENCE_S = 300.0
STOP_S = 6.0


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)


def rows(desk: Desk, kind: str) -> list[Job]:
    with desk.context.session() as session:
        return list(session.scalars(select(Job).where(Job.kind == kind)))


def assert_stopped(desk: Desk, api_url: str, kind: str) -> None:
    (job,) = rows(desk, kind)
    assert (job.state, job.attempts) == ("waiting", 0)
    told: dict[str, Any] = httpx.get(f"{api_url}/flow_runs/{job.flow_run_id}", timeout=30).json()
    assert (told["state_type"], told["state"]["message"]) == ("CANCELLED", STOPPED)


@pytest.fixture
def end_of_work() -> Iterator[threading.Event]:
    """What the work in hand waits for; its threads are gone when the test is over."""
    event = threading.Event()
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name.startswith(("slot-", "long-")):
            thread.join(PATIENCE_S)


def test_runs_in_hand_are_cancelled_all_within_the_patience_of_one(
    desk: Desk,
    server: Server,
    prefect_api: str,
    monkeypatch: pytest.MonkeyPatch,
    end_of_work: threading.Event,
) -> None:
    @flow(name="endless")
    def endless(number: int = 0) -> None:
        step_context()
        end_of_work.wait(PATIENCE_S)

    for kind in (DETECT_MOWING, CLASSIFY_CROPS):
        monkeypatch.setitem(runs.FLOWS_OF_ONE, kind, endless)
        with desk.context.session() as session:
            jobs.enqueue(session, kind, f"{kind}/1", SITE, {"number": 1})

    def at_server(do: Callable[..., None]) -> Callable[..., None]:
        """Threads do not inherit which server this test has."""

        def done(*args: Any) -> None:
            with temporary_settings({PREFECT_API_URL: prefect_api}):
                do(*args)

        return done

    for name in ("prepare_drains", "warm_up", "plan_seasons_flow"):
        monkeypatch.setattr(warm, name, lambda *_, **__: None)
    monkeypatch.setattr(warm, "run_work", at_server(runs.run_work))
    monkeypatch.setattr(warm, "LONG_LOOK_SECONDS", 0.5)
    monkeypatch.setattr(warm, "STOP_SECONDS", STOP_S)
    worker = warm.WarmWorker(desk.context)
    thread = threading.Thread(target=at_server(worker.run))
    thread.start()
    wait_for(lambda: all(rows(desk, kind)[0].flow_run_id for kind in (DETECT_MOWING, CLASSIFY_CROPS)))

    began = time.monotonic()
    worker.stop()
    thread.join(PATIENCE_S)

    assert time.monotonic() - began < 2 * STOP_S
    for kind in (DETECT_MOWING, CLASSIFY_CROPS):
        assert_stopped(desk, prefect_api, kind)


def test_a_drain_that_does_not_end_has_not_crashed(desk: Desk, forks: None, prefect_api: str) -> None:
    path = drop(desk)
    # Whoever opens it waits for one who writes, as with a network folder that hangs.
    path.unlink()
    os.mkfifo(path)
    prepare_drains()
    drain = start_drain(PATIENCE_S)
    wait_for(lambda: rows(desk, RECEIVE_UPLOAD)[0].state == "running")

    assert drain.end(0.5)
    worker = warm.WarmWorker(desk.context)
    worker._killed_drain = drain.process.pid
    worker._give_back()

    assert_stopped(desk, prefect_api, RECEIVE_UPLOAD)
