"""Results of L4B: runs, per-parcel answers, dated markers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Marker, MowingResult, MowingRun, Parcel, Season, Site

_COPY_RESULTS = "COPY mowing_result (run_id, new_id, mow_n, proc, compl, n_observations, reason) FROM STDIN"
_COPY_MARKERS = 'COPY marker (run_id, new_id, kind, start, "end", confidence, missions) FROM STDIN'


@dataclass(frozen=True)
class ParcelAnswer:
    """What L4B says of one parcel."""

    new_id: int
    mow_n: int
    proc: int
    compl: int
    n_observations: int
    reason: str | None


@dataclass(frozen=True)
class MowingMarker:
    """One detected mowing of one parcel."""

    new_id: int
    start: datetime
    end: datetime
    confidence: float
    missions: str


def latest_run(session: Session, season_id: int) -> MowingRun | None:
    """Return the newest run of a season: the one in force."""
    return session.scalars(
        select(MowingRun).where(MowingRun.season_id == season_id).order_by(MowingRun.id.desc()).limit(1)
    ).one_or_none()


def runs_in_force(session: Session, product_ids: Sequence[int]) -> list[tuple[str, MowingRun]]:
    """Return site and run of those products that are the newest answer of their season."""
    newest = select(func.max(MowingRun.id)).group_by(MowingRun.season_id)
    query = (
        select(Site.slug, MowingRun)
        .join(Season, Season.id == MowingRun.season_id)
        .join(Site, Site.id == Season.site_id)
        .where(MowingRun.product_id.in_(product_ids), MowingRun.id.in_(newest))
        .order_by(MowingRun.id)
    )
    return [(slug, run) for slug, run in session.execute(query)]


def lock_season(session: Session, season_id: int, last_run_id: int | None) -> bool:
    """Hold a season's results until the transaction ends; False when a run came that was not known."""
    session.execute(select(Season.id).where(Season.id == season_id).with_for_update())
    last = latest_run(session, season_id)
    return (last.id if last else None) == last_run_id


def store_run(
    session: Session, run: MowingRun, answers: Sequence[ParcelAnswer], markers: Sequence[MowingMarker]
) -> int:
    """Store a run with its rows and drop the rows of the season's earlier runs.

    The earlier runs stay as history; what they said is in their exported files.
    """
    session.add(run)
    session.flush()
    earlier = select(MowingRun.id).where(MowingRun.season_id == run.season_id, MowingRun.id != run.id)
    session.execute(delete(MowingResult).where(MowingResult.run_id.in_(earlier)))
    session.execute(delete(Marker).where(Marker.run_id.in_(earlier)))
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        with cursor.copy(_COPY_RESULTS) as copy:
            for a in answers:
                copy.write_row((run.id, a.new_id, a.mow_n, a.proc, a.compl, a.n_observations, a.reason))
        with cursor.copy(_COPY_MARKERS) as copy:
            for m in markers:
                copy.write_row((run.id, m.new_id, "mowing", m.start, m.end, m.confidence, m.missions))
    return run.id


def mowings_of_run(session: Session, run_id: int) -> list[tuple[int, datetime, datetime]]:
    """Return new_id, start and end of all mowings of a run, as far as its rows are still there."""
    query = select(Marker.new_id, Marker.start, Marker.end).where(Marker.run_id == run_id)
    return [(row.new_id, row.start, row.end) for row in session.execute(query)]


@dataclass(frozen=True)
class FoundMowings:
    """What the runs in force say about a site."""

    events: list[tuple[str, date, date]]
    """(ori_id, start, end) of every mowing."""
    judged: set[str]
    """ori_id of the parcels that could be judged."""


def found_mowings(session: Session, site_slug: str) -> FoundMowings:
    """Return all mowings of a site's seasons, by the parcel ids of the declarations."""
    newest = (
        select(func.max(MowingRun.id))
        .join(Season, Season.id == MowingRun.season_id)
        .join(Site, Site.id == Season.site_id)
        .where(Site.slug == site_slug)
        .group_by(MowingRun.season_id)
    )
    events = session.execute(
        select(Parcel.ori_id, Marker.start, Marker.end)
        .join(MowingRun, MowingRun.id == Marker.run_id)
        .join(Parcel, (Parcel.set_id == MowingRun.declaration_set_id) & (Parcel.new_id == Marker.new_id))
        .where(Marker.run_id.in_(newest))
        .order_by(Parcel.ori_id, Marker.start)
    )
    judged = session.scalars(
        select(Parcel.ori_id)
        .join(MowingRun, MowingRun.declaration_set_id == Parcel.set_id)
        .join(
            MowingResult,
            (MowingResult.run_id == MowingRun.id) & (MowingResult.new_id == Parcel.new_id),
        )
        .where(MowingRun.id.in_(newest), MowingResult.proc == 1)
    )
    return FoundMowings([(row.ori_id, row.start.date(), row.end.date()) for row in events], set(judged))
