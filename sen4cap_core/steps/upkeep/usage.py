"""What a run takes, measured beside it, and how this machine is."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

from sen4cap_core.clock import utc_now
from sen4cap_core.db.models import JobUsage, MachineSample
from sen4cap_core.db.overview import monitoring
from sen4cap_core.db.work import pending
from sen4cap_core.db.work.jobs import ClaimedJob
from sen4cap_core.steps.shared.context import Context

logger = logging.getLogger(__name__)

SAMPLE_SECONDS = 1.0
_at_work = 0
_count = threading.Lock()


@contextmanager
def measured(context: Context, work: Sequence[ClaimedJob]) -> Iterator[None]:
    """Measure this process while the block runs and write down what it took; if that fails, the work stands.

    Threads of one process cannot be told apart: ``others`` says how many runs went on beside it.
    """
    global _at_work
    process = psutil.Process()
    with _count:
        others, _at_work = _at_work, _at_work + 1
    started_at, begun = utc_now(), time.monotonic()
    cpu, disk = _cpu_seconds(process), _disk_bytes(process)
    peak = _Peak(process)
    try:
        with peak:
            yield
    finally:
        with _count:
            _at_work -= 1
        read, written = _disk_bytes(process)
        usage = JobUsage(
            kind=work[0].kind,
            site_slug=work[0].site_slug,
            key=work[0].key,
            n_jobs=len(work),
            host=socket.gethostname(),
            started_at=started_at,
            seconds=time.monotonic() - begun,
            cpu_seconds=max(_cpu_seconds(process) - cpu, 0.0),
            peak_memory_bytes=peak.n_bytes,
            read_bytes=max(read - disk[0], 0),
            written_bytes=max(written - disk[1], 0),
            others=others,
        )
        try:
            with context.session() as session:
                monitoring.note_usage(session, usage)
        except Exception:
            logger.warning("could not write down what %s took", work[0].key, exc_info=True)


def sample_machine(context: Context) -> None:
    """Write down how this machine is now: processors, memory, and the disk of the data root."""
    memory = psutil.virtual_memory()
    root = context.settings.data
    disk = shutil.disk_usage(next(place for place in (root, *root.parents) if place.exists()))
    sample = MachineSample(
        host=socket.gethostname(),
        cpu_percent=psutil.cpu_percent(),
        n_cores=psutil.cpu_count() or 1,
        memory_bytes=memory.total,
        memory_free_bytes=memory.available,
        disk_bytes=disk.total,
        disk_free_bytes=disk.free,
    )
    with context.session() as session:
        # Machines are compared, and what is old is dropped, by the one clock they share.
        sample.taken_at = pending.database_now(session)
        monitoring.note_sample(session, sample)


class _Peak:
    """The largest memory of a process and its children while a block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self.n_bytes = _memory_bytes(process)

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        self.n_bytes = max(self.n_bytes, _memory_bytes(self._process))

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.n_bytes = max(self.n_bytes, _memory_bytes(self._process))


def _memory_bytes(process: psutil.Process) -> int:
    total = int(process.memory_info().rss)
    for child in process.children(recursive=True):
        try:
            total += int(child.memory_info().rss)
        except psutil.Error:
            continue
    return total


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _disk_bytes(process: psutil.Process) -> tuple[int, int]:
    try:
        counters = process.io_counters()
    except (psutil.Error, AttributeError):
        # Not every system tells.
        return 0, 0
    return int(counters.read_bytes), int(counters.write_bytes)
