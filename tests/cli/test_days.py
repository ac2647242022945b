"""Days are shown, and asked for, as people write them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click
import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from sen4cap_core.cli.main import app
from sen4cap_core.cli.terminal.days import read_day

WITH_DAYS = {"simulate", "l4a classify", "l4b detect", "l4c monitor", "markers export", "run run-again"}


def _commands(command: Any, *names: str) -> Iterator[tuple[str, ...]]:
    if not hasattr(command, "list_commands"):
        yield names
        return
    # Commands by hand are made when they are asked for.
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from _commands(command.get_command(context, name), *names, name)


def test_no_command_shows_a_pattern_in_the_place_of_a_day() -> None:
    with_days = set()
    for names in _commands(get_command(app)):
        name = " ".join(names)
        told = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "160"}, color=False)
        assert told.exit_code == 0, name
        assert "%Y" not in told.output, name
        if "YYYY-MM-DD" in told.output:
            with_days.add(name)
    assert with_days >= WITH_DAYS


def test_a_default_is_a_day_without_a_time() -> None:
    told = CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "160"}, color=False).output
    assert "First day; default: 2019-03-01." in told
    assert "00:00" not in told


@pytest.mark.parametrize("written", ["3.5.2019", "2019-13-01", "2019-06-14T10:00"])
def test_what_is_no_day_is_answered_with_how_to_write_one(written: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"is no day; write YYYY-MM-DD, such as 2019-06-14\."):
        read_day(written)
    assert read_day("2019-06-14") == datetime(2019, 6, 14)
