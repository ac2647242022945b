"""The hands of the warm worker on a real database: they take what is due, and find what nobody announced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flows import claims
from flows import worker as warm
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Job, Upload
from sen4cap_core.db.server import migrate
from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.jobs import ClaimedJob
from sen4cap_core.settings import Settings
from sen4cap_core.steps.shared.context import Context, open_context

pytestmark = pytest.mark.service

PATIENCE_S = 60.0


@pytest.fixture
def context(empty_postgis_url: str, tmp_path: Path) -> Iterator[Context]:
    migrate.upgrade(empty_postgis_url)
    made = open_context(Settings(home=tmp_path / "home"), empty_postgis_url)
    with made.session() as session:
        site_rows.get_or_create_site(session, "polder")
    yield made
    made.engine.dispose()


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def test_hands_take_what_is_due_and_gaps_are_closed_without_a_run(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    done: list[tuple[str, str]] = []

    def run_work(context: Context, work: list[ClaimedJob]) -> None:
        for job in work:
            done.append((threading.current_thread().name.partition("-")[0], job.key))
            with context.session() as session:
                jobs.finish(session, job.id, job.owner)

    class Drain:
        """What a drain does to a job that waits, done by the time it is asked whether it is at work."""

        exitcode = 0

        def __init__(self) -> None:
            with context.session() as session:
                for job in jobs.claim(session, ["receive-upload"], "drain", 60.0):
                    done.append(("drain", job.key))
                    jobs.finish(session, job.id, job.owner)

        @property
        def process(self) -> Drain:
            return self

        def is_alive(self) -> bool:
            return False

    for name in ("prepare_drains", "warm_up"):
        monkeypatch.setattr(warm, name, lambda: None)
    monkeypatch.setattr(warm, "start_drain", Drain)
    taken: list[Any] = []
    claim = claims.claim_next
    monkeypatch.setattr(warm, "run_work", run_work)
    monkeypatch.setattr(claims, "claim_next", lambda *a, **k: taken.append(a) or claim(*a, **k))
    for name in ("FETCH_LOOK_SECONDS", "LONG_LOOK_SECONDS", "LOOK_SECONDS", "RECONCILE_SECONDS"):
        monkeypatch.setattr(warm, name, 0.05)
    worker = warm.WarmWorker(context)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        time.sleep(0.5)
        assert taken == [], "nothing is due, and something was claimed"
        with context.session() as session:
            for kind in (
                "process-scene", "fetch-scene", "ingest-scene", "detect-mowing", "classify-crops",
                "receive-upload",
            ):  # fmt: skip
                jobs.enqueue(session, kind, f"{kind}/99", "polder", {})
        wait_for(lambda: len(done) == 6)
        assert sorted(done) == [
            ("drain", "receive-upload/99"),
            ("fetch", "fetch-scene/99"),
            ("long", "classify-crops/99"),
            ("register", "ingest-scene/99"),
            ("slot", "detect-mowing/99"),
            ("slot", "process-scene/99"),
        ]
        # An upload whose job was lost: the worker asks for it again by itself.
        with context.session() as session:
            session.add(
                Upload(
                    site_slug="polder", year=2019, kind="scene", path="/nowhere", sha256="0" * 64,
                    size_bytes=1, state="received",
                )
            )  # fmt: skip
        wait_for(lambda: len([key for _, key in done if key.startswith("ingest-scene/")]) == 2)
    finally:
        worker.stop()
        thread.join(PATIENCE_S)
    with context.session() as session:
        assert set(session.scalars(select(Job.state))) == {"done"}
