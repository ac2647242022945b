"""What a composite is made of: the scenes of a period by tile, opened, and how they fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.clock import midnight
from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.s2_names import is_sentinel_2_tile
from sen4cap_core.scenes.acquisition.zones import shares_ground
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.steps.acquisitions.screen_scene import screened_before
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LEAST_SCENES = 2
"""A composite of one date is that date."""


@dataclass(frozen=True)
class TileScene:
    """One scene of a tile."""

    scene_id: int
    scene: Scene


@dataclass
class CompositeInput:
    """A site's scenes of a period."""

    site: str
    site_id: int
    year: int
    compat: bool
    tiles: dict[str, list[TileScene]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Scenes that cannot be used, with the reason."""
    n_scenes: dict[str, int] = field(default_factory=dict)
    """By tile, those that are known."""


def find_composite_input(
    context: Context, site_slug: str, day: date, days_before: int, days_after: int, tile: str | None
) -> CompositeInput:
    """Open the processed scenes of a period; those that cannot be opened any more are left out.

    Raises
    ------
    NothingToDoError
        The site is paused.
    Sen4capError
        There is no such site.
    """
    with context.session() as session:
        site = site_rows.known_site(session, site_slug)
        if not site.enabled:
            raise NothingToDoError(f"{site.slug} is paused: site.yaml says enabled: false")
        switch = SiteConfig.model_validate(site.config).processors.l3a
        year = _year(session, site.id, day)
        found = CompositeInput(site.slug, site.id, year, switch.compat == "sen4cap")
        start = midnight(day - timedelta(days=days_before))
        end = midnight(day + timedelta(days=days_after + 1))
        known = [
            (
                row.id,
                row.tile,
                row.product_id,
                Path(row.path),
                _year(session, site.id, row.acquired_at.date()),
            )
            for row in scene_rows.processed_optical_scenes(session, site.id, start, end)
            # Landsat may join a tile of Sentinel-2, and then has no composite of its own.
            if tile in (None, row.tile) or is_sentinel_2_tile(tile) != is_sentinel_2_tile(row.tile)
        ]
    for scene_id, at_tile, product_id, path, scene_year in known:
        found.n_scenes[at_tile] = found.n_scenes.get(at_tile, 0) + 1
        try:
            scene = _open(path, product_id, at_tile)
        except (BadUploadError, OSError) as error:
            found.left_out.append(f"{product_id}: {error}")
            continue
        scene = screened_before(context, found.site, scene_year, scene)
        found.tiles.setdefault(at_tile, []).append(TileScene(scene_id, scene))
    share_out(found)
    if tile is not None:
        found.tiles = {name: members for name, members in found.tiles.items() if name == tile}
        found.n_scenes = {name: n for name, n in found.n_scenes.items() if name == tile}
    return found


def _share_landsat(found: CompositeInput) -> None:
    """Let scenes of Landsat's own tiles join the Sentinel-2 tiles that they reach into.

    Those that reach into none keep the composite of their path and row.
    """
    grids = {
        tile: common_grid([member.scene for member in members], members[0].scene.grid.resolution_m)
        for tile, members in found.tiles.items()
        if is_sentinel_2_tile(tile) and members
    }
    for path_row in [tile for tile in found.tiles if not is_sentinel_2_tile(tile)]:
        joined: set[int] = set()
        for member in found.tiles[path_row]:
            for tile, grid in grids.items():
                if shares_ground(member.scene.grid, grid):
                    found.tiles[tile].append(member)
                    found.n_scenes[tile] += 1
                    joined.add(member.scene_id)
        found.tiles[path_row] = [m for m in found.tiles[path_row] if m.scene_id not in joined]
        found.n_scenes[path_row] -= len(joined)
        if not found.n_scenes[path_row]:
            del found.tiles[path_row], found.n_scenes[path_row]


def native(members: Sequence[TileScene], tile: str) -> list[Scene]:
    """Return the scenes that are of a tile itself, without those that only reach into it."""
    return [member.scene for member in members if member.scene.tile == tile]


def _year(session: Session, site_id: int, day: date) -> int:
    """Year folder of a day: that of its season."""
    seasons = site_rows.seasons_on(session, site_id, day)
    return seasons[0].year if seasons else day.year


def _open(path: Path, product_id: str, tile: str) -> Scene:
    for scene in open_scenes(path):
        if scene.product_id == product_id and scene.tile == tile:
            return scene
    raise BadUploadError(path, f"holds no tile {tile} of {product_id} any more.", remedy="drop it again")


def share_out(found: CompositeInput) -> None:
    """Let Landsat join tiles; leave out what then lies in another zone than the rest of its tile."""
    _keep_one_zone(found, of_sentinel_2=True)
    _share_landsat(found)
    # Only now: a scene of Landsat that has joined tiles may lie in any zone.
    _keep_one_zone(found, of_sentinel_2=False)


def _keep_one_zone(found: CompositeInput, *, of_sentinel_2: bool) -> None:
    for tile, members in found.tiles.items():
        if members and is_sentinel_2_tile(tile) == of_sentinel_2:
            found.tiles[tile] = _of_one_zone(members, found.left_out)


def _of_one_zone(members: list[TileScene], left_out: list[str]) -> list[TileScene]:
    zones = Counter(member.scene.grid.epsg for member in members)
    # The zone of most scenes; of two equally frequent ones the lower number.
    zone = min(zones, key=lambda epsg: (-zones[epsg], epsg))
    for member in members:
        if member.scene.grid.epsg != zone:
            own = member.scene.grid.epsg
            left_out.append(f"{member.scene.product_id}: it lies in EPSG:{own}, the others in EPSG:{zone}")
    return [member for member in members if member.scene.grid.epsg == zone]


def bands_by_size(scenes: Sequence[Scene], bands: Iterable[str]) -> dict[float, tuple[str, ...]]:
    """Return the bands that any scene has, by their finest pixel size in metres."""
    groups: dict[float, list[str]] = {}
    for band in bands:
        sizes = [scene.bands[band].grid.resolution_m for scene in scenes if band in scene.bands]
        if sizes:
            groups.setdefault(min(sizes), []).append(band)
    return {size: tuple(names) for size, names in sorted(groups.items())}


def common_grid(scenes: Sequence[Scene], resolution_m: float) -> Grid:
    """Return the grid of a pixel size over all scenes together, on the corner of the first."""
    first = scenes[0].grid
    bounds = [scene.grid.bounds_m for scene in scenes]
    step = resolution_m
    left = round((min(b[0] for b in bounds) - first.x_min_m) / step) * step + first.x_min_m
    top = round((max(b[3] for b in bounds) - first.y_max_m) / step) * step + first.y_max_m
    width = round((max(b[2] for b in bounds) - left) / step)
    height = round((top - min(b[1] for b in bounds)) / step)
    return Grid(first.epsg, left, top, resolution_m, width, height)
