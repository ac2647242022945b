"""Flows in this process against a real Prefect server and a real PostGIS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prefect import State
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)

from sen4cap_core.service import connection
from tests.steps.conftest import Desk, context, database_url, desk, receive

__all__ = ["context", "database_url", "desk", "receive"]


@dataclass(frozen=True)
class Ran:
    """A flow run as the server knows it."""

    name: str
    tags: list[str]
    state: str
    """Name of its final state."""
    message: str
    result: Any
    pages: dict[str, str]
    """Markdown of its artifacts, by key."""
    run_id: str


class Server:
    """Runs flows and reads back what the server knows of them."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url

    def run(self, flow: Callable[..., Any], *args: Any, **parameters: Any) -> Ran:
        """Run a flow in this process."""
        state: State[Any] = flow(*args, **parameters, return_state=True)
        run_id = str(state.state_details.flow_run_id)
        told = httpx.get(f"{self._api_url}/flow_runs/{run_id}", timeout=30).raise_for_status().json()
        body = {"artifacts": {"flow_run_id": {"any_": [run_id]}}}
        found = httpx.post(f"{self._api_url}/artifacts/filter", json=body, timeout=30)
        pages = {one["key"]: str(one["data"]) for one in found.raise_for_status().json()}
        final = told["state"]
        result = state.result() if state.is_completed() else None
        return Ran(told["name"], told["tags"], final["name"], final["message"] or "", result, pages, run_id)

    def artifact(self, key: str) -> tuple[str, float]:
        """What the server shows at this moment as an artifact of progress: its words and its percent."""
        found = httpx.get(f"{self._api_url}/artifacts/{key}/latest", timeout=30).raise_for_status().json()
        return found["description"], float(found["data"])

    def log(self, ran: Ran, last: str) -> list[str]:
        """The log of a run in order; lines come in some time after it, ``last`` is waited for."""
        body = {"logs": {"flow_run_id": {"any_": [ran.run_id]}}, "sort": "TIMESTAMP_ASC"}
        for _ in range(300):
            found = httpx.post(f"{self._api_url}/logs/filter", json=body, timeout=30)
            lines = [str(one["message"]) for one in found.raise_for_status().json()]
            if last in lines:
                break
            time.sleep(0.2)
        return lines


@pytest.fixture
def server(prefect_api: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The session's Prefect server; flows find the test's home and database in their environment."""
    settings = desk.context.settings
    monkeypatch.setenv("SEN4CAP_HOME", str(settings.home))
    url = desk.context.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SEN4CAP_DATABASE_URL", url)
    connection._shared_context.cache_clear()
    quick = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_API_REQUEST_TIMEOUT: 60.0}
    with temporary_settings(quick):
        yield Server(prefect_api)
    connection._shared_context().engine.dispose()
    connection._shared_context.cache_clear()
