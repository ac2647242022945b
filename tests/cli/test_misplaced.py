"""Misplaced files at the terminal: in ``status`` with their reason, and the error ``wait`` ends with."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine

from sen4cap_core.cli.services import MAX_MISPLACED, _print_misplaced
from sen4cap_core.cli.work import wait
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.uploads import Drop, mark_received, register_upload
from sen4cap_core.errors import Sen4capError
from sen4cap_core.inbox.misplaced import find_misplaced
from sen4cap_core.inbox.receipts import write_misplaced
from sen4cap_core.service import connection
from sen4cap_core.service.place import Place
from sen4cap_core.service.report import gather
from sen4cap_core.settings import Settings
from sen4cap_core.steps.shared.context import Context


def _misplace(settings: Settings, name: str) -> Path:
    path = settings.uploads_root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")
    for one in find_misplaced(settings, "nld"):
        write_misplaced(settings, one)
    return path


def test_status_lists_what_is_misplaced_until_it_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEN4CAP_UPLOADS", raising=False)
    settings = Settings(home=tmp_path / "home")
    path = _misplace(settings, "nld/parcels.zip")
    bad = _misplace(settings, f"nld/{os.fsdecode(bytes([0xE4]))}.zip")

    report = gather(Place(settings))

    assert {one["path"] for one in report.misplaced} == {str(path), str(bad.with_name("?.zip"))}
    shown = io.StringIO()
    _print_misplaced(Console(file=shown, width=60, highlight=False), report.misplaced)
    lines = shown.getvalue().splitlines()
    assert any(line.startswith("misplaced 2") and line.endswith(f" {path}.error.txt") for line in lines)
    assert "    parcels.zip: nothing of this name is expected in the folder of site 'nld'." in lines
    assert any(
        line.startswith("    What to do: rename it, or put it into one of nld/<year>/") for line in lines
    )

    path.unlink()
    assert [one["path"] for one in gather(Place(settings)).misplaced] == [str(bad.with_name("?.zip"))]


def test_many_are_counted_by_status(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for number in range(MAX_MISPLACED + 2):
        _misplace(settings, f"nld/{number}.zip")
    shown = io.StringIO()
    _print_misplaced(Console(file=shown, width=60, highlight=False), gather(Place(settings)).misplaced)
    assert shown.getvalue().splitlines()[-1] == "misplaced and 2 more; list all: sen4cap status --all"


@pytest.mark.service
def test_wait_ends_with_what_is_misplaced_in_the_folder_of_the_site(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path / "home", settle_seconds=0.1)
    monkeypatch.setattr(connection, "open_step_context", lambda: Context(settings, engine))
    path = settings.uploads_root / "nld/parcels.zip"
    path.parent.mkdir(parents=True)
    path.write_text("x", encoding="utf-8")
    told = rf"^misplaced {path}\n    parcels\.zip: nothing of this name is expected(.|\n)*\n    What to do: "

    # Nothing else came, and nobody has written a note yet.
    with pytest.raises(Sen4capError, match=told):
        wait("nld", minutes=1.0)
    with session_scope(engine) as session:
        drop = Drop("nld", 2019, "crop-codes", str(path.with_name("codes.csv")), 1, 1, "ab")
        upload, _ = register_upload(session, drop)
        mark_received(session, upload.id, {})
        (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
        jobs.finish(session, job.id, "drain")
    with pytest.raises(Sen4capError, match=told):
        wait("nld", minutes=1.0)

    path.rename(tmp_path / "parcels.zip")
    wait("nld", minutes=1.0)
    assert capsys.readouterr().out == "1 uploads answered, 0 scenes processed\n"


@pytest.mark.service
def test_wait_speaks_of_what_lies_outside_of_any_site(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path / "home", settle_seconds=0.1)
    monkeypatch.setattr(connection, "open_step_context", lambda: Context(settings, engine))
    (settings.uploads_root / "nld").mkdir(parents=True)
    stray = settings.uploads_root / "site.zip"
    stray.write_text("x", encoding="utf-8")
    folder = settings.uploads_root / "Nieder Land"
    folder.mkdir()
    (folder / "a.zip").write_text("x", encoding="utf-8")
    with session_scope(engine) as session:
        drop = Drop("nld", 2019, "crop-codes", str(settings.uploads_root / "nld/codes.csv"), 1, 1, "ab")
        mark_received(session, register_upload(session, drop)[0].id, {})
        (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
        jobs.finish(session, job.id, "drain")

    # It is of no site: who waits for one is told, and that is all.
    wait("nld", minutes=1.0)
    shown = capsys.readouterr()
    assert shown.out == "1 uploads answered, 0 scenes processed\n"
    assert f"misplaced {stray}\n    site.zip: this file lies outside of any site folder." in shown.err
    assert f"misplaced {folder}\n" in shown.err

    with pytest.raises(Sen4capError, match=rf"misplaced {stray}\n"):
        wait(None, minutes=1.0)
    for one in (stray, folder):
        one.rename(tmp_path / one.name)
    wait(None, minutes=1.0)
    assert capsys.readouterr() == ("1 uploads answered, 0 scenes processed\n", "")
