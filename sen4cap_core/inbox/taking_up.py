"""A rejected file that was still being copied: it goes back to its place when it grows in ``rejected/``.

Who copies goes on writing into a file that was moved, so that all of it ends up there.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from sen4cap_core.db.work.rejections import MovedFile
from sen4cap_core.inbox.receipts import error_path
from sen4cap_core.inbox.transfer import move

logger = logging.getLogger(__name__)

_CLOCK_NS = 2_000_000_000
"""File systems that round times do so by less; a file that seemed to change each time would go to and fro."""


def take_up(moved: Iterable[MovedFile]) -> list[Path]:
    """Put files that have changed since they were rejected back where they were dropped; return where.

    There they are looked at as anything that arrives, and wait to become whole. A file stays in ``rejected/``
    where another one lies in its place by now. What has fewer bytes than were rejected is one file of several
    (a shapefile's, a scene's), of which nothing can be told, or was cut by hand; folders are not taken up.
    """
    back = []
    for one in moved:
        path, place = Path(one.path), Path(one.dropped_as)
        try:
            status = path.stat()
        except OSError:
            # Taken out of rejected/: that settles it.
            continue
        size, mtime = status.st_size, status.st_mtime_ns
        is_later = mtime > one.mtime_ns + _CLOCK_NS
        has_changed = size > one.size_bytes or (size == one.size_bytes and is_later)
        if not has_changed or not stat.S_ISREG(status.st_mode) or os.path.lexists(place):
            continue
        try:
            move(path, place)
            error_path(path).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s has changed in rejected/ and cannot be put back: %s", path, error)
            continue
        logger.info("%s has changed since it was rejected: it is back at %s", path, place)
        back.append(place)
    return back
