"""What goes into a receiver and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sen4cap_core.errors import Problem


@dataclass(frozen=True)
class Drop:
    """An upload about to be received."""

    upload_id: int
    site_slug: str
    year: int
    """0 for files of the site itself."""
    kind: str
    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Taken:
    """What a file was taken for and what was stored; the body of its receipt."""

    taken_for: str
    stored: dict[str, Any]
    warnings: list[Problem] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    """Tables: lists of rows by name."""


def as_problems(texts: list[str] | tuple[str, ...]) -> list[Problem]:
    """Return texts as warnings of a receipt."""
    return [Problem(text) for text in texts]
