"""A file that several threads write piece by piece, and that appears whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sen4cap_core.files import publish, temporary_beside

Part = bytes | memoryview

_GROUP_BYTES = 1 << 22
"""Of a file that are handed over at once, which costs a fifth less than tile by tile."""
_MOST_PARTS = 1000
"""Linux takes 1024."""


class NewFile:
    """A temporary file until :meth:`publish`; whoever makes one publishes or discards it."""

    def __init__(self, target: Path) -> None:
        """Begin a file that is to become ``target``.

        Raises
        ------
        OSError
            When it cannot be made.
        """
        self._target = target
        self._temporary = temporary_beside(target)
        self._descriptor = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        self._lock = threading.Lock()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="flush")
        self._flush: Future[None] | None = None

    def write(self, at: int, parts: Iterable[Part]) -> int:
        """Write parts one after the other from byte ``at`` on, from any thread; return where they end.

        Raises
        ------
        OSError
            When they cannot be written, or what was written before did not reach the disk.
        """
        for group in _in_groups(parts):
            at = self._write_group(at, group)
            self._hand_to_disk()
        return at

    def read(self, at: int, n_bytes: int) -> bytes:
        """Return what was written at byte ``at``."""
        return os.pread(self._descriptor, n_bytes, at)

    def publish(self) -> None:
        """Let the file appear under its name, once the disk has all of it."""
        if self._flush is not None:
            self._flush.result()
        self._close()
        publish(self._temporary, self._target)

    def discard(self) -> None:
        """Take the file away, however far it is; nothing happens to one that was published."""
        self._close()
        self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        self._disk.shutdown(wait=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write_group(self, at: int, group: Sequence[Part]) -> int:
        end = at + sum(len(part) for part in group)
        written = os.pwritev(self._descriptor, group, at)
        if at + written < end:
            # Cut short, by a signal or a disk about to be full: the next call goes on or says why not.
            rest = memoryview(b"".join(group))
            while at + written < end:
                written += os.pwrite(self._descriptor, rest[written:], at + written)
        return end

    def _hand_to_disk(self) -> None:
        # The disk takes what there is while more is made: at the end little is left to wait for.
        with self._lock:
            if self._flush is None or self._flush.done():
                if self._flush is not None:
                    self._flush.result()
                self._flush = self._disk.submit(os.fsync, self._descriptor)


def _in_groups(parts: Iterable[Part]) -> Iterator[list[Part]]:
    group: list[Part] = []
    n_bytes = 0
    for part in parts:
        group.append(part)
        n_bytes += len(part)
        if n_bytes >= _GROUP_BYTES or len(group) >= _MOST_PARTS:
            yield group
            group, n_bytes = [], 0
    if group:
        yield group
