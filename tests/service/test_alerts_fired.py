"""Alerts that a real Prefect server sends: a failed run and a warning arrive at a webhook, each once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sen4cap_core.db.models import WarningRow
from sen4cap_core.service.alerts import FAILED_RUN, WARNINGS, clear_alerts, set_alerts, tell
from sen4cap_core.service.place import Place
from sen4cap_core.service.prefect_api import PrefectApi
from sen4cap_core.settings import Settings
from tests.fixtures_services import PrefectServer

pytestmark = pytest.mark.service

PATIENCE_S = 60.0


class _Desk(BaseHTTPRequestHandler):
    """Writes down what it is sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def desk(prefect_api: str) -> Iterator[list[dict[str, str]]]:
    """What the webhook of the automations was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Desk)
    server.messages = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/hook"
    # Said twice, there is still one of each.
    for _ in range(2):
        assert set_alerts(prefect_api, webhook_url=address, by_mail=False) == [FAILED_RUN, WARNINGS]
    yield server.messages  # type: ignore[attr-defined]
    assert clear_alerts(prefect_api) == 2
    server.shutdown()
    server.server_close()


@pytest.fixture
def fail(prefect_api: str) -> Iterator[Callable[[str, str], None]]:
    """Report a failed run of a flow, as the process that ran it does."""
    with PrefectApi(prefect_api) as api:

        def fail(flow: str, name: str) -> None:
            flow_id = api._request("POST", "/flows/", {"name": flow}).json()["id"]
            state = {"type": "FAILED", "message": f'{name}: "no room" on the disk'}
            api._request("POST", "/flow_runs/", {"flow_id": flow_id, "name": name, "state": state})

        yield fail


def test_a_failed_run_is_told_of_once_and_a_storm_of_them_does_not_flood(
    desk: list[Any], fail: Callable[[str, str], None]
) -> None:
    for number in range(5):
        fail("process-scene", f"scene-{number}")
    _wait_for(desk, 1)
    fail("detect-mowing", "season-1")
    _wait_for(desk, 2)
    # Whatever was sent for the other four would have come before this one.
    fail("search-sources", "polder")
    messages = _wait_for(desk, 3)
    # A run that failed before it had a name of its own is known by its flow.
    assert [message["text"] for message in messages] == [
        f'{name} ({flow}) ended as Failed: {name}: "no room" on the disk'
        for name, flow in (
            ("scene-0", "process-scene"),
            ("season-1", "detect-mowing"),
            ("polder", "search-sources"),
        )
    ]
    assert {message["title"] for message in messages} == {"Sen4CAP: a run failed"}
    assert len({message["id"] for message in messages}) == 3


def test_a_warning_sent_twice_is_told_of_once_and_again_after_a_day(
    desk: list[Any], prefect_api: str
) -> None:
    # A row of its own for each run of the tests: the server remembers events.
    began = datetime.now(UTC)
    row = WarningRow(id=3, key="disk/a", kind="disk-low", text="4 GB are left", since=began, told_at=began)
    tell(prefect_api, [row])
    tell(prefect_api, [row])
    row.told_at = began + timedelta(days=1, minutes=1)
    tell(prefect_api, [row])
    other = WarningRow(id=4, key="last", kind="work-failed", text="x", since=began, told_at=began)
    tell(prefect_api, [other])
    messages = _wait_for(desk, 3)
    assert sorted(message["text"] for message in messages) == [
        "disk-low: 4 GB are left",
        "disk-low: 4 GB are left",
        "work-failed: x",
    ]
    assert len({message["id"] for message in messages}) == 3


def _wait_for(messages: list[Any], n: int) -> list[Any]:
    deadline = time.monotonic() + PATIENCE_S
    while len(messages) < n and time.monotonic() < deadline:
        time.sleep(0.05)
    return list(messages)


def test_alerts_are_set_on_our_server_from_a_shell_that_does_not_know_it(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    place = Place(Settings(home=tmp_path))
    place.record_prefect_port(urlsplit(prefect_server.api_url).port or 0)
    ours = ("PREFECT_", "SEN4CAP_")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    told = subprocess.run(
        [sys.executable, "-m", "sen4cap_core.cli.main", "alerts", "set", "--webhook", "http://127.0.0.1:9/x"],
        env={**bare, "SEN4CAP_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [f"made: {FAILED_RUN}", f"made: {WARNINGS}"]
    with PrefectApi(prefect_server.api_url) as api:
        blocks = api._request("POST", "/block_documents/filter", {"include_secrets": True}).json()
    assert "http://127.0.0.1:9/x" in [block["data"].get("url") for block in blocks]
    assert clear_alerts(prefect_server.api_url) == 2
