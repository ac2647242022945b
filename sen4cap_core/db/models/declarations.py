"""Tables of what farmers declare, and of what explains it: parcels, crop codes, configurations."""

from __future__ import annotations

from datetime import datetime

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sen4cap_core.db.models.base import Base, Json


class DeclarationSet(Base):
    """One version of the declarations of a site and year. Results name the version they were made with."""

    __tablename__ = "declaration_set"
    __table_args__ = (Index("ix_declaration_set_site_id_year", "site_id", "year"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    year: Mapped[int]
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id"))
    n_parcels: Mapped[int]
    mode: Mapped[str] = mapped_column(default="update", server_default="update")
    """How it followed the version before: update, replace or incremental"""
    former_id: Mapped[int | None] = mapped_column(ForeignKey("declaration_set.id", ondelete="SET NULL"))
    """Version it was compared with; null for the first one, and after ``replace``."""
    changes: Mapped[Json] = mapped_column(default=dict, server_default="{}")
    """Number of parcels new, same, changed in geometry or attributes, back again, gone."""
    columns: Mapped[Json] = mapped_column(default=dict)
    """Which source columns were taken for parcel id, holding id and crop code."""
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    valid_to: Mapped[datetime | None]
    """None for the current set."""


class Parcel(Base):
    """A declared parcel in one declaration set."""

    __tablename__ = "parcel"
    __table_args__ = (
        Index("ix_parcel_ori_id", "ori_id"),
        # Parcels of a set lie on disk place by place: the box of each range of pages finds them.
        Index(
            "ix_parcel_places",
            "set_id",
            "geom",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
        ),
    )

    # In the place of a foreign key, which would ask at each of a million rows: a trigger asks once for each
    # statement whether there is such a set, another takes the parcels away with their set.
    set_id: Mapped[int] = mapped_column(primary_key=True)
    new_id: Mapped[int] = mapped_column(primary_key=True)
    """Stable integer id per site and ori_id, in every set the same."""
    hold_id: Mapped[int]
    ori_id: Mapped[str]
    ori_hold: Mapped[str]
    ori_crop: Mapped[str]
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    """Repaired geometry in longitude and latitude; null where the file had none."""
    geom_valid: Mapped[bool]
    duplic: Mapped[bool] = mapped_column(default=False)
    overlap: Mapped[bool] = mapped_column(default=False)
    area_m2: Mapped[float]
    shape_index: Mapped[float | None]
    s1_pix: Mapped[int | None]
    """20 m pixels whose centre lies in the outline shrunk by 10 m; each pixel is one parcel's."""
    s2_pix: Mapped[int | None]
    """10 m pixels whose centre lies in the outline shrunk by 5 m."""
    attributes: Mapped[Json] = mapped_column(default=dict)
    """The source's own columns, as text."""
    change: Mapped[str] = mapped_column(default="new", server_default="new")
    """Against the version before: new, same, geometry, attributes, back"""
    geom_change_ratio: Mapped[float | None]
    """Area only one of both outlines covers / area either covers; null where the outline is the same."""
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    """From when on the parcel is declared like this."""
    geometry_hash: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    content_hash: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Of holding, crop code and attributes."""


class CropCode(Base):
    """One row of the L4A look-up table in force for a site and year."""

    __tablename__ = "crop_code"

    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    ori_crop: Mapped[str] = mapped_column(primary_key=True)
    ctnum: Mapped[int]
    ct: Mapped[str]
    lc: Mapped[int]
    ctnum_l4a: Mapped[int]
    ct_l4a: Mapped[str]
    ctnum_div: Mapped[int]
    ct_div: Mapped[str]
    eaa: Mapped[bool]
    al: Mapped[bool]
    pgrass: Mapped[bool]
    tgrass: Mapped[bool]
    fallow: Mapped[bool]
    cwater: Mapped[bool]
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id"))


class ProcessorConfig(Base):
    """A configuration file of a processor in force for a site and year."""

    __tablename__ = "processor_config"
    __table_args__ = (UniqueConstraint("site_id", "year", "processor", "upload_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))
    year: Mapped[int]
    processor: Mapped[str]
    """l4b or l4c"""
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id"))
    values: Mapped[Json]
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    valid_to: Mapped[datetime | None]
