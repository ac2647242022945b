"""Tell those who receive that something waits: soon after a drop, and again while it still waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Nudger(threading.Thread):
    """Calls ``nudge(number waiting)``: when poked, at most once per ``debounce_seconds``, and every
    ``repeat_seconds`` while ``waiting()`` says that something waits. One that was taken is not repeated for
    ``start_seconds``: an interpreter needs a while to start, and the runs of more nudges would be cancelled.

    A poke is answered after ``grace_seconds``: what a warm worker has taken up by then needs no nudge, which
    would start an interpreter.

    A thread of its own, since a nudge over the network may hang while files arrive. Errors of both functions
    are logged and never end it: the next round asks again.
    """

    def __init__(
        self,
        waiting: Callable[[], int],
        nudge: Callable[[int], bool],
        *,
        repeat_seconds: float = 5.0,
        debounce_seconds: float = 1.0,
        grace_seconds: float = 10.0,
        start_seconds: float = 60.0,
    ) -> None:
        super().__init__(name="nudger", daemon=True)
        self._waiting = waiting
        self._nudge = nudge
        self._repeat_seconds = repeat_seconds
        self._debounce_seconds = debounce_seconds
        self._grace_seconds = grace_seconds
        self._start_seconds = start_seconds
        self._quiet_until = 0.0
        self._poked = threading.Event()
        self._poked.set()  # something may wait since before the start
        self._stopped = threading.Event()

    def poke(self) -> None:
        """Say that something new waits."""
        self._poked.set()

    def stop(self) -> None:
        """End the thread; returns when it has ended, a hanging nudge is not waited for."""
        self._stopped.set()
        self._poked.set()
        self.join(timeout=5.0)

    def run(self) -> None:
        """Loop until stopped."""
        while not self._stopped.is_set():
            self._poked.wait(self._repeat_seconds)
            if self._stopped.wait(self._grace_seconds):
                return
            self._poked.clear()
            self._nudge_if_waiting()
            # The pokes of a burst that come meanwhile are answered together by the next round.
            self._stopped.wait(self._debounce_seconds)

    def _nudge_if_waiting(self) -> None:
        if time.monotonic() < self._quiet_until:
            return
        try:
            number = self._waiting()
            if number:
                taken = self._nudge(number)
                if taken:
                    self._quiet_until = time.monotonic() + self._start_seconds
                logger.debug("nudged for %d waiting uploads: %s", number, "taken" if taken else "not taken")
        except Exception as error:
            logger.warning("could not nudge: %s", error)
