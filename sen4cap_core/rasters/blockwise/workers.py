"""Running the blocks of a pass on threads, with progress, and stopping all at the first error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Self

Progress = Callable[[float], None]
Task = tuple[Callable[[], None], float]
"""What to do, and its share of the work in any unit."""

_REPORT_S = 0.1
"""How often the calling thread looks how far the others are."""


class Workers:
    """A pool of threads with one progress over several rounds of tasks, for a ``with`` statement.

    Threads have ended where it ends: what they were writing can be taken away after an error.
    """

    def __init__(
        self,
        threads: int,
        total_work: float,
        progress: Progress | None,
        initializer: Callable[[], None] | None = None,
    ) -> None:
        """Start threads, each of which calls ``initializer`` first."""
        self._threads = max(threads, 1)
        self._total = max(total_work, 1e-9)
        self._done = 0.0
        self._progress = progress
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="blocks", initializer=initializer)

    def run(self, tasks: Iterable[Task]) -> None:
        """Run tasks to their end; at the first error the rest is not started and the error is raised."""
        queue = _Queue(tasks)
        running = {self._pool.submit(queue.work) for _ in range(self._threads)}
        try:
            while running:
                done, running = wait(running, _REPORT_S, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                self.advance(queue.take_done())
        except BaseException:
            queue.stop()
            raise

    def advance(self, work: float) -> None:
        """Report work done outside the pool."""
        self._done += work
        if self._progress is not None:
            self._progress(min(self._done / self._total, 1.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for running tasks and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Queue:
    """Tasks that threads take one after the other.

    A future for each would wake the calling thread at each end of one, which takes the interpreter away from
    those that work: for tasks of a fifth of a millisecond two threads took longer than one.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._lock = threading.Lock()
        self._done = 0.0
        self._stopped = False

    def work(self) -> None:
        """Do what is left, until there is nothing or an error anywhere."""
        work = 0.0
        while True:
            with self._lock:
                self._done += work
                task = None if self._stopped else next(self._tasks, None)
            if task is None:
                return
            call, work = task
            try:
                call()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Let no further task begin."""
        self._stopped = True

    def take_done(self) -> float:
        """Return the work done since the last time."""
        with self._lock:
            done, self._done = self._done, 0.0
        return done
