"""Radar products in the radar's own geometry, and the files their processing needs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import RadarAcquisition, SceneRow, Site, Upload

WAKING_KINDS = ("radar", "declarations", "site-config", "site-extent")
"""Uploads that may give a waiting acquisition what it lacks."""


def enter_acquisition(session: Session, values: dict[str, object]) -> RadarAcquisition:
    """Insert or refresh an acquisition by site and product; a new content waits anew."""
    statement = insert(RadarAcquisition).values(state="waiting", **values)
    number = session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id", "product_id"],
            set_={name: statement.excluded[name] for name in (*values, "state")},
        ).returning(RadarAcquisition.id)
    ).scalar_one()
    return session.get_one(RadarAcquisition, number, populate_existing=True)


def get_acquisition(session: Session, number: int) -> RadarAcquisition | None:
    """Return an acquisition by its id."""
    return session.get(RadarAcquisition, number)


def acquisitions_of_orbit(session: Session, site_id: int, relative_orbit: int) -> Sequence[RadarAcquisition]:
    """Return the SLC acquisitions of a site and relative orbit, in order of time."""
    query = (
        select(RadarAcquisition)
        .where(
            RadarAcquisition.site_id == site_id,
            RadarAcquisition.relative_orbit == relative_orbit,
            RadarAcquisition.kind == "SLC",
            RadarAcquisition.state != "failed",
        )
        .order_by(RadarAcquisition.started_at, RadarAcquisition.id)
    )
    return session.scalars(query).all()


def mark_acquisition(session: Session, number: int, state: str, reason: str | None) -> None:
    """Write down what became of an acquisition, and when."""
    session.execute(
        update(RadarAcquisition)
        .where(RadarAcquisition.id == number)
        .values(state=state, state_reason=reason, looked_at=func.statement_timestamp())
    )


def acquisitions_to_look_at(session: Session) -> list[tuple[int, str, str]]:
    """Return (acquisition, site, kind) of those never tried, or tried before an upload that may help."""
    news = (
        select(func.max(Upload.received_at))
        .where(Upload.site_slug == Site.slug, Upload.kind.in_(WAKING_KINDS), Upload.state == "received")
        .scalar_subquery()
    )
    query = (
        select(RadarAcquisition.id, Site.slug, RadarAcquisition.kind)
        .join(Site, Site.id == RadarAcquisition.site_id)
        .where(
            Site.enabled,
            RadarAcquisition.state != "failed",
            or_(RadarAcquisition.looked_at.is_(None), RadarAcquisition.looked_at < news),
        )
    )
    return [(row.id, row.slug, row.kind) for row in session.execute(query)]


def radar_files(session: Session, site_slug: str) -> list[tuple[str, str]]:
    """Return (path, hash) of the orbit files, elevation models and geoids of a site, newest first."""
    query = (
        select(Upload.path, Upload.sha256)
        .where(Upload.site_slug == site_slug, Upload.kind == "radar", Upload.state == "received")
        .order_by(Upload.id.desc())
    )
    return [(row.path, row.sha256) for row in session.execute(query)]


def supersede_longer_pairs(session: Session, scene: SceneRow) -> int:
    """Take the place of coherences that end with the same acquisition and began earlier; return how many."""
    if scene.pair_started_at is None:
        return 0
    others = session.scalars(
        select(SceneRow).where(
            SceneRow.site_id == scene.site_id,
            SceneRow.tile == scene.tile,
            SceneRow.sensor == scene.sensor,
            SceneRow.relative_orbit == scene.relative_orbit,
            SceneRow.acquired_at == scene.acquired_at,
            SceneRow.pair_started_at < scene.pair_started_at,
            SceneRow.upload_id.is_(None),
            SceneRow.state != "superseded",
        )
    ).all()
    for other in others:
        other.state, other.superseded_by = "superseded", scene.id
        other.state_reason = f"superseded by the shorter pair {scene.product_id}"
    return len(others)
