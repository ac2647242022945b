"""Tables of mowing (L4B): runs, what each says of the parcels, and the dated events."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base


class MowingRun(Base):
    """One evaluation of L4B over a season; the newest one of a season is the current one."""

    __tablename__ = "mowing_run"
    __table_args__ = (Index("ix_mowing_run_season_id_id", "season_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    season_id: Mapped[int] = mapped_column(ForeignKey("season.id", ondelete="CASCADE"))
    declaration_set_id: Mapped[int] = mapped_column(ForeignKey("declaration_set.id", ondelete="CASCADE"))
    config_id: Mapped[int | None] = mapped_column(ForeignKey("processor_config.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    as_of: Mapped[date]
    """Last acquisition date that was used."""
    input_key: Mapped[str]
    """Hash of the observation sets, the configuration and the declaration set."""
    n_parcels: Mapped[int]
    n_mowed: Mapped[int]
    n_events: Mapped[int]
    made_by: Mapped[str]
    flow_run_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MowingResult(Base):
    """What L4B says of one parcel."""

    __tablename__ = "mowing_result"

    run_id: Mapped[int] = mapped_column(ForeignKey("mowing_run.id", ondelete="CASCADE"), primary_key=True)
    new_id: Mapped[int] = mapped_column(primary_key=True)
    mow_n: Mapped[int]
    proc: Mapped[int]
    compl: Mapped[int]
    n_observations: Mapped[int]
    """Clear dates the answer rests on."""
    reason: Mapped[str | None]
    """Why the parcel could not be judged, null where it was."""


class Marker(Base):
    """A dated fact about a parcel with its confidence."""

    __tablename__ = "marker"
    __table_args__ = (Index("ix_marker_run_id_new_id", "run_id", "new_id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("mowing_run.id", ondelete="CASCADE"))
    new_id: Mapped[int]
    kind: Mapped[str]
    """mowing"""
    start: Mapped[datetime]
    end: Mapped[datetime]
    confidence: Mapped[float]
    missions: Mapped[str]
    """``S2``, ``S1`` or ``S2/S1``"""
