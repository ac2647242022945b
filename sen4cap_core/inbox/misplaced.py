"""What lies where nobody looks for it: told beside it once it had its time to become whole, never moved."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.layout import Misplaced
from sen4cap_core.inbox.receipts import sweep_misplaced, write_misplaced
from sen4cap_core.inbox.settle import INCOMPLETE_SECONDS
from sen4cap_core.inbox.units import Unit, is_utf8
from sen4cap_core.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""What cannot become whole by more files is told of after this long."""


class MisplacedThings:
    """The misplaced files and folders of one upload folder, and which of them have their note."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._noted: set[Path] = set()
        self.undecided: dict[Path, float] = {}
        """Those without a note yet, and when they were first seen, in seconds of the monotonic clock."""

    def see(self, thing: Unit | Misplaced, is_rescan: bool) -> None:
        """Look at one: write its note when it is due; at a rescan again, should somebody have removed it."""
        if isinstance(thing, Unit) or not is_utf8(thing.path):
            shown = Path(str(thing.path).encode("utf-8", "replace").decode())
            what = "its name, or that of a folder it is in, is not valid UTF-8."
            error = BadUploadError(shown, what, remedy="rename it and drop it again.")
            thing = Misplaced(thing.path, error)
        if thing.path in self._noted and not is_rescan:
            return
        since = self.undecided.setdefault(thing.path, time.monotonic())
        patience = INCOMPLETE_SECONDS if thing.may_become_whole else PATIENCE_SECONDS
        if thing.path in self._noted or time.monotonic() - since >= patience:
            try:
                if write_misplaced(self._settings, thing) is not None:
                    logger.info("%s is misplaced: %s", thing.error.file, thing.error.what)
            except OSError as error:
                logger.warning("%s is misplaced, and no note can be written: %s", thing.error.file, error)
            self._noted.add(thing.path)
            del self.undecided[thing.path]

    def keep_only(self, found: set[Path]) -> None:
        """Forget what is no longer there, once all has been listed."""
        self._noted &= found
        for path in self.undecided.keys() - found:
            del self.undecided[path]

    def sweep(self) -> None:
        """Remove notes beside what has gone; those that cannot be removed stay for now."""
        try:
            sweep_misplaced(self._settings)
        except OSError as error:
            logger.warning("notes beside what has gone stay for now: %s", error)
