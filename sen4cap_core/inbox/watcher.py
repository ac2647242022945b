"""Watches the upload folders: what has arrived whole is hashed, registered once, and announced.

Notices of the file system make it quick, the periodic rescan makes it certain. Its memory is the sighting
table; files stay where they are, so a restart, a lost notice or a database that is away loses nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen4cap_core.db.server.session import is_database_trouble, is_held, session_scope
from sen4cap_core.db.work import backlog, uploads
from sen4cap_core.db.work.rejections import moved_files
from sen4cap_core.inbox.heartbeat import HEARTBEAT, Heartbeat, first_of_each_site
from sen4cap_core.inbox.misplaced import MisplacedThings, as_misplaced
from sen4cap_core.inbox.notices import Notices, is_network_mount, start_observer
from sen4cap_core.inbox.nudging import Nudger
from sen4cap_core.inbox.patience import DatabasePatience
from sen4cap_core.inbox.register import (
    Registered,
    hash_unit,
    needs_look,
    needs_receipt,
    order,
    register,
    write_duplicate_receipt,
)
from sen4cap_core.inbox.settle import JUST_ARRIVED, STILL_GROWING, Settler
from sen4cap_core.inbox.taking_up import take_up
from sen4cap_core.inbox.units import Fingerprint, Unit, find_units, scope_of
from sen4cap_core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

logger = logging.getLogger(__name__)

HASH_THREADS = 2
DEEP_RESCAN_EVERY = 20
"""Folders that are known are looked into at every so many rescans, and whenever a notice comes from them."""
UNREADABLE_PAUSE_SECONDS = 15.0
"""A drop that could not be taken is tried again after this long."""

SLOW_LOOK_SECONDS = 2.0
_JUST_SEEN, _HASHING = "being written", "reading its contents"
_BRISK = frozenset({JUST_ARRIVED, STILL_GROWING, _JUST_SEEN, _HASHING})
"""Reasons that pass by themselves within seconds."""

Register = Callable[[Settings, "Engine", Unit, Fingerprint, str], Registered]


@dataclass
class _Hashed:
    """A drop between its settling and its row."""

    unit: Unit
    fingerprint: Fingerprint
    sha256: Future[str | None]


@dataclass(frozen=True)
class _Aside:
    """A drop that could not be taken: until when it is left alone, and why."""

    until: float
    reason: str


class Watcher:
    """One process watches one upload folder; a second one beside it would be harmless."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        nudge: Callable[[int], bool],
        *,
        polling: bool | None = None,
        settler: Settler | None = None,
        register: Register = register,
        nudge_seconds: float = 5.0,
        nudge_grace_seconds: float = 10.0,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._root = settings.uploads_root.absolute()
        self._polling = polling
        self._settler = settler or Settler(settings.settle_seconds)
        self._register = register
        self._nudger = Nudger(
            self._n_waiting, nudge, repeat_seconds=nudge_seconds, grace_seconds=nudge_grace_seconds
        )
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._notices = Notices(self._root, self._wake.set)
        # Of files that replace each other the order counts, so those are hashed one after the other.
        self._in_order = ThreadPoolExecutor(1, "hash-in-order")
        self._pool = ThreadPoolExecutor(HASH_THREADS, "hash")
        self._known: dict[str, uploads.Known] | None = None
        self._pending: dict[Path, str] = {}
        self._hashed: dict[Path, _Hashed] = {}
        self._misplaced = MisplacedThings(settings)
        self._unreadable: dict[Path, _Aside] = {}
        self._n_rescans = 0
        self._next_rescan = 0.0
        self._database = DatabasePatience()
        self._observed_by = "rescans only"
        self._beat = Heartbeat(settings.home / HEARTBEAT)

    def stop(self) -> None:
        """Ask ``run`` to return; may be called from a signal handler."""
        self._stopped.set()
        self._wake.set()

    def run(self) -> None:
        """Watch until stopped."""
        self._root.mkdir(parents=True, exist_ok=True)
        polling = is_network_mount(self._root) if self._polling is None else self._polling
        observer = start_observer(
            self._root,
            self._notices,
            polling=polling,
            poll_seconds=max(min(self._settings.rescan_seconds / 3, 5.0), 0.2),
        )
        if observer is not None:
            self._observed_by = type(observer).__name__
        logger.info("watching %s (%s)", self._root, self._observed_by)
        self._nudger.start()
        try:
            self._loop()
        finally:
            self._nudger.stop()
            if observer is not None:
                observer.stop()
                observer.join(timeout=5.0)
            for pool in (self._in_order, self._pool):
                pool.shutdown(wait=True, cancel_futures=True)
            self._heartbeat(stopped=True)
            logger.info("stopped watching %s", self._root)

    def _loop(self) -> None:
        pause = 0.0
        while not self._stopped.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            began = time.monotonic()
            if self._stopped.is_set():
                return
            if began < self._database.next_try:
                pause = self._database.next_try - began
                continue
            is_rescan = began >= self._next_rescan
            try:
                self._tick(*self._notices.take(), is_rescan)
            except Exception as error:
                if not is_database_trouble(error):
                    raise
                self._database.is_away(error)
                # What was noticed meanwhile may be lost: look at everything when it is back.
                self._next_rescan = 0.0
            else:
                self._database.is_back()
                if is_rescan:
                    self._next_rescan = began + self._settings.rescan_seconds
            self._heartbeat()
            pause = self._pause(time.monotonic() - began)

    def _tick(self, changed: set[Path], scopes: set[Path], is_rescan: bool) -> None:
        if self._known is None or is_rescan:
            with session_scope(self._engine) as session:
                self._known = uploads.load_known(session, str(self._root))
                rejected = moved_files(session)
            take_up(rejected)
            scopes = {self._root}
        for path in changed:
            # Only a cache: what is forgotten here is looked up again before it is hashed.
            for one in (path, *path.parents):
                self._known.pop(str(one), None)
        deep = is_rescan and self._n_rescans % DEEP_RESCAN_EVERY == 0
        self._n_rescans += is_rescan
        scopes |= {scope_of(path, self._root) for path in (*self._pending, *self._misplaced.undecided)}
        found: set[Path] = set()
        misplaced: set[Path] = set()
        settled: list[tuple[Unit, Fingerprint]] = []
        for scope in scopes:
            if any(other in scope.parents for other in scopes):
                continue
            for unit in find_units(self._root, scope):
                found.add(unit.path)
                try:
                    if (stray := as_misplaced(unit)) is not None:
                        misplaced.add(stray.path)
                        self._misplaced.see(stray, is_rescan)
                    elif isinstance(unit, Unit) and (fingerprint := self._look(unit, deep, is_rescan)):
                        settled.append((unit, fingerprint))
                except Exception as error:
                    self._put_aside(unit.path, error)
        if is_rescan:
            self._forget_gone(found)
            self._misplaced.keep_only(misplaced)
            self._misplaced.sweep()
        for unit, fingerprint in sorted(settled, key=lambda pair: order(*pair)):
            self._hash(unit, fingerprint)
        self._register_hashed()

    def _look(self, unit: Unit, deep: bool, is_rescan: bool) -> Fingerprint | None:
        """Return the fingerprint of a unit that is to be hashed now, else None."""
        path = unit.path
        if path in self._hashed:
            return None
        aside = self._unreadable.get(path)
        if aside is not None and time.monotonic() < aside.until:
            self._pending[path] = aside.reason
            return None
        known = (self._known or {}).get(str(path))
        if known is not None and path.is_dir() and not deep and known.kept_path == str(path):
            return None
        fingerprint = unit.fingerprint()
        if fingerprint is None:
            self._pending[path] = _JUST_SEEN
            return None
        if known is not None and not needs_look(unit, known, fingerprint):
            self._pending.pop(path, None)
            if is_rescan and needs_receipt(self._settings, unit, known):
                self._repair_receipt(unit, fingerprint, known)
            return None
        reason = self._settler.look(unit, fingerprint, time.monotonic())
        if reason is not None:
            self._pending[path] = reason
            return None
        if known is None and self._is_known_after_all(path, fingerprint):
            self._done(path)
            return None
        return fingerprint

    def _is_known_after_all(self, path: Path, fingerprint: Fingerprint) -> bool:
        with session_scope(self._engine) as session:
            sighting = uploads.find_known(session, str(path))
        if sighting is None or self._known is None:
            return False
        if (sighting.size_bytes, sighting.mtime_ns) != (fingerprint.size_bytes, fingerprint.mtime_ns):
            return False
        if sighting.kept_path != str(path) and not Path(sighting.kept_path).exists():
            return False
        self._known[str(path)] = sighting
        return True

    def _hash(self, unit: Unit, fingerprint: Fingerprint) -> None:
        pool = self._in_order if unit.place.latest_counts else self._pool
        future = pool.submit(hash_unit, unit, fingerprint)
        future.add_done_callback(lambda _: self._wake.set())
        self._hashed[unit.path] = _Hashed(unit, fingerprint, future)
        self._pending[unit.path] = _HASHING

    def _register_hashed(self) -> None:
        n_new = 0
        try:
            for path, hashed in list(self._hashed.items()):
                if not hashed.sha256.done():
                    continue
                n_new += self._register_one(path, hashed)
        finally:
            if n_new:
                self._nudger.poke()

    def _register_one(self, path: Path, hashed: _Hashed) -> bool:
        try:
            sha256 = hashed.sha256.result()
            if sha256 is None:
                # Changed while it was read: it settles anew.
                self._done(path)
                return False
            answer = self._register(self._settings, self._engine, hashed.unit, hashed.fingerprint, sha256)
        except Exception as error:
            self._put_aside(path, error)
            return False
        if self._known is not None:
            size, mtime = hashed.fingerprint.size_bytes, hashed.fingerprint.mtime_ns
            self._known[str(path)] = uploads.Known(size, mtime, answer.upload_id, answer.kept_path)
        self._done(path)
        return answer.is_work

    def _put_aside(self, path: Path, error: Exception) -> None:
        """Leave one drop alone for a while, so that it does not hold up the others.

        Raises what is the database's trouble and not the drop's.
        """
        if is_database_trouble(error):
            raise error
        if isinstance(error, OSError):
            reason = f"cannot be read: {error.strerror or error}"
        else:
            reason = f"cannot be taken: {type(error).__name__}: {error}".splitlines()[0]
        before = self._unreadable.get(path)
        if before is None or before.reason != reason:
            logger.error("%r is put aside: %s", str(path), reason, exc_info=error)
        self._done(path)
        self._pending[path] = reason
        self._unreadable[path] = _Aside(time.monotonic() + UNREADABLE_PAUSE_SECONDS, reason)

    def _done(self, path: Path) -> None:
        self._hashed.pop(path, None)
        self._pending.pop(path, None)
        self._unreadable.pop(path, None)
        self._settler.forget(path)

    def _repair_receipt(self, unit: Unit, fingerprint: Fingerprint, known: uploads.Known) -> None:
        first = Registered(known.upload_id, "duplicate", known.kept_path)
        sha256 = hash_unit(unit, fingerprint)
        if sha256 is not None:
            write_duplicate_receipt(self._settings, unit, first, fingerprint.size_bytes, sha256)

    def _forget_gone(self, found: set[Path]) -> None:
        """Forget what is no longer there, once all has been listed."""
        for path in set().union(self._pending, self._unreadable) - found - set(self._hashed):
            self._done(path)
        self._settler.keep_only(found)

    def _pause(self, spent: float) -> float:
        if self._database.next_try:
            return max(self._database.next_try - time.monotonic(), 0.0)
        pause = max(self._next_rescan - time.monotonic(), 0.0)
        echo = self._notices.next_echo_seconds()
        if echo is not None:
            pause = min(pause, echo)
        if self._pending or self._misplaced.undecided:
            is_brisk = bool(_BRISK.intersection(self._pending.values()))
            # Not busier than a fifth of the time, however large the folders are.
            rest = self._settings.settle_seconds / 4 if is_brisk else SLOW_LOOK_SECONDS
            pause = min(pause, max(rest, 4 * spent, 0.05))
        return pause

    def _n_waiting(self) -> int:
        """Count uploads nobody attends to: a drain at work takes whatever waits and needs no nudge."""
        with session_scope(self._engine) as session:
            if is_held(session, uploads.DRAIN_LOCK):
                return 0
            return backlog.unattended(session, uploads.RECEIVE_UPLOAD)

    def _heartbeat(self, *, stopped: bool = False) -> None:
        """Write what ``status`` shows, when it has changed or a rescan was made."""
        facts: dict[str, Any] = {
            "pid": os.getpid(),
            "state": "stopped" if stopped else "watching",
            "uploads_root": str(self._root),
            "observed_by": self._observed_by,
            "database": self._database.trouble or "reachable",
            "rescans": self._n_rescans,
            "known": len(self._known or {}),
            "pending": first_of_each_site(self._pending, self._root),
            "n_pending": len(self._pending),
        }
        self._beat.write(facts)
