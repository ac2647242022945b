"""The extent and the settings of a site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.db.acquired.overpasses import shared_keys
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.declared.sites import SeasonSpan
from sen4cap_core.db.made.mowing import latest_run
from sen4cap_core.db.models import Site
from sen4cap_core.declarations.settings import l4b_layers, l4c_layers
from sen4cap_core.declarations.sites.site import SeasonConfig, SiteConfig, read_site_config
from sen4cap_core.declarations.sites.site_extent import read_site_extent
from sen4cap_core.declarations.sites.strata import read_strata
from sen4cap_core.errors import Problem
from sen4cap_core.rasters.grids.mgrs import tiles_of_extent
from sen4cap_core.steps.acquisitions.ingested import in_force_again
from sen4cap_core.steps.acquisitions.wanted import scenes_to_observe, scenes_without_rasters
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.folder_season import assumed_span
from sen4cap_core.steps.shared.practice_asking import ask_practices_of_year
from sen4cap_core.steps.shared.taken import Drop, Taken
from sen4cap_core.steps.shared.work import ask_extract, ask_mowing, ask_process, ask_search
from sen4cap_core.steps.sources.search import site_to_search

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


_NO_TILES = (
    "none yet: they come with the outline of the site (site.zip or site.gpkg), or with `tiles` in site.yaml; "
    "until then scenes of any tile are taken"
)


def assumed_season(context: Context, slug: str, year: int) -> None:
    """Give a year folder its season: the calendar year, unless site.yaml names one of that year."""
    with context.session() as session:
        site = site_rows.get_or_create_site(session, slug)
        site_rows.ensure_season(session, site, assumed_span(year))


def receive_extent(context: Context, drop: Drop) -> Taken:
    """Store the outline of a site and the tiles it needs."""
    return Taken("extent of the site", store_extent(context, drop.site_slug, drop.path))


def store_extent(context: Context, slug: str, path: Path) -> dict[str, Any]:
    """Store the outline in a file as that of a site; return what was stored."""
    extent = read_site_extent(path)
    tiles = tiles_of_extent(extent)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, slug)
        site_rows.set_extent(session, site, extent, tiles)
        _revive_skipped(session, site)
        _ask_search_of_what_is_new(session, site)
        used = list(site.tiles)
    west, south, east, north = (round(value, 4) for value in extent.bounds)
    return {
        "site": slug,
        "tiles": used,
        "west_deg": west,
        "south_deg": south,
        "east_deg": east,
        "north_deg": north,
    }


def receive_site_config(context: Context, drop: Drop) -> Taken:
    """Store site.yaml and let seasons and scenes follow it."""
    return apply_site_config(context, drop.site_slug, read_site_config(drop.path))


def apply_site_config(context: Context, slug: str, config: SiteConfig) -> Taken:
    """Store the settings of a site and let seasons and scenes follow them."""
    warnings = _missing_strata(context, slug, config)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, slug)
        site_rows.set_config(session, site, config.model_dump(mode="json", exclude_unset=True))
        if config.tiles is None:
            extent = site_rows.site_extent(site)
            site.tiles = tiles_of_extent(extent) if extent is not None else []
        site_rows.set_seasons(session, site, [_span(season) for season in config.seasons])
        _revive_skipped(session, site)
        for key in shared_keys(session, site.id):
            in_force_again(session, site, key)
        n_scenes = _ask_waiting_scenes(session, site)
        n_rasters = _ask_rasters_and_observations(session, site)
        seasons = site_rows.seasons_of(session, site.id, enabled_only=True)
        for season in seasons:
            if latest_run(session, season.id) is not None:
                ask_mowing(session, site.slug, season.id)
        for year in sorted({season.year for season in seasons}):
            ask_practices_of_year(session, site, year)
        _ask_search_of_what_is_new(session, site)
        stored = {
            "site": site.name,
            "country": site.country or "not given",
            "settings of the country": _country_settings(config),
            "enabled": site.enabled,
            "tiles": list(site.tiles) or _NO_TILES,
            "processors": _processors(config),
            "scenes now to be processed": n_scenes,
            "processed scenes that now lack a raster": n_rasters,
        }
        rows = [{"season": s.name, "year": s.year, "start": str(s.start), "end": str(s.end)} for s in seasons]
    return Taken("settings of the site", stored, warnings, {"seasons": rows})


def _missing_strata(context: Context, slug: str, config: SiteConfig) -> list[Problem]:
    """Warn of strata that are named and not there yet; refuse those that cannot be read."""
    named = config.processors.l4a.strata
    if named is None:
        return []
    path = context.settings.uploads_root / slug / named
    if path.is_file():
        read_strata(path)
        return []
    return [Problem(f"processors.l4a.strata: there is no {path} yet; crop types wait for it")]


def take_up(session: Session, site: Site) -> None:
    """Ask for what was left while a site or a season was paused."""
    _revive_skipped(session, site)
    _ask_rasters_and_observations(session, site)
    if site.enabled and site.config.get("sources"):
        ask_search(session, site.slug)


def _ask_search_of_what_is_new(session: Session, site: Site) -> None:
    """Let sources be asked at once for what the site wants now and never asked them for."""
    session.flush()
    if site.enabled and site_to_search(session, site):
        ask_search(session, site.slug)


def _country_settings(config: SiteConfig) -> str:
    """Say whose thresholds and periods count where site.yaml and uploads give none."""
    known = {"mowing": l4b_layers.countries(), "practices": l4c_layers.countries()}
    own = [name for name, countries in known.items() if config.country in countries]
    without = [name for name in known if name not in own]
    told = [f"{' and '.join(own)}: those of {config.country}"] if own else []
    return "; ".join([*told, f"{' and '.join(without)}: the defaults"] if without else told)


def _processors(config: SiteConfig) -> list[str]:
    switches = config.processors
    return [name for name in ("l3a", "l3b", "l4a", "l4b", "l4c") if getattr(switches, name).enabled]


def _span(season: SeasonConfig) -> SeasonSpan:
    return SeasonSpan(season.name, season.year, season.start, season.mid, season.end, season.enabled)


def _revive_skipped(session: Session, site: Site) -> None:
    """Let scenes wait again that were left out for their tile, now that the tiles may be others."""
    for scene in scene_rows.skipped_scenes(session, site.id):
        if not site.tiles or scene.tile in site.tiles:
            scene_rows.mark_scene(session, scene.id, "ingested")
    _ask_waiting_scenes(session, site)


def _ask_waiting_scenes(session: Session, site: Site) -> int:
    count = 0
    for scene, slug in scene_rows.unprocessed_scenes(session):
        if scene.site_id == site.id:
            count += ask_process(session, slug, scene.id, again=True)
    return count


def _ask_rasters_and_observations(session: Session, site: Site) -> int:
    """Ask for what processed scenes lack by the new settings; return how many lack a raster."""
    if not site.enabled:
        return 0
    scene_ids = scenes_without_rasters(session, site)
    for scene_id in scene_ids:
        ask_process(session, site.slug, scene_id, again=True)
    for declaration_set in declaration_rows.current_sets(session):
        if declaration_set.site_id == site.id and scenes_to_observe(session, declaration_set):
            ask_extract(session, site.slug, declaration_set.id)
    return len(scene_ids)
