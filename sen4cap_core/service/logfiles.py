"""Log files of the services: one each, kept small."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 10 * 1024 * 1024
KEPT = 3


def open_log(path: Path) -> BinaryIO:
    """Open a log so that several processes may write to it and it may be emptied under them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab", buffering=0)


def rotate(folder: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
    """Move the content of logs that have grown beyond ``max_bytes`` to ``<name>.1`` and so on.

    The file is copied and emptied, not renamed: its writers hold it open in append mode and outlive us. Lines
    written between the copy and the emptying are lost.
    """
    for path in folder.glob("*.log"):
        if path.stat().st_size <= max_bytes:
            continue
        for number in range(kept - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        with path.open("r+b") as handle:
            handle.truncate(0)


def last_lines(path: Path, count: int = 12) -> str:
    """Return the last lines of a log, empty when there is none."""
    try:
        with path.open("rb") as handle:
            handle.seek(0, 2)
            handle.seek(max(0, handle.tell() - 16_384))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-count:])
