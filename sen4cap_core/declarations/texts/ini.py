"""The original's configuration files: sections of ``key = value`` lines, told with their line when wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sen4cap_core.errors import ConfigurationError, Problem, nearest_word


@dataclass(frozen=True)
class Entry:
    """A key of the file: its text and the line it starts on."""

    text: str
    line: int


@dataclass
class IniFile:
    """What a file gives, and what is wrong or odd in it."""

    sections: dict[str, dict[str, Entry]]
    """By section and key, both as the caller spells them."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Keys given twice, where that is allowed."""


def read_text(path: Path) -> str:
    """Return the text of a configuration file.

    Raises
    ------
    ConfigurationError
        When it is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(path, "is not UTF-8 text.", expected="An INI text file.") from error


def parse_ini(
    text: str,
    known: Mapping[str, Sequence[str]],
    *,
    last_counts: bool = False,
    continued_lines: bool = False,
) -> IniFile:
    """Split INI text into known sections and keys, upper and lower case being the same.

    Comments begin with ``#`` or ``;`` at the start of a line or after a blank.

    Parameters
    ----------
    known : keys by section; any other is a problem that names its line and the nearest one.
    last_counts : of a key given twice the last one counts, with a note; else that is a problem.
    continued_lines : an indented line continues the value above it, as in Python's configparser.
    """
    found = IniFile({section: {} for section in known})
    names = {section.lower(): section for section in known}
    section: str | None = None
    current: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        content = re.sub(r"(^|\s)[#;].*$", "", line).rstrip()
        if not content:
            continue
        if continued_lines and line[:1].isspace() and section and current is not None:
            above = found.sections[section][current]
            found.sections[section][current] = Entry(f"{above.text} {content.strip()}", above.line)
            continue
        current = None
        if match := re.fullmatch(r"\s*\[([^\]]+)\]", content):
            section = names.get(match.group(1).strip().lower())
            if section is None:
                near = nearest(match.group(1), list(known))
                found.problems.append(Problem(f"line {number}: unknown section [{match.group(1)}]{near}"))
                section = ""
            continue
        match = re.fullmatch(r"\s*([^=:\s][^=:]*?)\s*[=:](.*)", content)
        if match is None:
            text_ = content.strip()
            found.problems.append(Problem(f"line {number}: expected 'key = value', found {text_!r}"))
        elif section is None:
            found.problems.append(
                Problem(f"line {number}: {match.group(1)!r} stands before the first [section]")
            )
        elif section:
            entry = Entry(match.group(2).strip(), number)
            current = _enter(found, section, match.group(1), entry, known, last_counts)
    return found


def nearest(name: str, known: Sequence[str]) -> str:
    """Return `` (did you mean ...?)`` with the nearest of the known names, empty where none is near."""
    found = nearest_word(name, known)
    return f" (did you mean {found!r}?)" if found else ""


def _enter(
    found: IniFile,
    section: str,
    written: str,
    entry: Entry,
    known: Mapping[str, Sequence[str]],
    last_counts: bool,
) -> str | None:
    """Put a key into its section; return its name, None where it is not one."""
    key = {k.lower(): k for k in known[section]}.get(written.lower())
    if key is None:
        every = [k for keys in known.values() for k in keys]
        near = nearest(written, list(known[section])) or nearest(written, every)
        found.problems.append(Problem(f"line {entry.line}: unknown key {written!r} in [{section}]{near}"))
        return None
    former = found.sections[section].get(key)
    if former is not None:
        told = f"line {entry.line}: [{section}] {key} was already given in line {former.line}"
        if not last_counts:
            found.problems.append(Problem(told))
            return None
        found.notes.append(f"{told}; this one counts")
    found.sections[section][key] = entry
    return key
