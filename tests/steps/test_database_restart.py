"""PostGIS dies and comes back while seasons are planned and jobs are claimed: nothing is lost or doubled."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.declared.sites import SeasonSpan
from sen4cap_core.db.models import DeclarationSet, Job, PlannedRun
from sen4cap_core.db.server import databases, migrate
from sen4cap_core.db.server.session import is_database_trouble
from sen4cap_core.db.work import jobs
from sen4cap_core.service.cluster import Cluster
from sen4cap_core.settings import Settings
from sen4cap_core.steps.seasons import plan as planner
from sen4cap_core.steps.shared.context import Context, open_context
from sen4cap_core.steps.shared.leases import claim_next, new_owner

pytestmark = pytest.mark.service

N_JOBS = 20
PATIENCE_S = 60.0


class Kept(Cluster):
    """A fast cluster that outlives its own crash (not that of the machine) with all it committed."""

    def command(self) -> list[str]:
        return [*super().command(), "-c", "synchronous_commit=on"]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostGIS of this test alone."""
    folder = Path(tempfile.mkdtemp(prefix="sen4cap-postgis-"))
    folder.chmod(0o755)
    made = Kept(folder, fast=True, die_with_parent=True)
    made.start()
    yield made
    die(made)
    made.remove()


@pytest.fixture
def context(cluster: Cluster, tmp_path: Path) -> Iterator[Context]:
    databases.ensure_extension(cluster.url(superuser=True))
    migrate.upgrade(cluster.url())
    made = open_context(Settings(home=tmp_path / "home", lease_seconds=1.5), cluster.url())
    yield made
    made.engine.dispose()


def crash(cluster: Cluster) -> None:
    """Let the server die as in ``pg_ctl restart -m immediate``: no goodbye, and recovery at the start."""
    die(cluster)
    time.sleep(0.3)
    cluster.start()


def die(cluster: Cluster) -> None:
    assert cluster._process is not None
    cluster._process.send_signal(signal.SIGQUIT)
    cluster._process.wait(30)


def _work(context: Context, done: list[tuple[str, str]], lost: list[BaseException]) -> None:
    """Claim and finish jobs until none is left, going on after trouble as the warm worker does."""
    owner = new_owner()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            job = claim_next(context, ["work"], owner)
            if job is None:
                with context.session() as session:
                    if not session.scalar(
                        select(func.count()).where(Job.kind == "work", Job.state != "done")
                    ):
                        return
                time.sleep(0.1)
                continue
            time.sleep(0.02)
            with context.session() as session:
                finished = jobs.finish(session, job.id, owner)
            # Only now it is committed: what the crash took back is done a second time, and rightly.
            if finished:
                done.append((job.key, owner))
        except Exception as error:
            if not is_database_trouble(error):
                raise
            lost.append(error)
            time.sleep(0.1)


def test_a_restart_in_the_middle_of_a_plan_loses_nothing(
    cluster: Cluster, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with context.session() as session:
        site = site_rows.get_or_create_site(session, "polder")
        site_rows.set_config(session, site, {"schedule": {"l4a": "never", "l4c": "never"}})
        span = SeasonSpan("year", 2019, date(2019, 1, 1), None, date(2019, 12, 31))
        site_rows.set_seasons(session, site, [span])
        session.add(DeclarationSet(site_id=site.id, year=2019, n_parcels=0, columns={}))
        for number in range(N_JOBS):
            jobs.enqueue(session, "work", f"work/{number}", "polder", {})
    crashes: list[str] = []
    ask = planner.ask_planned

    def ask_and_crash(*arguments: Any) -> Any:
        answer = ask(*arguments)
        # The run is entered and its job asked for, and none of it is committed.
        if not crashes:
            crashes.append("now")
            crash(cluster)
        return answer

    monkeypatch.setattr(planner, "ask_planned", ask_and_crash)
    done: list[tuple[str, str]] = []
    lost: list[BaseException] = []
    workers = [threading.Thread(target=_work, args=(context, done, lost)) for _ in range(2)]
    for worker in workers:
        worker.start()
    report = planner.plan_seasons(context)
    for worker in workers:
        worker.join(PATIENCE_S)

    assert crashes
    assert lost, "the workers noticed nothing: the server did not go away"
    assert report.asked == ["polder year: l4b of 2020-02-29"]
    with context.session() as session:
        plans = session.scalars(select(PlannedRun).where(PlannedRun.processor == "l4b")).all()
        assert [(str(plan.due_on), plan.state) for plan in plans] == [("2020-02-29", "asked")]
        asked = session.scalars(select(Job.state).where(Job.kind == "detect-mowing")).all()
        assert asked == ["waiting"]
        states = session.execute(
            select(Job.state, func.count()).where(Job.kind == "work").group_by(Job.state)
        ).tuples()
        assert dict(states.all()) == {"done": N_JOBS}
    # A commit whose answer was lost with the server counts as done although nobody was told.
    assert len(done) == len(set(done)) >= N_JOBS - 2
    assert not planner.plan_seasons(context).is_changed
