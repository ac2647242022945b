"""Drains of the inbox as processes of their own that begin at once, forked off one that has all imported.

Whatever a dropped file does to the process that reads it, scenes in hand are nothing to it. An interpreter
of its own for each drain would take 8 s of a core before it looks at the first file.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any

from prefect import State
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.receive_upload import receive_upload, told_to_end
from sen4cap_core.declarations.parcels.warming import compile_kernels

LINGER_SECONDS = 5.0
"""How long a drain waits for more: the next one begins as soon."""
WARM_UP_NICENESS = 5

PRELOADED = [__name__, "flows.worker", "flows.forked"]
"""What a drain needs, and the module this program began with: each started process runs that one again."""
warnings.filterwarnings("ignore", "'flows.worker' found in sys.modules", RuntimeWarning)

_forks = multiprocessing.get_context("forkserver")


def prepare_drains() -> None:
    """Let the process that drains are forked off import what they need; return at once."""
    _forks.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()


def warm_up() -> None:
    """Let a process of its own compile what reading declarations needs; return when that one has begun."""
    _forks.Process(target=_compile, name="warm-up", daemon=True).start()


class Drain:
    """A run of receive-upload in a process of its own, which is told to end rather than killed."""

    def __init__(self, linger_seconds: float) -> None:
        self._told_to_end = _forks.Event()
        self.process: BaseProcess = _forks.Process(
            target=_drain, args=(linger_seconds, self._told_to_end), name="drain", daemon=True
        )
        self.process.start()

    def end(self, patience_s: float) -> bool:
        """Let it end after the upload in hand; kill it if it does not, and return whether.

        Told to terminate, its run would say that it crashed; who kills it says what became of it.
        """
        self._told_to_end.set()
        self.process.join(patience_s)
        if not self.process.is_alive():
            return False
        self.process.kill()
        self.process.join()
        return True


def start_drain(linger_seconds: float = LINGER_SECONDS) -> Drain:
    """Start a drain."""
    return Drain(linger_seconds)


def _compile() -> None:
    # On a new machine half a minute, and whoever has something to do goes first.
    os.nice(WARM_UP_NICENESS)
    compile_kernels()


def _drain(linger_seconds: float, end: Event) -> None:
    told_to_end.set(end.is_set)
    # The lease tells who lives.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        state: State[Any] = receive_upload(linger_seconds, return_state=True)
    if state.is_failed():
        raise SystemExit(1)
