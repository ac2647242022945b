"""New mowings are one event for each run, with the ids in it; other systems listen for it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from flows import detect_mowing as of_flow
from sen4cap_core.steps.mowing.request import MowingRequest
from tests.steps.conftest import SITE, Desk
from tests.steps.mowing.test_mowing_way import SEASON, ndvi_season

pytestmark = pytest.mark.service


def test_new_mowings_are_one_event_and_a_run_by_hand_or_without_news_sends_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str, dict[str, Any]]] = []
    monkeypatch.setattr(of_flow, "emit", lambda _, *event: told.append(event))
    monkeypatch.setattr(of_flow, "step_context", lambda: desk.context)
    monkeypatch.setattr(of_flow, "skipped", lambda reason: reason)
    for name in ("name_run", "show"):
        monkeypatch.setattr(of_flow, name, lambda *_: None)
    run = of_flow.detect_mowing.fn
    desk.declare(n=2)
    days = [(date(2019, month, day), [ndvi, 0.7]) for day, month, ndvi in SEASON]
    ndvi_season(desk, days)

    run(1, MowingRequest(until=date(2019, 6, 15)))
    assert told == []
    run(1)
    run(1)
    ((event, resource, payload),) = told
    assert (event, resource) == ("sen4cap.mowing.detected", f"sen4cap.site.{SITE}")
    assert (payload["mowings"], payload["parcels"], payload["new_ids"]) == (2, ["0001"], [1])
    assert payload["as_of"] == "2019-07-10"
