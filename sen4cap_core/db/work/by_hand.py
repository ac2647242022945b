"""Rows that operations by hand are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from sen4cap_core.clock import midnight
from sen4cap_core.db.models import Job, RadarAcquisition, SceneRow, Season


def scenes_of_period(
    session: Session,
    site_id: int,
    start: date | None,
    end: date | None,
    tiles: Sequence[str] = (),
    sensors: Sequence[str] = (),
    *,
    only_failed: bool = False,
) -> list[SceneRow]:
    """Return the scenes in force of a period, both days included, in order of time; empty lists mean all."""
    query = select(SceneRow).where(SceneRow.site_id == site_id, SceneRow.state != "superseded")
    if start is not None:
        query = query.where(SceneRow.acquired_at >= midnight(start))
    if end is not None:
        query = query.where(SceneRow.acquired_at < midnight(end + timedelta(days=1)))
    if tiles:
        query = query.where(SceneRow.tile.in_(tiles))
    if sensors:
        query = query.where(SceneRow.sensor.in_(sensors))
    if only_failed:
        failed = select(Job.id).where(
            Job.key == func.concat("process-scene/", SceneRow.id), Job.state == "failed"
        )
        query = query.where(or_(SceneRow.state == "failed", failed.exists()))
    return list(session.scalars(query.order_by(SceneRow.acquired_at, SceneRow.tile, SceneRow.id)))


def radar_of_period(
    session: Session, site_id: int, start: date | None, end: date | None, relative_orbit: int | None
) -> list[RadarAcquisition]:
    """Return the SLC and GRD acquisitions of a period, both days included, in order of time."""
    query = select(RadarAcquisition).where(RadarAcquisition.site_id == site_id)
    if start is not None:
        query = query.where(RadarAcquisition.started_at >= midnight(start))
    if end is not None:
        query = query.where(RadarAcquisition.started_at < midnight(end + timedelta(days=1)))
    if relative_orbit is not None:
        query = query.where(RadarAcquisition.relative_orbit == relative_orbit)
    return list(session.scalars(query.order_by(RadarAcquisition.started_at, RadarAcquisition.id)))


def seasons_named(session: Session, site_id: int, name: str, year: int | None) -> list[Season]:
    """Return the seasons of a site with a name, of one year or of all, the latest first."""
    query = select(Season).where(Season.site_id == site_id, Season.name == name)
    if year is not None:
        query = query.where(Season.year == year)
    return list(session.scalars(query.order_by(Season.year.desc())))
