"""Table of the runs that the calendar of a season asks for."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base, Json


class PlannedRun(Base):
    """One run of a processor over a season up to a day. What was missed is made up for by one run."""

    __tablename__ = "planned_run"
    __table_args__ = (UniqueConstraint("season_id", "processor", "due_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    season_id: Mapped[int] = mapped_column(ForeignKey("season.id", ondelete="CASCADE"))
    processor: Mapped[str]
    """l3a, s1_composites, l4a, l4b, l4c"""
    due_on: Mapped[date]
    """Last day whose acquisitions count."""
    covers_from: Mapped[date]
    """First day of the calendar that this run makes up for; ``due_on`` where none was missed."""
    state: Mapped[str] = mapped_column(default="waiting")
    """waiting, asked (its job waits or runs), done, skipped, failed, folded (a later one covers it),
    withdrawn (the calendar no longer has it)"""
    reason: Mapped[str | None]
    waits_for: Mapped[Json] = mapped_column(default=dict, server_default="{}")
    """``gates``: what is still on its way, each with what, n, since and whether it must be there."""
    waiting_since: Mapped[datetime | None]
    """When something was first found missing."""
    deadline: Mapped[datetime | None]
    """Then it runs without what is missing; null where it cannot."""
    ran_without: Mapped[Json] = mapped_column(default=dict, server_default="{}")
    """``gates``: what was missing when it was asked for."""
    job_key: Mapped[str | None]
    asked_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    planned_at: Mapped[datetime] = mapped_column(server_default=func.now())
