"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from sen4cap_core.reports.pages.text import Markdown, bold, escape

Align = Literal["left", "right", "center"]

_RULES: dict[Align, str] = {"left": ":---", "right": "---:", "center": ":---:"}


def markdown_table(
    header: Sequence[object], rows: Iterable[Sequence[object]], align: Sequence[Align] | None = None
) -> Markdown:
    """Return a table; None shows as an empty cell.

    Raises
    ------
    ValueError
        When a row or ``align`` has not as many entries as the header.
    """
    width = len(header)
    rules = [_RULES[side] for side in (align or ["left"] * width)]
    if len(rules) != width:
        raise ValueError(f"{len(rules)} alignments for {width} columns")
    lines = [_row(header), _row([Markdown(rule) for rule in rules])]
    for row in rows:
        if len(row) != width:
            raise ValueError(f"a row of {len(row)} cells in a table of {width} columns")
        lines.append(_row(row))
    return Markdown("\n".join(lines))


def facts(pairs: Iterable[tuple[object, object]]) -> Markdown:
    """Return a two-column table of names and values."""
    return markdown_table(["", ""], [(bold(name), value) for name, value in pairs])


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join("" if cell is None else escape(cell) for cell in cells) + " |"
