"""A dropped radar product: looked at, answered, and queued; no pixel is decoded here."""

from __future__ import annotations

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.errors import BadUploadError
from sen4cap_core.scenes.radar.s1_model import RadarScene
from sen4cap_core.scenes.radar.s1_reading import open_radar
from sen4cap_core.steps.radar.site import radar_config, radar_defaults, tiles_met
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.folder_season import season_of_folder
from sen4cap_core.steps.shared.taken import Drop, Taken, as_problems
from sen4cap_core.steps.shared.work import ask_ingest


def receive_radar(context: Context, drop: Drop) -> Taken:
    """Check that a radar product can be read and ask for its ingestion.

    Raises
    ------
    BadUploadError
        The product cannot be read, its scale is not known, or it meets none of the site's tiles.
    """
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        config, site_tiles = radar_config(site), list(site.tiles)
    scenes = open_radar(drop.path, radar_defaults(config))
    if not scenes:
        raise BadUploadError(
            drop.path,
            "there is no VV or VH of a radar product in it.",
            expected="backscatter or coherence in VV, VH or both",
        )
    tiles = {scene.product_id: tiles_met(scene, site_tiles) for scene in scenes}
    if not any(tiles.values()):
        raise BadUploadError(
            drop.path,
            "it meets none of the site's tiles.",
            expected=f"a product over {', '.join(site_tiles)}",
            remedy="check its coordinate system, or drop it at the site it belongs to.",
        )
    warnings: list[str] = []
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        for scene in scenes:
            warnings += [text for text in scene.warnings if text not in warnings]
        days = [scene.acquired_at.date() for scene in scenes]
        warnings += season_of_folder(session, site, drop.year, days)
        ask_ingest(session, drop.site_slug, drop.upload_id)
    return Taken(_taken_for(scenes[0]), _stored(scenes, tiles), as_problems(warnings))


def _taken_for(scene: RadarScene) -> str:
    what = "coherence" if scene.quantity == "coherence" else f"backscatter ({scene.quantity})"
    return f"Sentinel-1 {what} ({scene.format})"


def _stored(scenes: list[RadarScene], tiles: dict[str, list[str]]) -> dict[str, object]:
    first = scenes[0]
    stored: dict[str, object] = {
        "product": first.product_id,
        "products": len(scenes),
        "acquired": f"{first.acquired_at:%Y-%m-%d %H:%M:%S} UTC",
        "polarisations": [pol.upper() for pol in first.polarisations],
        "scale": sorted({band.scale for band in first.bands.values()}),
        "relative orbit": first.relative_orbit or "not stated",
        "orbit direction": first.orbit_direction or "not stated",
        "pixel": f"{first.grid.resolution_m:g} m, EPSG:{first.grid.epsg}",
        "tiles": sorted({tile for found in tiles.values() for tile in found}),
    }
    if first.pair_started_at is not None:
        stored["pair begins"] = f"{first.pair_started_at:%Y-%m-%d %H:%M:%S} UTC"
    return stored
