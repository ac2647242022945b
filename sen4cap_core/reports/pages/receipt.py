"""The answer to a drop, as people read it in the Prefect UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sen4cap_core.reports.pages.tables import facts, markdown_table
from sen4cap_core.reports.pages.text import Markdown, bold, bullets, day, document, escape, heading, size

MAX_ROWS = 50
"""Rows of one table: a hundred thousand warnings are in the receipt file, not on the screen."""

_NAMES = {
    "file": "File",
    "kind": "Kind",
    "taken_for": "Taken for",
    "site": "Site",
    "year": "Year",
    "received_at": "Received",
    "size_bytes": "Size",
    "sha256": "SHA-256",
    "upload_id": "Upload",
    "moved_to": "Moved to",
    "settles": "Settles the rejection of",
}
_UNITS = {"_ha": " (ha)", "_m2": " (m²)", "_m": " (m)", "_deg": " (°)", "_days": " (days)"}
_TITLE_KEYS = ("file",)
_PROBLEM_KEYS = ("warnings", "problems")


def receipt_markdown(receipt: Mapping[str, Any]) -> str:
    """Return a receipt as markdown: what it was taken for, what was stored, warnings with row and column.

    Parameters
    ----------
    receipt : a receipt as written beside the file. ``file``, ``kind``, ``taken_for``, ``stored``,
        ``warnings`` (texts, or mappings with ``text``, ``row``, ``column``) and ``details``
        (mappings and lists of mappings become tables) have their places; what else is there is shown under
        its name.
        ``error`` makes it the answer to a rejected file.
    """
    error = receipt.get("error")
    name = receipt.get("file", "upload")
    plain = [
        (_NAMES.get(key, _words(key)), _value(key, value))
        for key, value in _in_order(receipt)
        if key not in (*_TITLE_KEYS, *_PROBLEM_KEYS, "error")
        and not _is_nested(value)
        and value not in (None, "", [], ())
    ]
    parts: list[object] = [
        heading(f"{'Rejected' if error else 'Received'}: {name}"),
        _error(str(error)) if error else None,
        facts(plain) if plain else None,
    ]
    for key in _PROBLEM_KEYS:
        parts += _problems(key, receipt.get(key) or [], silent=bool(error))
    for key, value in receipt.items():
        if _is_nested(value) and key not in _PROBLEM_KEYS:
            parts += _section(key, value)
    return document(*parts)


def _error(text: str) -> Markdown:
    """Return the plain-language text of a rejection: its lines, each a paragraph or a bullet."""
    lines = [line for line in text.splitlines() if line.strip()]
    blocks: list[str] = []
    for line in lines:
        if line.strip().startswith("- "):
            bullet = bullets([line.strip()[2:]])
            if blocks and blocks[-1].startswith("- "):
                blocks[-1] += f"\n{bullet}"
            else:
                blocks.append(bullet)
        else:
            first, colon, rest = line.partition(": ")
            lead = colon and first in ("Expected", "What to do")
            blocks.append(f"{bold(first + ':')} {escape(rest)}" if lead else escape(line))
    return Markdown("\n\n".join(blocks))


def _problems(key: str, problems: Sequence[Any], *, silent: bool) -> list[object]:
    if not problems:
        return [Markdown("No warnings.")] if key == "warnings" and not silent else []
    entries = [p if isinstance(p, Mapping) else {"text": p} for p in problems]
    columns = [name for name in ("row", "column") if any(entry.get(name) is not None for entry in entries)]
    rows = [[*(entry.get(name) for name in columns), entry.get("text", "")] for entry in entries[:MAX_ROWS]]
    return [
        heading(f"{_words(key)} ({len(problems)})", 3),
        markdown_table([*(_words(name) for name in columns), "What"], rows),
        _more(len(problems)),
    ]


def _section(key: str, value: Any) -> list[object]:
    if not value:
        return []
    if isinstance(value, Mapping):
        flat = [(_words(k), _value(k, v)) for k, v in value.items() if not _is_nested(v)]
        parts: list[object] = [heading(_words(key), 3)] if key != "details" else []
        parts += [facts(flat)] if flat else []
        for name, nested in value.items():
            if _is_nested(nested):
                parts += _section(name, nested)
        return parts
    if isinstance(value[0], Mapping):
        columns = list(dict.fromkeys(name for entry in value for name in entry))
        rows = [[_value(name, entry.get(name)) for name in columns] for entry in value[:MAX_ROWS]]
        table = markdown_table([_words(name) for name in columns], rows)
        return [heading(_words(key), 3), table, _more(len(value))]
    return [heading(_NAMES.get(key, _words(key)), 3), bullets(value[:MAX_ROWS]), _more(len(value))]


def _more(n: int) -> str | None:
    return f"… and {n - MAX_ROWS} more: the receipt file has them all." if n > MAX_ROWS else None


def _is_nested(value: object) -> bool:
    """Whether a value needs a table or list of its own; a few short texts stand on one line."""
    if isinstance(value, list | tuple):
        return any(isinstance(entry, Mapping) for entry in value) or sum(len(str(e)) + 2 for e in value) > 120
    return isinstance(value, Mapping)


def _in_order(receipt: Mapping[str, Any]) -> list[tuple[str, Any]]:
    known = [(key, receipt[key]) for key in _NAMES if key in receipt]
    return known + [(key, value) for key, value in receipt.items() if key not in _NAMES]


def _words(key: object) -> str:
    text = str(key)
    for suffix, unit in _UNITS.items():
        text = text.removesuffix(suffix) + unit if text.endswith(suffix) else text
    text = text.replace("_", " ")
    return "CRS" if text == "crs" else text[:1].upper() + text[1:]


def _value(key: object, value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "received_at" and isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, int) and str(key).endswith("bytes"):
        return size(value)
    if isinstance(value, list | tuple):
        return ", ".join(str(entry) for entry in value)
    return value
