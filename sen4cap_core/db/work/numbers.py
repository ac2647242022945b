"""Rows that people name by their number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import DeclarationSet, RadarAcquisition, SceneRow, Site, Upload
from sen4cap_core.errors import UnknownNumberError

Row = TypeVar("Row", Site, Upload, SceneRow, RadarAcquisition, DeclarationSet)

TOLD = 5
"""How many of the rows there are a message names, the last ones."""


def known_site_number(session: Session, number: int) -> Site:
    """Return a site. Raises UnknownNumberError, naming the last ones, where there is no such one."""
    return _known(session, Site, number, "site", lambda row: row.slug)


def known_upload(session: Session, number: int) -> Upload:
    """Return an upload. Raises UnknownNumberError, naming the last ones, where there is no such one."""
    return _known(session, Upload, number, "upload", lambda row: Path(row.path).name)


def known_scene(session: Session, number: int) -> SceneRow:
    """Return a scene. Raises UnknownNumberError, naming the last ones, where there is no such one."""
    return _known(session, SceneRow, number, "scene", lambda row: f"{row.product_id} {row.tile}")


def known_acquisition(session: Session, number: int) -> RadarAcquisition:
    """Return a radar acquisition. Raises UnknownNumberError, naming the last ones, without such a one."""
    return _known(session, RadarAcquisition, number, "radar acquisition", lambda row: row.product_id)


def known_set(session: Session, number: int) -> DeclarationSet:
    """Return a declaration set. Raises UnknownNumberError, naming the last ones, without such a one."""
    return _known(session, DeclarationSet, number, "declaration set", lambda row: f"of {row.year}")


def _known(session: Session, model: type[Row], number: int, what: str, tell: Callable[[Row], str]) -> Row:
    row = session.get(model, number)
    if row is None:
        last = session.scalars(select(model).order_by(model.id.desc()).limit(TOLD))
        told = ", ".join(f"{one.id} ({tell(one)})" for one in last) or "none yet"
        raise UnknownNumberError(f"There is no {what} with the number {number}. The last ones: {told}.")
    return row
