"""Notices of the file system: which folders to look at now, without waiting for the next rescan."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

from sen4cap_core.inbox.layout import is_ignored
from sen4cap_core.inbox.units import scope_of

logger = logging.getLogger(__name__)

# What only reading causes (opened, closed without writing) is left out: hashing would wake the watcher.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
_NETWORK_TYPES = ("nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "lustre", "fuse.", "afs", "davfs")
_ECHO_SECONDS = (0.5, 2.0)


class Notices(FileSystemEventHandler):
    """Collects changed paths; ``on_change`` is called from the observer's thread."""

    def __init__(self, root: Path, on_change: Callable[[], None]) -> None:
        self._root = root
        self._on_change = on_change
        self._lock = threading.Lock()
        self._paths: set[Path] = set()
        self._echoes: list[tuple[float, Path]] = []

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Take note of an event."""
        changed = False
        for raw in (event.src_path, event.dest_path):
            path = Path(os.fsdecode(raw)) if raw else None
            if path is None or not path.is_relative_to(self._root) or path == self._root:
                continue
            if any(is_ignored(part) for part in path.relative_to(self._root).parts):
                continue
            with self._lock:
                self._paths.add(path)
                if event.is_directory:
                    # Files may have been written into a new folder before it was watched.
                    now = time.monotonic()
                    self._echoes += [(now + delay, path) for delay in _ECHO_SECONDS]
            changed = True
        if changed:
            self._on_change()

    def take(self) -> tuple[set[Path], set[Path]]:
        """Return (changed paths, layout folders to look at) since the last call."""
        now = time.monotonic()
        with self._lock:
            paths, self._paths = self._paths, set()
            due = {path for at, path in self._echoes if at <= now}
            self._echoes = [(at, path) for at, path in self._echoes if at > now]
        return paths, {scope_of(path, self._root) for path in paths | due}

    def next_echo_seconds(self) -> float | None:
        """Seconds until a new folder is to be looked at once more, None when none is."""
        with self._lock:
            return max(min(at for at, _ in self._echoes) - time.monotonic(), 0.0) if self._echoes else None


def start_observer(
    root: Path, notices: Notices, *, polling: bool, poll_seconds: float
) -> BaseObserver | None:
    """Watch a folder tree; None when it cannot be watched, so that only the rescans see what is dropped.

    ``polling`` compares listings, for mounts that send no events; it is also taken where inotify fails
    (its limits of watches or instances are used up).
    """
    # Of a folder that is made while its parent is being walked watchdog says that it watches it twice. That
    # does not matter: notices are collected in a set.
    warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning, module="watchdog")
    for is_polling in (True,) if polling else (False, True):
        observer = PollingObserver(timeout=poll_seconds) if is_polling else Observer()
        try:
            observer.schedule(notices, str(root), recursive=True, event_filter=_EVENTS)
            observer.start()
        except OSError as error:
            logger.warning(
                "cannot watch %s by %s: %s", root, "polling" if is_polling else "inotify", error.strerror
            )
            continue
        return observer
    return None


def is_network_mount(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Whether a path lies on a file system that sends no events for what other machines write."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    found, kind = "", ""
    target = str(path.resolve())
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].encode().decode("unicode_escape", errors="replace")
        below = target == point or target.startswith(point.rstrip("/") + "/")
        if below and len(point) >= len(found):
            found, kind = point, fields[2]
    return kind.startswith(_NETWORK_TYPES)
