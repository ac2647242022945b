"""Tables of what was found about practices: evaluations, and one row for each row of a practice table."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base


class PracticeRun(Base):
    """One evaluation of a practice table; the newest one of a site, year and practice is the current one."""

    __tablename__ = "practice_run"
    __table_args__ = (Index("ix_practice_run_site_id_year_practice", "site_id", "year", "practice"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    year: Mapped[int]
    practice: Mapped[str]
    """NA, CC, FL or NFC"""
    practice_set_id: Mapped[int] = mapped_column(ForeignKey("practice_set.id", ondelete="CASCADE"))
    declaration_set_id: Mapped[int] = mapped_column(ForeignKey("declaration_set.id", ondelete="CASCADE"))
    config_id: Mapped[int | None] = mapped_column(ForeignKey("processor_config.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    as_of: Mapped[date]
    """Last acquisition date that was used."""
    input_key: Mapped[str]
    n_rows: Mapped[int]
    n_harvests: Mapped[int]
    made_by: Mapped[str]
    flow_run_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PracticeResult(Base):
    """What L4C says of one row of a practice table."""

    __tablename__ = "practice_result"
    __table_args__ = (Index("ix_practice_result_new_id", "new_id"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("practice_run.id", ondelete="CASCADE"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    """Place in the exported table, from 0 on."""
    new_id: Mapped[int]
    c_index: Mapped[str]
    """STRONG, MODERATE, WEAK, POOR, NR, NA or NA1"""
    last_week: Mapped[date | None]
    """Monday of the last week with data; null where the row could not be judged."""
    harvest_week: Mapped[date | None]
    """Monday of the harvest week; null without harvest."""
    radar_harvest_week: Mapped[date | None]
    tillage_week: Mapped[date | None]
    p_start: Mapped[date | None]
    p_end: Mapped[date | None]
    markers: Mapped[str]
    """M1 to M10, comma separated"""
