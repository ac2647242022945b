"""The job queue: each job once, whatever happens to its workers."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from sen4cap_core.db.models import Job
from sen4cap_core.db.server.session import alone, is_held, session_scope
from sen4cap_core.db.work import backlog, jobs
from sen4cap_core.db.work.uploads import DRAIN_LOCK

pytestmark = pytest.mark.service

KIND = "process-scene"


def _ask(engine: Engine, key: str = "k", **options: Any) -> jobs.Outcome:
    with session_scope(engine) as session:
        return jobs.enqueue(session, KIND, key, "site", {"scene_id": 1}, **options)


def _claim(
    engine: Engine, owner: str = "me", lease_seconds: float = 60, **options: Any
) -> list[jobs.ClaimedJob]:
    with session_scope(engine) as session:
        return jobs.claim(session, [KIND], owner, lease_seconds, **options)


def _row(engine: Engine, key: str = "k") -> Job:
    with session_scope(engine) as session:
        return session.execute(select(Job).where(Job.key == key)).scalar_one()


def _expire(engine: Engine) -> None:
    with session_scope(engine) as session:
        session.execute(text("UPDATE job SET lease_until = now() - interval '1 second'"))


def _call(engine: Engine, function: Any, *arguments: Any, **options: Any) -> Any:
    with session_scope(engine) as session:
        return function(session, *arguments, **options)


def test_asking_twice_is_asking_once(engine: Engine) -> None:
    assert [_ask(engine), _ask(engine), _ask(engine, again=True)] == ["new", "known", "known"]
    assert len(_claim(engine, limit=10)) == 1
    assert _claim(engine, limit=10) == []


def test_a_claim_carries_what_the_worker_needs(engine: Engine) -> None:
    _ask(engine, priority=3)

    (job,) = _claim(engine, "worker-1", flow_run_id="run-9")

    assert (job.kind, job.key, job.site_slug, job.payload) == (KIND, "k", "site", {"scene_id": 1})
    assert (job.priority, job.attempts, job.owner) == (3, 1, "worker-1")
    row = _row(engine)
    assert (row.state, row.lease_owner, row.flow_run_id) == ("running", "worker-1", "run-9")


def test_order_is_priority_then_age(engine: Engine) -> None:
    for key, priority in [("old", 0), ("urgent", 9), ("new", 0), ("later", 0)]:
        _ask(engine, key, priority=priority, delay_seconds=3600 if key == "later" else 0)

    assert [job.key for job in _claim(engine, limit=10)] == ["urgent", "old", "new"]


def test_kinds_and_sites_are_kept_apart(engine: Engine) -> None:
    _ask(engine)

    assert _call(engine, jobs.claim, ["detect-mowing"], "me", 60) == []
    assert _claim(engine, site_slug="elsewhere") == []
    assert len(_claim(engine, site_slug="site")) == 1


def test_finish_only_by_the_owner_and_only_once(engine: Engine) -> None:
    _ask(engine)
    (job,) = _claim(engine)

    assert not _call(engine, jobs.finish, job.id, "somebody else")
    assert _row(engine).state == "running"
    assert _call(engine, jobs.finish, job.id, "me")
    assert not _call(engine, jobs.finish, job.id, "me")
    row = _row(engine)
    assert (row.state, row.lease_owner, row.lease_until) == ("done", None, None)
    assert isinstance(row.finished_at, datetime)


def test_asked_again_after_the_end_it_starts_afresh(engine: Engine) -> None:
    _ask(engine)
    (job,) = _claim(engine)
    _call(engine, jobs.skip, job.id, "me", "no pixels over the site")
    assert (_row(engine).state, _row(engine).error) == ("skipped", "no pixels over the site")

    assert _ask(engine) == "known"
    assert _row(engine).state == "skipped"
    assert _ask(engine, again=True, priority=5) == "again"

    row = _row(engine)
    assert (row.state, row.attempts, row.error, row.finished_at, row.priority) == (
        "waiting",
        0,
        None,
        None,
        5,
    )
    assert len(_claim(engine)) == 1


@pytest.mark.parametrize("ending", ["finish", "skip", "fail", "fail-retry"])
def test_asked_again_while_running_it_runs_once_more(engine: Engine, ending: str) -> None:
    _ask(engine)
    (job,) = _claim(engine)
    assert _ask(engine, again=True) == "dirty"
    assert _claim(engine, "other") == []

    match ending:
        case "finish":
            ended = _call(engine, jobs.finish, job.id, "me")
        case "skip":
            ended = _call(engine, jobs.skip, job.id, "me", "nothing")
        case "fail":
            ended = _call(engine, jobs.fail, job.id, "me", "broken")
        case _:
            ended = _call(engine, jobs.fail, job.id, "me", "broken", 0.0)

    assert ended
    row = _row(engine)
    assert (row.state, row.dirty, row.finished_at) == ("waiting", False, None)
    (job,) = _claim(engine)
    _call(engine, jobs.finish, job.id, "me")
    assert _row(engine).state == "done"


def test_failure_is_tried_again_up_to_the_limit(engine: Engine) -> None:
    _ask(engine)
    for attempt in (1, 2, 3):
        (job,) = _claim(engine)
        assert job.attempts == attempt
        assert _call(engine, jobs.fail, job.id, "me", f"try {attempt}", 0.0, max_attempts=3)

    row = _row(engine)
    assert (row.state, row.error, row.attempts) == ("failed", "try 3", 3)
    assert _claim(engine) == []
    assert _call(engine, jobs.retry_failed, [KIND]) == 1
    assert _claim(engine)[0].attempts == 1


def test_a_retry_waits_its_time(engine: Engine) -> None:
    _ask(engine)
    (job,) = _claim(engine)
    _call(engine, jobs.fail, job.id, "me", "disk full", 3600.0)

    assert (_row(engine).state, _row(engine).error) == ("waiting", "disk full")
    assert _claim(engine) == []
    assert _call(engine, backlog.due, [KIND]) == 0
    assert _call(engine, backlog.pending, [KIND]) == 1
    # Somebody asks anew: no need to wait any longer.
    assert _ask(engine, again=True) == "known"
    assert len(_claim(engine)) == 1


def test_an_expired_lease_is_taken_over_and_the_first_owner_has_no_say(engine: Engine) -> None:
    _ask(engine)
    (first,) = _claim(engine, "killed")
    assert _claim(engine, "second") == []
    _expire(engine)
    assert _call(engine, backlog.due, [KIND]) == 1

    (second,) = _claim(engine, "second")

    assert (second.id, second.attempts) == (first.id, 2)
    assert not _call(engine, jobs.renew, first.id, "killed", 60)
    assert not _call(engine, jobs.fail, first.id, "killed", "late", 0.0)
    assert not _call(engine, jobs.release, first.id, "killed")
    assert not _call(engine, jobs.finish, first.id, "killed")
    assert _call(engine, jobs.finish, second.id, "second")


def test_a_renewed_lease_holds(engine: Engine) -> None:
    _ask(engine)
    (job,) = _claim(engine)
    _expire(engine)

    # Late, but nobody else took it: it is still ours.
    assert _call(engine, jobs.renew, job.id, "me", 60)
    assert _claim(engine, "other") == []


def test_a_lease_in_a_long_transaction_counts_from_the_statement(engine: Engine) -> None:
    _ask(engine)
    (job,) = _claim(engine)
    with session_scope(engine) as session:
        start = session.execute(select(func.now())).scalar_one()
        session.execute(text("SELECT pg_sleep(0.3)"))
        jobs.renew(session, job.id, "me", 10)
    until = _row(engine).lease_until
    assert until is not None
    assert (until - start).total_seconds() >= 10.3


def test_a_job_that_kills_its_workers_is_failed_with_the_reason(engine: Engine) -> None:
    _ask(engine)
    for _ in range(2):
        assert len(_claim(engine, "w", max_attempts=2)) == 1
        _expire(engine)

    assert _claim(engine, "w", max_attempts=2) == []

    row = _row(engine)
    assert row.state == "failed"
    assert row.error == "its worker died or stopped answering 2 times (limit 2); last owner: w"
    assert row.finished_at is not None


def test_given_back_does_not_count_as_a_try(engine: Engine) -> None:
    _ask(engine)
    for _ in range(5):
        (job,) = _claim(engine)
        assert job.attempts == 1
        assert _call(engine, jobs.release, job.id, "me")
    _ask(engine, "other")
    assert len(_claim(engine, "gone", limit=2)) == 2
    assert _call(engine, jobs.release_owned, "gone") == [None, None]
    assert len(_claim(engine, limit=2)) == 2


def test_counts(engine: Engine) -> None:
    for key in "abc":
        _ask(engine, key)
    (job,) = _claim(engine)
    _call(engine, jobs.finish, job.id, "me")

    assert _call(engine, backlog.counts) == {KIND: {"done": 1, "waiting": 2}}
    assert _call(engine, backlog.counts, "elsewhere") == {}
    assert _call(engine, backlog.pending, [KIND], "site") == 2
    assert _call(engine, backlog.pending, ["detect-mowing"]) == 0


def test_an_effect_and_its_finish_are_one(engine: Engine) -> None:
    _ask(engine)
    (job,) = _claim(engine)

    def work_and_die() -> None:
        with session_scope(engine) as session:
            jobs.enqueue(session, "detect-mowing", "m", "site", {})
            jobs.finish(session, job.id, "me")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        work_and_die()

    assert _row(engine).state == "running"
    assert _call(engine, backlog.pending, ["detect-mowing"]) == 0


def test_two_hundred_jobs_eight_claimers_each_exactly_once(engine: Engine) -> None:
    with session_scope(engine) as session:
        for number in range(200):
            jobs.enqueue(session, KIND, f"job-{number}", "site", {})
    start = threading.Barrier(8)
    overlaps: list[int] = []

    def work(worker: int) -> list[str]:
        owner = f"worker-{worker}"
        done: list[str] = []
        start.wait()
        while True:
            claimed = _claim(engine, owner, limit=1 + worker % 3)
            if not claimed:
                return done
            for job in claimed:
                if job.attempts != 1 or not _call(engine, jobs.finish, job.id, owner):
                    overlaps.append(job.id)
                done.append(job.key)

    with ThreadPoolExecutor(8) as pool:
        done = Counter(key for keys in pool.map(work, range(8)) for key in keys)

    assert overlaps == []
    assert done == Counter({f"job-{number}": 1 for number in range(200)})
    assert _call(engine, backlog.counts) == {KIND: {"done": 200}}


def test_many_ask_for_the_same_at_the_same_time(engine: Engine) -> None:
    start = threading.Barrier(8)

    def ask(_: int) -> jobs.Outcome:
        start.wait()
        return _ask(engine, "same", again=True)

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(ask, range(8)))

    assert outcomes == Counter({"known": 7, "new": 1})


def test_a_drain_that_looks_for_work_is_seen_by_its_lock(engine: Engine) -> None:
    with alone(engine, DRAIN_LOCK) as is_alone, session_scope(engine) as session:
        assert is_alone
        assert is_held(session, DRAIN_LOCK)
        assert not is_held(session, DRAIN_LOCK + 1)
    with session_scope(engine) as session:
        assert not is_held(session, DRAIN_LOCK)


def test_jobs_somebody_works_on_need_no_nudge(engine: Engine) -> None:
    with session_scope(engine) as session:
        for number in range(3):
            jobs.enqueue(session, "receive-upload", f"receive-upload/{number}", "polder", {})
        before = backlog.unattended(session, "receive-upload")
        (job,) = jobs.claim(session, ["receive-upload"], "drain", 60)
        during = backlog.unattended(session, "receive-upload")
        jobs.finish(session, job.id, "drain")
        after = backlog.unattended(session, "receive-upload")

    assert (before, during, after) == (3, 0, 2)
