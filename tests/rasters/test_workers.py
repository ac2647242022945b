"""Tasks on threads: all of them, or none after an error."""

from __future__ import annotations

import threading
import time

import pytest

from sen4cap_core.rasters.blockwise.workers import Workers


def test_each_task_runs_once_and_progress_rises_to_one() -> None:
    seen: list[float] = []
    done: list[int] = []
    workers = Workers(3, 100.0, seen.append)
    workers.run((lambda n=n: done.append(n), 0.5) for n in range(100))
    workers.run([])
    workers.run((lambda n=n: done.append(n), 0.5) for n in range(100, 200))
    workers.close()
    assert sorted(done) == list(range(200))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_progress_is_told_while_tasks_run() -> None:
    told = threading.Event()
    workers = Workers(2, 2.0, lambda fraction: told.set() if 0.4 < fraction < 0.6 else None)
    # The second task ends only when the first was reported.
    workers.run([(lambda: None, 1.0), (lambda: told.wait(30) or pytest.fail("not told"), 1.0)])
    workers.close()


def test_after_an_error_no_further_task_begins() -> None:
    begun: list[int] = []

    def task(number: int) -> None:
        begun.append(number)
        if number == 5:
            raise ValueError("the fifth")
        time.sleep(0.001)

    workers = Workers(2, 1.0, None)
    with pytest.raises(ValueError, match="the fifth"):
        workers.run((lambda n=n: task(n), 0.0) for n in range(1000))
    workers.close()
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

    workers = Workers(2, 1.0, stop)
    with pytest.raises(KeyboardInterrupt):
        workers.run((lambda n=n: task(n), 0.0) for n in range(1000))
    workers.close()
    assert len(begun) < 1000
