"""The answer of an operation by hand, as a page or as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sen4cap_core.reports.pages.tables import facts
from sen4cap_core.reports.pages.text import bullets, document, heading

LONGEST_LIST = 200
"""Entries shown of a list; the run's result has all of them."""


def answer_markdown(title: str, answer: Mapping[str, Any]) -> str:
    """Return a page: single values as a table, lists and tables below it."""
    single = [(name, value) for name, value in answer.items() if not isinstance(value, list | dict)]
    parts: list[object] = [heading(title), facts(single) if single else None]
    for name, value in answer.items():
        if isinstance(value, list | dict) and value:
            parts += [heading(f"{name}: {len(value)}", 3), _listed(value)]
    return document(*parts)


def answer_lines(answer: Mapping[str, Any]) -> list[str]:
    """Return the answer as lines for a terminal: what belongs to something stands below it, further in."""
    lines: list[str] = []
    for name, value in answer.items():
        if isinstance(value, dict):
            lines += [f"{name}:", *(f"  {line}" for line in answer_lines(value))]
        elif isinstance(value, list):
            lines += [f"{name}: {len(value)}", *(f"  {inner}" for inner in value)]
        else:
            lines.append(f"{name}: {value}")
    return lines


def _listed(value: list[Any] | dict[str, Any]) -> object:
    if isinstance(value, dict):
        return facts(list(value.items())[:LONGEST_LIST])
    left = len(value) - LONGEST_LIST
    return bullets([*value[:LONGEST_LIST], *([f"and {left} more"] if left > 0 else [])])
