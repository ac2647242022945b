"""Warnings of accepted uploads are in ``status`` and at the end of ``wait``, not on their receipts alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner

from sen4cap_core.cli.main import app
from sen4cap_core.clock import utc_now
from sen4cap_core.db.declared.sites import get_or_create_site
from sen4cap_core.db.models import DeclarationSet, Upload
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.receipt_warnings import warned_uploads
from sen4cap_core.db.work.uploads import Drop, mark_received, mark_rejected, register_upload

pytestmark = pytest.mark.service

OUTSIDE = {"text": "2 of 20 parcels lie outside of the extent", "row": None, "column": None}
DATE = {"text": "it ends before it begins", "row": 3, "column": "P_END"}
NO_TABLE = {"text": "no crop code table of this year yet", "row": None, "column": None}


@pytest.fixture
def home(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("SEN4CAP_HOME", str(tmp_path))
    monkeypatch.setenv("SEN4CAP_DATABASE_URL", url)
    monkeypatch.setenv("SEN4CAP_SETTLE_SECONDS", "0.1")
    monkeypatch.delenv("SEN4CAP_UPLOADS", raising=False)
    return tmp_path


def _receive(engine: Engine, path: Path, kind: str, warnings: list[Any], days_ago: int = 0) -> int:
    """Enter an upload as it is once it was received, with its receipt beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")
    path.with_name(f"{path.name}.receipt.json").write_text("{}", encoding="utf-8")
    with session_scope(engine) as session:
        drop = Drop("nld", 2019, kind, str(path), 1, 1, str(path))
        number = register_upload(session, drop)[0].id
        mark_received(session, number, {"warnings": warnings})
        (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
        jobs.finish(session, job.id, "drain")
    with session_scope(engine) as session:
        at = utc_now() - timedelta(days=days_ago)
        session.execute(update(Upload).where(Upload.id == number).values(received_at=at, registered_at=at))
    return number


def _paths(engine: Engine, **of_late: Any) -> list[str]:
    with session_scope(engine) as session:
        return [Path(one.path).name for one in warned_uploads(session, "nld", **of_late)]


def test_status_names_them_before_what_failed(engine: Engine, home: Path) -> None:
    year = home / "uploads/nld/2019"
    for number in range(6):
        _receive(engine, year / f"scenes/{number}.zip", "scene", [OUTSIDE])
    _receive(engine, year / "practices/CC/cc.csv", "practices-cc", [DATE, OUTSIDE])
    _receive(engine, year / "crop-codes/codes.csv", "crop-codes", [])
    with session_scope(engine) as session:
        bad = register_upload(session, Drop("nld", 2019, "scene", str(year / "scenes/0.zip"), 1, 1, "bad"))[0]
        mark_rejected(session, bad.id, "cut short", str(year / "scenes/0.zip"))

    lines = CliRunner().invoke(app, ["status"]).output.splitlines()

    assert "uploads with warnings: 7, accepted in the last 7 days" in lines
    heads = [line for line in lines if line.startswith("warning")]
    assert heads[0].endswith(f" nld: {year}/practices/CC/cc.csv.receipt.json (2 warnings)")
    assert lines[lines.index(heads[0]) + 1] == "    row 3, column P_END: it ends before it begins"
    assert (len(heads), heads[-1]) == (6, "warning and 2 more; list all: sen4cap status --all")
    (failed,) = (line for line in lines if line.startswith("rejected"))
    assert lines.index(failed) > lines.index(heads[-1])

    work = json.loads(CliRunner().invoke(app, ["status", "--json"]).output)["work"]
    assert (len(work["warned"]), work["n_warned"], work["warned_days"]) == (5, 7, 7)
    assert work["warned"][0] | {"at": ""} == {
        "path": str(year / "practices/CC/cc.csv"),
        "receipt_file": str(year / "practices/CC/cc.csv.receipt.json"),
        "kind": "practices-cc",
        "site": "nld",
        "at": "",
        "why": "row 3, column P_END: it ends before it begins",
        "n_warnings": 2,
    }


def test_old_and_replaced_ones_are_not_told(engine: Engine, home: Path) -> None:
    year = home / "uploads/nld/2019"
    _receive(engine, year / "declarations/a.zip", "declarations", [OUTSIDE], 9)
    assert (_paths(engine), _paths(engine, of_late=None)) == ([], ["a.zip"])
    _receive(engine, year / "declarations/b.zip", "declarations", [OUTSIDE], 3)
    assert _paths(engine, of_late=None) == ["b.zip"]
    # A part that is added replaces nothing.
    part = _receive(engine, year / "declarations/c.zip", "declarations", [], 2)
    with session_scope(engine) as session:
        site = get_or_create_site(session, "nld")
        session.add(
            DeclarationSet(site_id=site.id, year=2019, upload_id=part, n_parcels=1, mode="incremental")
        )
    assert _paths(engine) == ["b.zip"]
    _receive(engine, year / "declarations/d.zip", "declarations", [], 1)
    assert _paths(engine, of_late=None) == []


def test_a_crop_code_table_answers_the_warning_that_there_is_none(engine: Engine, home: Path) -> None:
    year = home / "uploads/nld/2019"
    _receive(engine, year / "declarations/a.zip", "declarations", [NO_TABLE, OUTSIDE], 2)
    with session_scope(engine) as session:
        assert [one.n_warnings for one in warned_uploads(session)] == [2]
    _receive(engine, year / "crop-codes/codes.csv", "crop-codes", [], 1)
    with session_scope(engine) as session:
        assert [(one.first, one.n_warnings) for one in warned_uploads(session)] == [(OUTSIDE["text"], 1)]


def test_wait_ends_well_and_names_them(engine: Engine, home: Path) -> None:
    path = home / "uploads/nld/2019/declarations/parcels.zip"
    _receive(engine, path, "declarations", [OUTSIDE])
    done = CliRunner().invoke(app, ["wait", "--site", "nld"])
    assert done.exit_code == 0
    first, count, head, why = done.stdout.splitlines()
    assert first == "1 uploads answered, 0 scenes processed"
    assert count == "accepted with warnings in the last 7 days: 1"
    assert head.endswith(f" nld: {path}.receipt.json")
    assert why == f"    {OUTSIDE['text']}"
