"""One overpass of Sentinel-2 corrected by two processors: it counts once.

The service's product names the start of its datastrip, MAJA's the instant over the tile, so neither name
tells that both are of one acquisition. Satellite, tile and time do: a tile is seen again no sooner than the
satellite comes round, 100 minutes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import SceneRow
from sen4cap_core.db.scenes import MAJA_PREFIX

_ONE_PASS = timedelta(minutes=40)
"""A datastrip is at most this long."""


def unite_overpass(session: Session, row: SceneRow) -> list[str]:
    """Let a product of MAJA and one of the service that show the same ground at the same time share a key.

    Of the two halves of a split datatake each keeps its own: a MAJA product joins the nearest in time.
    Returns the keys whose products are others now.
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
    for scene in of_maja:
        nearest = _nearest(of_service, scene)
        if nearest is not None and nearest.acquisition_key != scene.acquisition_key:
            changed += [scene.acquisition_key, nearest.acquisition_key]
            scene.acquisition_key = nearest.acquisition_key
    session.flush()
    return list(dict.fromkeys(changed))


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
