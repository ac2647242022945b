"""Tables of the crop type map (L4A): runs, and what each says of the parcels and holdings."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base


class CropTypeRun(Base):
    """One classification of a season; the newest one of a season is the current one."""

    __tablename__ = "crop_type_run"
    __table_args__ = (Index("ix_crop_type_run_season_id_id", "season_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    season_id: Mapped[int] = mapped_column(ForeignKey("season.id", ondelete="CASCADE"))
    declaration_set_id: Mapped[int] = mapped_column(ForeignKey("declaration_set.id", ondelete="CASCADE"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    as_of: Mapped[date]
    """Last acquisition that was used."""
    method: Mapped[str]
    """default or sen4cap"""
    input_key: Mapped[str]
    """Hash of the observation sets, the crop codes, the settings and the declaration set."""
    n_parcels: Mapped[int]
    n_classified: Mapped[int]
    n_doubtful: Mapped[int]
    accuracy: Mapped[float | None]
    """Overall accuracy on the validation parcels."""
    macro_f: Mapped[float | None]
    made_by: Mapped[str]
    flow_run_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CropTypeResult(Base):
    """What L4A says of one parcel. Nulls where it is not classified."""

    __tablename__ = "crop_type_result"

    run_id: Mapped[int] = mapped_column(ForeignKey("crop_type_run.id", ondelete="CASCADE"), primary_key=True)
    new_id: Mapped[int] = mapped_column(primary_key=True)
    ct_decl: Mapped[int | None]
    """Null where the crop code is not in the crop code table."""
    ct_pred_1: Mapped[int | None]
    ct_conf_1: Mapped[float | None]
    ct_pred_2: Mapped[int | None]
    ct_conf_2: Mapped[float | None]
    doubtful: Mapped[bool]
    """The prediction contradicts the declaration with confidence."""
    reason: Mapped[str | None]
    """Why the parcel is not classified, null where it is."""


class DiversificationResult(Base):
    """What crop diversification says of one holding."""

    __tablename__ = "diversification_result"

    run_id: Mapped[int] = mapped_column(ForeignKey("crop_type_run.id", ondelete="CASCADE"), primary_key=True)
    hold_id: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[str]
    diagnosis: Mapped[str]
