"""Radar products in the radar's own geometry, and the files their processing needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import RadarAcquisition, SceneRow, Site, Upload

WAKING_KINDS = ("radar", "declarations", "site-config", "site-extent")
"""Uploads that may give a waiting acquisition what it lacks."""

QUANTITIES = ("gamma0", "sigma0", "beta0")
"""Which of several counts where the site's own choice is not among them, the first first."""
SAME_SLICE = timedelta(seconds=10)
"""SLC and GRD product of a slice, or two processings of it, begin some seconds apart, two slices 25."""
SAME_PASS = timedelta(hours=1)
"""All slices of one pass."""


class OfRadar(Protocol):
    """A scene, or what was observed on it."""

    @property
    def tile(self) -> str: ...
    @property
    def relative_orbit(self) -> int | None: ...
    @property
    def acquired_at(self) -> datetime: ...
    @property
    def radar_quantity(self) -> str | None: ...


Radar = TypeVar("Radar", bound=OfRadar)


def wanted_backscatter(session: Session, site_id: int) -> str:
    """Return the quantity a site's backscatter series are made of: ``sigma0`` or ``gamma0``."""
    config = session.get_one(Site, site_id).config
    return str(config.get("radar", {}).get("backscatter", "sigma0"))


def one_quantity(found: Sequence[Radar], wanted: str) -> list[Radar]:
    """Leave one quantity of backscatter for each tile, relative orbit and day; coherence stays as it is.

    Two producers may have delivered one pass as sigma0 and as gamma0, which differ by a decibel: a mean over
    both would be neither. The wanted one counts where it is there, else the first of `QUANTITIES`.
    """
    order = [wanted, *(quantity for quantity in QUANTITIES if quantity != wanted), None]
    best: dict[tuple[object, ...], int] = {}
    for one in found:
        if one.radar_quantity in order:
            rank = order.index(one.radar_quantity)
            best[_pass(one)] = min(rank, best.get(_pass(one), rank))
    return [
        one
        for one in found
        if one.radar_quantity not in order or order.index(one.radar_quantity) == best[_pass(one)]
    ]


def _pass(one: OfRadar) -> tuple[object, ...]:
    return one.tile, one.relative_orbit, one.acquired_at.date()


def slc_of_slice(session: Session, grd: RadarAcquisition) -> RadarAcquisition | None:
    """Return the SLC product of the slice that a GRD product is of; None where it is not there or failed."""
    query = select(RadarAcquisition).where(
        RadarAcquisition.site_id == grd.site_id,
        RadarAcquisition.relative_orbit == grd.relative_orbit,
        RadarAcquisition.platform == grd.platform,
        RadarAcquisition.kind == "SLC",
        RadarAcquisition.state == "processed",
        RadarAcquisition.started_at.between(grd.started_at - SAME_SLICE, grd.started_at + SAME_SLICE),
    )
    return session.scalars(query.limit(1)).one_or_none()


def newer_processings(session: Session, one: RadarAcquisition) -> Sequence[RadarAcquisition]:
    """Return products of the same slice and kind that came later and did not fail, the last first."""
    query = (
        select(RadarAcquisition)
        .where(
            RadarAcquisition.site_id == one.site_id,
            RadarAcquisition.relative_orbit == one.relative_orbit,
            RadarAcquisition.platform == one.platform,
            RadarAcquisition.kind == one.kind,
            RadarAcquisition.state != "failed",
            RadarAcquisition.id > one.id,
            RadarAcquisition.started_at.between(one.started_at - SAME_SLICE, one.started_at + SAME_SLICE),
        )
        .order_by(RadarAcquisition.id.desc())
    )
    return session.scalars(query).all()


def supersede_same_slice(session: Session, scene: SceneRow) -> int:
    """Take the place of what we made ourselves of another product of the same slice; return how many.

    The other one is the GRD product of a slice whose SLC product is there, or an earlier processing; of a
    pair both slices are the same. What begins in the same second has one key and is not looked for here.
    """
    begins = SceneRow.pair_started_at
    same = begins.is_(None)
    if scene.pair_started_at is not None:
        same = begins.between(scene.pair_started_at - SAME_SLICE, scene.pair_started_at + SAME_SLICE)
    return _supersede_our_own(
        session,
        scene,
        f"superseded by {scene.product_id}, of another product of the same slice",
        SceneRow.id != scene.id,
        SceneRow.acquisition_key != scene.acquisition_key,
        SceneRow.acquired_at.between(scene.acquired_at - SAME_SLICE, scene.acquired_at + SAME_SLICE),
        same,
    )


def enter_acquisition(session: Session, values: dict[str, object]) -> RadarAcquisition:
    """Insert or refresh an acquisition by site and product; a new content waits anew."""
    statement = insert(RadarAcquisition).values(state="waiting", **values)
    number = session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id", "product_id"],
            set_={name: statement.excluded[name] for name in (*values, "state")},
        ).returning(RadarAcquisition.id)
    ).scalar_one()
    return session.get_one(RadarAcquisition, number, populate_existing=True)


def acquisitions_of_orbit(session: Session, site_id: int, relative_orbit: int) -> Sequence[RadarAcquisition]:
    """Return the SLC acquisitions of a site and relative orbit, in order of time."""
    query = (
        select(RadarAcquisition)
        .where(
            RadarAcquisition.site_id == site_id,
            RadarAcquisition.relative_orbit == relative_orbit,
            RadarAcquisition.kind == "SLC",
            RadarAcquisition.state != "failed",
        )
        .order_by(RadarAcquisition.started_at, RadarAcquisition.id)
    )
    return session.scalars(query).all()


def mark_acquisition(session: Session, number: int, state: str, reason: str | None) -> None:
    """Write down what became of an acquisition, and when."""
    session.execute(
        update(RadarAcquisition)
        .where(RadarAcquisition.id == number)
        .values(state=state, state_reason=reason, looked_at=func.statement_timestamp())
    )


def acquisitions_to_look_at(session: Session) -> list[tuple[int, str, str]]:
    """Return (acquisition, site, kind) of those never tried, or tried before an upload that may help."""
    news = (
        select(func.max(Upload.received_at))
        .where(Upload.site_slug == Site.slug, Upload.kind.in_(WAKING_KINDS), Upload.state == "received")
        .scalar_subquery()
    )
    query = (
        select(RadarAcquisition.id, Site.slug, RadarAcquisition.kind)
        .join(Site, Site.id == RadarAcquisition.site_id)
        .where(
            Site.enabled,
            RadarAcquisition.state != "failed",
            or_(RadarAcquisition.looked_at.is_(None), RadarAcquisition.looked_at < news),
        )
    )
    return [(row.id, row.slug, row.kind) for row in session.execute(query)]


def radar_files(session: Session, site_slug: str) -> list[tuple[str, str]]:
    """Return (path, hash) of the orbit files, elevation models and geoids of a site, newest first."""
    query = (
        select(Upload.path, Upload.sha256)
        .where(Upload.site_slug == site_slug, Upload.kind == "radar", Upload.state == "received")
        .order_by(Upload.id.desc())
    )
    return [(row.path, row.sha256) for row in session.execute(query)]


def supersede_longer_pairs(session: Session, scene: SceneRow) -> int:
    """Take the place of coherences that end with the same slice and began a pass earlier; return how many.

    Two slices of one earlier pass may each be the partner of a slice: both stay.
    """
    if scene.pair_started_at is None:
        return 0
    return _supersede_our_own(
        session,
        scene,
        f"superseded by the shorter pair {scene.product_id}",
        SceneRow.acquired_at.between(scene.acquired_at - SAME_SLICE, scene.acquired_at + SAME_SLICE),
        SceneRow.pair_started_at < scene.pair_started_at - SAME_PASS,
    )


def _supersede_our_own(session: Session, scene: SceneRow, reason: str, *which: ColumnElement[bool]) -> int:
    """Take the place of what we made ourselves on the same tile, orbit and sensor; return how many."""
    others = session.scalars(
        select(SceneRow).where(
            SceneRow.site_id == scene.site_id,
            SceneRow.tile == scene.tile,
            SceneRow.sensor == scene.sensor,
            SceneRow.relative_orbit == scene.relative_orbit,
            SceneRow.upload_id.is_(None),
            SceneRow.state != "superseded",
            *which,
        )
    ).all()
    for other in others:
        other.state, other.superseded_by = "superseded", scene.id
        other.state_reason = reason
    return len(others)
