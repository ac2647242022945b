"""Tables of the acquisitions: on a tile, and in the radar's own geometry."""

from __future__ import annotations

from datetime import datetime

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base, Json


class SceneRow(Base):
    """An acquisition over one tile."""

    __tablename__ = "scene"
    __table_args__ = (
        UniqueConstraint("site_id", "product_id", "tile"),
        Index("ix_scene_site_id_acquired_at", "site_id", "acquired_at"),
        Index("ix_scene_acquisition_key", "acquisition_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id"))
    product_id: Mapped[str]
    sensor: Mapped[str]
    platform: Mapped[str]
    acquired_at: Mapped[datetime]
    tile: Mapped[str]
    acquisition_key: Mapped[str]
    baseline: Mapped[str | None]
    generated_at: Mapped[datetime | None]
    relative_orbit: Mapped[int | None]
    orbit_direction: Mapped[str | None]
    """``ascending`` or ``descending``; null where the orbit does not matter (optical)."""
    radar_quantity: Mapped[str | None]
    """``sigma0``, ``gamma0``, ``beta0`` or ``coherence``; None for optical scenes."""
    pair_started_at: Mapped[datetime | None]
    """Instant of the earlier acquisition of a coherence pair; the later one is ``acquired_at``."""
    format: Mapped[str]
    path: Mapped[str]
    footprint: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326))
    state: Mapped[str]
    """ingested, processed, skipped, superseded, failed"""
    state_reason: Mapped[str | None]
    superseded_by: Mapped[int | None] = mapped_column(ForeignKey("scene.id"))
    clear_fraction: Mapped[float | None]
    """Clear pixels / pixels with data inside the tile part covered."""
    data_fraction: Mapped[float | None]
    lacking: Mapped[Json] = mapped_column(default=dict, server_default="{}")
    """Variables this product can never give -> why: nobody asks for them again."""
    ingested_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RadarAcquisition(Base):
    """A radar product in the radar's own geometry (SLC, GRD): rasters and scenes are made of it."""

    __tablename__ = "radar_acquisition"
    __table_args__ = (UniqueConstraint("site_id", "product_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id"))
    product_id: Mapped[str]
    kind: Mapped[str]
    """SLC or GRD"""
    platform: Mapped[str]
    started_at: Mapped[datetime]
    stopped_at: Mapped[datetime]
    relative_orbit: Mapped[int]
    orbit_direction: Mapped[str]
    polarisations: Mapped[list[str]]
    footprint_wkt: Mapped[str]
    """Longitude and latitude; beyond 180 degrees where it crosses the antimeridian."""
    path: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    """waiting, processed, failed"""
    state_reason: Mapped[str | None]
    """What it waits for, also when its backscatter is made and its coherence is not."""
    looked_at: Mapped[datetime | None]
    """When it was last tried: what arrived later may change the answer."""
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())
