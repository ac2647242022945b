"""Results of L4C: evaluations of practice tables and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from sen4cap_core.db.bulk.copying import BATCH_ROWS, copy_rows
from sen4cap_core.db.models import PracticeResult, PracticeRun, Product, Site

RESULT_COLUMNS = (
    "row",
    "new_id",
    "c_index",
    "last_week",
    "harvest_week",
    "radar_harvest_week",
    "tillage_week",
    "p_start",
    "p_end",
    "markers",
)
"""Columns of a table of results, in this order; dates as date32, null where there is none."""


def latest_practice_run(session: Session, site_id: int, year: int, practice: str) -> PracticeRun | None:
    """Return the newest evaluation of a practice: the one in force."""
    return session.scalars(
        select(PracticeRun)
        .where(PracticeRun.site_id == site_id, PracticeRun.year == year, PracticeRun.practice == practice)
        .order_by(PracticeRun.id.desc())
        .limit(1)
    ).one_or_none()


def practice_runs_in_force(session: Session, product_ids: Sequence[int]) -> list[PracticeRun]:
    """Return the runs of those products that are the newest answer to their practice and year."""
    newest = select(func.max(PracticeRun.id)).group_by(
        PracticeRun.site_id, PracticeRun.year, PracticeRun.practice
    )
    query = select(PracticeRun).where(PracticeRun.product_id.in_(product_ids), PracticeRun.id.in_(newest))
    return list(session.scalars(query.order_by(PracticeRun.id)))


@dataclass(frozen=True)
class EarlierTable:
    """What an earlier evaluation found; paths below the data root."""

    product_id: int
    path: str
    stac_path: str | None


def earlier_practice_table(
    session: Session, site_id: int, year: int, practice: str, by: date
) -> EarlierTable | None:
    """Return the table of the newest evaluation of a practice with data up to a day; None without any.
    Tables whose files are retired do not count.
    """
    found = session.execute(
        select(Product.id, Product.path, Product.stac_path)
        .join(PracticeRun, PracticeRun.product_id == Product.id)
        .where(
            PracticeRun.site_id == site_id,
            PracticeRun.year == year,
            PracticeRun.practice == practice,
            PracticeRun.as_of <= by,
            Product.retired_at.is_(None),
        )
        .order_by(PracticeRun.as_of.desc(), PracticeRun.id.desc())
        .limit(1)
    ).one_or_none()
    return None if found is None else EarlierTable(*found)


def lock_practice(session: Session, site_id: int, year: int, practice: str, last_run_id: int | None) -> bool:
    """Hold a site's results until the transaction ends; False when a run came that was not known."""
    session.execute(select(Site.id).where(Site.id == site_id).with_for_update())
    last = latest_practice_run(session, site_id, year, practice)
    return (last.id if last else None) == last_run_id


def store_practice_run(session: Session, run: PracticeRun, results: pa.Table) -> int:
    """Store a run with its rows (``RESULT_COLUMNS``) and drop the rows of the practice's earlier runs.

    The earlier runs stay as history; what they said is in their exported files.
    """
    session.add(run)
    session.flush()
    earlier = select(PracticeRun.id).where(
        PracticeRun.site_id == run.site_id,
        PracticeRun.year == run.year,
        PracticeRun.practice == run.practice,
        PracticeRun.id != run.id,
    )
    session.execute(delete(PracticeResult).where(PracticeResult.run_id.in_(earlier)))
    rows = results.select(list(RESULT_COLUMNS)).add_column(0, "run_id", pa.repeat(run.id, results.num_rows))
    copy_rows(session, "practice_result", rows.to_batches(max_chunksize=BATCH_ROWS))
    return run.id
