"""What ``status`` and ``wait`` read of the watcher: one small file, written when it says something new."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sen4cap_core.clock import utc_now
from sen4cap_core.files import write_text_atomic
from sen4cap_core.settings import Settings

logger = logging.getLogger(__name__)

HEARTBEAT = "run/watcher.json"
"""Below home: what the watcher last said of itself."""
MAX_PENDING = 100
"""So many drops of each site are named."""


@dataclass(frozen=True)
class Arriving:
    """A drop that the watcher sees and does not take yet."""

    path: Path
    reason: str
    """Why not: ``still growing``, ``incomplete, waiting for the rest: ...``."""


def arriving(settings: Settings) -> list[Arriving]:
    """Return what the watcher last said to be arriving, at most ``MAX_PENDING`` of each site."""
    return _arriving(_last_beat(settings))


def arriving_at(settings: Settings, site: str | None) -> list[Arriving]:
    """Return what is arriving in the folder of a site, or of all; nothing where no watcher is at work."""
    beat, root = _last_beat(settings), settings.uploads_root.absolute()
    folder = root if site is None else root / site
    return [one for one in _arriving(beat) if folder in one.path.parents] if _lives(beat, settings) else []


def is_watched(settings: Settings) -> bool:
    """Whether a watcher of this upload folder has shown lately that it lives."""
    return _lives(_last_beat(settings), settings)


def _last_beat(settings: Settings) -> Any:
    """Return what the file says, None where nothing can be read."""
    try:
        return json.loads((settings.home / HEARTBEAT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _arriving(beat: Any) -> list[Arriving]:
    try:
        return [Arriving(Path(one["path"]), str(one["reason"])) for one in beat["pending"]]
    except (KeyError, TypeError):
        return []


def _lives(beat: Any, settings: Settings) -> bool:
    try:
        age_seconds = (utc_now() - datetime.fromisoformat(beat["at"])).total_seconds()
        is_ours = beat["state"] == "watching" and beat["uploads_root"] == str(
            settings.uploads_root.absolute()
        )
    except (ValueError, KeyError, TypeError):
        return False
    # A time ahead of ours is of a clock that was set back, and says nothing.
    return is_ours and -30.0 < age_seconds < 3 * settings.rescan_seconds + 30.0


def first_of_each_site(pending: Mapping[Path, str], root: Path) -> list[dict[str, str]]:
    """Return the first drops of each site as the file has them: of a busy one no other's are left out."""
    told: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for path, reason in sorted(pending.items()):
        site = path.relative_to(root).parts[0]
        if len(told[site]) < MAX_PENDING:
            told[site].append({"path": str(path), "reason": reason})
    return [one for of_site in told.values() for one in of_site]


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
