"""Files that appear whole or not at all, and the hash that is their identity."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK_BYTES = 8 * 1024 * 1024
_numbers = itertools.count()


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it to ``target`` on success, remove it on failure.

    The temporary name starts with a dot and ends with ``.part`` plus the target's suffix, so that a stale
    one left by a killed process is recognised and swept by ``sweep_partial``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{next(_numbers)}.{os.getpid()}.part{target.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_atomic(target: Path, text: str) -> None:
    """Write a small text file so that a reader sees the old or the new one, never half."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_partial(path: Path) -> bool:
    """Whether this name is a temporary one of ``atomic_path``."""
    return path.name.startswith(".") and ".part" in path.name


def sweep_partial(folder: Path) -> list[Path]:
    """Remove temporary files whose writing process is gone; return what was removed."""
    removed = []
    for path in folder.rglob(".*.part*"):
        owner = path.name.rsplit(".part", 1)[0].rsplit(".", 1)[-1]
        if path.is_file() and not (owner.isdigit() and _is_alive(int(owner))):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_tree(folder: Path) -> str:
    """Return one hash of a folder: names and contents of all files below it, whatever their times."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(bytes.fromhex(sha256_file(path)))
    return digest.hexdigest()


def content_hash(path: Path) -> str:
    """Return the content hash of a file or folder."""
    return sha256_tree(path) if path.is_dir() else sha256_file(path)
