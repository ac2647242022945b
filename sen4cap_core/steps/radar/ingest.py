"""Register the acquisitions of a radar product: one row for each of the site's tiles it meets."""

from __future__ import annotations

from pathlib import Path

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.scenes.radar.s1_model import RadarScene
from sen4cap_core.scenes.radar.s1_reading import open_radar
from sen4cap_core.steps.acquisitions.ingested import IngestedScene, register
from sen4cap_core.steps.radar.site import outline_of, radar_config, radar_defaults, tiles_met
from sen4cap_core.steps.shared.context import Context


def ingest_radar(context: Context, slug: str, upload_id: int | None, path: Path) -> list[IngestedScene]:
    """Register a radar product, dropped or made by our own chain (``upload_id`` None).

    Raises
    ------
    NothingToDoError
        When it meets none of the site's tiles.
    UnreadableSceneError
        When it cannot be read any more.
    """
    with context.session() as session:
        site = site_rows.get_or_create_site(session, slug)
        defaults, site_tiles = radar_defaults(radar_config(site)), list(site.tiles)
    found: list[IngestedScene] = []
    for scene in open_radar(path, defaults):
        outline = scene.footprint_wkt or outline_of(scene.grid).wkt
        with context.session() as session:
            found += [
                register(session, context.settings.data, slug, radar_values(scene, upload_id, tile), outline)
                for tile in tiles_met(scene, site_tiles)
            ]
    if not found:
        raise NothingToDoError(f"{path.name} meets none of the tiles of {slug}")
    return found


def radar_values(scene: RadarScene, upload_id: int | None, tile: str) -> dict[str, object]:
    """Return the columns of a product's row on one tile."""
    return {
        "upload_id": upload_id,
        "product_id": scene.product_id,
        "sensor": scene.sensor,
        "platform": scene.platform,
        "acquired_at": scene.acquired_at,
        "pair_started_at": scene.pair_started_at,
        "radar_quantity": scene.quantity,
        "tile": tile,
        "acquisition_key": f"s1/{tile}/{scene.acquisition_key}",
        "baseline": scene.baseline,
        "generated_at": scene.generated_at,
        "relative_orbit": scene.relative_orbit,
        "orbit_direction": scene.orbit_direction,
        "format": scene.format,
        "path": str(scene.path),
    }
