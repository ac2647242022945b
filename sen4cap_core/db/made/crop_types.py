"""Results of L4A: runs, answers by parcel, crop diversification by holding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from sen4cap_core.db.bulk.copying import BATCH_ROWS, copy_rows
from sen4cap_core.db.models import CropTypeResult, CropTypeRun, DiversificationResult, Parcel, Season, Site

AFTER_END = timedelta(days=62)
"""A season is still classified by the calendar for two months after its end, as in the original."""


@dataclass(frozen=True)
class Holding:
    """What crop diversification says of a holding."""

    hold_id: int
    category: str
    diagnosis: str


def latest_run(session: Session, season_id: int) -> CropTypeRun | None:
    """Return the newest run of a season: the one in force."""
    return session.scalars(
        select(CropTypeRun).where(CropTypeRun.season_id == season_id).order_by(CropTypeRun.id.desc()).limit(1)
    ).one_or_none()


def runs_in_force(session: Session, product_ids: Sequence[int]) -> list[tuple[str, CropTypeRun]]:
    """Return site and run of those products that are the newest map of their season."""
    newest = select(func.max(CropTypeRun.id)).group_by(CropTypeRun.season_id)
    query = (
        select(Site.slug, CropTypeRun)
        .join(Season, Season.id == CropTypeRun.season_id)
        .join(Site, Site.id == Season.site_id)
        .where(CropTypeRun.product_id.in_(product_ids), CropTypeRun.id.in_(newest))
        .order_by(CropTypeRun.id)
    )
    return [(slug, run) for slug, run in session.execute(query)]


def seasons_due(session: Session, today: date) -> list[int]:
    """Return the seasons of enabled sites that are between their middle and two months after their end."""
    seasons = session.scalars(
        select(Season).join(Site, Site.id == Season.site_id).where(Season.enabled, Site.enabled)
    )
    due = []
    for season in seasons:
        middle = season.mid or season.start + (season.end - season.start) / 2
        if middle <= today <= season.end + AFTER_END:
            due.append(season.id)
    return sorted(due)


def parcel_facts(session: Session, set_id: int) -> pd.DataFrame:
    """Return new_id, duplic, overlap, s1_pix, s2_pix of a set's parcels, ordered by new_id."""
    columns = (Parcel.new_id, Parcel.duplic, Parcel.overlap, Parcel.s1_pix, Parcel.s2_pix)
    rows = session.execute(select(*columns).where(Parcel.set_id == set_id).order_by(Parcel.new_id)).all()
    return pd.DataFrame(rows, columns=["new_id", "duplic", "overlap", "s1_pix", "s2_pix"])


def store_run(
    session: Session,
    run: CropTypeRun,
    last_run_id: int | None,
    answers: pa.Table,
    holdings: Sequence[Holding],
) -> bool:
    """Store a run with its rows and drop the rows of the season's earlier runs; False when another run of
    the season came first.

    Parameters
    ----------
    answers : new_id, ct_decl, ct_pred_1, ct_conf_1, ct_pred_2, ct_conf_2, doubtful, reason.
    """
    session.execute(select(Season.id).where(Season.id == run.season_id).with_for_update())
    last = latest_run(session, run.season_id)
    if (last.id if last else None) != last_run_id:
        return False
    session.add(run)
    session.flush()
    earlier = select(CropTypeRun.id).where(CropTypeRun.season_id == run.season_id, CropTypeRun.id != run.id)
    session.execute(delete(CropTypeResult).where(CropTypeResult.run_id.in_(earlier)))
    session.execute(delete(DiversificationResult).where(DiversificationResult.run_id.in_(earlier)))
    table = answers.append_column("run_id", pa.array([run.id] * answers.num_rows, pa.int32()))
    copy_rows(session, "crop_type_result", table.to_batches(BATCH_ROWS))
    session.add_all(
        DiversificationResult(run_id=run.id, hold_id=h.hold_id, category=h.category, diagnosis=h.diagnosis)
        for h in holdings
    )
    return True
