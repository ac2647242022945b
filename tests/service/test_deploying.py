"""``prefect.yaml`` as it is in the repository: names, commands, concurrency, trigger, schedule."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import yaml

from sen4cap_core.service.deploying import deployment_fingerprint, wanted_deployments
from sen4cap_core.service.nudge import INBOX_READY
from sen4cap_core.service.units import WORK_POOL

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
