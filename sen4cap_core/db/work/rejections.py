"""Rejected uploads that nobody has settled yet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from sen4cap_core.db.models import DeclarationSet, Sighting, Upload
from sen4cap_core.db.work.uploads import IS_OTHER_KIND, MTIME_NS

ONE_BY_ONE = ("scene", "radar")
"""Kinds of which each file stands for itself; of all others the last one dropped counts."""

_Good, _Later = aliased(Upload), aliased(Upload)
_IS_OTHER_KIND = func.coalesce(Upload.receipt[IS_OTHER_KIND].as_boolean(), False)
_AT = func.coalesce(Upload.received_at, Upload.registered_at)


@dataclass(frozen=True)
class Rejection:
    """An upload that could not be used and still waits for a person."""

    site_slug: str
    kind: str
    path: str
    """Where the file is now: in ``rejected/``, or in its place where it could not be moved."""
    at: datetime
    why: str
    """The whole reason; of several lines."""
    is_other_kind: bool = False
    """What it holds is of another kind than its folder: no later file of the folder corrects it."""


def open_rejections(
    session: Session, site_slug: str | None = None, *, still_there: Callable[[str], bool] = os.path.exists
) -> list[Rejection]:
    """Return the rejections that are not settled, the latest first.

    One is settled by a file received since of the same place and name or, where the last one dropped counts
    for all, of the same kind, site and year, if it was dropped after the rejection, and unless what was
    rejected is of another kind altogether (a scene among declarations); or by the rejected file's being gone:
    taken out of ``rejected/`` or deleted.
    """
    query = _open()
    if site_slug is not None:
        query = query.where(Upload.site_slug == site_slug)
    return _told(session, query, still_there)


def rejections_settled_by(
    session: Session, upload_id: int, *, still_there: Callable[[str], bool] = os.path.exists
) -> list[Rejection]:
    """Return the open rejections that an upload settles once it is received, the latest first."""
    this = select(_Good.id).where(_Good.id == upload_id, _settles()).exists()
    return _told(session, _open().where(this), still_there)


@dataclass(frozen=True)
class MovedFile:
    """A rejected file as it was when it was read."""

    path: str
    dropped_as: str
    size_bytes: int
    mtime_ns: int


def moved_files(session: Session) -> list[MovedFile]:
    """Return the open rejections that were moved away, and how they were when they were read."""
    rows = _open().with_only_columns(Upload.path, Upload.dropped_as, Upload.size_bytes, Upload.receipt)
    return [
        MovedFile(path, dropped_as, size_bytes, receipt[MTIME_NS])
        for path, dropped_as, size_bytes, receipt in session.execute(rows)
        if dropped_as and path != dropped_as and receipt and receipt.get(MTIME_NS) is not None
    ]


def whole_reason(text: str | None) -> str:
    """Return a reason as it was written down."""
    return (text or "").strip() or "no reason recorded"


_Query = Select[tuple[str, str, str, datetime, str | None, bool]]


def _open() -> _Query:
    settled = select(_Good.id).where(_Good.state == "received", _settles()).exists()
    # Of an earlier rejection the file has gone, where that of another drop has its place in rejected/.
    has_another = (
        select(_Later.id)
        .where(
            _Later.path == Upload.path, _Later.state == "rejected", _Later.received_at > Upload.received_at
        )
        .exists()
    )
    return (
        select(Upload.site_slug, Upload.kind, Upload.path, _AT, Upload.error, _IS_OTHER_KIND)
        .where(Upload.state == "rejected", ~settled, ~has_another)
        .order_by(_AT.desc(), Upload.id.desc())
    )


def _settles() -> ColumnElement[bool]:
    """Whether ``_Good``, once it is received, settles the rejection of ``Upload``."""
    # The sighting of the place is forgotten when a file moves to rejected/: one that is there came later, but
    # for that of an earlier file put back, which has the moment of the rejection.
    takes_its_place = (
        select(Sighting.path)
        .where(Sighting.path == Upload.dropped_as, Sighting.upload_id == _Good.id, Sighting.seen_at != _AT)
        # Upload is two queries further out; unsaid, any rejection's sighting would settle all.
        .correlate(Upload, _Good)
        .exists()
    )
    # Other parcels than those of the rejected file, perhaps.
    is_a_part = (
        select(DeclarationSet.id)
        .where(DeclarationSet.upload_id == _Good.id, DeclarationSet.mode == "incremental")
        .exists()
    )
    counts_for_all = (
        Upload.kind.not_in(ONE_BY_ONE)
        & (_Good.site_slug == Upload.site_slug)
        & (_Good.year == Upload.year)
        & (_Good.kind == Upload.kind)
        & (_Good.registered_at > _AT)
        & ~_IS_OTHER_KIND
        & ~is_a_part
    )
    return or_(takes_its_place, counts_for_all)


def _told(session: Session, query: _Query, still_there: Callable[[str], bool]) -> list[Rejection]:
    return [
        Rejection(slug, kind, path, when, whole_reason(error), is_other_kind)
        for slug, kind, path, when, error, is_other_kind in session.execute(query)
        if still_there(path)
    ]
