"""Benchmarks are run by hand and seldom: what they take from the project is there all the same."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
IN_QGIS = "tour_qgis"
"""Runs in QGIS, which brings its own Python."""
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != IN_QGIS)
OURS = re.compile(r"(sen4cap_core|tests|flows)(\.\w+)+")


def taken(source: str) -> Iterator[tuple[str, str | None]]:
    """Yield modules of ours that a source names, in functions and in programs for ``python -c`` and ``-m``
    too, with what it takes of them.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and OURS.fullmatch(f"{node.module}.x"):
            yield from ((str(node.module), name.name) for name in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if OURS.fullmatch(node.value):
                yield node.value, None
            elif node.value.startswith("from "):
                yield from taken(node.value)


def missing(source: str) -> list[str]:
    """Return what a source takes of the project and is not there."""
    lost = []
    for module, name in taken(source):
        try:
            found = importlib.import_module(module) if name else importlib.util.find_spec(module)
            # What is no name in a package may be a module of it.
            if name and not hasattr(found, name):
                found = importlib.import_module(f"{module}.{name}")
        except ModuleNotFoundError:
            found = None
        if found is None:
            lost.append(f"{module}.{name}" if name else module)
    return lost


def test_there_are_benchmarks() -> None:
    assert {"tour", "l3b_pass", "season"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_benchmark_finds_what_it_takes_of_the_project(module: str) -> None:
    assert missing((FOLDER / f"{module}.py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from sen4cap_core.nowhere import app",
        "def f():\n    from sen4cap_core.clock import to_nothing",
        'RUN = "from sen4cap_core.cli.nowhere import app; app()"',
        'RUN = ["-m", "sen4cap_core.cli.nowhere"]',
    ],
)
def test_a_module_that_moved_would_be_missed(source: str) -> None:
    assert len(missing(source)) == 1
