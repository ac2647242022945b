"""What ``sen4cap status`` reads of the watcher: one small file, written when it says something new."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sen4cap_core.clock import utc_now
from sen4cap_core.files import write_text_atomic

logger = logging.getLogger(__name__)


class Heartbeat:
    """The file and what it says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._said: str | None = None

    def write(self, facts: Mapping[str, Any]) -> None:
        """Write facts with the time, unless they are those of the last time; a full disk is only logged."""
        content = json.dumps(facts)
        if content == self._said:
            return
        self._said = content
        try:
            text = json.dumps({"at": utc_now().isoformat(timespec="seconds"), **facts}, indent=2)
            write_text_atomic(self._path, text + "\n")
        except OSError as error:
            logger.warning("the heartbeat cannot be written: %s", error)
