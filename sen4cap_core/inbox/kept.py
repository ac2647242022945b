"""Settings and tables that are in force, kept so that a bad file dropped over a good one takes nothing away.

A copy of each that was taken lies below the data root, under the path it was dropped at. When a file of the
same path is refused and moves to ``rejected/``, the copy takes its place again.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.files import atomic_path, sha256_file
from sen4cap_core.inbox.layout import Kind
from sen4cap_core.settings import Settings

logger = logging.getLogger(__name__)

FOLDER = "in-force"
"""Below the data root."""
MAX_BYTES = 5_000_000
"""Settings and tables that people write are smaller; larger files are not kept twice."""
_NOT_KEPT = frozenset({Kind.SCENE, Kind.RADAR, Kind.DECLARATIONS})


@dataclass(frozen=True)
class Kept:
    """A copy of a file that was taken before, with the size and time of the original."""

    copy: Path
    sha256: str
    size_bytes: int
    mtime_ns: int


def keep(settings: Settings, path: Path, kind: str, sha256: str) -> None:
    """Keep a copy of a file that was taken; nothing where it is large, a folder, or has changed meanwhile."""
    target = _copy_of(settings, path)
    if target is None or kind in _NOT_KEPT:
        return
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            target.unlink(missing_ok=True)
            return
        with atomic_path(target) as part:
            shutil.copy2(path, part)
        if sha256_file(target) != sha256:
            target.unlink()
    except OSError as error:
        # It was taken all the same.
        logger.warning("no copy of %s is kept: %s", path, error)


def find_kept(settings: Settings, path: Path) -> Kept | None:
    """Return what was taken last at this path; None where nothing was, or not kept."""
    target = _copy_of(settings, path)
    if target is None or not target.is_file():
        return None
    status = target.stat()
    return Kept(target, sha256_file(target), status.st_size, status.st_mtime_ns)


def put_back(kept: Kept, path: Path) -> bool:
    """Put a kept file back where it lay, unless another one is there by now; return whether it was."""
    hidden = path.with_name(f".{path.name}.back")
    try:
        shutil.copy2(kept.copy, hidden)
        # A link refuses where the next version has been dropped meanwhile; a rename would take its place.
        os.link(hidden, path)
    except FileExistsError:
        return False
    except OSError as error:
        logger.warning("%s could not be put back, it lies at %s: %s", path, kept.copy, error)
        return False
    finally:
        hidden.unlink(missing_ok=True)
    return True


def _copy_of(settings: Settings, path: Path) -> Path | None:
    root = settings.uploads_root.absolute()
    return settings.data / FOLDER / path.relative_to(root) if path.is_relative_to(root) else None
