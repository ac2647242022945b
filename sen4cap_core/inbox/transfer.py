"""Moving a user's file so that at every moment one whole copy of it exists."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from sen4cap_core.errors import Sen4capError
from sen4cap_core.files import content_hash


def move(source: Path, target: Path) -> None:
    """Move a file or folder; between devices by a copy that is compared before the original goes.

    Times are kept. ``target`` must not exist.

    Raises
    ------
    FileExistsError
        When ``target`` exists.
    OSError
        As the file system says it; the source is untouched then.
    """
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_across(source, target)


def _copy_across(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if source.is_symlink():
            temporary.symlink_to(os.readlink(source))
        elif source.is_dir():
            shutil.copytree(source, temporary, symlinks=True)
        else:
            shutil.copy2(source, temporary)
        if not source.is_symlink() and content_hash(source) != content_hash(temporary):
            raise Sen4capError(f"{source} changed while it was copied to {target}; it stays where it is")
        temporary.rename(target)
    finally:
        _remove(temporary)
    _remove(source)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
