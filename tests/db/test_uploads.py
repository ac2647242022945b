"""Uploads: registered once per content, whatever they are called and however often they are seen."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sen4cap_core.db.models import Job, Sighting, Upload
from sen4cap_core.db.overview.progress import site_progress
from sen4cap_core.db.overview.status import LAST_FAILURES, summary
from sen4cap_core.db.server.session import session_scope
from sen4cap_core.db.work import jobs, uploads
from sen4cap_core.db.work.rejections import open_rejections, rejections_settled_by

pytestmark = pytest.mark.service


def _drop(path: Path | str, sha256: str, **changes: Any) -> uploads.Drop:
    values: dict[str, Any] = {
        "site_slug": "nl",
        "year": 2019,
        "kind": "scene",
        "path": str(path),
        "size_bytes": 10,
        "mtime_ns": 1,
        "sha256": sha256,
        "latest_counts": changes.get("kind", "scene") != "scene",
    }
    return uploads.Drop(**values | changes)


def _register(engine: Engine, drop: uploads.Drop, **options: Any) -> tuple[int, str]:
    with session_scope(engine) as session:
        upload, outcome = uploads.register_upload(session, drop, **options)
        return upload.id, outcome


def _receive(engine: Engine, *, reject: bool = False) -> list[int]:
    """Drain the queue as the receiving flow does; return the uploads that were received or rejected."""
    ids = []
    with session_scope(engine) as session:
        for job in jobs.claim(session, ["receive-upload"], "drain", 60, limit=100):
            upload_id = job.payload["upload_id"]
            if reject:
                uploads.mark_rejected(session, upload_id, "no .prj")
            else:
                uploads.mark_received(session, upload_id, {"kind": "scene"}, "run-1")
            jobs.finish(session, job.id, "drain")
            ids.append(upload_id)
    return ids


def _upload(engine: Engine, upload_id: int) -> Upload:
    with session_scope(engine) as session:
        return session.get_one(Upload, upload_id)


def test_a_new_drop_is_upload_sighting_and_job_in_one(engine: Engine, tmp_path: Path) -> None:
    drop = _drop(tmp_path / "a.zip", "aa")

    upload_id, outcome = _register(engine, drop, priority=7)

    assert outcome == "new"
    with session_scope(engine) as session:
        assert uploads.is_known(session, drop.path, 10, 1)
        assert not uploads.is_known(session, drop.path, 11, 1)
        assert not uploads.is_known(session, drop.path, 10, 2)
        job = session.execute(select(Job)).scalar_one()
    assert (job.kind, job.key, job.priority) == ("receive-upload", f"receive-upload/{upload_id}", 7)
    assert (job.payload, job.site_slug, job.state) == ({"upload_id": upload_id}, "nl", "waiting")
    row = _upload(engine, upload_id)
    assert (row.state, row.path, row.sha256, row.year, row.kind) == (
        "waiting",
        drop.path,
        "aa",
        2019,
        "scene",
    )


def test_nothing_is_left_of_a_registration_that_failed(engine: Engine, tmp_path: Path) -> None:
    def register_and_die() -> None:
        with session_scope(engine) as session:
            uploads.register_upload(session, _drop(tmp_path / "a", "aa"))
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        register_and_die()
    with session_scope(engine) as session:
        for table in (Upload, Sighting, Job):
            assert session.query(table).count() == 0


def test_seen_again_it_is_known_and_touched_it_is_still_known(engine: Engine, tmp_path: Path) -> None:
    first = _register(engine, _drop(tmp_path / "a", "aa"))
    _receive(engine)

    assert _register(engine, _drop(tmp_path / "a", "aa")) == (first[0], "known")
    assert _register(engine, _drop(tmp_path / "a", "aa", mtime_ns=99)) == (first[0], "known")
    assert _receive(engine) == []
    with session_scope(engine) as session:
        assert uploads.is_known(session, str(tmp_path / "a"), 10, 99)


def test_same_content_under_another_name_is_a_duplicate(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    first, _ = _register(engine, _drop(tmp_path / "a", "aa"))
    _receive(engine)

    assert _register(engine, _drop(tmp_path / "b", "aa")) == (first, "duplicate")
    assert _receive(engine) == []
    with session_scope(engine) as session:
        seen = session.scalars(select(Sighting.path).where(Sighting.upload_id == first))
        assert set(seen) == {str(tmp_path / "a"), str(tmp_path / "b")}
    # Another year, site or kind is another upload.
    assert _register(engine, _drop(tmp_path / "c", "aa", year=2020))[1] == "new"
    assert _register(engine, _drop(tmp_path / "d", "aa", site_slug="es"))[1] == "new"


def test_when_the_first_copy_is_gone_the_second_takes_its_place(engine: Engine, tmp_path: Path) -> None:
    first, _ = _register(engine, _drop(tmp_path / "a", "aa"))
    _receive(engine)

    # tmp_path / "a" does not exist: it was moved to b.
    assert _register(engine, _drop(tmp_path / "b", "aa")) == (first, "again")
    assert _upload(engine, first).path == str(tmp_path / "b")
    assert _receive(engine) == [first]
    # Moved back, with its old size and time: this must not pass for known.
    with session_scope(engine) as session:
        assert not uploads.is_known(session, str(tmp_path / "a"), 10, 1)
    assert _register(engine, _drop(tmp_path / "a", "aa")) == (first, "again")
    assert _upload(engine, first).path == str(tmp_path / "a")


def test_a_changed_file_is_a_new_upload(engine: Engine, tmp_path: Path) -> None:
    first, _ = _register(engine, _drop(tmp_path / "site.yaml", "aa", kind="site-config"))

    second, outcome = _register(engine, _drop(tmp_path / "site.yaml", "bb", kind="site-config", mtime_ns=2))

    assert (outcome, second != first) == ("new", True)
    with session_scope(engine) as session:
        known = uploads.load_known(session, str(tmp_path))
    assert known == {str(tmp_path / "site.yaml"): uploads.Known(10, 2, second, str(tmp_path / "site.yaml"))}


def test_an_old_configuration_put_back_is_in_force_again(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.touch()
    first, _ = _register(engine, _drop(path, "aa", kind="site-config"))
    _receive(engine)
    _register(engine, _drop(path, "bb", kind="site-config", mtime_ns=2))
    _receive(engine)

    assert _register(engine, _drop(path, "aa", kind="site-config", mtime_ns=3)) == (first, "again")
    assert _receive(engine) == [first]
    # Only touched, it stays as it is.
    assert _register(engine, _drop(path, "aa", kind="site-config", mtime_ns=4)) == (first, "known")


def test_a_touched_older_declaration_does_not_replace_the_newer(engine: Engine, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).touch()
    first, _ = _register(engine, _drop(tmp_path / "a", "aa", kind="declarations"))
    _register(engine, _drop(tmp_path / "b", "bb", kind="declarations"))
    _receive(engine)

    assert _register(engine, _drop(tmp_path / "a", "aa", kind="declarations", mtime_ns=5)) == (first, "known")
    assert _receive(engine) == []


def test_rejected_content_dropped_again_is_tried_again(engine: Engine, tmp_path: Path) -> None:
    drop = _drop(tmp_path / "a", "aa")
    moved = str(tmp_path / "rejected" / "a")
    upload_id, _ = _register(engine, drop)
    with session_scope(engine) as session:
        uploads.mark_rejected(session, upload_id, "no .prj", moved, "run-2")
        for job in jobs.claim(session, ["receive-upload"], "drain", 60):
            jobs.finish(session, job.id, "drain")
    row = _upload(engine, upload_id)
    assert (row.state, row.error, row.path, row.flow_run_id) == ("rejected", "no .prj", moved, "run-2")

    # Same path, size and time, as after `cp -p`.
    assert _register(engine, drop) == (upload_id, "again")

    row = _upload(engine, upload_id)
    assert (row.state, row.error, row.path) == ("waiting", None, drop.path)
    assert _receive(engine) == [upload_id]


def test_a_rejected_file_that_stays_in_place_is_not_tried_for_ever(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    drop = _drop(tmp_path / "a", "aa")
    upload_id, _ = _register(engine, drop)
    assert _receive(engine, reject=True) == [upload_id]

    assert _register(engine, drop) == (upload_id, "known")
    assert _register(engine, _drop(tmp_path / "a", "aa", mtime_ns=2)) == (upload_id, "again")


@pytest.fixture
def rejected(engine: Engine, tmp_path: Path) -> Path:
    """A file that was rejected and moved away; where it was dropped."""
    path, moved = tmp_path / "CC" / "podor.csv", tmp_path / "CC" / "rejected" / "podor.csv"
    moved.parent.mkdir(parents=True)
    moved.touch()
    upload_id, _ = _register(engine, _drop(path, "bad", kind="practices-cc"))
    _receive(engine)
    with session_scope(engine) as session:
        uploads.mark_rejected(session, upload_id, "podor.csv: no date\n  - row 2", str(moved))
    return path


def _open(engine: Engine) -> list[tuple[str, str]]:
    with session_scope(engine) as session:
        return [(Path(one.path).name, one.why) for one in open_rejections(session, "nl")]


def test_a_good_file_of_the_same_place_and_name_settles_a_rejection(engine: Engine, rejected: Path) -> None:
    assert _open(engine) == [("podor.csv", "podor.csv: no date\n  - row 2")]

    _register(engine, _drop(rejected, "good", kind="practices-cc"))
    assert len(_open(engine)) == 1, "it is not received yet"
    _receive(engine)

    assert _open(engine) == []
    with session_scope(engine) as session:
        assert site_progress(session, "nl").rejections == ()


def test_a_settled_rejection_settles_no_other(engine: Engine, rejected: Path) -> None:
    other, moved = rejected.parents[1] / "site.yaml", rejected.parents[1] / "rejected" / "site.yaml"
    moved.parent.mkdir()
    moved.touch()
    other_id, _ = _register(engine, _drop(other, "worse", kind="site-config", year=0))
    _receive(engine)
    with session_scope(engine) as session:
        uploads.mark_rejected(session, other_id, "unknown key", str(moved))

    good, _ = _register(engine, _drop(rejected, "good", kind="practices-cc"))
    with session_scope(engine) as session:
        assert [Path(one.path).name for one in rejections_settled_by(session, good)] == ["podor.csv"]
    _receive(engine)

    assert _open(engine) == [("site.yaml", "unknown key")]


def test_a_later_good_file_of_its_kind_settles_a_rejection_whatever_its_name(
    engine: Engine, rejected: Path
) -> None:
    for other in ({"year": 2020}, {"site_slug": "es"}, {"kind": "practices-fl"}):
        _register(engine, _drop(rejected.with_name("other.csv"), "x", **{"kind": "practices-cc", **other}))
    _receive(engine)
    assert len(_open(engine)) == 1, "that of another year, site or kind settles nothing"

    good, _ = _register(engine, _drop(rejected.with_name("corrected.csv"), "good", kind="practices-cc"))
    with session_scope(engine) as session:
        settled = rejections_settled_by(session, good)
    assert [Path(one.path).name for one in settled] == ["podor.csv"], "the receipt says which"
    assert len(_open(engine)) == 1, "it is not received yet"
    _receive(engine)

    assert _open(engine) == []


def test_a_good_file_dropped_before_the_rejection_does_not_settle_it(engine: Engine, tmp_path: Path) -> None:
    """Both were dropped at once: nobody has corrected anything."""
    for name in ("bad", "good"):
        (tmp_path / name).touch()
        _register(engine, _drop(tmp_path / name, name, kind="declarations"))
    with session_scope(engine) as session:
        bad, good = session.scalars(select(Upload.id).order_by(Upload.id))
        uploads.mark_rejected(session, bad, "no .prj")
        uploads.mark_received(session, good, {})
    assert [name for name, _ in _open(engine)] == ["bad"]


def test_a_scene_of_another_name_settles_nothing(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.zip").touch()
    _register(engine, _drop(tmp_path / "a.zip", "bad"))
    _receive(engine, reject=True)
    _register(engine, _drop(tmp_path / "b.zip", "good"))
    _receive(engine)
    assert [name for name, _ in _open(engine)] == ["a.zip"]


def test_taking_the_file_away_settles_a_rejection(engine: Engine, rejected: Path) -> None:
    (rejected.parent / "rejected" / rejected.name).unlink()
    assert _open(engine) == []


def test_the_summary_tells_rejected_from_failed_and_how_many_more(engine: Engine, tmp_path: Path) -> None:
    for number in range(LAST_FAILURES + 3):
        path = tmp_path / f"{number}.csv"
        path.touch()
        _register(engine, _drop(path, f"{number}"))
    _receive(engine, reject=True)

    told = summary(engine)

    assert (told["n_rejections"], len(told["rejections"])) == (LAST_FAILURES + 3, LAST_FAILURES)
    assert (told["n_failures"], told["failures"]) == (0, [])


def test_only_sightings_below_the_folder_are_loaded(engine: Engine) -> None:
    paths = ["/up/nl/2019/scenes/ä b.zip", "/up/nl_2/x.zip", "/up/nl/site.zip"]
    for number, path in enumerate(paths):
        _register(engine, _drop(path, f"{number}"))

    with session_scope(engine) as session:
        assert set(uploads.load_known(session, "/up/nl")) == {paths[0], paths[2]}
        assert set(uploads.load_known(session, "/up/")) == set(paths)
        assert uploads.load_known(session, "/up/n_") == {}


def test_two_watchers_register_the_same_drop_once(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    start = threading.Barrier(6)

    def register(_: int) -> str:
        start.wait()
        return _register(engine, _drop(tmp_path / "a", "aa"))[1]

    with ThreadPoolExecutor(6) as pool:
        outcomes = Counter(pool.map(register, range(6)))

    assert outcomes == Counter({"known": 5, "new": 1})
    assert len(_receive(engine)) == 1
