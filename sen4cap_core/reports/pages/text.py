"""Markdown that says what it was given and nothing else.

Names of files, columns and crops come from outside. Everything that is not ``Markdown`` is escaped on its way
into a text: a file called ``<img src=x onerror=...>`` or ``a|b](http:..)`` shows its name and does nothing.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from urllib.parse import unquote

# Backslashes and not character references: the Prefect UI shows those as they stand.
_MARKUP = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>#|~&@"})
_SAFE_URL = re.compile(r"(?:https?://|/(?!/))[^\s<>\"'`\\]*\Z", re.IGNORECASE)
# A number of a list, a bullet, a rule, the underline of a heading; not 1.5 or -1.5.
_LINE_START = re.compile(
    r"\A([0-9]*)((?<=[0-9])[.)](?=\ |\Z)|(?<![0-9])[-+](?=\ |\Z)|(?<![0-9])[-=](?=[-= ]*\Z))"
)
# Not the no-break spaces: they hold a number to its unit.
_BREAKS = re.compile(r"[ \t\n\r\f\v\x85\u2028\u2029]+")
_THIN = "\u202f"  # narrow no-break space: groups digits, keeps number and unit on one line


class Markdown(str):
    """Text that is markdown already and is not escaped again."""

    __slots__ = ()


def escape(text: object) -> Markdown:
    """Return a value as markdown that shows exactly its text, on one line.

    Control characters and invisible ones that turn the direction of writing (they make ``gpj.exe`` out of
    ``exe.jpg``) show as U+FFFD; line breaks and tabs become spaces.
    """
    if isinstance(text, Markdown):
        return text
    one_line = _BREAKS.sub(" ", str(text)).strip()
    visible = "".join(
        "\ufffd" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") else char for char in one_line
    )
    escaped = visible.translate(_MARKUP)
    # Bare web addresses become links by themselves; lists, rules and headings start a line.
    escaped = escaped.replace("://", "\\://").replace("www.", "www\\.").replace("WWW.", "WWW\\.")
    return Markdown(_LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}", escaped))


def heading(text: object, level: int = 2) -> Markdown:
    """Return a heading line."""
    return Markdown(f"{'#' * level} {escape(text)}")


def bold(text: object) -> Markdown:
    """Return bold text; nothing for nothing."""
    return Markdown(f"**{escape(text)}**") if str(text).strip() else Markdown("")


def bullets(items: Iterable[object]) -> Markdown:
    """Return a bulleted list."""
    return Markdown("\n".join(f"- {escape(item)}" for item in items))


def link(text: object, url: str | None) -> Markdown:
    """Return a link to a web address or a path of this server; any other target gives the bare text."""
    if not url or not _SAFE_URL.match(url):
        return escape(text)
    target = url.replace("(", "%28").replace(")", "%29").replace("|", "%7C")
    return Markdown(f"[{escape(text)}]({target})")


def located(title: object, where: str) -> Markdown:
    """Return where a thing is: a link where a browser may follow it, else the title with the path."""
    linked = link(title, where)
    if linked != escape(title):
        return linked
    path = unquote(where.removeprefix("file://")) if where.startswith("file:///") else where
    return Markdown(f"{escape(title)}: {escape(path)}")


def document(*parts: object) -> str:
    """Join paragraphs with blank lines; empty ones vanish."""
    return "\n\n".join(str(escape(part)) for part in parts if part is not None and str(part)) + "\n"


def png_data_uri(png: bytes) -> str:
    """Return a PNG as a ``data:`` URI, which the Prefect UI shows without asking any server.

    Raises
    ------
    ValueError
        When the bytes are no PNG: the UI would show a broken picture.
    """
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("not a PNG")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def image(alt: object, png: bytes) -> Markdown:
    """Return a picture inside the text."""
    return Markdown(f"![{escape(alt)}]({png_data_uri(png)})")


def count(number: int) -> str:
    """Return a whole number with its digits in groups of three."""
    return f"{number:,}".replace(",", _THIN)


def percent(fraction: float | None, decimals: int = 1) -> str:
    """Return a fraction 0..1 as per cent; a dash where it is unknown."""
    if fraction is None or fraction != fraction:
        return "–"
    return f"{100 * fraction:.{decimals}f}{_THIN}%"


def share(part: int, whole: int) -> str:
    """Return ``part of whole (per cent)``; without the per cent of nothing."""
    text = f"{count(part)} of {count(whole)}"
    return f"{text} ({percent(part / whole)})" if whole else text


def size(n_bytes: int) -> str:
    """Return bytes with a decimal unit, three digits that count."""
    value = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.3g}{_THIN}{unit}" if unit != "B" else f"{n_bytes}{_THIN}B"
        value /= 1000
    return f"{value:.3g}{_THIN}TB"


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``0.42 s``, ``12.3 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds < 0.9995:
        return f"{seconds:.2f}{_THIN}s"
    if seconds < 59.95:
        return f"{seconds:.1f}{_THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{_THIN}min {rest:02d}{_THIN}s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}{_THIN}h {minutes:02d}{_THIN}min"


def day(moment: date | None) -> str:
    """Return a date or the UTC date and minute of an instant; a dash for none."""
    if moment is None:
        return "–"
    if isinstance(moment, datetime):
        return moment.strftime("%Y-%m-%d %H:%M") + (f"{_THIN}UTC" if moment.tzinfo else "")
    return moment.isoformat()
