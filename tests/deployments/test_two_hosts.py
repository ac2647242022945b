"""Two workers on two hosts share one season: nothing is done twice, and nothing is lost with one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sen4cap_core.db import migrate
from sen4cap_core.db.jobs import enqueue
from sen4cap_core.db.models import Job
from sen4cap_core.db.session import make_engine, session_scope

pytestmark = pytest.mark.service

N_JOBS = 60
HANGING = "work/20"
WORKER = Path(__file__).with_name("worker_of_a_host.py")
PATIENCE_S = 60.0


def start(url: str, folder: Path, host: str, **extra: str) -> subprocess.Popen[bytes]:
    """Start a worker with a home, a data root and a name of its own."""
    home = folder / host
    home.mkdir()
    environment = {**os.environ, "SEN4CAP_DATABASE_URL": url, **extra}
    return subprocess.Popen([sys.executable, str(WORKER), str(home), host], env=environment)


def lines(folder: Path, host: str, word: str) -> list[str]:
    path = folder / host / "done.txt"
    told = path.read_text().splitlines() if path.exists() else []
    return [line.split()[1] for line in told if line.startswith(word)]


def test_a_season_is_shared_and_the_work_of_a_killed_host_is_taken_over(
    empty_postgis_url: str, tmp_path: Path
) -> None:
    migrate.upgrade(empty_postgis_url)
    engine = make_engine(empty_postgis_url)
    with session_scope(engine) as session:
        for number in range(N_JOBS):
            enqueue(session, "work", f"work/{number}", "polder", {})
    lost = start(empty_postgis_url, tmp_path, "host-a", HANGS_ON=HANGING)
    other = None
    try:
        until = time.monotonic() + PATIENCE_S
        while HANGING not in lines(tmp_path, "host-a", "begun"):
            assert time.monotonic() < until, "host-a never came to its last job"
            time.sleep(0.02)
        other = start(empty_postgis_url, tmp_path, "host-b")
        while not lines(tmp_path, "host-b", "done"):
            assert time.monotonic() < until, "host-b does nothing"
            time.sleep(0.02)
        # While host-a lives its lease holds, however long the job takes.
        assert HANGING not in lines(tmp_path, "host-b", "begun")
        lost.send_signal(signal.SIGKILL)
        assert other.wait(PATIENCE_S) == 0
    finally:
        for process in (lost, other):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    by_a, by_b = (lines(tmp_path, host, "done") for host in ("host-a", "host-b"))
    assert len(by_a) == 20
    assert sorted(by_a + by_b) == sorted(f"work/{number}" for number in range(N_JOBS))
    begun = lines(tmp_path, "host-a", "begun") + lines(tmp_path, "host-b", "begun")
    assert [key for key in set(begun) if begun.count(key) > 1] == [HANGING]
    with session_scope(engine) as session:
        states = dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).tuples().all())
        assert states == {"done": N_JOBS}
        assert session.scalars(select(Job.attempts).where(Job.key == HANGING)).one() == 2
    engine.dispose()
