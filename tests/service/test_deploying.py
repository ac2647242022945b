"""``prefect.yaml`` as it is in the repository: names, commands, concurrency, trigger, schedule."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.cli.deploy import _core as prefect_deploy

from sen4cap_core.service.deploying import (
    APPLIED,
    PROGRESS_FILE,
    _apply,
    applied_so_far,
    deployment_fingerprint,
    wanted_deployments,
)
from sen4cap_core.service.nudge import INBOX_READY
from sen4cap_core.service.place import Place
from sen4cap_core.service.units import WORK_POOL
from sen4cap_core.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRIES: dict[str, dict[str, Any]] = {
    entry["name"]: entry for entry in yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
}


def test_every_deployment_has_its_flow_of_the_same_name() -> None:
    for name, entry in ENTRIES.items():
        path, function = entry["entrypoint"].split(":")
        tree = ast.parse((REPOSITORY / path).read_text())
        flow = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
        (call,) = (d for d in flow.decorator_list if isinstance(d, ast.Call))
        names = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
        assert names["name"] == name


def test_all_run_in_our_pool_by_the_short_way() -> None:
    for entry in ENTRIES.values():
        assert entry["work_pool"]["name"] == WORK_POOL
        assert entry["work_pool"]["job_variables"]["command"] == "python -m prefect.engine"


def test_drain_and_reconcile_run_one_at_a_time() -> None:
    for name in ("receive-upload", "reconcile"):
        assert ENTRIES[name]["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert ENTRIES["receive-upload"]["triggers"][0]["expect"] == [INBOX_READY]
    assert ENTRIES["reconcile"]["schedules"] == [{"interval": 3600, "active": True}]


def test_wanted_names_are_what_people_type() -> None:
    assert "process-scene/process-scene" in wanted_deployments(REPOSITORY)


def test_a_changed_flow_changes_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "prefect.yaml").write_text("deployments: []\n")
    flow = tmp_path / "flows" / "some.py"
    flow.write_text("a = 1\n")
    before = deployment_fingerprint(tmp_path)
    assert before == deployment_fingerprint(tmp_path)
    flow.write_text("a = 2\n")
    assert deployment_fingerprint(tmp_path) != before


SLOW_PREFECT = """
import pathlib, sys, time
run = pathlib.Path({run!r})
for n in range(3):
    print(f"Deploying flow-{{n}}")
    print(f"Deployment 'flow-{{n}}/flow-{{n}}' successfully created with id '{{n}}'.")
    while (run / {file!r}).read_text() != f"{{n + 1}} of 5 applied":
        time.sleep(0.01)
sys.exit(3)
"""
"""It goes on only when what it said was counted."""


def test_deployments_are_counted_as_they_are_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert APPLIED in inspect.getsource(prefect_deploy)
    place = Place(Settings(home=tmp_path / "home"))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setattr(Place, "project", project)
    # What lies in the working folder goes before what is installed.
    (project / "prefect.py").write_text(SLOW_PREFECT.format(run=str(place.run), file=PROGRESS_FILE))

    assert _apply(place, 5) == 3

    assert capfd.readouterr().out.count(APPLIED) == 3
    assert applied_so_far(place) is None
