"""Radar composites of a season as rasters, on request: what tables need, they have without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.clock import midnight, to_days
from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.db.made.products import register_product
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.observations.radar_rasters import Plan, Rasters, make_rasters, plan_rasters
from sen4cap_core.products import naming
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.naming import S1_COMPOSITE
from sen4cap_core.products.stac import Band, Input, Origin, raster_item
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.passes.radar_on_grid import bounds_in, read_on_grid
from sen4cap_core.rasters.passes.radar_sums import RadarInput, grid_of_window, window_of
from sen4cap_core.rasters.writing.float_cog import write_float_cog
from sen4cap_core.scenes.radar.s1_model import BACKSCATTER, COHERENCE, RadarScene
from sen4cap_core.scenes.radar.s1_reading import open_radar
from sen4cap_core.steps.radar.site import radar_config, radar_defaults
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.season_input import find_season

if TYPE_CHECKING:
    from sen4cap_core.declarations.sites.site import RadarConfig

RESOLUTION_M = 20.0
PERIODS = ("week", "month", "season")
_KINDS = {BACKSCATTER: "BCK", COHERENCE: "COHE"}
_DIGITS = 1e-4
_TEXTS = {
    "mean": "mean over weeks",
    "cvar": "coefficient of variation over weeks",
    "min": "10 % quantile over weeks",
    "stddev": "standard deviation over weeks",
}


@dataclass
class CompositeReport:
    """What was made."""

    site: str
    season: str
    year: int
    made: list[str] = field(default_factory=list)
    """Paths below the data root, new ones."""
    n_there: int = 0
    """Rasters that were there already."""
    n_scenes: int = 0


@dataclass(frozen=True)
class _Acquisition:
    scene_id: int
    product_id: str
    day: int
    at: datetime
    direction: str | None
    scene: RadarScene


def composite_radar(
    context: Context, season_id: int, *, periods: Sequence[str] = PERIODS, tile: str | None = None
) -> CompositeReport:
    """Make the composite rasters of a season's radar products that are not there yet.

    Raises
    ------
    NothingToDoError
        The season has no radar products, the orbit direction of none is known, or all rasters are there.
    Sen4capError
        There is no such season.
    UnreadableSceneError
        When a product cannot be read.
    ValueError
        For a period that there is not.
    """
    unknown = set(periods) - set(PERIODS)
    if unknown:
        raise ValueError(f"no such period: {', '.join(sorted(unknown))}; there are {', '.join(PERIODS)}")
    with context.session() as session:
        season, site = find_season(session, season_id)
        config, site_id = radar_config(site), site.id
        start = midnight(season.start)
        end = midnight(season.end + timedelta(days=1))
        rows = scene_rows.radar_scenes(session, site.id, start, end)
        groups: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
        for row in rows:
            if tile is None or row.tile == tile:
                groups.setdefault((row.tile, row.sensor), []).append((row.id, row.product_id, row.path))
        report = CompositeReport(site.slug, season.name, season.year, n_scenes=len(rows))
    if not groups:
        raise NothingToDoError(f"{report.site} {report.season} has no radar products")
    for number, ((at_tile, sensor), members) in enumerate(sorted(groups.items()), start=1):
        acquisitions = [_open(number, name, Path(path), config) for number, name, path in members]
        _of_tile(context, report, site_id, at_tile, sensor, acquisitions, periods)
        context.progress(number / len(groups))
    if not report.made and not report.n_there:
        raise NothingToDoError(
            f"the orbit direction of no radar product of {report.site} {report.season} is known"
        )
    if not report.made:
        raise NothingToDoError(
            f"nothing new: all {report.n_there} radar composites of {report.site} {report.season} are there"
        )
    return report


def _open(scene_id: int, product_id: str, path: Path, config: RadarConfig) -> _Acquisition:
    for scene in open_radar(path, radar_defaults(config)):
        if scene.product_id == product_id:
            at = scene.acquired_at
            return _Acquisition(scene_id, product_id, to_days(at.date()), at, scene.orbit_direction, scene)
    raise NothingToDoError(f"{path.name} holds no product {product_id} any more: drop it again")


def _of_tile(
    context: Context,
    report: CompositeReport,
    site_id: int,
    tile: str,
    sensor: str,
    acquisitions: list[_Acquisition],
    periods: Sequence[str],
) -> None:
    # Pairs of complex bursts have no raster of their own.
    usable = [one for one in acquisitions if one.scene.bands]
    grid = _common_grid(tile, [one.scene for one in usable])
    if grid is None:
        return
    days, directions = [one.day for one in usable], [one.direction for one in usable]

    def read(index: int, polarisation: str, strip: Grid) -> NDArray[np.float32]:
        scene = usable[index].scene
        band = scene.bands["vv" if polarisation == "vv" else "vh"]
        mask: tuple[BandSource, tuple[int, ...]] | None = None
        if scene.mask is not None:
            mask = (scene.mask.source, scene.mask.valid)
        return read_on_grid(RadarInput(band.source, band.scale), mask, strip)

    for plan in plan_rasters(days, directions, _KINDS[sensor], periods):
        members = [usable[i] for i in plan.members]
        key = naming.content_key(
            [f"scene:{report.site}/{one.product_id}/{tile}" for one in members],
            {"period": plan.period, "direction": plan.direction, "kind": plan.kind, "grid": grid.key},
            __version__,
        )
        folder = naming.s1_composite_folder(report.site, report.year, tile, naming.version_of(key))
        if (context.settings.data / folder / "done").is_file():
            report.n_there += 1
            continue
        polarisations: list[tuple[str, ...]] = [tuple(one.scene.bands) for one in usable]
        made = make_rasters(plan, grid, days, directions, polarisations, read)
        for path in _publish(context, report, site_id, tile, grid, key, made, members):
            report.made.append(path)
        (context.settings.data / folder / "done").touch()


def _publish(
    context: Context,
    report: CompositeReport,
    site_id: int,
    tile: str,
    grid: Grid,
    key: str,
    made: Rasters,
    members: list[_Acquisition],
) -> list[str]:
    paths = []
    plan = made.plan
    start, end = min(one.at for one in members), max(one.at for one in members)
    for polarisation, bands in made.images.items():
        relative = naming.s1_composite_path(
            report.site, report.year, site_id, tile, naming.version_of(key), plan.period, plan.direction,
            polarisation, plan.kind,
        )  # fmt: skip
        path = context.settings.data / relative
        write_float_cog(path, grid, bands, digits=_DIGITS)
        item = raster_item(
            collection=S1_COMPOSITE,
            item_id=path.stem,
            asset=path,
            grid=grid,
            tile=tile,
            acquired_at=end,
            bands=[Band(name, _TEXTS[name], "float32", nodata=float("nan")) for name in bands],
            origin=Origin(
                software_version=__version__,
                lineage=_lineage(plan),
                inputs=[Input(str(one.scene.path), one.product_id) for one in members],
                content_key=key,
                level="L3",
            ),
            properties={
                "start_datetime": start.isoformat().replace("+00:00", "Z"),
                "end_datetime": end.isoformat().replace("+00:00", "Z"),
            },
        )
        stac = path.with_suffix(".json")
        publish_item(context.settings.data, item, stac)
        with context.session() as session:
            register_product(
                session,
                {
                    "key": naming.content_key([key], {"polarisation": polarisation}, __version__),
                    "site_id": site_id,
                    "kind": S1_COMPOSITE,
                    "scene_id": None,
                    "season_id": None,
                    "tile": tile,
                    "start": start,
                    "end": end,
                    "path": str(relative),
                    "stac_path": str(stac.relative_to(context.settings.data)),
                    "made_by": __version__,
                    "flow_run_id": context.flow_run_id,
                },
                [f"scene:{one.scene_id}" for one in members],
            )
        paths.append(str(relative))
    return paths


def _lineage(plan: Plan) -> str:
    what = "backscatter (linear power; RATIO: VV / VH)" if plan.kind == "BCK" else "coherence"
    return f"Composite of Sentinel-1 {what}: means of weeks by orbit direction, and what follows from them."


def _common_grid(tile: str, scenes: Sequence[RadarScene]) -> Grid | None:
    """Return the part of the tile's 20 m grid that the products reach together."""
    whole = tile_grid(tile, RESOLUTION_M)
    reach = np.array([bounds_in(scene.grid, whole.epsg) for scene in scenes])
    if not len(reach):
        return None
    bounds = (*reach[:, :2].min(axis=0).tolist(), *reach[:, 2:].max(axis=0).tolist())
    window = window_of(whole, bounds)
    return None if window is None else grid_of_window(whole, window)
