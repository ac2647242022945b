"""One overpass of Sentinel-2 that came from two processors or catalogues: it counts once.

The service's product names the start of its datastrip; MAJA's, and STAC items that state no datastrip, the
instant over the tile. So neither name tells that both are of one acquisition. Satellite, tile and time do: a
tile is seen again no sooner than the satellite comes round, 100 minutes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sen4cap_core.db.acquired.scenes import MAJA_PREFIX
from sen4cap_core.db.models import SceneRow

_ONE_PASS = timedelta(minutes=40)
"""A datastrip is at most this long."""


def unite_overpass(session: Session, row: SceneRow) -> list[str]:
    """Let products that show the same ground at the same time share the key of the one with a datastrip.

    Of the two halves of a split datatake each keeps its own: a product of MAJA, or an item that states no
    datastrip, joins the nearest in time. Returns the keys whose products are others now.
    """
    if row.sensor != "s2-l2a":
        return []
    others = session.scalars(
        select(SceneRow)
        .where(
            SceneRow.site_id == row.site_id,
            SceneRow.tile == row.tile,
            SceneRow.platform == row.platform,
            SceneRow.sensor == "s2-l2a",
            SceneRow.acquired_at.between(row.acquired_at - _ONE_PASS, row.acquired_at + _ONE_PASS),
        )
        .order_by(SceneRow.id)
    ).all()
    of_maja = [scene for scene in others if scene.format.startswith(MAJA_PREFIX)]
    of_service = [scene for scene in others if not scene.format.startswith(MAJA_PREFIX)]
    changed: list[str] = []
    undated = [scene for scene in of_service if _states_no_datastrip(scene)]
    dated = [scene for scene in of_service if scene not in undated]
    # Items first, so that what joins one of them joins its datastrip.
    for scene, others in [
        *((scene, dated) for scene in undated),
        *((scene, of_service) for scene in of_maja),
    ]:
        nearest = _nearest(others, scene)
        if nearest is not None and nearest.acquisition_key != scene.acquisition_key:
            changed += [scene.acquisition_key, nearest.acquisition_key]
            scene.acquisition_key = nearest.acquisition_key
    session.flush()
    return list(dict.fromkeys(changed))


def _states_no_datastrip(scene: SceneRow) -> bool:
    """Whether a STAC item took the instant over the tile for want of the start of its datastrip."""
    own = f"s2/{scene.tile}/{scene.acquired_at.astimezone(UTC):%Y%m%dT%H%M%S}"
    return scene.format == "stac-item" and scene.acquisition_key == own


def _nearest(scenes: Sequence[SceneRow], to: SceneRow) -> SceneRow | None:
    near = [s for s in scenes if abs(s.acquired_at - to.acquired_at) <= _ONE_PASS]
    return min(near, key=lambda s: (abs(s.acquired_at - to.acquired_at), s.acquisition_key), default=None)


def shared_keys(session: Session, site_id: int) -> list[str]:
    """Return the Sentinel-2 acquisitions of which a site has more than one product."""
    return list(
        session.scalars(
            select(SceneRow.acquisition_key)
            .where(SceneRow.site_id == site_id, SceneRow.sensor == "s2-l2a")
            .group_by(SceneRow.acquisition_key)
            .having(func.count() > 1)
            .order_by(SceneRow.acquisition_key)
        )
    )
