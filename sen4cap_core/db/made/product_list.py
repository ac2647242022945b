"""Which products there are, which of them are in force, what they were made from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import MowingRun, Product, ProductInput, SceneRow, Site

_VERSION = re.compile(r"_[0-9a-f]{8}\Z")
Identity = tuple[object, ...]


@dataclass(frozen=True)
class ProductFacts:
    """A product as people ask for it."""

    id: int
    key: str
    site: str
    site_id: int
    kind: str
    """Collection: ``sen4cap-l3b-ndvi``."""
    tile: str | None
    scene_id: int | None
    start: datetime
    end: datetime
    path: str
    """Relative to the data root."""
    stac_path: str | None
    made_by: str
    created_at: datetime
    is_current: bool
    """Neither made of a superseded scene nor followed by a newer version. Of mowing the one whose answers are
    in force: a version made by hand does not take its place.
    """

    @property
    def name(self) -> str:
        """Id of the STAC item."""
        return PurePosixPath(self.stac_path or self.path).stem


def list_products(
    session: Session,
    *,
    site: str | None = None,
    kinds: Sequence[str] = (),
    tile: str | None = None,
    scene_id: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    retired: bool = False,
) -> list[ProductFacts]:
    """Return products by site, kind and time; all where nothing is asked for.

    Those whose files retention gave up are left out, or alone returned where ``retired``.

    Parameters
    ----------
    start, end : those whose period ends at or after ``start`` and begins before ``end``
    """
    # Versions are told apart by the later one: time may not narrow what is compared.
    given_up = Product.retired_at
    conditions: list[ColumnElement[bool]] = [given_up.is_not(None) if retired else given_up.is_(None)]
    if site is not None:
        conditions.append(Site.slug == site)
    if kinds:
        conditions.append(Product.kind.in_(kinds))
    if tile is not None:
        conditions.append(Product.tile == tile)
    if scene_id is not None:
        conditions.append(Product.scene_id == scene_id)
    answers = select(MowingRun.product_id, func.max(MowingRun.id).label("run_id"))
    entered = answers.group_by(MowingRun.product_id).subquery()
    query = (
        select(Product, Site.slug, SceneRow.state, func.coalesce(entered.c.run_id, 0))
        .join(Site, Site.id == Product.site_id)
        .outerjoin(SceneRow, SceneRow.id == Product.scene_id)
        .outerjoin(entered, entered.c.product_id == Product.id)
        .where(*conditions)
        .order_by(Site.slug, Product.kind, Product.start, Product.end, Product.tile, Product.id)
    )
    rows = list(session.execute(query).tuples())
    newest: dict[Identity, tuple[int, int]] = {}
    for product, _, _, run_id in rows:
        identity = _identity(product)
        newest[identity] = max(newest.get(identity, (0, 0)), (run_id, product.id))
    return [
        ProductFacts(
            product.id,
            product.key,
            slug,
            product.site_id,
            product.kind,
            product.tile,
            product.scene_id,
            product.start,
            product.end,
            product.path,
            product.stac_path,
            product.made_by,
            product.created_at,
            state != "superseded" and newest[_identity(product)] == (run_id, product.id),
        )
        for product, slug, state, run_id in rows
        if (start is None or product.end >= start) and (end is None or product.start < end)
    ]


def inputs_of(session: Session, product_id: int) -> list[str]:
    """Return what a product was made from, as ``product_input`` names it."""
    query = select(ProductInput.ref).where(ProductInput.product_id == product_id).order_by(ProductInput.ref)
    return list(session.scalars(query))


def _identity(product: Product) -> Identity:
    """Return what two versions of the same product share."""
    path = PurePosixPath(product.path)
    if product.scene_id is not None:
        return product.site_id, product.kind, product.scene_id
    if product.tile is not None:
        name = _VERSION.sub("", path.stem)
        return product.site_id, product.kind, product.tile, product.start, product.end, name
    # Tables: a season, a practice or a database has a folder of its own; a later state follows the earlier.
    return product.site_id, product.kind, path.parent
