"""Tables of what is to be monitored: one version of a practice table, and its rows."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base


class PracticeSet(Base):
    """One version of the table of a practice, site and year. Results name the version they were made with."""

    __tablename__ = "practice_set"
    __table_args__ = (Index("ix_practice_set_site_id_year_practice", "site_id", "year", "practice"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    year: Mapped[int]
    practice: Mapped[str]
    """NA, CC, FL or NFC"""
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id"))
    n_rows: Mapped[int]
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    valid_to: Mapped[datetime | None]
    """None for the table in force."""


class PracticeRow(Base):
    """One row of a practice table: a parcel, its crop, and the dates between which it is looked at.

    The parcel is named by the agency's own id, since tables and declarations arrive in any order.
    """

    __tablename__ = "practice_row"
    __table_args__ = (Index("ix_practice_row_ori_id", "ori_id"),)

    set_id: Mapped[int] = mapped_column(ForeignKey("practice_set.id", ondelete="CASCADE"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    """Row of the file, the header being row 1."""
    ori_id: Mapped[str]
    country: Mapped[str | None]
    """Null where the table does not say."""
    main_crop: Mapped[str]
    veg_start: Mapped[date | None]
    """Null where the table says NA, like the other dates."""
    h_start: Mapped[date | None]
    h_end: Mapped[date | None]
    practice: Mapped[str]
    """As in the file: CatchCrop, Fallow, NFC, NA"""
    p_type: Mapped[str]
    p_start: Mapped[date | None]
    p_end: Mapped[date | None]
