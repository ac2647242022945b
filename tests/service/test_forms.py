"""Every deployment's parameters are a form that the Prefect UI can show: typed, with choices and help."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.utilities.callables import parameter_schema
from typer.testing import CliRunner

from sen4cap_core.cli.by_hand import OPERATIONS
from sen4cap_core.cli.main import app
from sen4cap_core.steps.upkeep import by_hand_forms

PROJECT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
BY_HAND = [one for one in DEPLOYMENTS if "by-hand" in one["tags"]]


def _flow(deployment: dict[str, Any]) -> Any:
    file, _, name = deployment["entrypoint"].partition(":")
    return getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), name)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=[one["name"] for one in DEPLOYMENTS])
def test_every_deployment_has_a_flow_and_a_schema(deployment: dict[str, Any]) -> None:
    flow = _flow(deployment)
    assert flow.name == deployment["name"]
    assert flow.description
    schema = parameter_schema(flow).model_dump()
    assert schema["type"] == "object"


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=[one["name"] for one in DEPLOYMENTS])
def test_every_parameter_says_what_it_is(deployment: dict[str, Any]) -> None:
    """Prefect reads the help of parameters from docstrings of Google's form only, whatever ours say."""
    flow = _flow(deployment)
    schema = parameter_schema(flow).model_dump()
    told = {name: field.get("description") for name, field in schema["properties"].items() if name != "form"}
    for definition in schema["definitions"].values():
        told |= {name: field.get("description") for name, field in definition.get("properties", {}).items()}
    assert [name for name, text in told.items() if not text] == []
    assert bool(told) == bool(inspect.signature(flow.fn).parameters)


def test_no_deployment_takes_the_place_of_another() -> None:
    names = [one["name"] for one in DEPLOYMENTS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("deployment", BY_HAND, ids=[one["name"] for one in BY_HAND])
def test_a_form_by_hand_says_what_each_field_is(deployment: dict[str, Any]) -> None:
    schema = parameter_schema(_flow(deployment)).model_dump()
    assert schema["required"] == ["form"]
    (form,) = schema["definitions"].values()
    assert form["properties"]
    for name, field in form["properties"].items():
        assert field["title"], name
        assert field["description"], name
        assert any(key in field for key in ("type", "anyOf", "enum", "$ref", "allOf")), name


def test_choices_are_lists_in_the_form() -> None:
    (form,) = parameter_schema(_flow(_named("run-again"))).model_dump()["definitions"].values()
    assert form["properties"]["processor"]["enum"] == ["l4a", "l4b", "l4c"]
    assert form["required"] == ["site", "season", "processor"]
    (form,) = parameter_schema(_flow(_named("purge-site"))).model_dump()["definitions"].values()
    assert form["properties"]["dry_run"]["default"] is True


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_form_is_a_command_with_the_same_fields(name: str) -> None:
    form = getattr(by_hand_forms, OPERATIONS[name][0])
    told = CliRunner().invoke(app, ["run", name, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert told.exit_code == 0
    for field in form.model_fields:
        assert f"--{field.replace('_', '-')}" in told.output
    assert _named(name)


def test_a_command_refuses_what_the_form_refuses() -> None:
    run = ["run", "reprocess-scenes", "--site", "x", "--start", "2019-02-01", "--end", "2019-01-01"]
    assert "starts 2019-02-01" in CliRunner().invoke(app, run).output
    again = ["run", "run-again", "--site", "x", "--season", "s", "--processor", "l4a", "--switch", "{"]
    assert "not JSON" in CliRunner().invoke(app, again).output


def _named(name: str) -> dict[str, Any]:
    return next(one for one in DEPLOYMENTS if one["name"] == name)
