"""What is still on its way for a season up to a day, and when something of it last came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from sen4cap_core.db.acquired.offers import FETCHED, FETCHING, OFFERED
from sen4cap_core.db.models import (
    CropCode,
    DeclarationSet,
    Job,
    ObservationSet,
    OfferRow,
    ProcessorConfig,
    RadarAcquisition,
    SceneRow,
    SourceSearch,
    Upload,
)


@dataclass(frozen=True)
class Pending:
    """Things of one kind that have not come yet."""

    what: str
    """Sensor or kind of job."""
    n: int
    since: datetime
    """Of the oldest."""


def database_now(session: Session) -> datetime:
    """Return the database's time: the one clock that all machines share."""
    now: datetime = session.execute(select(func.statement_timestamp())).scalar_one()
    return now


def pending_offers(session: Session, site_id: int, first: datetime, after: datetime) -> list[Pending]:
    """Return the acquisitions from ``first`` to before ``after`` that are offered and not here, by sensor."""
    other = aliased(OfferRow)
    here = (
        select(other.id)
        .where(
            other.site_id == site_id,
            other.acquisition_key == OfferRow.acquisition_key,
            other.state == FETCHED,
        )
        .exists()
    )
    query = (
        select(
            OfferRow.sensor,
            func.count(OfferRow.acquisition_key.distinct()),
            func.min(func.coalesce(OfferRow.started_at, OfferRow.seen_at)),
        )
        .where(
            OfferRow.site_id == site_id,
            OfferRow.state.in_((OFFERED, FETCHING)),
            _within(OfferRow.acquired_at, first, after),
            ~here,
        )
        .group_by(OfferRow.sensor)
        .order_by(OfferRow.sensor)
    )
    return [Pending(*row) for row in session.execute(query)]


def pending_scenes(session: Session, site_id: int, first: datetime, after: datetime) -> list[Pending]:
    """Return the scenes registered and not processed, by sensor; those that failed for good wait for a person
    and are not on their way.
    """
    query = (
        select(SceneRow.sensor, func.count(), func.min(SceneRow.ingested_at))
        .where(
            SceneRow.site_id == site_id,
            SceneRow.state == "ingested",
            _within(SceneRow.acquired_at, first, after),
            ~_job_failed("process-scene/", SceneRow.id),
        )
        .group_by(SceneRow.sensor)
        .order_by(SceneRow.sensor)
    )
    return [Pending(*row) for row in session.execute(query)]


def pending_radar(session: Session, site_id: int, first: datetime, after: datetime) -> list[Pending]:
    """Return the radar acquisitions whose backscatter or coherence is still to be made, by what they give.

    One whose partner never came is not on its way: nothing is queued for it.
    """
    keys = [func.concat(f"process-{kind}/", RadarAcquisition.id) for kind in ("slc", "grd")]
    queued = select(Job.id).where(Job.key.in_(keys), Job.state.in_(("waiting", "running"))).exists()
    query = (
        select(RadarAcquisition.kind, func.count(), func.min(RadarAcquisition.entered_at))
        .where(
            RadarAcquisition.site_id == site_id,
            or_(RadarAcquisition.looked_at.is_(None), queued),
            RadarAcquisition.state != "failed",
            _within(RadarAcquisition.started_at, first, after),
        )
        .group_by(RadarAcquisition.kind)
        .order_by(RadarAcquisition.kind)
    )
    gives = {"SLC": "s1-coherence", "GRD": "s1-backscatter"}
    return [Pending(gives.get(kind, kind), n, since) for kind, n, since in session.execute(query)]


def pending_jobs(session: Session, site_slug: str, kinds: Sequence[str]) -> list[Pending]:
    """Return the open jobs of a site by kind."""
    now = func.statement_timestamp()
    query = (
        select(Job.kind, func.count(), func.min(func.least(Job.not_before, now)))
        .where(Job.site_slug == site_slug, Job.kind.in_(kinds), Job.state.in_(("waiting", "running")))
        .group_by(Job.kind)
        .order_by(Job.kind)
    )
    return [Pending(*row) for row in session.execute(query)]


def searches(session: Session, season_id: int) -> dict[str, SourceSearch]:
    """Return how far each source was searched for a season, by name."""
    rows = session.scalars(select(SourceSearch).where(SourceSearch.season_id == season_id))
    return {row.source: row for row in rows}


def last_progress(session: Session, site_id: int, first: datetime, after: datetime) -> datetime | None:
    """Return when something of a period last came: was fetched, registered or observed."""
    fetched = select(func.max(OfferRow.finished_at)).where(
        OfferRow.site_id == site_id, _within(OfferRow.acquired_at, first, after), OfferRow.state == FETCHED
    )
    entered = select(func.max(SceneRow.ingested_at)).where(
        SceneRow.site_id == site_id, _within(SceneRow.acquired_at, first, after)
    )
    observed = (
        select(func.max(ObservationSet.created_at))
        .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
        .where(SceneRow.site_id == site_id, _within(SceneRow.acquired_at, first, after))
    )
    newest: datetime | None = session.execute(
        select(
            func.greatest(fetched.scalar_subquery(), entered.scalar_subquery(), observed.scalar_subquery())
        )
    ).scalar_one()
    return newest


def crop_codes_changed_at(session: Session, site_id: int, year: int) -> datetime | None:
    """Return when the crop code table in force was received; None where none was dropped."""
    received = func.max(func.coalesce(Upload.received_at, Upload.registered_at))
    query = (
        select(received)
        .join(CropCode, CropCode.upload_id == Upload.id)
        .where(CropCode.site_id == site_id, CropCode.year == year)
    )
    changed: datetime | None = session.execute(query).scalar_one()
    return changed


def inputs_changed_at(
    session: Session, site_id: int, year: int, first: datetime, after: datetime
) -> datetime | None:
    """Return when the declarations, a configuration, or the observations of a period last changed."""
    declared = select(func.max(DeclarationSet.valid_from)).where(
        DeclarationSet.site_id == site_id, DeclarationSet.year == year
    )
    configured = select(func.max(ProcessorConfig.valid_from)).where(
        ProcessorConfig.site_id == site_id, ProcessorConfig.year == year
    )
    observed = (
        select(func.max(ObservationSet.created_at))
        .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
        .where(
            SceneRow.site_id == site_id,
            SceneRow.state != "superseded",
            _within(SceneRow.acquired_at, first, after),
        )
    )
    newest: datetime | None = session.execute(
        select(
            func.greatest(
                declared.scalar_subquery(), configured.scalar_subquery(), observed.scalar_subquery()
            )
        )
    ).scalar_one()
    return newest


def is_observed(session: Session, site_id: int, year: int, first: datetime, after: datetime) -> bool:
    """Whether any acquisition of a period was observed for the declarations of a year."""
    query = (
        select(ObservationSet.id)
        .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
        .join(DeclarationSet, DeclarationSet.id == ObservationSet.declaration_set_id)
        .where(
            DeclarationSet.site_id == site_id,
            DeclarationSet.year == year,
            _within(SceneRow.acquired_at, first, after),
        )
        .limit(1)
    )
    return session.execute(query).first() is not None


def _within(column: InstrumentedAttribute[datetime], first: datetime, after: datetime) -> ColumnElement[bool]:
    return and_(column >= first, column < after)


def _job_failed(prefix: str, number: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return select(Job.id).where(Job.key == func.concat(prefix, number), Job.state == "failed").exists()
