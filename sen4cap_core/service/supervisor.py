"""The process that starts the services in order, watches over them, and ends them in reverse order."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

import psutil

from sen4cap_core import redaction
from sen4cap_core.clock import utc_now
from sen4cap_core.errors import Sen4capError, ServiceError
from sen4cap_core.service import logfiles
from sen4cap_core.service.place import Place, make_folders
from sen4cap_core.service.processes import ProcessId, end, family
from sen4cap_core.service.software import fingerprint
from sen4cap_core.service.state import Exit, Phase, Progress, State, UnitState, only_one, write_state
from sen4cap_core.service.units import Unit, standard_units
from sen4cap_core.settings import Settings

log = logging.getLogger(__name__)

LOCK = "supervisor.lock"
POLL_S = 0.2
PREPARING = "preparing (the first start makes the database)"
FIRST_TRIES = 3
"""A service that ends so often before it was ever ready makes the start fail."""
BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
RECYCLED_AFTER_S = 10.0
"""A service that worked for so long and ends well made room for a fresh process: no crash."""
STABLE_S = 120.0
"""After so long without a crash the next restart is quick again."""
ROTATE_EVERY_S = 30.0


@dataclass
class Running:
    """A unit with its process and its history."""

    unit: Unit
    state: UnitState
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    """Monotonic seconds."""
    retry_at: float = 0.0
    crashes_in_a_row: int = 0
    was_ready: bool = False
    relatives: list[psutil.Process] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        return self.state.phase in ("up", "done")


class StartFailedError(ServiceError):
    """A service did not come up; the text has the end of its log."""


class Supervisor:
    """Runs units until it is told to stop.

    Parameters
    ----------
    place : where state and logs go.
    units : in any order; ``needs`` decides.
    poll_s : how often children are looked after.
    backoff_s : pauses before the first, second ... restart in a row; the last one stays.
    """

    def __init__(
        self,
        place: Place,
        units: Sequence[Unit],
        *,
        poll_s: float = POLL_S,
        backoff_s: Sequence[float] = BACKOFF_S,
    ) -> None:
        self._place = place
        self._poll_s = poll_s
        self._backoff_s = backoff_s
        self._running = {
            unit.name: Running(unit, UnitState(name=unit.name, title=unit.title, once=unit.once))
            for unit in units
        }
        identity = ProcessId.of(os.getpid())
        assert identity is not None
        self._state = State(
            pid=identity.pid,
            born=identity.born,
            phase="starting",
            started_at=utc_now(),
            software=fingerprint(place),
            progress=[Progress(at=utc_now(), text=PREPARING)],
            units=[running.state for running in self._running.values()],
        )
        self._stop_asked = False
        self._rotated = time.monotonic()

    def run(self) -> None:
        """Start everything, keep it up, and return after a termination signal, when all has ended.

        Raises
        ------
        StartFailedError
            When something did not come up; what had been started has ended again.
        """
        self._publish()
        try:
            while not self._stop_asked:
                for running in self._running.values():
                    self._look_after(running)
                if self._state.phase == "starting" and all(r.is_ready for r in self._running.values()):
                    self._say("all services are up")
                    self._set_phase("up")
                self._rotate_logs()
                time.sleep(self._poll_s)
        except Exception as error:
            # Also on a mistake of ours: services that nobody watches over would be worse than none.
            log.exception("cannot go on")
            self._stop_all("stopping")
            self._state.message = str(error) or repr(error)
            self._set_phase("failed")
            raise
        self._stop_all("stopping")
        self._set_phase("stopped")

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: end everything at the next look."""
        self._stop_asked = True

    def _look_after(self, running: Running) -> None:
        phase = running.state.phase
        if phase == "waiting":
            if all(self._running[name].is_ready for name in running.unit.needs):
                self._start(running)
        elif phase == "backoff":
            if time.monotonic() >= running.retry_at:
                self._start(running)
        elif phase in ("starting", "up"):
            assert running.process is not None
            code = running.process.poll()
            if code is not None:
                self._ended(running, code)
            elif phase == "starting":
                self._ask_whether_ready(running)

    def _start(self, running: Running) -> None:
        unit = running.unit
        if not running.was_ready and not unit.once:
            self._say(f"{unit.title}: starting")
        try:
            if unit.before is not None:
                unit.before()
            with logfiles.open_log(self._place.logs / f"{unit.name}.log") as output:
                running.process = subprocess.Popen(
                    unit.command(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=unit.folder,
                    env={**unit.environment, **unit.extra},
                    user=unit.user.uid if unit.user else None,
                    group=unit.user.gid if unit.user else None,
                    extra_groups=[] if unit.user else None,
                    # Its own group, so that Ctrl-C in a terminal reaches us alone and the order is ours.
                    process_group=0,
                )
        except (OSError, Sen4capError) as error:
            log.error("%s cannot be started: %s", unit.name, error)
            if not running.was_ready:
                raise StartFailedError(f"{unit.title} cannot be started: {error}") from error
            self._retry_later(running)
            return
        running.started = time.monotonic()
        identity = ProcessId.of(running.process.pid)
        running.state.pid = running.process.pid
        running.state.born = identity.born if identity else None
        running.state.started_at = utc_now()
        log.info("%s started, process %d", unit.name, running.process.pid)
        self._set_unit(running, "starting")

    def _ask_whether_ready(self, running: Running) -> None:
        unit = running.unit
        if unit.once:
            return
        if self._answers(unit):
            running.was_ready = True
            log.info("%s is up after %.1f s", unit.name, time.monotonic() - running.started)
            if self._state.phase == "starting":
                self._say(f"{unit.title}: up")
            self._set_unit(running, "up")
        elif time.monotonic() - running.started > unit.ready_timeout_s:
            log.error("%s is not ready after %.0f s", unit.name, unit.ready_timeout_s)
            assert running.process is not None
            end(family(psutil.Process(running.process.pid)))
            self._ended(running, running.process.wait())

    def _answers(self, unit: Unit) -> bool:
        if unit.ready is None:
            return True
        try:
            return unit.ready()
        except Exception as error:
            log.warning("%s: not ready: %s", unit.name, error)
            return False

    def _ended(self, running: Running, code: int) -> None:
        unit = running.unit
        running.process = None
        running.state.pid = running.state.born = None
        if unit.once and code == 0:
            running.was_ready = True
            self._say(f"{unit.title}: ready")
            self._set_unit(running, "done")
            return
        if code == 0 and running.was_ready and time.monotonic() - running.started > RECYCLED_AFTER_S:
            log.info("%s has ended by itself and is started anew", unit.name)
            self._start(running)
            return
        running.state.last_exit = Exit(code=code, at=utc_now())
        tail = logfiles.last_lines(self._place.logs / f"{unit.name}.log")
        log.error("%s ended: %s. End of its log:\n%s", unit.name, running.state.last_exit, tail)
        early = not running.was_ready
        if unit.once or (early and running.state.restarts + 1 >= FIRST_TRIES):
            raise StartFailedError(
                f"{unit.title} did not come up ({running.state.last_exit}). The end of "
                f"{self._place.logs / unit.name}.log:\n{tail}"
            )
        if self._state.phase == "starting":
            self._say(f"{unit.title}: ended ({running.state.last_exit}), starting it again")
        self._retry_later(running)

    def _retry_later(self, running: Running) -> None:
        if time.monotonic() - running.started > STABLE_S:
            running.crashes_in_a_row = 0
        pause_s = self._backoff_s[min(running.crashes_in_a_row, len(self._backoff_s) - 1)]
        running.crashes_in_a_row += 1
        running.state.restarts += 1
        running.retry_at = time.monotonic() + pause_s
        log.info("%s is started again in %.0f s", running.unit.name, pause_s)
        self._set_unit(running, "backoff")

    def _stop_all(self, phase: Phase) -> None:
        self._set_phase(phase)
        living = {name: r for name, r in self._running.items() if r.process is not None}
        while living:
            needed = {name for r in living.values() for name in r.unit.needs}
            layer = [r for name, r in living.items() if name not in needed]
            # What others say before they end takes them seconds; the rest of the layer ends meanwhile.
            for running in sorted(layer, key=lambda r: r.unit.before_stop is not None):
                assert running.process is not None
                self._on_stop(running.unit, running.unit.before_stop)
                with suppress(psutil.NoSuchProcess):
                    running.relatives = family(psutil.Process(running.process.pid))
                with suppress(ProcessLookupError):
                    running.process.send_signal(running.unit.stop_signal)
            for running in layer:
                self._await_end(running)
                del living[running.unit.name]
        for running in self._running.values():
            self._set_unit(running, "stopped")

    def _await_end(self, running: Running) -> None:
        assert running.process is not None
        try:
            running.process.wait(running.unit.stop_timeout_s)
        except subprocess.TimeoutExpired:
            log.warning(
                "%s does not end within %.0f s: killed", running.unit.name, running.unit.stop_timeout_s
            )
            running.process.kill()
        running.process.wait()
        # Whatever it had started goes with it: runs of a worker, backends of a database.
        end(running.relatives, timeout_s=5.0)
        self._on_stop(running.unit, running.unit.after_stop)
        log.info("%s stopped", running.unit.name)
        running.process = None
        running.state.pid = running.state.born = None

    def _on_stop(self, unit: Unit, do: Callable[[], None] | None) -> None:
        try:
            if do is not None:
                do()
        except Exception:
            # Whatever it is, the services are to end.
            log.exception("%s: its stop goes on", unit.name)

    def _rotate_logs(self) -> None:
        if time.monotonic() - self._rotated > ROTATE_EVERY_S:
            self._rotated = time.monotonic()
            with suppress(OSError):  # on a full disk there is no room for a copy; the next try may have it
                logfiles.rotate(self._place.logs)

    def _say(self, text: str) -> None:
        self._state.progress.append(Progress(at=utc_now(), text=text))
        log.info("%s", text)
        self._publish()

    def _set_unit(self, running: Running, phase: str) -> None:
        running.state = running.state.model_copy(update={"phase": phase})
        self._state.units = [r.state for r in self._running.values()]
        self._publish()

    def _set_phase(self, phase: Phase) -> None:
        self._state.phase = phase
        self._publish()

    def _publish(self) -> None:
        try:
            write_state(self._place.run, self._state)
        except OSError as error:
            # A full disk must not take the services down with it.
            log.error("state cannot be written: %s", error)


def supervise(
    place: Place,
    make_units: Callable[[Place], Sequence[Unit]] = standard_units,
    *,
    poll_s: float = POLL_S,
    backoff_s: Sequence[float] = BACKOFF_S,
) -> int:
    """Run the services of a place in the foreground until a termination signal; return the exit code."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr, force=True
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    redaction.install()
    make_folders(place)
    busy = f"The services of {place.home} are supervised by another process already."
    with only_one(place.run / LOCK, wait_s=5.0, busy=busy):
        _publish_alone(place, "starting")
        try:
            supervisor = Supervisor(place, make_units(place), poll_s=poll_s, backoff_s=backoff_s)
        except Sen4capError as error:
            log.error("%s", error)
            _publish_alone(place, "failed", str(error))
            return 1
        # Handlers also undo an ignored SIGINT inherited from a background job: Prefect ends by SIGINT.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, supervisor.ask_to_stop)
        try:
            supervisor.run()
        except Sen4capError:
            return 1
    return 0


def _publish_alone(place: Place, phase: Phase, message: str = "") -> None:
    """Tell how it is while there is no supervisor object yet."""
    identity = ProcessId.of(os.getpid())
    assert identity is not None
    write_state(
        place.run,
        State(
            pid=identity.pid,
            born=identity.born,
            phase=phase,
            message=message,
            started_at=utc_now(),
            progress=[Progress(at=utc_now(), text=PREPARING)],
        ),
    )


def main() -> None:
    """Entry point of the daemon that ``sen4cap up`` leaves behind."""
    sys.exit(supervise(Place(Settings())))


if __name__ == "__main__":
    main()
