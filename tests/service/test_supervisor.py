"""Up, down, crashes and leftovers, with stand-ins for the services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from sen4cap_core.clock import utc_now
from sen4cap_core.errors import ServiceError
from sen4cap_core.service import control, report
from sen4cap_core.service.deploying import PROGRESS_FILE
from sen4cap_core.service.place import Place
from sen4cap_core.service.processes import supervised_processes
from sen4cap_core.service.software import STALE
from sen4cap_core.service.state import State, UnitState
from sen4cap_core.service.units import DEPLOYMENTS
from sen4cap_core.settings import Settings

STAND_INS = Path(__file__).with_name("stand_ins.py")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A home of its own; whatever a failed test leaves running ends with it."""
    place = Place(Settings(home=tmp_path / "home"))
    yield place
    control.down(place, lambda line: None)


def daemon(name: str) -> list[str]:
    return [sys.executable, str(STAND_INS), name]


def up(place: Place, name: str) -> list[str]:
    said: list[str] = []
    control.up(place, said.append, daemon=daemon(name))
    return said


def state(place: Place) -> State:
    found = control.current_state(place)
    assert found is not None
    return found


def unit(place: Place, name: str) -> UnitState:
    return next(unit for unit in state(place).units if unit.name == name)


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_starts_in_order_and_stops_in_reverse(place: Place) -> None:
    said = up(place, "ordered")
    assert [line for line in said if line.endswith((": up", ": ready"))] == [
        "base: up",
        "once: ready",
        "middle: up",
        "top: up",
    ]
    assert said[-1] == "all services are up"
    control.down(place, said.append)
    assert (place.home / "ends.txt").read_text().split() == ["top", "middle", "base"]
    assert (place.home / "once.txt").read_text() == "done\n"
    assert state(place).phase == "stopped"
    assert supervised_processes(place.home) == []


def test_second_up_is_harmless(place: Place) -> None:
    up(place, "ordered")
    before = state(place)
    assert up(place, "ordered") == ["already up"]
    assert state(place) == before


def test_software_that_was_replaced_under_running_services_is_said(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(place, "ordered")
    assert not control.is_stale(place, state(place))
    monkeypatch.setattr(control, "fingerprint", lambda _: "another one")
    assert up(place, "ordered") == ["already up", STALE]
    assert report.gather(place).is_stale
    monkeypatch.setattr(control, "fingerprint", lambda _: (_ for _ in ()).throw(FileNotFoundError("gone")))
    assert control.is_stale(place, state(place))


def test_who_waits_long_is_told_what_is_under_way(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "QUIET_S", 0.0)
    said = up(place, "ordered")
    # Before the supervisor has said anything itself.
    assert said[0] == "the supervisor is starting"
    # Said before the phase is set: without a pause between lines it may be repeated.
    assert said[-1] in ("all services are up", "still at it: all services are up")

    waits = state(place)
    assert control._under_way(place, waits) == "still at it: all services are up"
    first, second = waits.units[:2]
    first.phase, second.phase = "starting", "backoff"
    first.started_at, second.started_at = utc_now() - timedelta(seconds=12), None
    assert control._under_way(place, waits) == f"still starting: {first.title} (12 s), {second.title}"
    first.name = DEPLOYMENTS
    (place.run / PROGRESS_FILE).write_text("7 of 37 applied")
    assert f"{first.title} (12 s, 7 of 37 applied)" in control._under_way(place, waits)


def test_two_ups_at_once_start_one_supervisor(place: Place) -> None:
    said: list[list[str]] = [[], []]
    threads = [
        threading.Thread(target=control.up, args=(place, lines.append), kwargs={"daemon": daemon("ordered")})
        for lines in said
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(lines[-1] for lines in said) == ["all services are up", "already up"]
    assert (place.home / "once.txt").read_text() == "done\n"


def test_a_killed_child_is_started_again_and_counted(place: Place) -> None:
    up(place, "ordered")
    pid = unit(place, "middle").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: unit(place, "middle").restarts == 1 and unit(place, "middle").phase == "up")
    again = unit(place, "middle")
    assert again.pid not in (None, pid)
    assert again.last_exit is not None
    assert again.last_exit.code == -signal.SIGKILL
    assert "killed by signal 9 at 20" in str(again.last_exit)
    assert unit(place, "top").restarts == 0
    assert "middle ended: killed by signal 9" in (place.logs / "supervisor.log").read_text()


def test_down_leaves_no_process_neither_deaf_nor_orphaned(place: Place) -> None:
    up(place, "mixed")
    wait_for(lambda: len(supervised_processes(place.home)) == 5)  # three, a grandchild, the supervisor
    parent = unit(place, "parent").pid
    assert parent is not None
    (grandchild,) = psutil.Process(parent).children()
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: unit(place, "parent").restarts == 1 and unit(place, "parent").phase == "up")
    assert grandchild.is_running(), "an orphan may finish its work"
    control.down(place, lambda line: None)
    assert supervised_processes(place.home) == []
    assert not grandchild.is_running()


def test_second_down_is_harmless(place: Place) -> None:
    said: list[str] = []
    control.down(place, said.append)
    assert said == [place.never_started]
    up(place, "ordered")
    control.down(place, said.append)
    control.down(place, said.append)
    assert said[-2:] == ["all services are stopped", "nothing was running"]


def test_killed_supervisor_is_reported_and_up_clears_its_leftovers(place: Place) -> None:
    up(place, "ordered")
    old = state(place)
    os.kill(old.pid, signal.SIGKILL)
    wait_for(lambda: not control.is_up(place))
    assert state(place).phase == "failed"
    assert "supervisor was killed" in state(place).message
    left = {process.pid for process in control.survivors(place)}
    assert left == {unit.pid for unit in old.units if unit.pid is not None}
    said = up(place, "ordered")
    assert said[0] == "ending 3 processes that nobody supervises any more"
    assert said[-1] == "all services are up"
    assert left.isdisjoint(process.pid for process in supervised_processes(place.home))


def test_down_after_a_killed_supervisor(place: Place) -> None:
    up(place, "mixed")
    os.kill(state(place).pid, signal.SIGKILL)
    wait_for(lambda: not control.is_up(place))
    control.down(place, lambda line: None)
    assert supervised_processes(place.home) == []


def test_a_service_that_never_comes_up_fails_the_start_with_its_last_words(place: Place) -> None:
    with pytest.raises(ServiceError, match="no such thing as a free lunch") as caught:
        up(place, "broken")
    assert "broken did not come up (code 3" in str(caught.value)
    wait_for(lambda: not control.is_up(place))
    assert state(place).phase == "failed"
    assert supervised_processes(place.home) == []


def test_starts_from_a_shell_that_ignores_interrupts(place: Place) -> None:
    # A background job of a non-interactive shell ignores SIGINT, and so would all its children.
    code = f"trap '' INT; exec {' '.join(daemon('ordered'))}"
    environment = {**os.environ, "SEN4CAP_HOME": str(place.home)}
    with subprocess.Popen(["sh", "-c", code], env=environment, start_new_session=True) as process:
        wait_for(lambda: (found := control.current_state(place)) is not None and found.phase == "up")
        ignored = signal_masks(unit(place, "base").pid)["SigIgn"]
        assert not ignored & (1 << (signal.SIGINT - 1))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert supervised_processes(place.home) == []


def signal_masks(pid: int | None) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {
        line.split(":")[0]: int(line.split()[1], 16)
        for line in lines
        if line.startswith("Sig") and "/" not in line
    }
