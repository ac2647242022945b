"""Tables of the sources: what catalogues offer, and how far each was searched."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base, Json


class OfferRow(Base):
    """A product that a catalogue offers for a site, and what became of it."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("site_id", "source", "offer_id"),
        Index("ix_offer_site_id_acquisition_key", "site_id", "acquisition_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    season_id: Mapped[int] = mapped_column(ForeignKey("season.id", ondelete="CASCADE"))
    source: Mapped[str]
    offer_id: Mapped[str]
    product_id: Mapped[str]
    sensor: Mapped[str]
    acquisition_key: Mapped[str]
    """Of the group of offers that show the same thing; one of them is fetched."""
    acquired_at: Mapped[datetime]
    tile: Mapped[str | None]
    content: Mapped[Json]
    """The offer whole, as the source room writes it."""
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(default="offered")
    """offered, fetching, fetched, failed, passed-over (another offer of the acquisition was taken)"""
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0)
    path: Mapped[str | None]
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id"))
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When a search last answered it."""
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class SourceSearch(Base):
    """How far a source was searched for a season, and how the last search went."""

    __tablename__ = "source_search"

    season_id: Mapped[int] = mapped_column(ForeignKey("season.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    searched_until: Mapped[date | None]
    """Last acquisition day that a search without error has covered."""
    succeeded_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error: Mapped[str | None]
    """Of the last search, null where it went well."""
    n_offers: Mapped[int] = mapped_column(default=0)
    asked_for: Mapped[str | None]
    """Hash of what was asked for (tiles, outline, satellites, first day): when that changes, all days are
    searched anew."""
