"""Each morning the seasons in short go to those whose address is set."""

from __future__ import annotations

import socketserver
from email import message_from_bytes

import pytest

from flows.season_report import season_report
from sen4cap_core.service import connection
from tests.flows.conftest import Server
from tests.steps.conftest import SITE, Desk
from tests.steps.seasons.test_season_report import mailbox

pytestmark = pytest.mark.service
__all__ = ["mailbox"]


def test_the_digest_of_the_day_is_sent_by_e_mail(
    desk: Desk,
    server: Server,
    mailbox: socketserver.ThreadingTCPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert desk
    connection._shared_context().engine.dispose()
    connection._shared_context.cache_clear()
    monkeypatch.setenv("SEN4CAP_SMTP_URL", f"smtp://127.0.0.1:{mailbox.server_address[1]}")
    monkeypatch.setenv("SEN4CAP_ALERT_EMAIL", "desk@example.org")

    told = server.run(season_report, digest=True)

    message = message_from_bytes(mailbox.messages[0])  # type: ignore[attr-defined]
    assert message["Subject"] == "Sen4CAP: how the seasons stand"
    text = message.get_payload(decode=True).decode()  # type: ignore[union-attr]
    lines = [line for line in text.splitlines() if line]
    assert lines == told.result["digest"]
    assert any(SITE in line for line in lines)
    # Asked for without it, as people do, nothing is sent.
    server.run(season_report, SITE)
    assert len(mailbox.messages) == 1  # type: ignore[attr-defined]
