"""The real services with stand-in flows: up, events, schedules, crashes, down."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from sen4cap_core.service import control
from sen4cap_core.service.nudge import nudge_inbox
from sen4cap_core.service.place import Place
from sen4cap_core.service.processes import supervised_processes
from sen4cap_core.service.report import gather
from sen4cap_core.service.runs_in_hand import STOPPED
from sen4cap_core.settings import Settings

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).resolve().parents[2]
STAND_INS = REPOSITORY / "tests" / "service" / "stand_ins.py"
FLOW = '''
import time
from pathlib import Path
from prefect import flow

@flow(name="{name}")
def {function}(scene_id: int = 0, until: str = "") -> None:
    """A stand-in."""
    Path("ran-{name}").write_text(f"{{scene_id}} {{Path.cwd()}}")
    while until and not Path(until).exists():
        time.sleep(0.1)
'''


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """The real services over a project whose deployments are ours and whose flows do next to nothing."""
    with tempfile.TemporaryDirectory(prefix="sen4cap-home-") as name, pytest.MonkeyPatch.context() as patch:
        root = Path(name)
        root.chmod(0o755)
        project = root / "project"
        (project / "flows").mkdir(parents=True)
        shutil.copy(REPOSITORY / "prefect.yaml", project)
        (project / "flows" / "__init__.py").touch()
        (project / "flows" / "worker.py").write_text("import time\nwhile True: time.sleep(1)\n")
        for entry in yaml.safe_load((project / "prefect.yaml").read_text())["deployments"]:
            path, function = entry["entrypoint"].split(":")
            # A file may hold several flows.
            with (project / path).open("a") as file:
                file.write(FLOW.format(name=entry["name"], function=function))
        for variable in ("PREFECT_API_URL", "SEN4CAP_DATABASE_URL"):
            patch.delenv(variable, raising=False)
        patch.setenv("SEN4CAP_PROJECT", str(project))
        patch.setenv("SEN4CAP_HOME", str(root / "home"))
        patch.setenv("SEN4CAP_PREFECT_PORT", "14240")
        place = Place(Settings())
        try:
            control.up(place, lambda line: None, daemon=daemon())
            yield place
        finally:
            control.down(place, lambda line: None)
            assert supervised_processes(place.home) == []
            assert place.cluster.running_pid() is None


def daemon() -> list[str]:
    return [sys.executable, str(STAND_INS), "real"]


def wait_for(what: Callable[[], Any], seconds: float = 120.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


def pid_of(place: Place, name: str) -> int:
    state = control.current_state(place)
    assert state is not None
    pid = next(unit.pid for unit in state.units if unit.name == name)
    assert pid is not None
    return pid


def runs(place: Place, flow: str) -> list[dict[str, Any]]:
    body = {"flows": {"name": {"any_": [flow]}}}
    found: list[dict[str, Any]] = httpx.post(f"{place.prefect_api_url()}/flow_runs/filter", json=body).json()
    return found


def start_run(place: Place, name: str, parameters: dict[str, Any]) -> None:
    url = place.prefect_api_url()
    deployment = httpx.get(f"{url}/deployments/name/{name}/{name}").json()
    answer = httpx.post(
        f"{url}/deployments/{deployment['id']}/create_flow_run", json={"parameters": parameters}
    )
    assert answer.is_success, answer.text


def test_all_is_up_and_status_says_so(place: Place) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "sen4cap_core.cli.main", "status", "--json"], capture_output=True, text=True
    )
    report = json.loads(told.stdout)
    assert told.returncode == 0, told.stdout
    assert report["all_up"]
    assert {service["name"] for service in report["services"]} == {
        "postgres",
        "prefect",
        "watcher",
        "scenes",
        "worker",
    }
    assert report["work"]["uploads"] == {}
    said: list[str] = []
    control.up(place, said.append, daemon=daemon())
    assert said == ["already up"]


def test_the_interface_is_the_one_without_outside_requests(place: Place) -> None:
    root = place.prefect_api_url().removesuffix("/api")
    assert httpx.get(f"{root}/ui-settings").json()["default_ui"] == "v1"
    page = httpx.get(root, headers={"accept": "text/html"})
    assert page.status_code == httpx.codes.OK, "no redirect to the other interface"


def test_an_event_starts_the_drain_flow_in_the_project(place: Place) -> None:
    assert nudge_inbox(place.settings, 1)
    wait_for(lambda: any(run["state_type"] == "COMPLETED" for run in runs(place, "receive-upload")))
    assert (place.project / "ran-receive-upload").read_text() == f"0 {place.project}"


def test_a_person_starts_a_run_with_parameters(place: Place) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "prefect",
            "deployment",
            "run",
            "process-scene/process-scene",
            "--param",
            "scene_id=3",
        ],
        env={**os.environ, **place.client_environment()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(lambda: any(run["state_type"] == "COMPLETED" for run in runs(place, "process-scene")))
    assert (place.project / "ran-process-scene").read_text() == f"3 {place.project}"


def test_the_clock_schedules_reconcile(place: Place) -> None:
    assert wait_for(lambda: runs(place, "reconcile"))


@pytest.mark.parametrize("name", ["postgres", "prefect"])
def test_a_killed_server_comes_back_and_works(place: Place, name: str) -> None:
    killed = pid_of(place, name)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(killed))
    wait_for(lambda: gather(place).all_up)
    report = gather(place)
    service = next(service for service in report.services if service.name == name)
    assert service.restarts >= 1
    assert "signal 9" in service.last_exit
    before = len(runs(place, "ingest-scene"))
    start_run(place, "ingest-scene", {})
    wait_for(
        lambda: sum(run["state_type"] == "COMPLETED" for run in runs(place, "ingest-scene")) == before + 1
    )


def test_a_run_outlives_its_killed_worker_and_goes_with_down(place: Place) -> None:
    start_run(place, "detect-mowing", {"until": "never"})
    wait_for(lambda: (place.project / "ran-detect-mowing").exists())
    worker = pid_of(place, "worker")
    engines = [p for p in psutil.Process(worker).children(recursive=True) if "prefect.engine" in p.cmdline()]
    assert engines
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: gather(place).all_up)
    assert all(engine.is_running() for engine in engines)
    # Beside it one that the new worker has in hand.
    start_run(place, "monitor-practices", {"until": "never"})
    wait_for(lambda: (place.project / "ran-monitor-practices").exists())
    before = gather(place).runs
    control.down(place, lambda line: None)
    assert not any(engine.is_running() for engine in engines)
    assert not gather(place).all_up
    assert supervised_processes(place.home) == []
    assert place.cluster.running_pid() is None

    control.up(place, lambda line: None, daemon=daemon())
    for flow in ("detect-mowing", "monitor-practices"):
        (run,) = runs(place, flow)
        assert (run["state_type"], run["state"]["message"]) == ("CANCELLED", STOPPED), flow
        # No alert went out on the way.
        states = httpx.get(f"{place.prefect_api_url()}/flow_run_states/", params={"flow_run_id": run["id"]})
        assert "CRASHED" not in [state["type"] for state in states.json()], flow
    assert before is not None
    assert gather(place).runs == {"running": 0, "failed": before["failed"]}
