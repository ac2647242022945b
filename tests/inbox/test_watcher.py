"""The watcher on real files, with real notices of the file system and a real PostGIS."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from sen4cap_core.clock import utc_now
from sen4cap_core.db.models import Job, Sighting, Upload
from sen4cap_core.db.server.session import make_engine, session_scope
from sen4cap_core.db.work import jobs, uploads
from sen4cap_core.db.work.rejections import open_rejections
from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox import register as registering
from sen4cap_core.inbox.heartbeat import is_watched
from sen4cap_core.inbox.notices import is_network_mount
from sen4cap_core.inbox.receipts import reject
from sen4cap_core.inbox.register import Registered, register_all
from sen4cap_core.inbox.settle import Settler
from sen4cap_core.inbox.units import Fingerprint, Unit
from sen4cap_core.inbox.watcher import Watcher
from sen4cap_core.settings import Settings

pytestmark = pytest.mark.service


class Running:
    """A watcher in a thread, and what it nudged."""

    def __init__(self, settings: Settings, engine: Engine, **options: Any) -> None:
        self.nudges: list[int] = []
        self.settings = settings
        self.error: BaseException | None = None
        self.watcher = Watcher(
            settings, engine, self._nudge, nudge_seconds=0.5, nudge_grace_seconds=0.0, **options
        )
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        _until(lambda: self.beat().get("state") == "watching" or self.error is not None)

    def _run(self) -> None:
        try:
            self.watcher.run()
        except BaseException as error:
            self.error = error

    def _nudge(self, number: int) -> bool:
        self.nudges.append(number)
        return True

    def beat(self) -> dict[str, Any]:
        """Return the heartbeat."""
        path = self.settings.home / "run/watcher.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def stop(self) -> None:
        self.watcher.stop()
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()
        assert self.error is None


@pytest.fixture
def start(settings: Settings, engine: Engine) -> Iterator[Callable[..., Running]]:
    """Start watchers that are stopped at the end of the test."""
    started: list[Running] = []

    def begin(**options: Any) -> Running:
        chosen = options.pop("settings", settings)
        started.append(Running(chosen, options.pop("engine", engine), **options))
        return started[-1]

    yield begin
    for running in started:
        running.stop()


def _until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _file(path: Path, content: str | bytes = "content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _zip(path: Path, content: str = "content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", content * 100)
    return path


def _uploads(engine: Engine) -> list[Upload]:
    with session_scope(engine) as session:
        return list(session.scalars(select(Upload).order_by(Upload.id)))


def _sightings(engine: Engine) -> set[str]:
    with session_scope(engine) as session:
        return set(session.scalars(select(Sighting.path)))


def test_a_drop_is_registered_and_announced(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    running = start()

    path = _file(root / "nl/2019/crop-codes/Kulturcodes für 2019 (neu).csv")

    _until(lambda: bool(running.nudges))
    (upload,) = _uploads(engine)
    assert (upload.site_slug, upload.year, upload.kind) == ("nl", 2019, "crop-codes")
    assert (upload.path, upload.state, upload.size_bytes) == (str(path), "waiting", 7)
    with session_scope(engine) as session:
        (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
    assert (job.payload, job.priority) == ({"upload_id": upload.id}, 115)
    assert path.read_text() == "content"
    assert os.listdir(path.parent) == [path.name]


def test_a_growing_file_is_not_touched_until_it_is_stable(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    running = start()
    path = root / "nl/2019/crop-codes/slow.csv"
    path.parent.mkdir(parents=True)

    with path.open("w") as handle:
        for number in range(15):
            handle.write(f"{number}\n")
            handle.flush()
            time.sleep(0.1)
            assert _uploads(engine) == []
        reasons = {pending["reason"] for pending in running.beat()["pending"]}
    assert reasons & {"just arrived", "still growing"}
    size = path.stat().st_size

    _until(lambda: len(_uploads(engine)) == 1)
    assert _uploads(engine)[0].size_bytes == size


def test_half_a_zip_waits_for_its_end(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running], tmp_path: Path
) -> None:
    running = start()
    whole = _zip(tmp_path / "p.zip").read_bytes()
    path = _file(root / "nl/2019/declarations/p.zip", whole[:60])

    # The copy stalls for longer than the settle time.
    _until(lambda: any("end of the zip" in p["reason"] for p in running.beat()["pending"]))
    assert _uploads(engine) == []
    path.write_bytes(whole)

    _until(lambda: len(_uploads(engine)) == 1)
    assert _uploads(engine)[0].size_bytes == len(whole)


def test_a_half_copied_safe_waits_and_is_taken_in_the_end_with_its_fault(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    running = start(settler=Settler(settings.settle_seconds, incomplete_seconds=3.0))
    safe = root / "nl/2019/scenes/S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM_20190616T120000.SAFE"
    _file(safe / "manifest.safe")

    _until(lambda: any("MTD_MSIL2A.xml" in p["reason"] for p in running.beat()["pending"]))
    assert _uploads(engine) == []
    # Something more comes: the patience starts anew.
    _file(safe / "GRANULE/x")

    _until(lambda: len(_uploads(engine)) == 1)
    assert _uploads(engine)[0].path == str(safe)
    assert _uploads(engine)[0].kind == "scene"


def test_same_content_under_another_name_is_answered_with_the_first(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    start()
    first = _zip(root / "nl/2019/scenes/a.zip")
    _until(lambda: len(_uploads(engine)) == 1)
    second = root / "nl/2019/scenes/b copy.zip"
    shutil.copy(first, second)

    receipt = second.with_name("b copy.zip.receipt.json")
    _until(receipt.exists)
    content = json.loads(receipt.read_text())
    assert content["duplicate_of"] == str(first)
    assert content["upload_id"] == _uploads(engine)[0].id
    assert len(_uploads(engine)) == 1
    assert _sightings(engine) == {str(first), str(second)}


def test_a_second_copy_whose_receipt_got_lost_gets_it_at_the_next_rescan(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    for name in "ab":
        _zip(root / f"nl/2019/scenes/{name}.zip")
    register_all(settings, engine)
    (receipt,) = (root / "nl/2019/scenes").glob("*.receipt.json")
    receipt.unlink()

    start()

    _until(receipt.exists)


def test_when_the_kept_copy_is_deleted_the_other_one_takes_its_place(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    for name in "ab":
        _zip(root / f"nl/2019/scenes/{name}.zip")
    register_all(settings, engine)
    kept = Path(_uploads(engine)[0].path)
    other = kept.with_name("b.zip" if kept.name == "a.zip" else "a.zip")
    start()

    kept.unlink()

    _until(lambda: _uploads(engine)[0].path == str(other))
    assert len(_uploads(engine)) == 1


def test_a_restart_remembers_and_finds_what_came_meanwhile(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _zip(root / "nl/2019/scenes/known.zip")
    first = start()
    _until(lambda: len(_uploads(engine)) == 1)
    first.stop()
    assert first.beat()["state"] == "stopped"

    _zip(root / "nl/2019/scenes/meanwhile.zip", "other")
    (root / "nl/2019/scenes/known.zip").touch()
    hashed: list[str] = []
    real = Unit.content_hash

    def count(unit: Unit) -> str:
        hashed.append(unit.path.name)
        return real(unit)

    monkeypatch.setattr(Unit, "content_hash", count)
    second = start()

    _until(lambda: len(_uploads(engine)) == 2 and second.beat()["n_pending"] == 0)
    assert sorted(hashed) == ["known.zip", "meanwhile.zip"]
    second.stop()
    hashed.clear()
    third = start()
    _until(lambda: third.beat().get("known") == 2 and third.beat()["rescans"] >= 2)
    # Path, size and time tell them from new ones at a glance.
    assert hashed == []


def test_two_hundred_files_at_once_are_each_registered_once(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    running = start()
    for number in range(200):
        _zip(root / f"nl/2019/scenes/scene {number}.zip", f"{number} ")

    _until(lambda: len(_uploads(engine)) == 200, seconds=60)
    _until(lambda: running.beat()["n_pending"] == 0)
    with session_scope(engine) as session:
        keys = Counter(session.scalars(select(Job.key)))
    assert len(keys) == 200
    assert set(keys.values()) == {1}
    assert len({upload.path for upload in _uploads(engine)}) == 200
    # A few nudges, not one for each file.
    assert 1 <= len(running.nudges) < 100


def test_a_whole_site_dropped_at_once(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running], tmp_path: Path
) -> None:
    start()
    source = tmp_path / "nl"
    _zip(source / "site.zip", "extent")
    _file(source / "site.yaml", "name: NL\n")
    _zip(source / "2019/declarations/p.zip", "parcels")
    _zip(source / "2019/scenes/deep/down/a.zip", "scene")
    shutil.copytree(source, root / "nl")

    _until(lambda: len(_uploads(engine)) == 4)
    with session_scope(engine) as session:
        order = [
            job.payload["upload_id"] for job in jobs.claim(session, ["receive-upload"], "me", 60, limit=9)
        ]
    kinds = {upload.id: upload.kind for upload in _uploads(engine)}
    assert [kinds[number] for number in order] == ["site-extent", "site-config", "declarations", "scene"]


def test_files_that_come_while_the_database_is_away_are_taken_when_it_is_back(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    away = threading.Event()
    away.set()

    def flaky(*arguments: Any) -> Registered:
        if away.is_set():
            raise OperationalError("INSERT", {}, psycopg.OperationalError("connection refused"))
        return registering.register(*arguments)

    running = start(register=flaky)
    for number in range(5):
        _zip(root / f"nl/2019/scenes/{number}.zip", f"{number}")
    _until(lambda: running.beat()["database"] != "reachable")
    assert _uploads(engine) == []
    assert running.beat()["n_pending"] == 5

    away.clear()

    _until(lambda: len(_uploads(engine)) == 5)
    _until(lambda: running.beat()["database"] == "reachable" and running.beat()["n_pending"] == 0)
    _until(lambda: bool(running.nudges))


def test_it_starts_although_the_database_is_away(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running], unused_port: int
) -> None:
    _zip(root / "nl/2019/scenes/a.zip")
    dead = make_engine(f"postgresql://nobody@127.0.0.1:{unused_port}/none")

    running = start(engine=dead)

    _until(lambda: "refused" in running.beat().get("database", ""))
    running.stop()
    assert _uploads(engine) == []


@pytest.fixture
def unused_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_error_of_ours_holds_up_one_drop_and_not_the_others(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("sen4cap_core.inbox.watcher.UNREADABLE_PAUSE_SECONDS", 1.0)
    tries: list[Path] = []

    def broken(*arguments: Any) -> Registered:
        unit = arguments[2]
        if unit.path.name == "a.zip":
            tries.append(unit.path)
            if len(tries) < 3:
                raise RuntimeError("a mistake in the program")
        return registering.register(*arguments)

    for name in "abc":
        _zip(root / f"nl/2019/scenes/{name}.zip", name)
    _zip(root / "at/2019/scenes/d.zip", "d")
    running = start(register=broken)

    _until(lambda: any("a mistake in the program" in p["reason"] for p in running.beat()["pending"]))
    _until(lambda: len(_uploads(engine)) == 4 and running.beat()["n_pending"] == 0)
    assert len(tries) == 3
    # Said once, with its traceback, although it happened twice.
    (record,) = [one for one in caplog.records if "put aside" in one.getMessage()]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


def test_a_failing_look_holds_up_one_drop_and_not_the_others(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Unit.fingerprint

    def fail(unit: Unit) -> Fingerprint | None:
        if unit.path.name == "a.SAFE":
            raise PermissionError(13, "Permission denied", str(unit.path))
        return real(unit)

    monkeypatch.setattr(Unit, "fingerprint", fail)
    _file(root / "nl/2019/scenes/a.SAFE/MTD_MSIL2A.xml")
    _zip(root / "nl/2019/scenes/b.zip")
    running = start()

    _until(lambda: len(_uploads(engine)) == 1)
    _until(
        lambda: [p["reason"] for p in running.beat()["pending"]] == ["cannot be read: Permission denied"],
    )


def test_a_name_inside_a_scene_that_is_not_utf8_stops_nobody(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    running = start(settler=Settler(settings.settle_seconds, incomplete_seconds=1.0))
    safe = root / "nl/2019/scenes/a.SAFE"
    _file(safe / "MTD_MSIL2A.xml")
    with open(os.fsencode(safe) + b"/\xe4.txt", "wb") as handle:
        handle.write(b"x")
    _zip(root / "nl/2019/scenes/b.zip")

    _until(lambda: {Path(upload.path).name for upload in _uploads(engine)} == {"a.SAFE", "b.zip"})
    _until(lambda: running.beat()["n_pending"] == 0)


def test_a_misplaced_name_that_is_not_utf8_gets_a_note(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sen4cap_core.inbox.misplaced.PATIENCE_SECONDS", 0.5)
    (root / "nl").mkdir()
    name = b"parcels \xe4.zip"
    with open(os.fsencode(root / "nl") + b"/" + name, "wb") as handle:
        handle.write(b"x")
    running = start()

    note = Path(os.fsdecode(os.fsencode(root / "nl") + b"/" + name + b".error.txt"))
    _until(note.exists)
    assert "not valid UTF-8" in note.read_text()
    assert running.error is None


def test_a_note_that_cannot_be_written_stops_nobody(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sen4cap_core.inbox.misplaced.PATIENCE_SECONDS", 0.2)
    # With .error.txt behind it, it would be longer than a name may be.
    _file(root / "nl" / ("x" * 250))
    running = start()
    n_rescans = running.beat()["rescans"]
    _until(lambda: running.beat()["rescans"] > n_rescans + 1)

    _zip(root / "nl/2019/scenes/b.zip")

    _until(lambda: len(_uploads(engine)) == 1)


def test_rejected_and_dropped_again_it_is_looked_at_again(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    start()
    path = _zip(root / "nl/2019/scenes/a.zip")
    _until(lambda: len(_uploads(engine)) == 1)
    moved = root / "nl/2019/scenes/rejected/a.zip"
    with session_scope(engine) as session:
        (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
        moved.parent.mkdir()
        path.rename(moved)
        uploads.mark_rejected(session, job.payload["upload_id"], "no", str(moved))
        jobs.finish(session, job.id, "drain")
    time.sleep(2.5)
    assert _uploads(engine)[0].state == "rejected"

    shutil.copy2(moved, path)

    _until(lambda: _uploads(engine)[0].state == "waiting")
    assert len(_uploads(engine)) == 1
    assert _uploads(engine)[0].path == str(path)


def test_a_copy_that_was_rejected_in_a_pause_is_taken_up_when_it_goes_on(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    """Twice: the second pause is rejected under the same name."""
    whole = _zip(settings.home / "parcels.zip").read_bytes()
    path = root / "nl/2019/declarations/parcels.zip"
    path.parent.mkdir(parents=True)
    moved = path.parent / "rejected/parcels.zip"
    note = moved.with_name("parcels.zip.error.txt")
    running = start(settler=Settler(settings.settle_seconds, incomplete_seconds=1.0))
    with path.open("wb", buffering=0) as copier:
        for number, part in enumerate((whole[:40], whole[40:80])):
            copier.write(part)
            _until(lambda n=number: len(_uploads(engine)) == n + 1)  # type: ignore[misc]
            with session_scope(engine) as session:
                (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
                upload_id = job.payload["upload_id"]
                error = BadUploadError(path, "cut short")
                assert reject(settings, path, error) == moved
                uploads.mark_rejected(session, upload_id, error.text(), str(moved))
                jobs.finish(session, job.id, "drain")
            n_rescans = running.beat()["rescans"]
            _until(lambda n=n_rescans: running.beat()["rescans"] > n + 1)  # type: ignore[misc]
            assert moved.exists(), "while it does not change it stays"
            with session_scope(engine) as session:
                (one,) = open_rejections(session, "nl")
                assert (one.path, note.exists()) == (str(moved), True)
        copier.write(whole[80:])
    _until(lambda: len(_uploads(engine)) == 3)

    assert path.read_bytes() == whole
    assert not moved.exists()
    assert not note.exists()
    with session_scope(engine) as session:
        assert open_rejections(session, "nl") == []
        assert session.scalars(select(Upload.state).order_by(Upload.id)).all()[-1] == "waiting"


def test_a_file_that_changes_while_it_is_read_is_read_again(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = root / "nl/site.yaml"
    real = Unit.content_hash
    seen: list[str] = []

    def write_meanwhile(unit: Unit) -> str:
        if not seen:
            _file(path, "name: corrected\n")
        seen.append(path.read_text())
        return real(unit)

    monkeypatch.setattr(Unit, "content_hash", write_meanwhile)
    start()
    _file(path, "name: first\n")

    _until(lambda: len(_uploads(engine)) == 1)
    assert len(seen) >= 2
    assert _uploads(engine)[0].size_bytes == len("name: corrected\n")


def test_a_misplaced_file_gets_a_note_that_goes_with_it(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sen4cap_core.inbox.misplaced.PATIENCE_SECONDS", 0.5)
    start()
    path = _file(root / "nl/parcels.zip")
    note = root / "nl/parcels.zip.error.txt"

    _until(note.exists)
    assert "nl/<year>/declarations" in note.read_text()
    assert path.exists()
    target = root / "nl/2019/declarations/parcels.zip"
    target.parent.mkdir(parents=True)
    _zip(path)
    path.rename(target)

    _until(lambda: len(_uploads(engine)) == 1 and not note.exists())


def test_a_name_that_is_not_utf8_gets_a_note(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sen4cap_core.inbox.misplaced.PATIENCE_SECONDS", 0.5)
    running = start()
    folder = root / "nl/2019/crop-codes"
    folder.mkdir(parents=True)
    with open(os.fsencode(folder) + b"/codes \xe4.csv", "wb") as handle:
        handle.write(b"x")
    _file(folder / "good.csv")

    _until(lambda: len(_uploads(engine)) == 1)
    _until(lambda: len([name for name in os.listdir(folder) if name.endswith(".error.txt")]) == 1)
    assert running.error is None


def test_polling_sees_the_same(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    slow = settings.model_copy(update={"rescan_seconds": 600.0})
    running = start(settings=slow, polling=True)
    assert running.beat()["observed_by"] == "PollingObserver"

    _zip(root / "nl/2019/scenes/a.zip")

    _until(lambda: len(_uploads(engine)) == 1)


def test_notices_make_it_quick_and_rescans_make_it_certain(
    settings: Settings,
    root: Path,
    engine: Engine,
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patient = settings.model_copy(update={"rescan_seconds": 600.0})
    noticing = start(settings=patient)
    _zip(root / "nl/2019/scenes/a.zip")
    _until(lambda: len(_uploads(engine)) == 1)
    noticing.stop()

    monkeypatch.setattr("sen4cap_core.inbox.watcher.start_observer", lambda *_, **__: None)
    deaf = start()
    assert deaf.beat()["observed_by"] == "rescans only"
    _zip(root / "nl/2019/scenes/b.zip", "other")
    _until(lambda: len(_uploads(engine)) == 2)


def test_reconcile_registers_what_no_watcher_saw(
    settings: Settings, root: Path, engine: Engine, tmp_path: Path
) -> None:
    _zip(root / "nl/2019/scenes/a.zip")
    whole = _zip(tmp_path / "half.zip", "half").read_bytes()
    _file(root / "nl/2019/declarations/half.zip", whole[:60])
    growing = _file(root / "nl/2019/crop-codes/growing.csv")

    n_registered = register_all(settings, engine, sleep=lambda _: growing.write_text("longer than before"))

    assert n_registered == 1
    assert [Path(upload.path).name for upload in _uploads(engine)] == ["a.zip"]
    assert register_all(settings, engine) == 1
    assert register_all(settings, engine) == 0


def test_reconcile_leaves_out_what_it_cannot_read(
    settings: Settings,
    root: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in "abc":
        _zip(root / f"nl/2019/scenes/{name}.zip", name)
    with open(os.fsencode(root / "nl/2019/scenes") + b"/\xe4.zip", "wb") as handle:
        handle.write(b"x")
    fingerprint, content_hash = Unit.fingerprint, Unit.content_hash

    def no_look(unit: Unit) -> Fingerprint | None:
        if unit.path.name == "a.zip":
            raise PermissionError(13, "Permission denied")
        return fingerprint(unit)

    def no_hash(unit: Unit) -> str:
        if unit.path.name == "b.zip":
            raise UnicodeEncodeError("utf-8", "\udce4", 0, 1, "surrogates not allowed")
        return content_hash(unit)

    monkeypatch.setattr(Unit, "fingerprint", no_look)
    monkeypatch.setattr(Unit, "content_hash", no_hash)

    assert register_all(settings, engine) == 1
    assert [Path(upload.path).name for upload in _uploads(engine)] == ["c.zip"]
    assert len([one for one in caplog.records if one.exc_info and "cannot be taken" in one.message]) == 2


def test_reconcile_says_that_the_database_is_away(
    settings: Settings, root: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Registered:
        raise OperationalError("INSERT", {}, psycopg.OperationalError("connection refused"))

    monkeypatch.setattr(registering, "register", away)
    _zip(root / "nl/2019/scenes/a.zip")

    with pytest.raises(OperationalError):
        register_all(settings, engine)


@pytest.mark.parametrize(
    ("changes", "is_left"),
    [
        ({}, True),
        ({"age_seconds": 30}, True),
        # Three rescans of two seconds, and thirty seconds.
        ({"age_seconds": 40}, False),
        ({"age_seconds": -3600}, False),
        ({"state": "stopped"}, False),
        ({"uploads_root": "/elsewhere"}, False),
        ({"at": "yesterday"}, False),
    ],
)
def test_reconcile_leaves_the_files_to_a_living_watcher(
    settings: Settings, root: Path, engine: Engine, changes: dict[str, Any], is_left: bool
) -> None:
    _zip(root / "nl/2019/scenes/a.zip")
    age = timedelta(seconds=changes.pop("age_seconds", 1))
    facts = {"at": (utc_now() - age).isoformat(), "state": "watching", "uploads_root": str(root)} | changes
    _file(settings.home / "run/watcher.json", json.dumps(facts))

    assert register_all(settings, engine) == (0 if is_left else 1)
    assert len(_uploads(engine)) == (0 if is_left else 1)


def test_reconcile_believes_the_watcher_s_own_heartbeat(
    settings: Settings, root: Path, engine: Engine, start: Callable[..., Running]
) -> None:
    running = start()
    assert is_watched(settings)
    running.stop()
    assert not is_watched(settings)


def test_of_files_that_replace_each_other_the_last_written_is_registered_last(
    settings: Settings, root: Path, engine: Engine
) -> None:
    for number, name in enumerate(["c", "a", "b"]):
        path = _zip(root / f"nl/2019/declarations/{name}.zip", name)
        os.utime(path, (1_000_000 + number, 1_000_000 + number))

    assert register_all(settings, engine) == 3
    assert [Path(upload.path).stem for upload in _uploads(engine)] == ["c", "a", "b"]


def test_network_mounts_are_told_by_their_type(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path}/my\\040share nfs4 rw 0 0\n")
    (tmp_path / "my share/uploads").mkdir(parents=True)

    assert is_network_mount(tmp_path / "my share/uploads", mounts)
    assert not is_network_mount(tmp_path, mounts)


def test_a_hash_is_only_good_for_the_fingerprint_it_was_made_with(settings: Settings, root: Path) -> None:
    path = _zip(root / "nl/2019/scenes/a.zip")
    (unit,) = (unit for unit in registering.find_units(root) if isinstance(unit, Unit))
    fingerprint = unit.fingerprint()
    assert isinstance(fingerprint, Fingerprint)
    assert registering.hash_unit(unit, fingerprint) == unit.content_hash()
    path.write_bytes(b"changed")
    assert registering.hash_unit(unit, fingerprint) is None
