"""Waiting for a database that is away: longer from try to try, told once in the log."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger(__name__)

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0)
"""Before the first try and the next ones; the last one again and again."""


class DatabasePatience:
    """Whether the database is away, and when it is asked again."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        """Why it is away; None while it answers."""
        self.next_try = 0.0
        """Second of the monotonic clock; 0 while it answers."""
        self._tries = 0

    def is_away(self, error: Exception) -> None:
        """Take a try that failed."""
        pause = PAUSES_SECONDS[min(self._tries, len(PAUSES_SECONDS) - 1)]
        self._tries += 1
        self.next_try = time.monotonic() + pause
        reason = str(error).strip().splitlines()[0]
        if self.trouble is None:
            logger.warning("the database is away, files stay where they are until it is back: %s", reason)
        self.trouble = reason

    def is_back(self) -> None:
        """Take a try that went well."""
        if self.trouble is not None:
            logger.info("the database is back")
        self.trouble, self._tries, self.next_try = None, 0, 0.0
