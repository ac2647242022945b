"""Damage as files come with it: a value that is none, lines that are gone, a file cut short, other bytes."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

NONSENSE = (
    "", "NaN", "inf", "abc", "-1", "0", "1e400", "9" * 5000, "-0.5", "2023-13-45T99:99:99Z", "B99",
    "../../etc/passwd", "é", "true", "1 2 3", ";;;", '"', "[", "{", "null", "&a", "\t", "\x00",
)  # fmt: skip
_STRANGE = (None, [], {}, "x", "", -1, 0, 1e300, float("inf"), float("nan"), True, [1, "a"], {"a": 1})
_VALUE = re.compile(r">([^<>]+)<|\"([^\"<>]*)\"|[=:,;] ?([^\s,;<>\"]+)")
_ELEMENT = re.compile(r"<(\w+)[^<>/]*>[^<]*</\1>")


def damage_a_file(folder: Path, rng: random.Random) -> str:
    """Damage one file below a folder, its texts more often than its images; say what was done."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [path for path in files if path.suffix.lower() in (".xml", ".json", ".txt", ".safe")]
    path = rng.choice(texts if texts and rng.random() < 0.8 else files)
    if rng.random() < 0.1:
        path.unlink()
        return f"{path.name} is gone"
    return damage(path, rng)


def damage(path: Path, rng: random.Random) -> str:
    """Damage a file in place; say what was done."""
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = None
    kind = rng.random()
    if text and kind < 0.75:
        if path.suffix.lower() in (".json", ".geojson") and rng.random() < 0.8:
            changed, what = json.dumps(strange_json(json.loads(text), rng)), "a value is another"
        else:
            changed, what = _strange_text(text, rng)
        path.write_bytes(changed.encode("utf-8", "surrogateescape"))
        return f"{path.name}: {what}"
    if kind < 0.9:
        end = rng.randrange(len(content) + 1)
        path.write_bytes(content[:end])
        return f"{path.name}: cut to {end} bytes"
    turned = bytearray(content)
    for _ in range(rng.choice((1, 3, 20)) if turned else 0):
        turned[rng.randrange(min(len(turned), 4000))] = rng.randrange(256)
    path.write_bytes(turned)
    return f"{path.name}: some bytes are others"


def strange_json(value: Any, rng: random.Random) -> Any:
    """Return a document in which one value is strange or gone; the one given is changed."""
    if isinstance(value, (dict, list)) and value:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        kind = rng.random()
        if kind < 0.3:
            value[key] = rng.choice(_STRANGE)
        elif kind < 0.4:
            del value[key]
        else:
            value[key] = strange_json(value[key], rng)
        return value
    return rng.choice(_STRANGE)


def _strange_text(text: str, rng: random.Random) -> tuple[str, str]:
    kind = rng.random()
    values = list(_VALUE.finditer(text)) if kind < 0.5 else []
    if values:
        found = rng.choice(values)
        start, end = next(found.span(group) for group in (1, 2, 3) if found.group(group) is not None)
        put = rng.choice(NONSENSE)
        return text[:start] + put + text[end:], f"{text[start:end][:40]!r} is {put[:40]!r}"
    elements = list(_ELEMENT.finditer(text)) if kind < 0.75 else []
    if elements:
        found = rng.choice(elements)
        return text[: found.start()] + text[found.end() :], f"{found[0][:60]!r} is gone"
    lines = text.splitlines(keepends=True)
    first, n = rng.randrange(len(lines)), rng.randint(1, 20)
    return "".join(lines[:first] + lines[first + n :]), f"lines {first} to {first + n} are gone"
