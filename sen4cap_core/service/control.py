"""Start, stop and look at the services from outside the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil

from sen4cap_core.clock import utc_now
from sen4cap_core.errors import ServiceError
from sen4cap_core.service import logfiles
from sen4cap_core.service.deploying import applied_so_far
from sen4cap_core.service.place import SUPERVISED_MARK, Place, make_folders
from sen4cap_core.service.processes import end, supervised_processes
from sen4cap_core.service.software import STALE, fingerprint
from sen4cap_core.service.state import State, is_held, only_one, read_state
from sen4cap_core.service.supervisor import LOCK
from sen4cap_core.service.units import DEPLOYMENTS

Say = Callable[[str], None]

DAEMON = (sys.executable, "-m", "sen4cap_core.service.supervisor")
START_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 150.0
"""Longer than the patience the supervisor has with its children, one after the other."""
QUIET_S = 8.0
"""After so long without a line somebody who waits is told what is under way."""
FURTHER_LOOKS = 3
"""What a process started while it was being ended is seen by a later look only."""
CONTROL_LOCK = "control.lock"


def is_up(place: Place) -> bool:
    """Whether a supervisor runs for this home now."""
    return is_held(place.run / LOCK)


def up(place: Place, say: Say, *, daemon: Sequence[str] = DAEMON) -> None:
    """Start all services and wait until they are up. Harmless when they are.

    Parameters
    ----------
    place : the installation.
    say : told each step, one line at a time.
    daemon : command line of the supervisor.

    Raises
    ------
    ServiceError
        When something does not come up; nothing is left running then.
    """
    make_folders(place)
    busy = f"Another sen4cap up or down is at work in {place.home}."
    with only_one(place.run / CONTROL_LOCK, wait_s=START_TIMEOUT_S, busy=busy):
        state = read_state(place.run)
        if is_up(place):
            if state is not None and state.phase == "up":
                say("already up")
                if is_stale(place, state):
                    say(STALE)
                return
            if state is not None and state.phase == "stopping":
                say("waiting for the services to stop first")
                _wait_until_gone(place, STOP_TIMEOUT_S)
            else:
                _follow(place, say, lambda: is_up(place))
                return
        _clear_survivors(place, say)
        (place.run / "state.json").unlink(missing_ok=True)
        with logfiles.open_log(place.logs / "supervisor.log") as output:
            process = subprocess.Popen(
                daemon,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, SUPERVISED_MARK: str(place.home), "SEN4CAP_HOME": str(place.home)},
                cwd=place.home,
                start_new_session=True,
            )
        _follow(place, say, lambda: process.poll() is None)


def down(place: Place, say: Say) -> None:
    """Stop all services, and whatever a killed supervisor left behind. Harmless when nothing runs.

    Raises
    ------
    ServiceError
        When a process of ours cannot be ended.
    """
    if not place.run.is_dir():
        say(place.never_started)
        return
    busy = f"Another sen4cap up or down is at work in {place.home}."
    with only_one(place.run / CONTROL_LOCK, wait_s=STOP_TIMEOUT_S, busy=busy):
        was_up = is_up(place)
        if was_up:
            state = read_state(place.run)
            supervisor = state.identity().find() if state is not None else None
            if supervisor is not None:
                say("stopping the services")
                supervisor.send_signal(signal.SIGTERM)
            if not _wait_until_gone(place, STOP_TIMEOUT_S) and supervisor is not None:
                say("the supervisor does not answer: killed")
                supervisor.kill()
                _wait_until_gone(place, 10.0)
        left = _clear_survivors(place, say)
        for _ in range(FURTHER_LOOKS):
            if not survivors(place):
                break
            left += _clear_survivors(place, say)
        if still_there := survivors(place):
            numbers = ", ".join(str(process.pid) for process in still_there)
            raise ServiceError(f"These processes cannot be ended: {numbers}")
        say("all services are stopped" if was_up or left else "nothing was running")


def survivors(place: Place) -> list[psutil.Process]:
    """Return processes of this home that nobody supervises: all of them when the supervisor is gone."""
    if is_up(place):
        return []
    found = supervised_processes(place.home)
    if place.cluster.exists and (pid := place.cluster.running_pid()) is not None:
        # PostgreSQL writes its titles over its environment, so the mark is not seen on it.
        found.append(psutil.Process(pid))
    return found


def current_state(place: Place) -> State | None:
    """Return what the supervisor says, with the phase put right when it was killed."""
    state = read_state(place.run)
    if state is None or is_up(place) or state.phase in ("stopped", "failed"):
        return state
    return state.model_copy(
        update={
            "phase": "failed",
            "message": "The supervisor was killed. Its services may run on, but nobody restarts them. "
            "Run: sen4cap up",
        }
    )


def is_stale(place: Place, state: State | None) -> bool:
    """Whether the software was replaced since the services were started."""
    if state is None or not state.software:
        return False
    try:
        return state.software != fingerprint(place)
    except (OSError, ServiceError):
        # Being replaced right now, or taken away.
        return True


def _clear_survivors(place: Place, say: Say) -> int:
    _let_supervisor_exit(place)
    left = survivors(place)
    if not left:
        return 0
    say(f"ending {len(left)} processes that nobody supervises any more")
    database = place.cluster.running_pid() if place.cluster.exists else None
    # Clients first, the database last.
    end([process for process in left if process.pid != database])
    if database is not None:
        place.cluster.stop()
    return len(left)


def _let_supervisor_exit(place: Place) -> None:
    # It gives its lock back a moment before its process is gone.
    state = read_state(place.run)
    supervisor = state.identity().find() if state is not None else None
    if supervisor is not None:
        with suppress(psutil.TimeoutExpired):
            supervisor.wait(5.0)


def _follow(place: Place, say: Say, runs: Callable[[], bool]) -> None:
    told, told_at = 0, time.monotonic()
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        alive = runs()
        state = read_state(place.run)
        if state is not None:
            for line in state.progress[told:]:
                say(line.text)
                told_at = time.monotonic()
            told = len(state.progress)
            if state.phase == "up":
                return
            if state.phase == "failed" and not alive:
                raise ServiceError(state.message)
        if not alive:
            raise ServiceError(
                f"The supervisor ended before everything was up. {place.logs / 'supervisor.log'} ends with:\n"
                + logfiles.last_lines(place.logs / "supervisor.log")
            )
        if time.monotonic() - told_at >= QUIET_S:
            say(_under_way(place, state))
            told_at = time.monotonic()
        time.sleep(0.1)
    raise ServiceError(
        f"Not up after {START_TIMEOUT_S:.0f} s; it goes on in the background. "
        f"See {place.logs} and sen4cap status."
    )


def _under_way(place: Place, state: State | None) -> str:
    """Say what is waited for, since when, and how many of all deployments are applied."""
    if state is None:
        return "the supervisor is starting"
    awaited = []
    for unit in state.units:
        if unit.phase in ("starting", "backoff"):
            since = [f"{(utc_now() - unit.started_at).total_seconds():.0f} s"] if unit.started_at else []
            applied = applied_so_far(place) if unit.name == DEPLOYMENTS else None
            about = ", ".join([*since, *([applied] if applied else [])])
            awaited.append(f"{unit.title} ({about})" if about else unit.title)
    if awaited:
        return f"still starting: {', '.join(awaited)}"
    return f"still at it: {state.progress[-1].text}" if state.progress else f"the services are {state.phase}"


def _wait_until_gone(place: Place, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while is_up(place):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
