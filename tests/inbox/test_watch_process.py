"""The watcher as the process that ``sen4cap up`` starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sen4cap_core.db.models import Upload
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.settings import Settings

pytestmark = pytest.mark.service


def _until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_watches_until_a_signal_and_ends_cleanly(
    settings: Settings, root: Path, engine: Engine, number: signal.Signals
) -> None:
    environment = os.environ | {
        "SEN4CAP_HOME": str(settings.home),
        "SEN4CAP_DATABASE_URL": engine.url.set(drivername="postgresql").render_as_string(hide_password=False),
        "SEN4CAP_SETTLE_SECONDS": "0.2",
        # Nobody listens: a server that is away must not disturb it.
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sen4cap_core.cli.watch"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A parent that ignores SIGINT would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        _until((settings.home / "run/watcher.json").exists, process)
        (root / "nl").mkdir()
        (root / "nl/site.yaml").write_text("name: NL\n")

        def registered() -> bool:
            with session_scope(engine) as session:
                return session.scalars(select(Upload.kind)).all() == ["site-config"]

        _until(registered, process)
        process.send_signal(number)
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in log
    assert f"stopping on {number.name}" in log
    assert '"state": "stopped"' in (settings.home / "run/watcher.json").read_text()
