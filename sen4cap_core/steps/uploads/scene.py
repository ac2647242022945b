"""A dropped scene: looked at, answered, and queued; no pixel is decoded here."""

from __future__ import annotations

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.inbox.wrong_kind import refuse_parcels
from sen4cap_core.scenes.acquisition.s2_names import is_sentinel_2_tile
from sen4cap_core.scenes.radar.s1_reading import looks_like_radar
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.sentinel1.product import is_product
from sen4cap_core.steps.radar.receive import receive_radar
from sen4cap_core.steps.radar.receive_slc import receive_slc
from sen4cap_core.steps.scenes.preprocess import receive_level_1, to_be_corrected
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.folder_season import season_of_folder
from sen4cap_core.steps.shared.taken import Drop, Taken, as_problems
from sen4cap_core.steps.shared.work import ask_ingest


def receive_scene(context: Context, drop: Drop) -> Taken:
    """Check that the scene can be read and ask for its ingestion."""
    if is_product(drop.path):
        return receive_slc(context, drop)
    if looks_like_radar(drop.path):
        return receive_radar(context, drop)
    if (level_1 := to_be_corrected(context.settings, drop.path)) is not None:
        return receive_level_1(context, drop, level_1)
    refuse_parcels(drop.path, drop.site_slug, drop.year)
    scenes = open_scenes(drop.path)
    warnings: list[str] = []
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        for scene in scenes:
            warnings += scene.warnings
            if site.tiles and is_sentinel_2_tile(scene.tile) and scene.tile not in site.tiles:
                warnings.append(
                    f"tile {scene.tile} is not one of the site's ({', '.join(site.tiles)}): "
                    "the scene is kept and not processed"
                )
        days = [scene.acquired_at.date() for scene in scenes]
        warnings += season_of_folder(session, site, drop.year, days)
        ask_ingest(session, drop.site_slug, drop.upload_id)
    first = scenes[0]
    sensor = "Landsat" if first.sensor == "landsat-l2" else "Sentinel-2"
    return Taken(
        f"{sensor} surface reflectance ({first.format})",
        {
            "product": first.product_id,
            "acquired": f"{first.acquired_at:%Y-%m-%d %H:%M:%S} UTC",
            "platform": first.platform,
            "processing baseline": first.baseline or "not stated",
            "tiles": [scene.tile for scene in scenes],
            "bands": sorted(first.bands),
            "masks": [mask.source.name for mask in first.masks],
        },
        as_problems(warnings),
    )
