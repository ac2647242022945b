"""One acquisition entered as a row: what is new, what is superseded, what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.db.acquired.overpasses import unite_overpass
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import SceneRow, Site
from sen4cap_core.steps.acquisitions.forgotten import forget_results
from sen4cap_core.steps.shared.work import ask_process

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class IngestedScene:
    """What became of one acquisition of an upload."""

    scene_id: int
    product_id: str
    tile: str
    acquired: str
    outcome: str
    """to be processed, superseded, waiting for a season, outside of the site's tiles"""


def register(
    session: Session, data_root: Path, slug: str, values: Mapping[str, object], footprint_wkt: str | None
) -> IngestedScene:
    """Enter an acquisition over one tile and ask for the one in force to be processed.

    ``values`` are the columns of its row.
    """
    site = site_rows.get_or_create_site(session, slug)
    before = scene_rows.known_scene(session, site.id, str(values["product_id"]), str(values["tile"]))
    # The same product in the same format with other content is a corrected one; a zip of it is not.
    is_corrected = (
        before is not None and before.format == values["format"] and before.upload_id != values["upload_id"]
    )
    row = scene_rows.register_scene(session, site, dict(values), footprint_wkt)
    if is_corrected and row.state == "processed":
        forget_results(session, data_root, row)
    for key in unite_overpass(session, row):
        if key != row.acquisition_key:
            in_force_again(session, site, key)
    newest, _ = scene_rows.supersede(session, site.id, row.acquisition_key)
    outcome = _outcome(session, site, newest, row)
    if outcome == "to be processed":
        ask_process(session, slug, newest.id, again=row.state != "processed")
    acquired_at = values["acquired_at"]
    assert isinstance(acquired_at, datetime)
    return IngestedScene(row.id, row.product_id, row.tile, f"{acquired_at:%Y-%m-%d %H:%M}", outcome)


def in_force_again(session: Session, site: Site, key: str) -> None:
    """Decide anew which product of an acquisition counts; ask for it where it has not been processed."""
    if not scene_rows.has_scenes(session, site.id, key):
        return
    newest, _ = scene_rows.supersede(session, site.id, key)
    if _outcome(session, site, newest, newest) == "to be processed" and newest.state == "ingested":
        ask_process(session, site.slug, newest.id, again=True)


def _outcome(session: Session, site: Site, newest: SceneRow, row: SceneRow) -> str:
    if newest.id != row.id:
        return f"superseded by {newest.product_id}"
    if site.tiles and row.tile not in site.tiles:
        scene_rows.mark_scene(session, row.id, "skipped", reason=f"tile {row.tile} is not one of the site's")
        return f"outside of the site's tiles ({', '.join(site.tiles)})"
    if not site.enabled:
        return "waiting: the site is paused"
    if not site_rows.seasons_on(session, site.id, row.acquired_at.date()):
        return "waiting for a season that covers its date"
    return "to be processed"
