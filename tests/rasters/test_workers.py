"""Tasks on threads: all of them, or none after an error."""

from __future__ import annotations

import threading
import time

import pytest

from sen4cap_core.rasters.blockwise.workers import Workers


def test_each_task_runs_once_and_progress_rises_to_one() -> None:
    seen: list[float] = []
    done: list[int] = []
    with Workers(3, 100.0, seen.append) as workers:
        workers.run((lambda n=n: done.append(n), 0.5) for n in range(100))
        workers.run([])
        workers.run((lambda n=n: done.append(n), 0.5) for n in range(100, 200))
    assert sorted(done) == list(range(200))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_progress_is_told_while_tasks_run() -> None:
    told = threading.Event()
    with Workers(2, 2.0, lambda fraction: told.set() if 0.4 < fraction < 0.6 else None) as workers:
        # The second task ends only when the first was reported.
        workers.run([(lambda: None, 1.0), (lambda: told.wait(30) or pytest.fail("not told"), 1.0)])


def test_after_an_error_no_further_task_begins() -> None:
    begun: list[int] = []

    def task(number: int) -> None:
        begun.append(number)
        if number == 5:
            raise ValueError("the fifth")
        time.sleep(0.001)

    with pytest.raises(ValueError, match="the fifth"), Workers(2, 1.0, None) as workers:
        workers.run((lambda n=n: task(n), 0.0) for n in range(1000))
    assert len(begun) < 1000
    assert len(set(begun)) == len(begun)


def test_a_progress_that_raises_stops_the_tasks() -> None:
    begun: list[int] = []
    stopped = threading.Event()

    def task(number: int) -> None:
        begun.append(number)
        if number >= 2:
            assert stopped.wait(30)
        time.sleep(0.001)

    def stop(_fraction: float) -> None:
        stopped.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Workers(2, 1.0, stop) as workers:
        workers.run((lambda n=n: task(n), 0.0) for n in range(1000))
    assert len(begun) < 1000


def test_threads_have_ended_where_their_use_ends() -> None:
    ended: list[int] = []

    def task(number: int) -> None:
        if number == 0:
            raise ValueError("the first")
        time.sleep(0.2)
        ended.append(number)

    with pytest.raises(ValueError, match="the first"), Workers(2, 1.0, None) as workers:
        # The slow one has begun before the other fails.
        workers.run([(lambda: task(1), 0.0), (lambda: (time.sleep(0.05), task(0)), 0.0)])
    assert ended == [1]
