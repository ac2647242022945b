"""Accepted uploads whose receipts have warnings, while these matter to somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from sen4cap_core.db.models import DeclarationSet, Upload
from sen4cap_core.db.work.rejections import ONE_BY_ONE

OF_LATE = timedelta(days=7)
"""So long a warning is told of without being asked for; its receipt keeps it for good."""
ABOUT_TABLE = "crop code table"
"""In each warning of declarations that a later such table answers: its own receipt tells what is left."""

_Later, _Table = aliased(Upload), aliased(Upload)


@dataclass(frozen=True)
class WarnedUpload:
    """An upload that was taken with warnings."""

    site_slug: str
    kind: str
    path: str
    at: datetime
    first: str
    """The first warning, with its row and column where it has one."""
    n_warnings: int


def warned_uploads(
    session: Session, site_slug: str | None = None, *, of_late: timedelta | None = OF_LATE
) -> list[WarnedUpload]:
    """Return the accepted uploads with warnings that are in force, scenes last, the latest first.

    One is left out that a later upload of its kind, site and year has replaced (declarations by such as count
    for the whole), or whose scene was given up; of declarations the warnings about a crop code table that was
    dropped since.

    Parameters
    ----------
    of_late : age up to which they are told; None for any
    """
    is_scene = Upload.kind.in_(ONE_BY_ONE)
    query = (
        select(
            Upload.site_slug,
            Upload.kind,
            Upload.path,
            Upload.received_at,
            Upload.receipt["warnings"].label("warnings"),
            _has_later_table().label("has_later_table"),
        )
        .where(
            Upload.state == "received",
            Upload.retired_at.is_(None),
            func.jsonb_typeof(Upload.receipt["warnings"]) == "array",
            Upload.receipt["warnings"] != func.jsonb_build_array(),
            is_scene | ~_is_replaced(),
        )
        .order_by(is_scene, Upload.received_at.desc(), Upload.id.desc())
    )
    if site_slug is not None:
        query = query.where(Upload.site_slug == site_slug)
    if of_late is not None:
        query = query.where(Upload.received_at > func.now() - of_late)
    found = []
    for row in session.execute(query):
        texts = [_told(one) for one in row.warnings]
        if row.kind == "declarations" and row.has_later_table:
            texts = [text for text in texts if ABOUT_TABLE not in text]
        if texts:
            found.append(
                WarnedUpload(row.site_slug, row.kind, row.path, row.received_at, texts[0], len(texts))
            )
    return found


def _is_replaced() -> ColumnElement[bool]:
    is_a_part = (
        select(DeclarationSet.id)
        .where(DeclarationSet.upload_id == _Later.id, DeclarationSet.mode == "incremental")
        .exists()
    )
    return (
        select(_Later.id)
        .where(
            _Later.site_slug == Upload.site_slug,
            _Later.year == Upload.year,
            _Later.kind == Upload.kind,
            _Later.state == "received",
            _Later.registered_at > Upload.registered_at,
            ~is_a_part,
        )
        .exists()
    )


def _has_later_table() -> ColumnElement[bool]:
    return (
        select(_Table.id)
        .where(
            _Table.site_slug == Upload.site_slug,
            _Table.year == Upload.year,
            _Table.kind == "crop-codes",
            _Table.state == "received",
            _Table.received_at > Upload.received_at,
        )
        .exists()
    )


def _told(warning: Any) -> str:
    """Return a warning of a receipt as one text, its place before it."""
    if not isinstance(warning, dict):
        return str(warning)
    places = [f"{name} {warning[name]}" for name in ("row", "column") if warning.get(name) is not None]
    text = str(warning.get("text", ""))
    return f"{', '.join(places)}: {text}" if places else text
