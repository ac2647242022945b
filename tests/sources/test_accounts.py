"""Accounts: where they are looked for, and that their values are not shown."""

from __future__ import annotations

import pytest

from sen4cap_core.sources.accounts import find_account
from sen4cap_core.sources.dhus import DhusSource
from sen4cap_core.sources.offers import SourceError


def test_environment_before_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {"user": "stored"}
    assert find_account("eo data", {"eo data": stored}.get).user == "stored"
    monkeypatch.setenv("SEN4CAP_ACCOUNT_EO_DATA", '{"user": "me", "password": "hunter2"}')
    account = find_account("eo data", {"eo data": stored}.get)
    assert account.user == "me"
    assert "hunter2" not in repr(account)
    assert find_account(None).user is None


@pytest.mark.parametrize("text", ['{"user": "me", "pass": "hunter2"}', "hunter2", '["hunter2"]'])
def test_mistakes_are_said_without_the_values(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SEN4CAP_ACCOUNT_X", text)
    with pytest.raises(SourceError) as caught:
        find_account("x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_account_says_how_to_give_it() -> None:
    with pytest.raises(SourceError, match="set SEN4CAP_ACCOUNT_NOBODY"):
        find_account("nobody")


def test_the_closed_hub_is_refused_with_the_reason() -> None:
    with pytest.raises(SourceError, match="closed in October 2023"):
        DhusSource("hub", "https://scihub.copernicus.eu/dhus")
