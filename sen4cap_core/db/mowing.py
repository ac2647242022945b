"""Results of L4B: runs, per-parcel answers, dated markers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Marker, MowingResult, MowingRun, Parcel, Season, Site


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
    if answers:
        session.execute(insert(MowingResult), [dict(vars(answer), run_id=run.id) for answer in answers])
    if markers:
        session.execute(
            insert(Marker), [dict(vars(marker), run_id=run.id, kind="mowing") for marker in markers]
        )
    return run.id


def link_product(session: Session, run_id: int, product_id: int) -> None:
    """Say which exported product holds a run's answers."""
    session.execute(update(MowingRun).where(MowingRun.id == run_id).values(product_id=product_id))


def results_of(session: Session, run_id: int) -> list[MowingResult]:
    """Return a run's answers by parcel."""
    return list(
        session.scalars(
            select(MowingResult).where(MowingResult.run_id == run_id).order_by(MowingResult.new_id)
        )
    )


def markers_of(session: Session, run_id: int, new_id: int | None = None) -> list[Marker]:
    """Return a run's markers, of one parcel or all, in order of parcel and time."""
    query = select(Marker).where(Marker.run_id == run_id).order_by(Marker.new_id, Marker.start)
    if new_id is not None:
        query = query.where(Marker.new_id == new_id)
    return list(session.scalars(query))


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
