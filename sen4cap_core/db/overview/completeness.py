"""What there is of a season's processed scenes, to be compared with what there ought to be."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import ObservationSet, Product, SceneRow, Season


@dataclass(frozen=True)
class KnownScene:
    """A processed scene in force."""

    scene_id: int
    sensor: str
    lacking: frozenset[str]
    """Variables that it can never give."""


def processed_scenes(session: Session, site_id: int, year: int | None = None) -> list[KnownScene]:
    """Return the processed scenes of a site's enabled seasons (of one year), newest first."""
    query = (
        select(SceneRow.id, SceneRow.sensor, SceneRow.lacking, SceneRow.acquired_at)
        .join(Season, Season.site_id == SceneRow.site_id)
        .where(
            SceneRow.site_id == site_id,
            SceneRow.state == "processed",
            Season.enabled,
            SceneRow.acquired_at >= Season.start,
            SceneRow.acquired_at < Season.end + 1,
        )
        .order_by(SceneRow.acquired_at.desc(), SceneRow.id.desc())
    )
    if year is not None:
        query = query.where(Season.year == year)
    # Two seasons of one year may share a day.
    scenes = {
        row.id: KnownScene(row.id, row.sensor, frozenset(row.lacking)) for row in session.execute(query)
    }
    return list(scenes.values())


def observed_variables(session: Session, declaration_set_id: int) -> dict[tuple[int, str], frozenset[str]]:
    """Return the variables observed for a declaration set, by scene and group."""
    query = select(ObservationSet.scene_id, ObservationSet.group_name, ObservationSet.variables).where(
        ObservationSet.declaration_set_id == declaration_set_id
    )
    return {(row.scene_id, row.group_name): frozenset(row.variables) for row in session.execute(query)}


def kinds_by_scene(session: Session, site_id: int) -> dict[int, set[str]]:
    """Return the kinds of products made of each scene of a site, also those given up since."""
    query = (
        select(Product.scene_id, Product.kind)
        .where(Product.site_id == site_id, Product.scene_id.is_not(None))
        .distinct()
    )
    kinds: dict[int, set[str]] = {}
    for scene_id, kind in session.execute(query):
        kinds.setdefault(scene_id, set()).add(kind)
    return kinds
