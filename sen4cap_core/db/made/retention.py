"""What retention must know: who needs which file, who could deliver it again, and what was given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from sen4cap_core.db.models import (
    Job,
    ObservationSet,
    OfferRow,
    Product,
    ProductInput,
    RadarAcquisition,
    SceneRow,
    Season,
    SourceSearch,
    Upload,
)

FINAL_STATES = ("processed", "superseded", "skipped")
"""Of scenes nobody works on any more."""


@dataclass(frozen=True)
class FetchedFile:
    """A scene that was fetched from a source."""

    offer_id: int
    upload_id: int
    source: str
    acquisition_key: str
    product_id: str
    path: str
    fetched_at: datetime
    source_answers: bool
    """Whether the last search of its source went well."""
    scenes: tuple[tuple[int, str], ...]
    """(scene, state)"""
    radar_states: tuple[str, ...]
    """Of acquisitions in the radar's own geometry."""


def fetched_files(session: Session, site_id: int, *, retired: bool = False) -> list[FetchedFile]:
    """Return the scenes of a site that were fetched, those given up alone where ``retired``."""
    given_up = Upload.retired_at
    query = (
        select(OfferRow, Upload, SourceSearch)
        .join(Upload, Upload.id == OfferRow.upload_id)
        .outerjoin(
            SourceSearch,
            (SourceSearch.season_id == OfferRow.season_id) & (SourceSearch.source == OfferRow.source),
        )
        .where(
            OfferRow.site_id == site_id,
            OfferRow.state == "fetched",
            given_up.is_not(None) if retired else given_up.is_(None),
        )
        .order_by(OfferRow.id)
    )
    rows = list(session.execute(query).tuples())
    uploads = [upload.id for _, upload, _ in rows]
    scenes: dict[int, list[tuple[int, str]]] = {}
    found = session.execute(
        select(SceneRow.upload_id, SceneRow.id, SceneRow.state).where(SceneRow.upload_id.in_(uploads))
    )
    for upload_id, scene_id, state in found.tuples():
        scenes.setdefault(upload_id or 0, []).append((scene_id, state))
    radar: dict[int, list[str]] = {}
    acquisitions = session.execute(
        select(RadarAcquisition.upload_id, RadarAcquisition.state).where(
            RadarAcquisition.upload_id.in_(uploads)
        )
    )
    for upload_id, state in acquisitions.tuples():
        radar.setdefault(upload_id or 0, []).append(state)
    return [
        FetchedFile(
            offer.id,
            upload.id,
            offer.source,
            offer.acquisition_key,
            offer.product_id,
            upload.path,
            offer.finished_at or upload.registered_at,
            search is not None and search.succeeded_at is not None and search.error is None,
            tuple(scenes.get(upload.id, ())),
            tuple(radar.get(upload.id, ())),
        )
        for offer, upload, search in rows
    ]


def scene_paths(session: Session, site_id: int) -> dict[int, str]:
    """Return where the scenes of a site lie."""
    query = select(SceneRow.id, SceneRow.path).where(SceneRow.site_id == site_id)
    return dict(session.execute(query).tuples().all())


def observed_scenes(session: Session, site_id: int) -> set[int]:
    """Return the scenes of a site that parcels were observed on."""
    query = (
        select(ObservationSet.scene_id)
        .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
        .where(SceneRow.site_id == site_id)
        .distinct()
    )
    return set(session.scalars(query))


def products_used(session: Session, site_id: int) -> dict[int, set[int]]:
    """Return product -> products made from it that are not given up."""
    query = (
        select(ProductInput.ref, ProductInput.product_id)
        .join(Product, Product.id == ProductInput.product_id)
        .where(
            Product.site_id == site_id, Product.retired_at.is_(None), ProductInput.ref.startswith("product:")
        )
    )
    used: dict[int, set[int]] = {}
    for ref, product_id in session.execute(query).tuples():
        used.setdefault(int(ref.removeprefix("product:")), set()).add(product_id)
    return used


def scenes_used(session: Session, site_id: int) -> set[int]:
    """Return the scenes that products which are not given up were made from."""
    query = (
        select(ProductInput.ref)
        .join(Product, Product.id == ProductInput.product_id)
        .where(
            Product.site_id == site_id,
            Product.retired_at.is_(None),
            Product.scene_id.is_(None),
            ProductInput.ref.startswith("scene:"),
        )
        .distinct()
    )
    return {int(ref.removeprefix("scene:")) for ref in session.scalars(query)}


def work_waits(session: Session, site_slug: str) -> bool:
    """Whether work of a site waits or runs that may read its files."""
    query = select(Job.id).where(Job.site_slug == site_slug, Job.state.in_(("waiting", "running"))).limit(1)
    return session.execute(query).first() is not None


def retire(session: Session, product_ids: Iterable[int], upload_ids: Iterable[int]) -> None:
    """Note that the files of products and fetched scenes are given up."""
    for model, ids in ((Product, list(product_ids)), (Upload, list(upload_ids))):
        if ids:
            session.execute(
                update(model)
                .where(model.id.in_(ids), model.retired_at.is_(None))
                .values(retired_at=func.statement_timestamp())
            )


def offer_again(session: Session, site_id: int, year: int) -> list[str]:
    """Let the fetched scenes of a year that were given up be fetched again; return their acquisitions."""
    query = (
        select(OfferRow)
        .join(Upload, Upload.id == OfferRow.upload_id)
        .join(Season, Season.id == OfferRow.season_id)
        .where(OfferRow.site_id == site_id, Season.year == year, Upload.retired_at.is_not(None))
        .order_by(OfferRow.id)
    )
    offers = list(session.scalars(query))
    for offer in offers:
        offer.state, offer.attempts, offer.reason = "offered", 0, None
    session.flush()
    return sorted({offer.acquisition_key for offer in offers})
