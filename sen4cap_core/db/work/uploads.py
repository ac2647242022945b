"""Uploads and sightings: what was dropped, once per content, and which paths the watcher knows at a glance.

An upload is identified by site, year, kind and content hash. A sighting is a path with the size and time it
had when it was last looked at; as long as both stay the same the content need not be hashed again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Json, Sighting, Upload
from sen4cap_core.db.work.jobs import enqueue

RECEIVE_UPLOAD = "receive-upload"
IS_OTHER_KIND = "is_other_kind"
"""In the receipt of a rejected upload: whether what it holds is of another kind than its folder."""
MTIME_NS = "mtime_ns"
"""In the receipt of a rejected upload: time of its files when they were read."""
DRAIN_LOCK = 0x494E424F58
"""Key of the advisory lock that a drain of the inbox holds: "INBOX" in ASCII."""

Outcome = Literal["new", "again", "duplicate", "known"]


@dataclass(frozen=True)
class Drop:
    """One thing found in the upload folder, hashed."""

    site_slug: str
    year: int
    """0 for files of the site itself."""
    kind: str
    path: str
    """Absolute."""
    size_bytes: int
    """Sum over the files of a folder."""
    mtime_ns: int
    """Latest over the files of a folder."""
    sha256: str
    latest_counts: bool = True
    """True where the last one dropped is in force (configurations, declarations); False for scenes."""


@dataclass(frozen=True)
class Known:
    """What a sighting remembers of a path."""

    size_bytes: int
    mtime_ns: int
    upload_id: int
    kept_path: str
    """Path of the upload; another one than the sighting's where this is a second copy."""


def receive_key(upload_id: int) -> str:
    """Key of the job that receives an upload."""
    return f"{RECEIVE_UPLOAD}/{upload_id}"


def is_known(session: Session, path: str, size_bytes: int, mtime_ns: int) -> bool:
    """Whether this path was seen before with this size and time."""
    query = select(Sighting.path).where(
        Sighting.path == path, Sighting.size_bytes == size_bytes, Sighting.mtime_ns == mtime_ns
    )
    return session.execute(query).first() is not None


def load_known(session: Session, folder: str) -> dict[str, Known]:
    """Load all sightings below a folder in one query, by path."""
    prefix = folder.rstrip("/") + "/"
    return _known(session, Sighting.path.startswith(prefix, autoescape=True))


def find_known(session: Session, path: str) -> Known | None:
    """Return the sighting of one path, None where there is none."""
    return _known(session, Sighting.path == path).get(path)


def register_upload(
    session: Session,
    drop: Drop,
    *,
    priority: int = 0,
    still_there: Callable[[str], bool] = os.path.exists,
) -> tuple[Upload, Outcome]:
    """Enter a drop: its upload row, its sighting and the job that receives it, in the caller's transaction.

    Returns
    -------
    (Upload, Outcome)
        ``new``: content not seen before for this site, year and kind.
        ``known``: this path with this content was entered before (and perhaps touched since).
        ``duplicate``: the same content lies at another path already; only the sighting is added.
        ``again``: content seen before that must be received once more. That is the case when it was
        rejected (the remedy may lie elsewhere: another column mapping, a look-up table, a newer version),
        when the first copy is gone (renamed or moved: scenes are read where they lie), and when a later
        drop of the same kind has replaced it (``latest_counts``: putting the old file back puts it back
        in force).

    Notes
    -----
    Idempotent, and safe against a second watcher: the unique constraints decide who is first.
    """
    upload, created = _insert_or_lock(session, drop)
    outcome: Outcome = "new" if created else _outcome(session, upload, drop, still_there)
    if outcome == "again":
        _take_again(session, upload, drop.path)
    _see(session, drop, upload.id)
    if outcome in ("new", "again"):
        enqueue(
            session,
            RECEIVE_UPLOAD,
            receive_key(upload.id),
            drop.site_slug,
            {"upload_id": upload.id},
            priority,
            again=True,
        )
    return upload, outcome


def register_fetched(
    session: Session,
    site_slug: str,
    year: int,
    path: str,
    size_bytes: int,
    identity: str,
    receipt: Json,
    flow_run_id: str | None = None,
) -> int:
    """Enter a scene that was fetched and not dropped: received at once; return its upload.

    Parameters
    ----------
    identity : 64 hexadecimal digits that tell it from others, in the place of a content hash
    """
    values = {
        "path": path,
        "size_bytes": size_bytes,
        "state": "received",
        "receipt": receipt,
        "received_at": func.statement_timestamp(),
        "flow_run_id": flow_run_id,
        "retired_at": None,
    }
    statement = insert(Upload).values(site_slug=site_slug, year=year, kind="scene", sha256=identity, **values)
    return session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_slug", "year", "kind", "sha256"], set_=values
        ).returning(Upload.id)
    ).scalar_one()


def mark_received(session: Session, upload_id: int, receipt: Json, flow_run_id: str | None = None) -> None:
    """Note that an upload was taken, with its receipt."""
    session.execute(
        update(Upload)
        .where(Upload.id == upload_id)
        .values(
            state="received",
            receipt=receipt,
            error=None,
            received_at=func.statement_timestamp(),
            flow_run_id=flow_run_id,
        )
    )


def mark_rejected(
    session: Session,
    upload_id: int,
    error: str,
    moved_to: str | None = None,
    flow_run_id: str | None = None,
    put_back: Known | None = None,
    *,
    is_other_kind: bool = False,
) -> None:
    """Note that an upload could not be used, why, and where it was moved to.

    Parameters
    ----------
    moved_to : str
        New path. The sighting of the old one is forgotten, so that the same file dropped again, even with its
        old time, is looked at anew. A file that stays in place (None, or the old path) stays known.
    put_back : Known
        The earlier upload that takes the place again. It is sighted at the very moment of the rejection, by
        which it is told from a file somebody dropped since (``open_rejections``).
    is_other_kind : bool
        What it holds is of another kind than its folder, so that no later file of that kind corrects it.
    """
    upload = session.get_one(Upload, upload_id, with_for_update=True)
    upload.dropped_as = upload.path
    seen = session.get(Sighting, upload.path)
    upload.receipt = {IS_OTHER_KIND: is_other_kind, MTIME_NS: seen.mtime_ns if seen else None}
    at = session.execute(select(func.statement_timestamp())).scalar_one()
    if moved_to is not None and moved_to != upload.path:
        session.execute(delete(Sighting).where(Sighting.path == upload.path))
        upload.path = moved_to
    upload.state = "rejected"
    upload.error = error
    upload.received_at = at
    upload.flow_run_id = flow_run_id
    session.flush()
    if put_back is not None:
        sighting = Sighting(
            path=put_back.kept_path,
            size_bytes=put_back.size_bytes,
            mtime_ns=put_back.mtime_ns,
            upload_id=put_back.upload_id,
            seen_at=at,
        )
        session.merge(sighting)
        session.flush()


def received_as(session: Session, upload_id: int, sha256: str) -> int | None:
    """Return the received upload of the same site, year and kind with this content, if there is one."""
    this = session.get_one(Upload, upload_id)
    same = Upload.site_slug == this.site_slug, Upload.year == this.year, Upload.kind == this.kind
    query = select(Upload.id).where(*same, Upload.sha256 == sha256, Upload.state == "received")
    return session.scalars(query).one_or_none()


def has_received(session: Session, site_slug: str) -> bool:
    """Whether anything of a site was received."""
    query = select(Upload.id).where(Upload.site_slug == site_slug, Upload.state == "received").limit(1)
    return session.execute(query).first() is not None


def latest_of_kind(session: Session, site_slug: str, year: int, kind: str) -> int | None:
    """Return the upload of a kind that was received last for a site and year."""
    return session.scalars(
        select(Upload.id)
        .where(
            Upload.site_slug == site_slug,
            Upload.year == year,
            Upload.kind == kind,
            Upload.state == "received",
        )
        .order_by(Upload.received_at.desc(), Upload.id.desc())
        .limit(1)
    ).one_or_none()


def waiting_of_kind(session: Session, site_slug: str, year: int, kind: str) -> bool:
    """Whether an upload of a kind waits to be received for a site and year."""
    query = select(Upload.id).where(
        Upload.site_slug == site_slug, Upload.year == year, Upload.kind == kind, Upload.state == "waiting"
    )
    return session.execute(query.limit(1)).first() is not None


def later_received(session: Session, upload_id: int) -> str | None:
    """Return the name of an upload of the same site, year and kind that was dropped later and is received."""
    this = session.get_one(Upload, upload_id)
    return session.scalars(
        select(Upload.path)
        .where(
            Upload.site_slug == this.site_slug,
            Upload.year == this.year,
            Upload.kind == this.kind,
            Upload.state == "received",
            Upload.registered_at > this.registered_at,
        )
        .order_by(Upload.registered_at.desc())
        .limit(1)
    ).one_or_none()


def _known(session: Session, condition: ColumnElement[bool]) -> dict[str, Known]:
    query = (
        select(
            Sighting.path,
            Sighting.size_bytes,
            Sighting.mtime_ns,
            Sighting.upload_id,
            Upload.path.label("kept_path"),
        )
        .join(Upload, Upload.id == Sighting.upload_id)
        .where(condition)
    )
    return {
        row.path: Known(row.size_bytes, row.mtime_ns, row.upload_id, row.kept_path)
        for row in session.execute(query)
    }


def _insert_or_lock(session: Session, drop: Drop) -> tuple[Upload, bool]:
    identity = {
        "site_slug": drop.site_slug,
        "year": drop.year,
        "kind": drop.kind,
        "sha256": drop.sha256,
    }
    created = session.execute(
        insert(Upload)
        .values(
            **identity,
            path=drop.path,
            size_bytes=drop.size_bytes,
            state="waiting",
            registered_at=func.statement_timestamp(),
        )
        .on_conflict_do_nothing()
        .returning(Upload.id)
    ).scalar_one_or_none()
    query = select(Upload).filter_by(**identity).with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one(), created is not None


def _outcome(session: Session, upload: Upload, drop: Drop, still_there: Callable[[str], bool]) -> Outcome:
    before = session.get(Sighting, drop.path, populate_existing=True)
    same_path = before is not None and before.upload_id == upload.id
    lost = upload.path != drop.path and not still_there(upload.path)
    if same_path and is_known(session, drop.path, drop.size_bytes, drop.mtime_ns):
        # A rejected file that could not be moved away keeps its sighting: it is not tried for ever.
        return "again" if lost else "known"
    if lost or upload.state == "rejected":
        return "again"
    if same_path:
        return "known"
    if drop.latest_counts and _is_replaced(session, upload):
        return "again"
    return "known" if upload.path == drop.path else "duplicate"


def _take_again(session: Session, upload: Upload, path: str) -> None:
    if upload.path != path:
        # The old path must not be taken for known when the file is moved back there.
        session.execute(delete(Sighting).where(Sighting.path == upload.path))
    upload.path = path
    upload.state = "waiting"
    upload.error = None
    upload.received_at = None
    upload.registered_at = func.statement_timestamp()
    session.flush()
    session.refresh(upload)


def _is_replaced(session: Session, upload: Upload) -> bool:
    later = select(Upload.id).where(
        Upload.site_slug == upload.site_slug,
        Upload.year == upload.year,
        Upload.kind == upload.kind,
        Upload.state != "rejected",
        Upload.registered_at > upload.registered_at,
    )
    return session.execute(later.limit(1)).first() is not None


def _see(session: Session, drop: Drop, upload_id: int) -> None:
    seen = {
        "size_bytes": drop.size_bytes,
        "mtime_ns": drop.mtime_ns,
        "upload_id": upload_id,
        "seen_at": func.statement_timestamp(),
    }
    session.execute(
        insert(Sighting)
        .values(path=drop.path, **seen)
        .on_conflict_do_update(index_elements=[Sighting.path], set_=seen)
    )
