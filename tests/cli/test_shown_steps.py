"""Progress in a file: a line now and then, the last one always; a terminal has bars."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from sen4cap_core.cli.terminal import shown_steps
from sen4cap_core.cli.terminal.shown_steps import LINE_SECONDS, QUIET_SECONDS, ShownSteps


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_file_gets_a_line_now_and_then_and_the_last_of_each_step() -> None:
    out, clock = io.StringIO(), Clock()
    with ShownSteps(Console(file=out, width=80), clock=clock) as shown:
        received, processed = shown.add("uploads answered", 50), shown.add("scenes processed", 40)
        for second in range(41):
            clock.now = 100.0 + second
            shown.update(received, min(second * 2, 50), 50)
            shown.update(processed, second, 40)
            assert out.getvalue().count("\n") <= 2 * (second / LINE_SECONDS + 2)
        shown.update(processed, 40, 40)

    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert lines[0] == "uploads answered 2/50, 1 s"
    assert lines.count("uploads answered 50/50, 25 s") == 1
    assert lines[-1] == "scenes processed 40/40, 40 s"
    assert "scenes processed 11/40, 11 s" in lines


def test_what_stands_still_is_told_now_and_then_and_what_is_done_once() -> None:
    out, clock = io.StringIO(), Clock()
    with ShownSteps(Console(file=out, width=80), clock=clock) as shown:
        done, step = shown.add("scenes processed", 3), shown.add("mowing evaluated", 1)
        for _ in range(8):
            shown.update(done, 3, 3)
            shown.update(step, 0, 1)
            clock.now += QUIET_SECONDS / 3
            if clock.now > 110.0:
                shown.note("detect-mowing: 1 running")
        shown.update(step, 1, 1)

    assert out.getvalue().splitlines() == [
        "   scenes processed 3/3, 0 s",
        "   mowing evaluated 0/1, 8 s",
        "   mowing evaluated 0/1, 16 s (detect-mowing: 1 running)",
        "   mowing evaluated 1/1, 21 s",
    ]


def test_while_one_thing_takes_long_a_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_steps, "LOOK_SECONDS", 0.01)
    out, clock = io.StringIO(), Clock()
    with ShownSteps(Console(file=out, width=80), clock=clock) as shown:
        things = iter(shown.track("simulating scenes", [1, 2]))
        next(things)
        for second in range(1, 25):
            clock.now = 100.0 + second
            time.sleep(0.05)
        assert list(things) == [2]

    lines = [line.strip() for line in out.getvalue().splitlines()]
    waited = [line for line in lines if line.startswith("simulating scenes 0/2")]
    assert [int(line.split()[-2]) for line in waited] == [8, 16, 24]
    assert lines[-1] == "simulating scenes 2/2, 24 s"


def test_things_are_passed_on_and_counted() -> None:
    out = io.StringIO()
    with ShownSteps(Console(file=out, width=80), clock=Clock()) as shown:
        assert list(shown.track("simulating scenes", [3, 1, 2])) == [3, 1, 2]
    assert out.getvalue().splitlines() == [
        "   simulating scenes 1/3, 0 s",
        "   simulating scenes 3/3, 0 s",
    ]


def test_a_terminal_has_bars() -> None:
    out = io.StringIO()
    with ShownSteps(Console(file=out, width=80, force_terminal=True), clock=Clock()) as shown:
        shown.update(shown.add("scenes processed", 3), 3, 3)
    assert "3/3" in out.getvalue()
    assert "━" in out.getvalue()
