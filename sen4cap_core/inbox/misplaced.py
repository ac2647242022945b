"""What lies where nobody looks for it: told beside it once it had its time to become whole, never moved."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.layout import Misplaced
from sen4cap_core.inbox.receipts import sweep_misplaced, write_misplaced
from sen4cap_core.inbox.settle import INCOMPLETE_SECONDS
from sen4cap_core.inbox.units import Unit, find_outside_sites, find_units, is_utf8
from sen4cap_core.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""What cannot become whole by more files is told of after this long."""


def find_misplaced(settings: Settings, site: str | None) -> Iterator[Misplaced]:
    """Look through a site's folder, or the whole upload folder, for what is misplaced at this moment.

    Of thousands of scenes that takes seconds; ``misplaced_notes`` is quick and tells what was answered.
    """
    root = settings.uploads_root.absolute()
    for thing in find_units(root, root if site is None else root / site):
        misplaced = as_misplaced(thing)
        if misplaced is not None:
            yield misplaced


def misplaced_outside_sites(settings: Settings) -> list[Misplaced]:
    """Return what lies in the upload folder outside of any site's folder; that takes milliseconds."""
    found = map(as_misplaced, find_outside_sites(settings.uploads_root.absolute()))
    return [one for one in found if one is not None]


def as_misplaced(thing: Unit | Misplaced) -> Misplaced | None:
    """Return what is misplaced, a drop among it whose name nobody can write down; None for a sound drop."""
    if is_utf8(thing.path):
        return thing if isinstance(thing, Misplaced) else None
    what = "its name, or that of a folder it is in, is not valid UTF-8."
    error = BadUploadError(Path(printable(thing.path)), what, remedy="rename it and drop it again.")
    return Misplaced(thing.path, error)


def printable(path: Path) -> str:
    """Return a path as it can be shown: what is not UTF-8 in it becomes a question mark."""
    return str(path).encode("utf-8", "replace").decode()


def patience_seconds(thing: Misplaced) -> float:
    """How long a misplaced thing is left alone, since the rest of it may be on its way."""
    return INCOMPLETE_SECONDS if thing.may_become_whole else PATIENCE_SECONDS


def had_its_time(thing: Misplaced) -> bool:
    """Whether a misplaced thing has not changed for as long as it is left alone; one that has gone did."""
    try:
        changed = thing.path.lstat().st_ctime
    except OSError:
        return True
    return time.time() - changed >= patience_seconds(thing)


class MisplacedThings:
    """The misplaced files and folders of one upload folder, and which of them have their note."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._noted: set[Path] = set()
        self.undecided: dict[Path, float] = {}
        """Those without a note yet, and when they were first seen, in seconds of the monotonic clock."""

    def see(self, thing: Misplaced, is_rescan: bool) -> None:
        """Look at one: write its note when it is due; at a rescan again, should somebody have removed it."""
        if thing.path in self._noted and not is_rescan:
            return
        since = self.undecided.setdefault(thing.path, time.monotonic())
        if thing.path in self._noted or time.monotonic() - since >= patience_seconds(thing):
            try:
                if write_misplaced(self._settings, thing) is not None:
                    logger.info("%s is misplaced: %s", thing.error.file, thing.error.what)
            except OSError as error:
                logger.warning("%s is misplaced, and no note can be written: %s", thing.error.file, error)
            self._noted.add(thing.path)
            del self.undecided[thing.path]

    def keep_only(self, found: set[Path]) -> None:
        """Forget what is not misplaced any more, once all has been listed: ``found`` are those that are."""
        self._noted &= found
        for path in self.undecided.keys() - found:
            del self.undecided[path]

    def sweep(self) -> None:
        """Remove notes beside what has gone or is not misplaced any more, once all has been listed."""
        sweep_misplaced(self._settings, self._noted | self.undecided.keys())
