"""How far steps are: bars at a terminal, a line now and then in a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

Thing = TypeVar("Thing")

LINE_SECONDS = 10.0
"""A step that goes on has a line of a file at most so often; its beginning and its end always have theirs."""
QUIET_SECONDS = 8.0
"""After so long without any line the first step that is not done has one: somebody waits."""
LOOK_SECONDS = 1.0
"""So often it is looked whether somebody waits, also while one thing takes long."""


@dataclass
class _Step:
    title: str
    total: int
    done: int = 0
    told: int = -1
    """What its last line said was done."""
    told_at: float = float("-inf")
    bar: TaskID | None = None


class ShownSteps:
    """Shows counts of steps while it is entered, and in a file that work goes on. ``clock`` gives seconds.

    Parameters
    ----------
    transient : whether bars go away at the end
    """

    def __init__(
        self, console: Console, *, transient: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._clock = console, clock
        self._steps: list[_Step] = []
        self._began = self._told_at = clock()
        self._progress: Progress | None = None
        self._note = ""
        self._telling, self._ended = threading.Lock(), threading.Event()
        self._looking: threading.Thread | None = None
        if console.is_terminal:
            count = TextColumn("{task.completed:.0f}/{task.total:.0f}")
            columns = (TextColumn("   {task.description:<17}"), BarColumn(), count, TimeElapsedColumn())
            self._progress = Progress(*columns, console=console, transient=transient)

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        else:
            self._looking = threading.Thread(target=self._look, name="shown-steps", daemon=True)
            self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._progress is not None:
            self._progress.stop()
        if self._looking is not None:
            self._looking.join()

    def note(self, text: str) -> None:
        """Say what is under way; it stands behind the next lines of a file that tell of waiting."""
        self._note = text

    def add(self, title: str, total: int) -> int:
        """Begin to show a step; return its number."""
        step = _Step(title, total)
        if self._progress is not None:
            step.bar = self._progress.add_task(title, total=total)
        with self._telling:
            self._steps.append(step)
        return len(self._steps) - 1

    def update(self, number: int, done: int, total: int) -> None:
        """Say how far a step is."""
        step = self._steps[number]
        step.done, step.total = done, total
        if self._progress is not None and step.bar is not None:
            self._progress.update(step.bar, completed=done, total=total)
        else:
            with self._telling:
                self._tell(step)

    def track(self, title: str, things: Sequence[Thing]) -> Iterable[Thing]:
        """Pass things on and count those that are done with."""
        number = self.add(title, len(things))
        for done, thing in enumerate(things, start=1):
            yield thing
            self.update(number, done, len(things))

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            with self._telling:
                step = next((one for one in self._steps if one.done < one.total), None)
                if step is not None:
                    self._tell(step)

    def _tell(self, step: _Step) -> None:
        now = self._clock()
        is_due = step.done >= step.total or now - step.told_at >= LINE_SECONDS
        is_news = step.done != step.told and is_due and (step.done or step.told >= 0)
        is_waited_for = now - self._told_at >= QUIET_SECONDS and step.done < step.total
        if is_news or is_waited_for:
            note = f" ({self._note})" if self._note and not is_news else ""
            step.told, step.told_at = step.done, now
            self._told_at = now
            self._console.print(
                f"   {step.title} {step.done}/{step.total}, {now - self._began:.0f} s{note}", soft_wrap=True
            )
