"""``sen4cap wait`` goes on while a drop is still arriving, and says for which."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sen4cap_core.cli.work import wait
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.uploads import Drop, mark_received, mark_rejected, register_upload
from sen4cap_core.errors import Sen4capError
from sen4cap_core.inbox.heartbeat import MAX_PENDING, arriving, arriving_at, first_of_each_site
from sen4cap_core.inbox.settle import Settler
from sen4cap_core.inbox.watcher import Watcher
from sen4cap_core.service import connection
from sen4cap_core.settings import Settings
from sen4cap_core.steps.shared.context import Context

SETTLE_S = 0.1
WHOLE_AFTER_S = 9.0
"""Longer than ``wait`` looks on where nothing is under way: 5 s and the settling."""


@pytest.mark.service
def test_wait_ends_with_the_answer_to_a_drop_that_was_still_arriving(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path / "home", settle_seconds=SETTLE_S)
    monkeypatch.setattr(connection, "open_step_context", lambda: Context(settings, engine))
    path = settings.uploads_root / "nld/2019/declarations/parcels.zip"
    path.parent.mkdir(parents=True)
    with session_scope(engine) as session:
        drop = Drop("nld", 2019, "crop-codes", str(path.with_name("codes.csv")), 1, 1, "ab")
        mark_received(session, register_upload(session, drop)[0].id, {})
        (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
        jobs.finish(session, job.id, "drain")

    def answer(_: int) -> bool:
        with session_scope(engine) as session:
            for job in jobs.claim(session, ["receive-upload"], "drain", 60):
                mark_rejected(session, int(job.key.rsplit("/")[-1]), "cut short", str(path), None, None)
                jobs.finish(session, job.id, "drain")
        return True

    settler = Settler(SETTLE_S, incomplete_seconds=WHOLE_AFTER_S)
    watcher = Watcher(settings, engine, answer, settler=settler, nudge_seconds=0.5, nudge_grace_seconds=0.0)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        path.write_bytes(b"PK\3\4, and no end")
        while not arriving_at(settings, "nld"):
            time.sleep(0.05)
        assert arriving_at(settings, "nl") == []
        with pytest.raises(
            Sen4capError, match=r"nothing has happened for 0\.1 minutes(.|\n)*the end of the zip"
        ):
            wait("nld", minutes=0.1)
        with pytest.raises(Sen4capError, match=r"^rejected (.|\n)*cut short"):
            wait("nld", minutes=1.0)
    finally:
        watcher.stop()
        thread.join(timeout=20)
    told = f"arriving {path}: incomplete, waiting for the rest: the end of the zip"
    assert told in capsys.readouterr().err.splitlines()
    assert arriving_at(settings, "nld") == []


def test_a_busy_site_leaves_room_for_what_arrives_at_others(tmp_path: Path) -> None:
    pending = {tmp_path / f"aa/2019/scenes/{n}.zip": "just arrived" for n in range(MAX_PENDING + 9)}
    pending[tmp_path / "nld/site.yaml"] = "still growing"
    named = first_of_each_site(pending, tmp_path)
    assert len(named) == MAX_PENDING + 1
    assert named[-1] == {"path": str(tmp_path / "nld/site.yaml"), "reason": "still growing"}


def test_without_a_watcher_s_word_nothing_is_arriving(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert arriving(settings) == []
    (tmp_path / "run").mkdir()
    (tmp_path / "run/watcher.json").write_text('{"pending": [{"path": 3}]}', encoding="utf-8")
    assert arriving(settings) == []
