"""Scenes: register, supersede, find what is missing."""

from __future__ import annotations

import re
from datetime import datetime

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape
from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.acquired.radar import one_quantity, wanted_backscatter
from sen4cap_core.db.models import (
    ObservationSet,
    Product,
    SceneRow,
    Season,
    Site,
)

MAJA_PREFIX = "maja"
"""Start of the format of scenes that MAJA corrected."""
RADAR_PREFIX = "s1-"
"""Start of the sensor of radar products."""


def register_scene(
    session: Session, site: Site, values: dict[str, object], footprint_wkt: str | None
) -> SceneRow:
    """Insert the scene unless it is known (site, product and tile); return its row either way.

    A known scene whose file moved or came again takes the new path.
    """
    row = dict(values, site_id=site.id, state="ingested")
    if footprint_wkt:
        row["footprint"] = _multi(footprint_wkt)
    statement = insert(SceneRow).values(**row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id", "product_id", "tile"],
            set_={
                "path": statement.excluded.path,
                "upload_id": statement.excluded.upload_id,
                # A scene that could not be read may have come again, whole this time.
                "state": case((SceneRow.state == "failed", "ingested"), else_=SceneRow.state),
                "state_reason": case((SceneRow.state == "failed", None), else_=SceneRow.state_reason),
            },
        )
    )
    return session.scalars(
        select(SceneRow).where(
            SceneRow.site_id == site.id,
            SceneRow.product_id == values["product_id"],
            SceneRow.tile == values["tile"],
        )
    ).one()


def known_scene(session: Session, site_id: int, product_id: str, tile: str) -> SceneRow | None:
    """Return the scene of a product and tile, None where it is new."""
    return session.scalars(
        select(SceneRow).where(
            SceneRow.site_id == site_id, SceneRow.product_id == product_id, SceneRow.tile == tile
        )
    ).one_or_none()


def forget_results(session: Session, scene: SceneRow) -> None:
    """Forget what was made of a scene whose content has changed, so that it is made anew."""
    session.execute(delete(ObservationSet).where(ObservationSet.scene_id == scene.id))
    session.execute(delete(Product).where(Product.scene_id == scene.id))
    scene.state, scene.state_reason, scene.lacking = "ingested", None, {}
    session.flush()


def _multi(wkt: str) -> WKBElement | None:
    """Return the polygons of a footprint; None where a product states a point or a line."""
    shape = shapely.force_2d(shapely.from_wkt(wkt))
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return from_shape(shapely.MultiPolygon(parts), srid=4326) if parts else None


def _age_key(scene: SceneRow, prefer_maja: bool) -> tuple[bool, bool, list[int], float, str, int]:
    # One that cannot be read is never in force over one that can; 05.10 is younger than 05.09 and 5.2.
    # The numbers of two processors cannot be compared: first whose product it is.
    preferred = scene.format.startswith(MAJA_PREFIX) == prefer_maja
    numbers = [int(number) for number in re.findall(r"\d+", scene.baseline or "")]
    generated = scene.generated_at.timestamp() if scene.generated_at else 0.0
    return (scene.state != "failed", preferred, numbers, generated, scene.product_id, scene.id)


def supersede(session: Session, site_id: int, acquisition_key: str) -> tuple[SceneRow, list[SceneRow]]:
    """Of all readable products of one acquisition keep the preferred processor's newest, the latest made.

    ``level2a`` of site.yaml says whose is preferred: MAJA's by default.

    Returns the one in force and those it supersedes. The outcome does not depend on the order of arrival.
    """
    # Two processes that register two baselines at once must see each other's row.
    config = session.execute(select(Site.config).where(Site.id == site_id).with_for_update()).scalar_one()
    prefer_maja = config.get("level2a", "maja") == "maja"
    scenes = list(
        session.scalars(
            select(SceneRow)
            .where(SceneRow.site_id == site_id, SceneRow.acquisition_key == acquisition_key)
            .execution_options(populate_existing=True)
        )
    )
    scenes.sort(key=lambda scene: _age_key(scene, prefer_maja))
    newest = scenes[-1]
    for older in scenes[:-1]:
        if older.state == "failed":
            continue
        older.state = "superseded"
        older.superseded_by = newest.id
        older.state_reason = f"superseded by {newest.product_id}"
    # One that another pass or pair took the place of stays where it is.
    if newest.state == "superseded" and newest.superseded_by in {scene.id for scene in scenes}:
        newest.state, newest.superseded_by, newest.state_reason = "ingested", None, None
    session.flush()
    return newest, scenes[:-1]


def has_scenes(session: Session, site_id: int, acquisition_key: str) -> bool:
    """Whether a site has a product of an acquisition."""
    query = select(SceneRow.id).where(
        SceneRow.site_id == site_id, SceneRow.acquisition_key == acquisition_key
    )
    return session.scalars(query.limit(1)).first() is not None


def unprocessed_scenes(session: Session) -> list[tuple[SceneRow, str]]:
    """Return scenes that still wait for processing, with their site's folder name.

    Only scenes of enabled sites inside an enabled season: others wait for one.
    """
    query = (
        select(SceneRow, Site.slug)
        .join(Site, Site.id == SceneRow.site_id)
        .join(Season, Season.site_id == Site.id)
        .where(
            Site.enabled,
            Season.enabled,
            SceneRow.state == "ingested",
            SceneRow.acquired_at >= Season.start,
            SceneRow.acquired_at < Season.end + 1,
        )
        .distinct()
    )
    return [(scene, slug) for scene, slug in session.execute(query)]


def radar_scenes(session: Session, site_id: int, start: datetime, end: datetime) -> list[SceneRow]:
    """Return the radar scenes of a site in force and readable, from ``start`` to before ``end``, by time.

    Backscatter in one quantity for each pass, see `one_quantity`.
    """
    query = (
        select(SceneRow)
        .where(
            SceneRow.site_id == site_id,
            SceneRow.sensor.startswith(RADAR_PREFIX),
            SceneRow.state.in_(("ingested", "processed")),
            SceneRow.acquired_at >= start,
            SceneRow.acquired_at < end,
        )
        .order_by(SceneRow.acquired_at, SceneRow.tile, SceneRow.id)
    )
    return one_quantity(list(session.scalars(query)), wanted_backscatter(session, site_id))


def processed_optical_scenes(
    session: Session, site_id: int, start: datetime, end: datetime
) -> list[SceneRow]:
    """Return the processed optical scenes of a site in force, from ``start`` to before ``end``, by time."""
    query = (
        select(SceneRow)
        .where(
            SceneRow.site_id == site_id,
            ~SceneRow.sensor.startswith(RADAR_PREFIX),
            SceneRow.state == "processed",
            SceneRow.acquired_at >= start,
            SceneRow.acquired_at < end,
        )
        .order_by(SceneRow.acquired_at, SceneRow.tile, SceneRow.product_id)
    )
    return one_quantity(list(session.scalars(query)), wanted_backscatter(session, site_id))


def skipped_scenes(session: Session, site_id: int) -> list[SceneRow]:
    """Return the scenes of a site that were left out."""
    query = select(SceneRow).where(SceneRow.site_id == site_id, SceneRow.state == "skipped")
    return list(session.scalars(query))


def products_of_scene(session: Session, scene_id: int) -> dict[str, str]:
    """Return the newest product of each kind made from a scene: kind -> path below the data root."""
    query = (
        select(Product).where(Product.scene_id == scene_id, Product.retired_at.is_(None)).order_by(Product.id)
    )
    return {product.kind: product.path for product in session.scalars(query)}


def mark_scene(
    session: Session,
    scene_id: int,
    state: str,
    *,
    reason: str | None = None,
    clear_fraction: float | None = None,
    data_fraction: float | None = None,
    lacking: dict[str, str] | None = None,
) -> None:
    """Set the state of a scene that is still in force."""
    scene = session.get_one(SceneRow, scene_id)
    if scene.state != "superseded":
        scene.state, scene.state_reason = state, reason
    if clear_fraction is not None:
        scene.clear_fraction = clear_fraction
    if data_fraction is not None:
        scene.data_fraction = data_fraction
    if lacking:
        scene.lacking = {**scene.lacking, **lacking}
