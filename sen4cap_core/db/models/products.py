"""Tables of what was made: products, what they were made from, observation sets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base


class Product(Base):
    """A file the system made."""

    __tablename__ = "product"
    __table_args__ = (UniqueConstraint("key"), Index("ix_product_site_id_kind", "site_id", "kind"))

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    """Content key: inputs, parameters and software version; remaking the same thing changes nothing."""
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    kind: Mapped[str]
    """l3b-ndvi, l4b-mowing ..."""
    scene_id: Mapped[int | None] = mapped_column(ForeignKey("scene.id"))
    season_id: Mapped[int | None] = mapped_column(ForeignKey("season.id"))
    tile: Mapped[str | None]
    start: Mapped[datetime]
    end: Mapped[datetime]
    path: Mapped[str]
    """Relative to the data root."""
    stac_path: Mapped[str | None]
    made_by: Mapped[str]
    """Software version."""
    flow_run_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None]
    """When its files were given up by the site's retention; the row stays, so that nobody makes it again."""


class ProductInput(Base):
    """Lineage: what a product was made from."""

    __tablename__ = "product_input"

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"), primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    """``scene:12``, ``product:7``, ``observations:33``, ``declarations:2``, ``config:5``; ``earlier:6`` is a
    product whose findings were carried on, which need not be kept for it"""


class ObservationSet(Base):
    """One Parquet file of parcel statistics: scene x tile x declaration set x group of variables."""

    __tablename__ = "observation_set"
    __table_args__ = (UniqueConstraint("scene_id", "declaration_set_id", "group_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scene_id: Mapped[int] = mapped_column(ForeignKey("scene.id", ondelete="CASCADE"))
    declaration_set_id: Mapped[int] = mapped_column(ForeignKey("declaration_set.id", ondelete="CASCADE"))
    group_name: Mapped[str]
    """``ndvi``, ``bands``, ``biophysical``, ``indices``, ``backscatter``, ``coherence``"""
    variables: Mapped[list[str]] = mapped_column(server_default="{}")
    """What the file holds."""
    path: Mapped[str]
    n_rows: Mapped[int]
    n_observed: Mapped[int]
    """Rows with at least one valid pixel."""
    source: Mapped[str]
    """scene or cog: where the pixels were read from."""
    made_by: Mapped[str]
    flow_run_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
