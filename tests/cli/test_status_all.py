"""``sen4cap status --all`` lists every rejection and misplaced file, not only the last five."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from sen4cap_core.cli.main import app
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.db.work.uploads import Drop, mark_rejected, register_upload

pytestmark = pytest.mark.service

N = 7


@pytest.fixture
def home(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with seven open rejections and seven misplaced files."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("SEN4CAP_HOME", str(tmp_path))
    monkeypatch.setenv("SEN4CAP_DATABASE_URL", url)
    monkeypatch.delenv("SEN4CAP_UPLOADS", raising=False)
    folder = tmp_path / "uploads/nld/2019/scenes"
    (folder / "rejected").mkdir(parents=True)
    for number in range(N):
        moved = folder / f"rejected/{number}.zip"
        moved.write_text("x", encoding="utf-8")
        stray = folder / f"stray-{number}.txt"
        stray.write_text("x", encoding="utf-8")
        note = f"{stray.name}: no scene\n\nIt was left where it is. This note goes away when it does.\n"
        stray.with_name(f"{stray.name}.error.txt").write_text(note, encoding="utf-8")
        with session_scope(engine) as session:
            drop = Drop("nld", 2019, "scene", str(folder / moved.name), 1, 1, f"sha-{number}")
            mark_rejected(session, register_upload(session, drop)[0].id, "cut short", str(moved))
    return tmp_path


def _heads(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(word)]


def test_all_are_listed_when_asked_for(home: Path) -> None:
    few = CliRunner().invoke(app, ["status"]).output
    for word in ("rejected", "misplaced"):
        heads = _heads(few, word)
        assert (len(heads), heads[-1]) == (6, f"{word} and 2 more; list all: sen4cap status --all")
    every = CliRunner().invoke(app, ["status", "--all"]).output
    for word, name in (("rejected", "rejected/{}.zip"), ("misplaced", "stray-{}.txt.error.txt")):
        heads = _heads(every, word)
        assert len(heads) == N
        assert all(any(name.format(number) in head for head in heads) for number in range(N))


def test_machines_get_all_of_them_too(home: Path) -> None:
    work = json.loads(CliRunner().invoke(app, ["status", "--json", "--all"]).output)["work"]
    assert (len(work["rejections"]), work["n_rejections"]) == (N, N)
    work = json.loads(CliRunner().invoke(app, ["status", "--json"]).output)["work"]
    assert (len(work["rejections"]), work["n_rejections"]) == (5, N)
