"""The tables: every fact that matters is a row here."""

from __future__ import annotations

from datetime import date, datetime

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.base import Base, Json
from sen4cap_core.db.models_crop_types import CropTypeResult, CropTypeRun, DiversificationResult
from sen4cap_core.db.models_declarations import CropCode, DeclarationSet, Parcel, ProcessorConfig
from sen4cap_core.db.models_monitoring import JobUsage, MachineSample, WarningRow
from sen4cap_core.db.models_mowing import Marker, MowingResult, MowingRun
from sen4cap_core.db.models_planning import PlannedRun
from sen4cap_core.db.models_practice_results import PracticeResult, PracticeRun
from sen4cap_core.db.models_practices import PracticeRow, PracticeSet
from sen4cap_core.db.models_sources import OfferRow, SourceSearch

__all__ = [
    "Base",
    "CropCode",
    "CropTypeResult",
    "CropTypeRun",
    "DeclarationSet",
    "DiversificationResult",
    "Job",
    "JobUsage",
    "Json",
    "MachineSample",
    "Marker",
    "MowingResult",
    "MowingRun",
    "ObservationSet",
    "OfferRow",
    "Parcel",
    "PlannedRun",
    "PracticeResult",
    "PracticeRow",
    "PracticeRun",
    "PracticeSet",
    "ProcessorConfig",
    "Product",
    "ProductInput",
    "RadarAcquisition",
    "SceneRow",
    "Season",
    "Sighting",
    "Site",
    "SourceSearch",
    "Upload",
    "WarningRow",
]


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
