"""Tables of what was dropped, and of the paths the watcher has seen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base, Json


class Upload(Base):
    """A thing somebody dropped, once per content."""

    __tablename__ = "upload"
    __table_args__ = (
        UniqueConstraint("site_slug", "year", "kind", "sha256"),
        Index("ix_upload_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    site_slug: Mapped[str]
    year: Mapped[int]
    """Year folder; 0 for files of the site itself."""
    kind: Mapped[str]
    path: Mapped[str]
    """Where it was seen first (after a rejection: where it was moved to)."""
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    state: Mapped[str]
    """waiting, received, rejected"""
    receipt: Mapped[Json | None]
    error: Mapped[str | None]
    registered_at: Mapped[datetime] = mapped_column(server_default=func.now())
    received_at: Mapped[datetime | None]
    flow_run_id: Mapped[str | None]
    dropped_as: Mapped[str | None]
    """Of a rejected upload: where it was dropped, before it was moved away."""
    retired_at: Mapped[datetime | None]
    """When the file of a fetched scene was given up; its source can deliver it again."""


class Sighting(Base):
    """A path the watcher has seen, with the size and time that tell at a glance whether it is known."""

    __tablename__ = "sighting"

    path: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    upload_id: Mapped[int] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"))
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
