"""What the tables say lies on disk."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import ObservationSet, Product, SceneRow, Site, Upload


def observation_paths(session: Session) -> dict[int, str]:
    """Return the file of each observation set, relative to the data root."""
    return dict(session.execute(select(ObservationSet.id, ObservationSet.path)).tuples().all())


def observation_paths_of(session: Session, scene_id: int) -> list[str]:
    """Return the files of a scene's observations, relative to the data root."""
    return list(session.scalars(select(ObservationSet.path).where(ObservationSet.scene_id == scene_id)))


def named_paths(session: Session, paths: Iterable[str]) -> set[str]:
    """Return those of some paths, relative to the data root, that a product or an observation names."""
    wanted = list(paths)
    columns = (Product.path, Product.stac_path, ObservationSet.path)
    found = {path for one in columns for path in session.scalars(select(one).where(one.in_(wanted)))}
    return {path for path in found if path is not None}


def scene_paths(session: Session) -> list[tuple[int, str, str]]:
    """Return (scene, product, path) of scenes somebody may still read: not superseded, failed or given up."""
    query = (
        select(SceneRow.id, SceneRow.product_id, SceneRow.path)
        .outerjoin(Upload, Upload.id == SceneRow.upload_id)
        .where(SceneRow.state.in_(("ingested", "processed", "skipped")), Upload.retired_at.is_(None))
        .order_by(SceneRow.id)
    )
    return list(session.execute(query).tuples())


def site_slugs(session: Session) -> list[str]:
    """Return the folder names of all sites."""
    return list(session.scalars(select(Site.slug).order_by(Site.slug)))


def forget(session: Session, product_ids: Iterable[int], observation_ids: Iterable[int]) -> None:
    """Delete the rows of products of scenes and of observations whose files are lost: they are made again."""
    products, observations = list(product_ids), list(observation_ids)
    if products:
        session.execute(delete(Product).where(Product.id.in_(products), Product.scene_id.is_not(None)))
    if observations:
        session.execute(delete(ObservationSet).where(ObservationSet.id.in_(observations)))


def forget_products(session: Session, product_ids: Iterable[int]) -> None:
    """Delete the rows of products of which files are lost and that are asked for again."""
    session.execute(delete(Product).where(Product.id.in_(list(product_ids))))
