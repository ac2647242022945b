"""Table of the outbox: work that is to be done once per key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base, Json


class Job(Base):
    """The outbox: work that is to be done exactly once per key, whatever happens to events and workers."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_job_state_not_before", "state", "not_before"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str]
    """receive-upload, ingest-scene, process-scene, extract-parcels, detect-mowing"""
    key: Mapped[str]
    """Content key: the same work has the same key, so a second insert changes nothing."""
    site_slug: Mapped[str]
    payload: Mapped[Json] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="waiting")
    """waiting, running, done, skipped, failed"""
    priority: Mapped[int] = mapped_column(default=0)
    """Higher first."""
    attempts: Mapped[int] = mapped_column(default=0)
    dirty: Mapped[bool] = mapped_column(default=False)
    """Asked for again while it was running: it goes back to waiting when it ends."""
    not_before: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    error: Mapped[str | None]
    flow_run_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
