"""What we ask of a real Prefect server, and what happens when it is away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from fixtures_services import PrefectServer

from sen4cap_core.clock import utc_now
from sen4cap_core.service import alerts
from sen4cap_core.service.nudge import emit, nudge_inbox
from sen4cap_core.service.prefect_api import PrefectApi, PrefectApiError
from sen4cap_core.settings import Settings


@pytest.mark.service
def test_work_pool_variable_and_automation_are_made_once(prefect_server: PrefectServer) -> None:
    with PrefectApi(prefect_server.api_url) as api:
        for _ in range(2):
            api.ensure_work_pool("some-pool", description="for a test")
            api.ensure_zombie_automation()
        assert api.last_worker_heartbeat("some-pool") is None
        assert api.variable("nothing_set") is None
        for value in ("first", "second"):
            api.set_variable("a_name", value)
            assert api.variable("a_name") == value
        with pytest.raises(PrefectApiError, match="refused"):
            api.last_worker_heartbeat("no-such-pool")


@pytest.mark.service
def test_runs_are_counted_by_state_and_time(prefect_server: PrefectServer) -> None:
    # Tests of one process share the server: a run that another one left behind is none of ours.
    due = utc_now() + timedelta(hours=1)
    with PrefectApi(prefect_server.api_url) as api:

        def counted() -> list[int]:
            around = (None, due - timedelta(minutes=1), due + timedelta(minutes=1))
            return [api.count_runs(["SCHEDULED", "PENDING"], since=since) for since in around]

        before, crashed = counted(), api.count_runs(["CRASHED"])
        flow = api._request("POST", "/flows/", {"name": "counted"}).json()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
        api._request("POST", "/flow_runs/", {"flow_id": flow["id"], "state": state})
        assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 0]
        assert api.count_runs(["CRASHED"]) == crashed


@pytest.mark.service
def test_a_nudge_is_taken(prefect_api: str, tmp_path: Path) -> None:
    assert nudge_inbox(Settings(home=tmp_path), 3)


def test_a_nudge_without_a_server_is_false_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert not emit(Settings(home=tmp_path), "sen4cap.inbox.ready", "sen4cap.inbox", {})
    assert "No Prefect server is known here" in caplog.text
    # Port 9 (discard) is closed on any machine of ours.
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert not emit(Settings(home=tmp_path), "sen4cap.inbox.ready", "sen4cap.inbox", {})
    assert "does not answer" in caplog.text


@pytest.mark.service
def test_alerts_are_made_once_on_a_real_server(prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PrefectApi, "deployment_id", lambda self, name: str(uuid4()))
    for _ in range(2):
        alerts.set_alerts(prefect_api, webhook_url="http://127.0.0.1:1/hook", by_mail=True)
    with PrefectApi(prefect_api) as api:
        named = {"automations": {"name": {"any_": [alerts.WARNINGS, alerts.FAILED_RUN]}}}
        found = api._request("POST", "/automations/filter", named).json()
    assert sorted(one["name"] for one in found) == sorted([alerts.WARNINGS, alerts.FAILED_RUN])
    assert alerts.clear_alerts(prefect_api) == 2
    assert alerts.clear_alerts(prefect_api) == 0
