"""The automations that tell people are what Prefect takes, and say what happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from jinja2 import Environment
from prefect.events.schemas.automations import AutomationCore

from sen4cap_core.db.models import WarningRow
from sen4cap_core.service import alerts
from sen4cap_core.service.alerts import alert_automations, tell
from sen4cap_core.service.prefect_api import PrefectApi


def test_automations_fit_prefects_schema() -> None:
    made = alert_automations(webhook_block_id=str(uuid4()), mail_deployment_id=str(uuid4()))
    for automation in made:
        known = AutomationCore.model_validate(automation)
        assert [action.type for action in known.actions] == ["call-webhook", "run-deployment"]
        assert known.trigger.threshold == 1  # type: ignore[union-attr]
    assert [one["name"] for one in made] == [alerts.FAILED_RUN, alerts.WARNINGS]
    [mail] = alert_automations(webhook_block_id=None, mail_deployment_id=str(uuid4()))[0]["actions"]
    assert mail["type"] == "run-deployment"


def test_a_webhook_is_sent_json_whatever_the_text_holds() -> None:
    _, warned = alert_automations(webhook_block_id=str(uuid4()), mail_deployment_id=None)
    payload = Environment(autoescape=False).from_string(warned["actions"][0]["payload"])
    text = 'a "quoted" text\nof two lines'
    sent = json.loads(payload.render(event={"payload": {"kind": "disk-low", "text": text}}))
    assert sent["title"] == "Sen4CAP: a warning"
    assert sent["text"] == f"disk-low: {text}"


def test_a_warning_told_twice_is_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(PrefectApi, "_request", lambda self, method, path, body=None, **_: sent.append(body))
    row = WarningRow(id=3, key="disk/a", kind="disk-low", text="x", since=datetime(2019, 6, 1, tzinfo=UTC))
    tell("http://127.0.0.1:1/api", [row])
    tell("http://127.0.0.1:1/api", [row])
    first, second = (body[0] for body in sent)
    assert first["id"] == second["id"]
    assert first["event"] == "sen4cap.warning"
    tell("http://127.0.0.1:1/api", [])
    assert len(sent) == 2
