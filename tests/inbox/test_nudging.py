"""Nudges: at once, once for a burst, and again while something waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sen4cap_core.inbox.nudging import Nudger


def _until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_burst_is_one_nudge_and_waiting_work_is_announced_again() -> None:
    waiting = 0
    nudges: list[int] = []

    def nudge(number: int) -> bool:
        nudges.append(number)
        return True

    pauses = {"repeat_seconds": 0.2, "debounce_seconds": 0.1, "grace_seconds": 0.0, "start_seconds": 0.0}
    nudger = Nudger(lambda: waiting, nudge, **pauses)
    nudger.start()
    time.sleep(0.3)
    assert nudges == []

    waiting = 7
    for _ in range(50):
        nudger.poke()
    _until(lambda: len(nudges) >= 3)
    assert len(nudges) < 50
    waiting = 0
    time.sleep(0.15)
    seen = len(nudges)
    time.sleep(0.5)
    assert len(nudges) <= seen + 1
    nudger.stop()
    assert not nudger.is_alive()


def test_what_waits_since_before_the_start_is_announced() -> None:
    nudged = threading.Event()
    nudger = Nudger(lambda: 1, lambda _: bool(nudged.set()), repeat_seconds=60, grace_seconds=0.0)
    nudger.start()
    assert nudged.wait(5)
    nudger.stop()


def test_a_nudge_that_was_taken_is_not_repeated_while_its_run_starts() -> None:
    looked, nudges = threading.Semaphore(0), list[int]()

    def waiting() -> int:
        looked.release()
        return 1

    pauses = {"repeat_seconds": 0.01, "debounce_seconds": 0.01, "grace_seconds": 0.0}
    refused = Nudger(waiting, lambda _: False, **pauses)
    refused.start()
    assert all(looked.acquire(timeout=10) for _ in range(3)), "one that was not taken is repeated"
    refused.stop()
    taken = Nudger(lambda: 1, lambda n: nudges.append(n) is None, **pauses)
    taken.start()
    _until(lambda: bool(nudges))
    time.sleep(0.2)
    taken.stop()
    assert nudges == [1]


def test_errors_do_not_end_it() -> None:
    calls: list[str] = []

    def waiting() -> int:
        calls.append("waiting")
        if len(calls) == 1:
            raise RuntimeError("the database is away")
        return 1

    def nudge(_: int) -> bool:
        calls.append("nudge")
        raise RuntimeError("no server")

    nudger = Nudger(waiting, nudge, repeat_seconds=0.05, debounce_seconds=0.01, grace_seconds=0.0)
    nudger.start()
    _until(lambda: calls.count("nudge") >= 3)
    nudger.stop()


def test_what_is_taken_up_within_the_grace_is_not_announced() -> None:
    waiting, looked = 1, threading.Event()
    nudges: list[int] = []

    def n_waiting() -> int:
        looked.set()
        return waiting

    nudger = Nudger(n_waiting, lambda n: bool(nudges.append(n)), repeat_seconds=60, grace_seconds=0.3)
    nudger.poke()
    nudger.start()
    waiting = 0
    assert looked.wait(5)
    nudger.stop()
    assert nudges == []
