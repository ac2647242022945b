"""What a source says the time is: our own clock may be wrong, and so may be what it lets us believe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests


class RemoteClock:
    """The time of a source's last answer, from its ``Date`` header; None before the first."""

    def __init__(self) -> None:
        self.now: datetime | None = None

    def listen(self, session: requests.Session) -> None:
        """Read the clock of all answers that a session gets from now on."""
        session.hooks["response"].append(self._read)

    def _read(self, response: requests.Response, *_: Any, **__: Any) -> None:
        try:
            stated = parsedate_to_datetime(response.headers["Date"])
            # An answer out of a cache is as old as it says.
            age_s = int(response.headers.get("Age", "0"))
            self.now = stated.astimezone(UTC) + timedelta(seconds=age_s)
        except (KeyError, ValueError, OverflowError):
            return
