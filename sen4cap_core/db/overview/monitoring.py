"""What work took, how machines are, how far a season is, and what people were warned of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.clock import midnight
from sen4cap_core.db.models import Job, JobUsage, MachineSample, OfferRow, PlannedRun, SceneRow, WarningRow

KEEP_DAYS = 30
"""So long samples of machines are kept; what jobs took stays for a year."""
REMIND_AFTER = timedelta(days=1)
"""A warning that lasts is told again after so long: who missed it, or whose webhook was away, hears of it."""


@dataclass
class KindUsage:
    """What the runs of one kind of work took."""

    kind: str
    n_runs: int
    seconds: float
    """Mean of one run."""
    cpu_seconds: float
    """Mean of one run."""
    peak_memory_bytes: int
    read_bytes: int
    written_bytes: int


@dataclass
class SourceRate:
    """What one source brought and has still to bring."""

    source: str
    fetching: int
    remaining: int
    failed: int
    fetched: int
    n_bytes: int
    bytes_per_second: float | None
    """Over the transfers of the last day; None without any."""
    remaining_bytes: int | None
    """As far as sizes are stated; None where none is."""


def note_usage(session: Session, usage: JobUsage) -> None:
    """Write down what a run took."""
    session.add(usage)


def note_sample(session: Session, sample: MachineSample) -> None:
    """Write down how a machine is, and drop what is old."""
    session.add(sample)
    now = sample.taken_at
    session.execute(delete(MachineSample).where(MachineSample.taken_at < now - timedelta(days=KEEP_DAYS)))
    session.execute(delete(JobUsage).where(JobUsage.started_at < now - timedelta(days=366)))


def latest_samples(session: Session, since: datetime) -> list[MachineSample]:
    """Return the newest sample of each machine that was heard of since an instant."""
    query = (
        select(MachineSample)
        .where(MachineSample.taken_at >= since)
        .distinct(MachineSample.host)
        .order_by(MachineSample.host, MachineSample.taken_at.desc())
    )
    return list(session.scalars(query))


def usage_by_kind(session: Session, site_slug: str, since: datetime) -> list[KindUsage]:
    """Return what the runs of a site took since an instant, by kind of work."""
    query = (
        select(
            JobUsage.kind,
            func.count(),
            func.avg(JobUsage.seconds),
            func.avg(JobUsage.cpu_seconds),
            func.max(JobUsage.peak_memory_bytes),
            func.sum(JobUsage.read_bytes),
            func.sum(JobUsage.written_bytes),
        )
        .where(JobUsage.site_slug == site_slug, JobUsage.started_at >= since)
        .group_by(JobUsage.kind)
        .order_by(JobUsage.kind)
    )
    return [
        KindUsage(r[0], r[1], float(r[2]), float(r[3]), r[4], int(r[5]), int(r[6]))
        for r in session.execute(query)
    ]


def source_rates(session: Session, site_id: int, now: datetime) -> list[SourceRate]:
    """Return what each source of a site brought, brings and has still to bring."""
    recent = (OfferRow.state == "fetched") & (OfferRow.finished_at > now - timedelta(days=1))
    taken = func.extract("epoch", OfferRow.finished_at - OfferRow.started_at)
    query = (
        select(
            OfferRow.source,
            func.count().filter(OfferRow.state == "fetching"),
            func.count().filter(OfferRow.state == "offered"),
            func.count().filter(OfferRow.state == "failed"),
            func.count().filter(OfferRow.state == "fetched"),
            func.coalesce(func.sum(OfferRow.bytes_done), 0),
            func.sum(OfferRow.bytes_done).filter(recent),
            func.sum(taken).filter(recent),
            func.sum(OfferRow.size_bytes).filter(OfferRow.state.in_(("offered", "fetching"))),
        )
        .where(OfferRow.site_id == site_id)
        .group_by(OfferRow.source)
        .order_by(OfferRow.source)
    )
    rates = []
    for row in session.execute(query):
        seconds = float(row[7] or 0.0)
        rate = float(row[6]) / seconds if row[6] is not None and seconds > 0 else None
        left = None if row[8] is None else int(row[8])
        rates.append(SourceRate(row[0], row[1], row[2], row[3], row[4], int(row[5]), rate, left))
    return rates


def scene_days(session: Session, site_id: int, start: date, end: date) -> list[tuple[str, str, date, str]]:
    """Return (tile, sensor, day, state) of the scenes of a period, superseded ones left out."""
    query = select(SceneRow.tile, SceneRow.sensor, SceneRow.acquired_at, SceneRow.state).where(
        SceneRow.site_id == site_id,
        SceneRow.state != "superseded",
        SceneRow.acquired_at >= midnight(start),
        SceneRow.acquired_at < midnight(end + timedelta(days=1)),
    )
    return [(row[0], row[1], row[2].date(), row[3]) for row in session.execute(query)]


def offer_days(session: Session, site_id: int, start: date, end: date) -> list[tuple[str, str, date, str]]:
    """Return (tile, sensor, day, state) of what is offered, comes or failed and is not here."""
    query = select(OfferRow.tile, OfferRow.sensor, OfferRow.acquired_at, OfferRow.state).where(
        OfferRow.site_id == site_id,
        OfferRow.state.in_(("offered", "fetching", "failed")),
        OfferRow.acquired_at >= midnight(start),
        OfferRow.acquired_at < midnight(end + timedelta(days=1)),
    )
    return [(row[0] or "?", row[1], row[2].date(), row[3]) for row in session.execute(query)]


def season_counts(session: Session, site_id: int, start: date, end: date) -> tuple[int, int, int]:
    """Return how many acquisitions of a period are registered, not processed yet of these, and on offer."""
    within = (midnight(start), midnight(end + timedelta(days=1)))
    scenes = select(func.count(), func.count().filter(SceneRow.state == "ingested")).where(
        SceneRow.site_id == site_id,
        SceneRow.state != "superseded",
        SceneRow.acquired_at >= within[0],
        SceneRow.acquired_at < within[1],
    )
    offers = select(func.count()).where(
        OfferRow.site_id == site_id,
        OfferRow.state.in_(("offered", "fetching", "failed")),
        OfferRow.acquired_at >= within[0],
        OfferRow.acquired_at < within[1],
    )
    registered, unprocessed = session.execute(scenes).one()
    return registered, unprocessed, session.scalars(offers).one()


def running_now(session: Session, site_slug: str) -> list[tuple[str, str, datetime | None]]:
    """Return (kind, key, lease until) of the jobs of a site that are worked on."""
    query = (
        select(Job.kind, Job.key, Job.lease_until)
        .where(Job.site_slug == site_slug, Job.state == "running")
        .order_by(Job.kind, Job.key)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def stuck_runs(session: Session, before: datetime) -> list[PlannedRun]:
    """Return the planned runs that have waited since before an instant."""
    query = select(PlannedRun).where(PlannedRun.state == "waiting", PlannedRun.waiting_since < before)
    return list(session.scalars(query.order_by(PlannedRun.id)))


def failed_work(session: Session, since: datetime) -> list[tuple[str, str, int, str]]:
    """Return (site, kind, number, reason of the last) of the jobs that failed for good since an instant."""
    together = func.count().over(partition_by=(Job.site_slug, Job.kind))
    query = (
        select(Job.site_slug, Job.kind, together, Job.error)
        .where(Job.state == "failed", Job.finished_at >= since)
        .distinct(Job.site_slug, Job.kind)
        .order_by(Job.site_slug, Job.kind, Job.finished_at.desc())
    )
    return [(row[0], row[1], row[2], row[3] or "no reason") for row in session.execute(query)]


@dataclass(frozen=True)
class Warned:
    """Something a person should know now."""

    key: str
    kind: str
    site_slug: str | None
    text: str


def keep_warnings(session: Session, found: Sequence[Warned], now: datetime) -> list[WarningRow]:
    """Bring the warnings up to date; return those that are to be told now, and mark them as told.

    A warning is told when it comes up and once a day while it lasts. One transaction decides who tells: of
    two that look at once, one tells.
    """
    keys = [one.key for one in found]
    session.execute(
        update(WarningRow)
        .where(WarningRow.over_at.is_(None), WarningRow.key.not_in(keys))
        .values(over_at=now)
    )
    is_over = WarningRow.over_at.is_not(None)
    for one in sorted(found, key=lambda one: one.key):
        # One that comes back after it was over is told again; one that lasts says what is so now.
        anew = {
            "text": one.text,
            "since": case((is_over, now), else_=WarningRow.since),
            "told_at": case((is_over, None), else_=WarningRow.told_at),
            "over_at": None,
        }
        statement = insert(WarningRow).values(**vars(one), since=now)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["key"], set_=anew, where=is_over | (WarningRow.text != one.text)
            )
        )
    to_tell = WarningRow.told_at.is_(None) | (WarningRow.told_at <= now - REMIND_AFTER)
    query = (
        select(WarningRow)
        .where(WarningRow.over_at.is_(None), to_tell)
        .order_by(WarningRow.key)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    told = list(session.scalars(query))
    for row in told:
        row.told_at = now
    session.flush()
    return told


def open_warnings(session: Session, site_slug: str | None = None) -> list[WarningRow]:
    """Return the warnings that are not over, of the whole installation or those that concern a site."""
    query = select(WarningRow).where(WarningRow.over_at.is_(None)).order_by(WarningRow.key)
    if site_slug is not None:
        query = query.where((WarningRow.site_slug == site_slug) | WarningRow.site_slug.is_(None))
    return list(session.scalars(query))
