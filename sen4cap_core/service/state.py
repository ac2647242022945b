"""What the supervisor tells everybody else: a state file, and locks that cannot be held by the dead."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from sen4cap_core.errors import ServiceError
from sen4cap_core.files import write_text_atomic
from sen4cap_core.service.processes import ProcessId

Phase = Literal["starting", "up", "stopping", "stopped", "failed"]
UnitPhase = Literal["waiting", "starting", "up", "done", "backoff", "stopped"]


class Exit(BaseModel):
    """How a service ended when nobody had asked it to."""

    code: int
    """Exit code; negative: the number of the signal that killed it."""
    at: datetime

    def __str__(self) -> str:
        how = f"killed by signal {-self.code}" if self.code < 0 else f"code {self.code}"
        return f"{how} at {self.at:%Y-%m-%d %H:%M:%S} UTC"


class UnitState(BaseModel):
    """One service as the supervisor sees it."""

    name: str
    title: str
    phase: UnitPhase = "waiting"
    once: bool = False
    pid: int | None = None
    born: float | None = None
    started_at: datetime | None = None
    restarts: int = 0
    last_exit: Exit | None = None

    def identity(self) -> ProcessId | None:
        """Return the process that runs this service, if any."""
        return None if self.pid is None or self.born is None else ProcessId(self.pid, self.born)


class Progress(BaseModel):
    """One line for the person who waits."""

    at: datetime
    text: str


class State(BaseModel):
    """Everything ``status`` knows about the supervisor."""

    pid: int
    born: float
    phase: Phase
    message: str = ""
    """Why it failed."""
    started_at: datetime
    software: str = ""
    """Hash of the software it was started with; empty where it is not known."""
    progress: list[Progress] = Field(default_factory=list)
    units: list[UnitState] = Field(default_factory=list)

    def identity(self) -> ProcessId:
        """Return the supervisor's process."""
        return ProcessId(self.pid, self.born)


def write_state(folder: Path, state: State) -> None:
    """Publish the state."""
    write_text_atomic(folder / "state.json", state.model_dump_json(indent=2) + "\n")


def read_state(folder: Path) -> State | None:
    """Return the last published state, None when nothing was ever started here."""
    try:
        return State.model_validate_json((folder / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


@contextmanager
def only_one(path: Path, *, wait_s: float = 0.0, busy: str = "") -> Iterator[None]:
    """Hold a lock that the kernel gives back when its holder dies, however it dies.

    Raises
    ------
    ServiceError
        With the text ``busy`` when somebody else still holds it after ``wait_s``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not inherited by children: a survivor must not hold its dead parent's lock.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise ServiceError(busy or f"{path} is held by another process")
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds this lock now."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
