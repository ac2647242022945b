"""Files that appear whole or not at all, and the hash that is their identity."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK_BYTES = 8 * 1024 * 1024
MAX_NAME_BYTES = 255
"""Longest file name that the usual file systems take."""
STALE_SECONDS = 24 * 3600.0
"""A temporary file nobody has written to for this long is left over, whoever made it."""
_numbers = itertools.count()
_PARTIAL = re.compile(r"\..*\.part(\..*)?", re.DOTALL)
_OWNER = re.compile(r"\..*\.[0-9]+\.(?P<host>[A-Za-z0-9-]+)-(?P<pid>[0-9]+)\.part(\..*)?", re.DOTALL)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it to ``target`` on success, remove it on failure."""
    temporary = temporary_beside(target)
    try:
        yield temporary
        publish(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(target: Path) -> Path:
    """Name the temporary file that is to become ``target``, and make its folder.

    The name is ``.<stem>.<n>.<host>-<pid>.part<suffix>``, so that a stale one left by a killed process is
    recognised and swept by ``sweep_partial``, by the machine that made it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(_temporary_name(target))


def publish(temporary: Path, target: Path) -> None:
    """Let a temporary file that is on the disk to its last byte appear under its own name."""
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(target)


def write_text_atomic(target: Path, text: str) -> None:
    """Write a small text file so that a reader sees the old or the new one, never half."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_partial(path: Path) -> bool:
    """Whether this name is a temporary one of ``atomic_path``."""
    return _PARTIAL.fullmatch(path.name) is not None


def sweep_partial(folder: Path) -> list[Path]:
    """Remove temporary files that nobody will finish; return what was removed.

    Those are the ones of this machine whose process is gone, and any that were not written to for a day:
    whether a process of another machine lives cannot be asked here.
    """
    removed = []
    for path in folder.rglob(".*.part*"):
        try:
            if is_partial(path) and path.is_file() and _is_left_over(path):
                path.unlink()
                removed.append(path)
        except OSError:
            # Finished, or swept by somebody else, just now; or not ours to remove.
            continue
    return removed


def _temporary_name(target: Path) -> str:
    stem, suffix = target.stem, target.suffix
    tail = f".{next(_numbers)}.{_host()}-{os.getpid()}.part"
    room = MAX_NAME_BYTES - len(tail) - 1
    if len(os.fsencode(suffix)) > room:
        # So long a "suffix" is no format's: it is where the last dot of a sentence happens to stand.
        suffix = ""
    room -= len(os.fsencode(suffix))
    if len(os.fsencode(stem)) > room:
        stem = os.fsencode(stem)[:room].decode("utf-8", "ignore")
    return f".{stem}{tail}{suffix}"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:64] or "localhost"


def _is_left_over(path: Path) -> bool:
    if time.time() - path.stat().st_mtime > STALE_SECONDS:
        return True
    owner = _OWNER.fullmatch(path.name)
    return owner is not None and owner["host"] == _host() and not _is_alive(int(owner["pid"]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def files_below(folder: Path) -> list[Path]:
    """List all files at any depth below a folder, sorted; linked folders are not entered.

    Raises
    ------
    OSError
        A folder cannot be listed, or its files cannot be looked at. Nothing is left out silently.
    """
    found: list[Path] = []
    for parent, _, names in os.walk(folder, onerror=_raise):
        found += (path for name in names if (path := Path(parent, name)).is_file())
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_tree(folder: Path) -> str:
    """Return one hash of a folder: names and contents of all files below it, whatever their times.

    Names count as the bytes they are: they need not be valid UTF-8.
    """
    digest = hashlib.sha256()
    for path in files_below(folder):
        digest.update(os.fsencode(path.relative_to(folder)) + b"\0")
        digest.update(bytes.fromhex(sha256_file(path)))
    return digest.hexdigest()


def content_hash(path: Path) -> str:
    """Return the content hash of a file or folder."""
    return sha256_tree(path) if path.is_dir() else sha256_file(path)
