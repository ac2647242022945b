"""Tables of the sites and their seasons."""

from __future__ import annotations

from datetime import date, datetime

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base, Json


class Site(Base):
    """An area under monitoring: one folder below the upload root."""

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    """Name of the upload folder."""
    name: Mapped[str]
    country: Mapped[str | None]
    extent: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326))
    tiles: Mapped[list[str]] = mapped_column(default=list)
    """MGRS tiles computed from the extent, or given in site.yaml."""
    config: Mapped[Json] = mapped_column(default=dict)
    """Effective site.yaml."""
    enabled: Mapped[bool] = mapped_column(default=True)
    """Whether anything is done for it: site.yaml says so, and it is neither paused nor deleted."""
    paused_at: Mapped[datetime | None]
    """Paused by a person; only a person resumes it."""
    deleted_at: Mapped[datetime | None]
    """Deleted by a person; everything is kept until it is purged."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Season(Base):
    """A dated period of a site; its year is the year that holds its longer part."""

    __tablename__ = "season"
    __table_args__ = (UniqueConstraint("site_id", "name", "year"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    name: Mapped[str]
    year: Mapped[int]
    start: Mapped[date]
    mid: Mapped[date | None]
    end: Mapped[date]
    enabled: Mapped[bool] = mapped_column(default=True)
    """Whether anything is done for it: site.yaml says so, and it is not paused."""
    paused_at: Mapped[datetime | None]
    """Paused by a person; only a person resumes it."""
    implicit: Mapped[bool] = mapped_column(default=False)
    """True for the calendar-year season assumed when site.yaml names none."""
