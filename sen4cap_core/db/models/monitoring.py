"""Tables of what work took, how the machines are, and what people were warned of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base


class JobUsage(Base):
    """What one try of a job took: of the process that did it, while it did it."""

    __tablename__ = "job_usage"
    __table_args__ = (Index("ix_job_usage_site_slug_started_at", "site_slug", "started_at"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str]
    site_slug: Mapped[str]
    key: Mapped[str]
    n_jobs: Mapped[int]
    """Jobs done in one run, such as a burst of uploads."""
    host: Mapped[str]
    started_at: Mapped[datetime]
    seconds: Mapped[float]
    cpu_seconds: Mapped[float]
    peak_memory_bytes: Mapped[int] = mapped_column(BigInteger)
    """Largest resident memory of the process and what it had started, sampled by the second."""
    read_bytes: Mapped[int] = mapped_column(BigInteger)
    written_bytes: Mapped[int] = mapped_column(BigInteger)
    """From and to disks; what the system's cache answered is not counted."""
    others: Mapped[int]
    """Runs that went on beside it in the process: their share cannot be told apart."""


class MachineSample(Base):
    """How a machine was at one moment."""

    __tablename__ = "machine_sample"
    __table_args__ = (Index("ix_machine_sample_taken_at", "taken_at"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    host: Mapped[str]
    taken_at: Mapped[datetime]
    cpu_percent: Mapped[float]
    """Of all cores, since the sample before."""
    n_cores: Mapped[int]
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
    memory_free_bytes: Mapped[int] = mapped_column(BigInteger)
    disk_bytes: Mapped[int] = mapped_column(BigInteger)
    """Of the disk that holds the data root."""
    disk_free_bytes: Mapped[int] = mapped_column(BigInteger)


class WarningRow(Base):
    """Something a person should know, told when it comes up and once a day while it lasts."""

    __tablename__ = "warning"
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    """Its subject: ``gate/12``, ``disk/host``, ``need/host``, ``source/3/stac-1``, ``failed/<site>/…``."""
    kind: Mapped[str]
    """stuck-gate, disk-low, disk-short, source-silent, work-failed"""
    site_slug: Mapped[str | None]
    text: Mapped[str]
    since: Mapped[datetime]
    told_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]
    """When it was no longer so; null while it is."""
