"""Why work failed or an upload was rejected, as a person at the terminal reads it."""

from __future__ import annotations

MAX_LINES = 30
"""A table may have hundreds of wrong cells; all of them stand in its ``.error.txt``."""
_INDENT = "    "


def indented(why: str) -> str:
    """Return a whole reason below its heading, each of its lines indented; only a very long one is cut."""
    lines = why.splitlines()
    n_more = len(lines) - MAX_LINES
    if n_more > 0:
        lines = [*lines[:MAX_LINES], f"and {n_more} more lines"]
    return "\n".join(_INDENT + line for line in lines)
