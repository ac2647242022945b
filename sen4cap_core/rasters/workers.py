"""Running the blocks of a pass on threads, with progress, and stopping all at the first error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed

Progress = Callable[[float], None]
Task = tuple[Callable[[], None], float]
"""What to do, and its share of the work in any unit."""


class Workers:
    """A pool of threads with one progress over several rounds of tasks."""

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
        futures = {self._pool.submit(call): work for call, work in tasks}
        try:
            for future in as_completed(futures):
                future.result()
                self.advance(futures[future])
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def advance(self, work: float) -> None:
        """Report work done outside the pool."""
        self._done += work
        if self._progress is not None:
            self._progress(min(self._done / self._total, 1.0))

    def close(self) -> None:
        """Wait for running tasks and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
