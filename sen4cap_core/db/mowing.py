"""Results of L4B: runs, per-parcel answers, dated markers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Marker, MowingResult, MowingRun


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
