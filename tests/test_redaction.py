"""Secrets are not in what is written down, whoever put the message together."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sen4cap_core import redaction
from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.receipts import reject
from sen4cap_core.settings import Settings

PASSWORD = "hunter2-Geheim"
ENVIRONMENT = {
    "SEN4CAP_ACCOUNT_COPERNICUS": json.dumps(
        {"user": "anna", "password": PASSWORD, "secret_key": "s3cr3tkey9"}
    ),
    "SEN4CAP_DATABASE_URL": "postgresql://sen4cap:dbPassw0rd@host:5432/sen4cap",
    "PREFECT_API_AUTH_STRING": "admin:loginPassw0rd",
    "PREFECT_API_URL": "http://127.0.0.1:4200/api",
}
SECRETS = (PASSWORD, "s3cr3tkey9", "dbPassw0rd", "loginPassw0rd")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    factory = logging.getLogRecordFactory()
    redaction.install()
    redaction.install()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("a.library")
    logger.addHandler(handler)
    yield written
    logger.removeHandler(handler)
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot connect to postgresql://me:pa55word@db/x", "cannot connect to postgresql://me:***@db/x"),
        ("GET https://h/f.tif?X-Amz-Signature=abc123&x=1", "GET https://h/f.tif?X-Amz-Signature=***&x=1"),
        ("Authorization: Bearer eyJhbGciOi.J9_x-y", "Authorization: Bearer ***"),
        ('{"access_token": "eyJhbGciOi", "expires": 600}', '{"access_token": "***", "expires": 600}'),
        ("password=abc def", "password=*** def"),
        ("login admin:loginPassw0rd refused", "login *** refused"),
        (f"the key {PASSWORD} is wrong", "the key *** is wrong"),
        ("https://host:4200/api and row 4326: tokens 12", "https://host:4200/api and row 4326: tokens 12"),
        ("user anna, Anna-Straße 5", "user anna, Anna-Straße 5"),
    ],
)
def test_what_is_hidden_and_what_is_not(said: str, shown: str) -> None:
    assert redaction.redact(said, ENVIRONMENT) == shown


def test_a_log_holds_no_secret_however_it_came_in(log: io.StringIO) -> None:
    logger = logging.getLogger("a.library")
    logger.warning("calling %s with %r", ENVIRONMENT["SEN4CAP_DATABASE_URL"], {"password": PASSWORD})
    try:
        raise ConnectionError(f"401 for key s3cr3tkey9 at {ENVIRONMENT['SEN4CAP_DATABASE_URL']}")
    except ConnectionError:
        logger.exception("failed as %s", ENVIRONMENT["PREFECT_API_AUTH_STRING"])
    logger.warning("plain %d of %d", 1, 2)

    text = log.getvalue()
    assert not [secret for secret in SECRETS if secret in text], text
    assert "ConnectionError: 401 for key ***" in text
    assert "plain 1 of 2" in text


def test_a_rejection_holds_no_secret(log: io.StringIO, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    drop = settings.uploads_root / "polder" / "2019" / "declarations" / "a.zip"
    drop.parent.mkdir(parents=True)
    drop.write_bytes(b"x")

    moved = reject(settings, drop, BadUploadError(drop, f"the service refused {PASSWORD}"))

    texts = [path.read_text() for path in tmp_path.rglob("*.error.txt")]
    assert texts
    assert moved != drop
    assert not [text for text in texts if PASSWORD in text]


def test_an_artifact_and_a_skipped_run_hold_no_secret(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import runtime

    shown: list[str] = []

    def create(markdown: str, key: str, description: str) -> str:
        shown.append(markdown)
        return "1"

    monkeypatch.setattr(runtime, "create_markdown_artifact", create)
    monkeypatch.setattr(runtime, "get_run_logger", lambda: logging.getLogger("a.library"))
    runtime.show("key", f"# Page\n{PASSWORD}", "page")
    state = runtime.skipped(f"no answer from https://anna:{PASSWORD}@host/")

    assert shown == ["# Page\n***"]
    assert PASSWORD not in f"{state.message}{log.getvalue()}"
