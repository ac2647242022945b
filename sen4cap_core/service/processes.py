"""Finding processes again and ending them with all they started."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from sen4cap_core.service.place import SUPERVISED_MARK

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProcessId:
    """A process number together with its birth, since numbers are given out again."""

    pid: int
    born: float
    """Seconds since 1970, as the kernel keeps it."""

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """Return the identity of a running process, None when it has ended."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def find(self) -> psutil.Process | None:
        """Return the process if it still runs."""
        try:
            process = psutil.Process(self.pid)
            # The kernel counts in hundredths of a second; boot time may be corrected by as much.
            same = abs(process.create_time() - self.born) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all its living descendants."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def supervised_processes(home: Path) -> list[psutil.Process]:
    """Return every process that carries the mark of this home, except ourselves and our ancestors."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        try:
            marked = process.environ().get(SUPERVISED_MARK) == str(home)
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def is_listening(home: Path, port: int) -> bool:
    """Whether a process of this home listens on a TCP port, and not one of another installation."""
    for process in supervised_processes(home):
        try:
            connections = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections):
            return True
    return False


def end(processes: Iterable[psutil.Process], *, timeout_s: float = 10.0) -> int:
    """Ask processes to end, kill those that do not; return how many were running."""
    running = [process for process in processes if process.is_running()]
    for process in running:
        _send(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(running, timeout=timeout_s)
    for process in stubborn:
        log.warning("process %s does not end by itself: killed", process.pid)
        _send(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=timeout_s)
    return len(running)


def memory_bytes(process: psutil.Process) -> int:
    """Return the memory of a process and its descendants; shared pages count once where the kernel tells."""
    total = 0
    for member in family(process):
        try:
            total += member.memory_full_info().pss
        except psutil.AccessDenied:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
