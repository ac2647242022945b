"""Rejected uploads that nobody has settled yet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from sen4cap_core.db.models import Sighting, Upload


@dataclass(frozen=True)
class Rejection:
    """An upload that could not be used and still waits for a person."""

    site_slug: str
    path: str
    """Where the file is now: in ``rejected/``, or in its place where it could not be moved."""
    at: datetime
    why: str
    """First line of the reason."""


def open_rejections(
    session: Session, site_slug: str | None = None, *, still_there: Callable[[str], bool] = os.path.exists
) -> list[Rejection]:
    """Return the rejections that are not settled, the latest first.

    One is settled by a file of the same place and name that was received since, or by the rejected file's
    being gone: taken out of ``rejected/`` or deleted.
    """
    good = aliased(Upload)
    at = func.coalesce(Upload.received_at, Upload.registered_at)
    # The sighting of the place is forgotten when a file moves to rejected/: one that is there came later, but
    # for that of an earlier file put back, which has the moment of the rejection.
    came_later = (
        select(Sighting.path)
        .join(good, good.id == Sighting.upload_id)
        .where(Sighting.path == Upload.dropped_as, good.state == "received", Sighting.seen_at != at)
        .exists()
    )
    query = (
        select(Upload.site_slug, Upload.path, at, Upload.error)
        .where(Upload.state == "rejected", ~came_later)
        .order_by(at.desc(), Upload.id.desc())
    )
    if site_slug is not None:
        query = query.where(Upload.site_slug == site_slug)
    return [
        Rejection(slug, path, when, first_line(error))
        for slug, path, when, error in session.execute(query)
        if still_there(path)
    ]


def first_line(text: str | None) -> str:
    """Return the first line of a reason."""
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else "no reason recorded"
