"""Enter drops into the inbox: row, sighting and job in one transaction; a receipt for a second copy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.db.server.session import is_database_trouble, session_scope
from sen4cap_core.db.work import uploads
from sen4cap_core.inbox.heartbeat import is_watched
from sen4cap_core.inbox.layout import Misplaced
from sen4cap_core.inbox.receipts import Receipt, has_receipt, write_receipt
from sen4cap_core.inbox.settle import Settler
from sen4cap_core.inbox.units import Fingerprint, Unit, find_units, is_utf8
from sen4cap_core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registered:
    """What became of a drop that was hashed."""

    upload_id: int
    outcome: uploads.Outcome
    kept_path: str
    """Path of the upload: of a duplicate, where the first copy lies."""

    @property
    def is_work(self) -> bool:
        """Whether it now waits to be received."""
        return self.outcome in ("new", "again")


def register(
    settings: Settings, engine: Engine, unit: Unit, fingerprint: Fingerprint, sha256: str
) -> Registered:
    """Register one drop whose files have this fingerprint and hash. Idempotent.

    A second copy of content that is kept elsewhere gets its receipt here, since no job will come to it.
    """
    drop = uploads.Drop(
        site_slug=unit.place.site_slug,
        year=unit.place.year,
        kind=unit.place.kind.value,
        path=str(unit.path),
        size_bytes=fingerprint.size_bytes,
        mtime_ns=fingerprint.mtime_ns,
        sha256=sha256,
        latest_counts=unit.place.latest_counts,
    )
    with session_scope(engine) as session:
        upload, outcome = uploads.register_upload(session, drop, priority=unit.place.priority)
        answer = Registered(upload.id, outcome, upload.path)
    logger.info("%s %s: upload %d, %s", drop.kind, unit.path, answer.upload_id, outcome)
    if outcome == "duplicate":
        write_duplicate_receipt(settings, unit, answer, fingerprint.size_bytes, sha256)
    return answer


def write_duplicate_receipt(
    settings: Settings, unit: Unit, first: Registered, size_bytes: int, sha256: str
) -> Path:
    """Say beside a second copy that its content is known, and where the first copy is."""
    receipt = Receipt(
        upload_id=first.upload_id,
        file=unit.path.name,
        kind=unit.place.kind.value,
        site=unit.place.site_slug,
        year=unit.place.year or None,
        sha256=sha256,
        size_bytes=size_bytes,
        taken_for="a second copy of content that was dropped before; it is not taken twice",
        stored={},
        duplicate_of=first.kept_path,
    )
    return write_receipt(settings, unit.path, receipt)


def hash_unit(unit: Unit, fingerprint: Fingerprint) -> str | None:
    """Hash a drop; None when it changed while it was read."""
    sha256 = unit.content_hash()
    return sha256 if unit.fingerprint() == fingerprint else None


def needs_look(unit: Unit, known: uploads.Known, fingerprint: Fingerprint) -> bool:
    """Whether a path the sightings know must be registered anew: it changed, or its first copy is gone."""
    if (known.size_bytes, known.mtime_ns) != (fingerprint.size_bytes, fingerprint.mtime_ns):
        return True
    return known.kept_path != str(unit.path) and not Path(known.kept_path).exists()


def needs_receipt(settings: Settings, unit: Unit, known: uploads.Known) -> bool:
    """Whether a second copy has no receipt, since somebody died between its row and its receipt."""
    return known.kept_path != str(unit.path) and not has_receipt(settings, unit.path)


def register_all(settings: Settings, engine: Engine, *, sleep: Callable[[float], object] = time.sleep) -> int:
    """Look through the whole upload folder once and register what nobody registered.

    For where no watcher runs; while one does, nothing is done, since it is perhaps just hashing the same
    files. Drops that are not whole are left to the watcher, which knows for how long they have not grown. One
    that cannot be read is logged and left out; the others are taken all the same.

    Returns
    -------
    int
        How many drops wait to be received because of this.

    Raises
    ------
    DBAPIError
        The database is away.
    """
    if is_watched(settings):
        return 0
    root = settings.uploads_root.absolute()
    with session_scope(engine) as session:
        known = uploads.load_known(session, str(root))
    settler = Settler(settings.settle_seconds)
    candidates: list[tuple[Unit, Fingerprint]] = []
    for unit in find_units(root):
        if isinstance(unit, Misplaced) or not is_utf8(unit.path):
            continue
        try:
            fingerprint = unit.fingerprint()
            sighting = known.get(str(unit.path))
            if fingerprint is not None and (sighting is None or needs_look(unit, sighting, fingerprint)):
                settler.look(unit, fingerprint, 0.0)
                candidates.append((unit, fingerprint))
        except Exception as error:
            _leave_out(unit, error)
    if not candidates:
        return 0
    sleep(settings.settle_seconds)
    n_registered = 0
    for unit, _ in sorted(candidates, key=lambda pair: order(*pair)):
        try:
            now = unit.fingerprint()
            if now is None or settler.look(unit, now, settings.settle_seconds) is not None:
                continue
            sha256 = hash_unit(unit, now)
            if sha256 is not None:
                n_registered += register(settings, engine, unit, now, sha256).is_work
        except Exception as error:
            _leave_out(unit, error)
    return n_registered


def _leave_out(unit: Unit, error: Exception) -> None:
    """Log why a drop is not taken now; raises what is the database's trouble and not the drop's."""
    if is_database_trouble(error):
        raise error
    logger.error("%s cannot be taken now: %s", unit.path, error, exc_info=error)


def order(unit: Unit, fingerprint: Fingerprint) -> tuple[bool, int, str]:
    """Sort key of a burst: of files that replace each other, the one written last is registered last."""
    return (not unit.place.latest_counts, fingerprint.mtime_ns, str(unit.path))
