"""What can go wrong, in words a user can act on.

Every message says what was being done, to which file or row, what was expected and what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class Sen4capError(Exception):
    """Base of all errors this system raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where it stands and what it is."""

    text: str
    row: int | None = None
    """Row number as the user's editor or spreadsheet counts it: the header is row 1."""
    column: str | None = None

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                f"row {self.row}" if self.row is not None else "",
                f"column {self.column!r}" if self.column is not None else "",
            )
            if part
        )
        return f"{where}: {self.text}" if where else self.text


class BadUploadError(Sen4capError):
    """A dropped file cannot be used. It goes to ``rejected/`` with this text beside it."""

    def __init__(
        self,
        file: Path | str,
        what: str,
        *,
        expected: str = "",
        remedy: str = "",
        problems: list[Problem] | None = None,
    ) -> None:
        self.file = Path(file)
        self.what = what
        self.expected = expected
        self.remedy = remedy
        self.problems = problems or []
        super().__init__(self.text())

    def text(self) -> str:
        """Say it in plain language, several lines."""
        lines = [f"{self.file.name}: {self.what}"]
        lines += [f"  - {problem}" for problem in self.problems]
        if self.expected:
            lines.append(f"Expected: {self.expected}")
        if self.remedy:
            lines.append(f"What to do: {self.remedy}")
        return "\n".join(lines)


class UnsafeArchiveError(BadUploadError):
    """An archive that would write outside its folder, or unpack to an unreasonable size."""


class UnreadableSceneError(BadUploadError):
    """A scene whose files are missing, truncated or contradict each other."""


class ConfigurationError(BadUploadError):
    """A configuration file with unknown keys or values out of range."""


class NothingToDoError(Sen4capError):
    """A job without input. It ends as skipped with this reason, never as completed."""


class ServiceError(Sen4capError):
    """A service (PostGIS, Prefect, worker, watcher) could not be started or reached."""
