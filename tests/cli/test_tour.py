"""The commands of the guided tour are commands there are, with options they take.

``tests.benchmarks.tour`` runs them; this finds at once when one was renamed.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from sen4cap_core.cli.main import app
from sen4cap_core.declarations.sites.site import read_site_config
from tests.benchmarks.tour import LARGEST_BYTES, PAGES, TOUR, blocks, not_printed

TEXT = TOUR.read_text(encoding="utf-8")
# A command may go on in the next line.
LINES = [line for block in blocks(TEXT) for line in block.commands.replace("\\\n", " ").splitlines()]
COMMANDS = [line for line in LINES if line.startswith("sen4cap ")]


def parse(line: str) -> None:
    """Parse a command line without running it; typer may bring a click of its own."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while hasattr(command, "get_command"):
        found = command.get_command(None, words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    command.make_context(command.name, words)


def test_the_tour_has_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_and_its_options_are_there(line: str) -> None:
    parse(line)


def test_a_wrong_option_would_be_found() -> None:
    with pytest.raises(Exception, match="sise-m"):
        parse("sen4cap simulate folder --sise-m 3")


def test_deployments_are_there() -> None:
    file = TOUR.parents[1] / "prefect.yaml"
    known = {one["name"] for one in yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]}
    used = re.findall(r"prefect deployment run '([\w-]+)/([\w-]+)'", TEXT)
    assert used
    assert {name for pair in used for name in pair} <= known


def test_the_settings_are_taken(tmp_path: Path) -> None:
    (text,) = re.findall(r"site\.yaml\" <<'EOF'\n(.*?)^EOF$", TEXT, re.MULTILINE | re.DOTALL)
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_site_config(path).processors.l4c.practices == ("NA",)


def test_pictures_are_there() -> None:
    shown = re.findall(r"\]\((images/[\w.-]+)\)", TEXT)
    assert shown
    for name in shown:
        assert (TOUR.parent / name).stat().st_size <= LARGEST_BYTES
    assert {f"images/{name}.png" for name in PAGES} <= set(shown)


def test_what_the_page_quotes_is_held_against_what_is_printed() -> None:
    quoted = ["2 uploads answered, … scenes processed", "…", "  site.yaml"]
    printed = ["before", "2 uploads answered, 0 scenes processed", "something", "site.yaml"]

    assert not_printed(quoted, printed) == []
    assert not_printed(quoted, printed[:-1]) == ["  site.yaml"]
    assert not_printed(quoted, printed[::-1]) == ["  site.yaml"]
    assert not_printed(["3 uploads"], ["33 uploads"]) == ["3 uploads"]


def test_most_blocks_say_what_they_print() -> None:
    assert sum(bool(block.quoted) for block in blocks(TEXT)) >= 11
