"""What can go wrong, in words a user can act on.

Every message says what was being done, to which file or row, what was expected and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


class Sen4capError(Exception):
    """Base of all errors this system raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where it stands and what it is."""

    text: str
    row: int | None = None
    """Row number of a table as the user's spreadsheet counts it: the header is row 1."""
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


@dataclass(frozen=True)
class LineProblem(Problem):
    """One thing wrong in a text such as YAML, which has lines and no rows."""

    line: int | None = None
    """As the user's editor counts it, from 1."""

    def __str__(self) -> str:
        return self.text if self.line is None else f"line {self.line}: {self.text}"


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """Return the word that was probably meant, None where none is near; upper and lower case count alike.

    That is the only one that begins so, else the one most alike.

    >>> nearest_word("Crop", ["PARCEL_ID", "CROP_CODE"]), nearest_word("parcelid", ["PARCEL_ID", "CROP_CODE"])
    ('CROP_CODE', 'PARCEL_ID')
    """
    written = word.strip().casefold()
    by_letters = {one.casefold(): one for one in known}
    begins = [one for one in by_letters if written and one.startswith(written)]
    near = begins if len(begins) == 1 else get_close_matches(written, by_letters, n=1)
    return by_letters[near[0]] if near else None


def unknown_word(word: str, known: Sequence[str], what: str) -> str:
    """Say that a word is none of those known, with the nearest of them and the list.

    >>> unknown_word("l3a", ["l3a-composite", "l4b-mowing"], "kind of product")
    "'l3a' is no kind of product, did you mean 'l3a-composite'? There are: l3a-composite, l4b-mowing."
    """
    near = nearest_word(word, known)
    guess = f", did you mean {near!r}?" if near else "."
    return f"{word!r} is no {what}{guess} There are: {', '.join(known) or 'none yet'}."


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


class OtherKindError(BadUploadError):
    """A dropped file whose content is of another kind than its folder: no file of that kind corrects it."""


class UnsafeArchiveError(BadUploadError):
    """An archive that would write outside its folder, or unpack to an unreasonable size."""


class IncompleteArchiveError(UnsafeArchiveError):
    """An archive that cannot be opened: cut short, still being copied, damaged, or none at all."""


class UnreadableSceneError(BadUploadError):
    """A scene whose files are missing, truncated or contradict each other."""


class ConfigurationError(BadUploadError):
    """A configuration file with unknown keys or values out of range."""


class NothingToDoError(Sen4capError):
    """A job without input. It ends as skipped with this reason, never as completed."""


class UnknownNumberError(Sen4capError):
    """A number by which somebody named a row, and there is no such row."""


class ServiceError(Sen4capError):
    """A service (PostGIS, Prefect, worker, watcher) could not be started or reached."""
