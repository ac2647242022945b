"""L3A: the reflectance of a period joined into one image for each tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal

from sen4cap_core import __version__
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.processors.l3a.dates import bands_of_scene, composed_date
from sen4cap_core.processors.l3a.weights import CompositeSettings
from sen4cap_core.products import naming
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.passes.composite_block import FLAGS, outputs_of_plan
from sen4cap_core.rasters.passes.composite_dates import ComposedDate, CompositePlan, Method
from sen4cap_core.rasters.passes.composite_pass import run_composite
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.zones import in_zone_of
from sen4cap_core.steps.acquisitions.screen_scene import is_screened
from sen4cap_core.steps.composites.input import (
    LEAST_SCENES,
    CompositeInput,
    TileScene,
    bands_by_size,
    common_grid,
    find_composite_input,
    native,
)
from sen4cap_core.steps.composites.product import MadeComposite, publish_composite
from sen4cap_core.steps.shared.context import Context

HALF_SYNTHESIS_DAYS = 25
_LANDSAT_M = 30.0
BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
ChosenMethod = Literal["weighted", "median", "max-ndvi"]
METHODS: tuple[ChosenMethod, ...] = ("weighted", "median", "max-ndvi")


@dataclass
class CompositeReport:
    """What became of a site's composites for a day."""

    site: str
    year: int
    day: date
    method: Method
    bands: tuple[str, ...] = BANDS
    """Those asked for."""
    made: list[MadeComposite] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Tiles without a composite, with the reason."""
    left_out: list[str] = field(default_factory=list)
    """Scenes that could not be used, with the reason."""


def composite_optical(
    context: Context,
    site: str,
    day: date,
    *,
    days_before: int = HALF_SYNTHESIS_DAYS,
    days_after: int = HALF_SYNTHESIS_DAYS,
    method: ChosenMethod = "weighted",
    bands: Sequence[str] = BANDS,
    tile: str | None = None,
) -> CompositeReport:
    """Make the composites of a site's processed scenes that are not there yet.

    Parameters
    ----------
    day : the composite is for; dates count the more the nearer they are
    days_before, days_after : reach of the period, its last days included
    bands : Sentinel-2 names; those that no scene of a tile has are left out
    tile : default: all of the site

    Raises
    ------
    NothingToDoError
        The site is paused, no tile has enough scenes, or all composites are there already.
    Sen4capError
        There is no such site.
    UnreadableSceneError
        When the pixels of a scene cannot be read.
    ValueError
        For a method or band that there is not, or a period that is none.
    """
    _check(method, bands, days_before, days_after)
    given = find_composite_input(context, site, day, days_before, days_after, tile)
    compat = given.compat and method == "weighted"
    report = CompositeReport(
        given.site, given.year, day, "weighted-sen4cap" if compat else method, tuple(bands)
    )
    report.left_out = given.left_out
    tiles = sorted(given.n_scenes)
    for number, at_tile in enumerate(tiles):
        members = given.tiles.get(at_tile, [])
        if len(members) < LEAST_SCENES:
            report.skipped.append(
                f"{at_tile}: {len(members)} usable scenes from {days_before} days before {day} to "
                f"{days_after} after, {LEAST_SCENES} are needed"
            )
            continue
        part = _part(context, number, len(tiles))
        try:
            _of_tile(part, report, given, at_tile, members, bands, (days_before, days_after))
        except NothingToDoError as reason:
            report.skipped.append(f"{at_tile}: {reason}")
    if not report.made:
        reasons = "; ".join([*report.skipped, *report.left_out])
        raise NothingToDoError(
            f"no composite of {site} for {day}: {reasons or 'no processed scene in the period'}"
        )
    context.progress(1.0)
    if all(one.result is None for one in report.made):
        paths = ", ".join(one.relative for one in report.made)
        reasons = "; ".join(["the same scenes and settings gave what is there", *report.skipped])
        raise NothingToDoError(f"nothing new of {site} for {day}: {reasons}. See {paths}")
    return report


def _part(context: Context, number: int, n_parts: int) -> Context:
    """The same context for one of several equal parts of the work."""

    def report(done: float) -> None:
        context.progress((number + done) / n_parts)

    return replace(context, progress=report)


def _check(method: str, bands: Sequence[str], days_before: int, days_after: int) -> None:
    if method not in METHODS:
        raise ValueError(f"no such method: {method}; there are {', '.join(METHODS)}")
    unknown = sorted(set(bands) - set(BANDS))
    if unknown or not bands:
        raise ValueError(f"no such band: {', '.join(unknown) or 'none given'}; there are {', '.join(BANDS)}")
    if not (0 <= days_before <= 366 and 0 <= days_after <= 366):
        raise ValueError(
            f"a period from {days_before} days before to {days_after} after: 0 to 366 are possible"
        )


def _of_tile(
    context: Context,
    report: CompositeReport,
    given: CompositeInput,
    tile: str,
    members: list[TileScene],
    bands: Sequence[str],
    reach: tuple[int, int],
) -> None:
    scenes = [member.scene for member in members]
    groups = bands_by_size(scenes, dict.fromkeys(bands))
    if not groups:
        raise NothingToDoError(f"none of its scenes has a band of {', '.join(bands)}")
    dates: list[_DatedScene] = []
    for number, (size_m, names) in enumerate(groups.items()):
        settings = CompositeSettings()
        plan = CompositePlan(report.method, names, settings.aerosol)
        composite = MadeComposite(
            site=given.site,
            site_id=given.site_id,
            year=given.year,
            tile=tile,
            day=report.day,
            reach=reach,
            plan=plan,
            grid=common_grid(native(members, tile), size_m),
            members=members,
            key=_key(given, report, members, plan, settings, reach, size_m),
        )
        if not composite.item_path(context).is_file():
            # Their masks are read once for all pixel sizes.
            dates = dates or _dates(members, tile, report, reach, settings)
            part = _part(context, number, len(groups))
            composite = _make(part, composite, _on_grid(dates, composite.grid))
        publish_composite(context, composite)
        report.made.append(composite)


def _key(
    given: CompositeInput,
    report: CompositeReport,
    members: list[TileScene],
    plan: CompositePlan,
    settings: CompositeSettings,
    reach: tuple[int, int],
    size_m: float,
) -> str:
    return naming.content_key(
        [f"scene:{given.site}/{member.scene.product_id}/{member.scene.tile}" for member in members],
        {
            "day": report.day,
            "reach": list(reach),
            "method": plan.method,
            "bands": list(plan.bands),
            "resolution_m": size_m,
            "settings": asdict(settings),
            "screened": [is_screened(member.scene) for member in members],
        },
        __version__,
    )


_DatedScene = tuple[ComposedDate, Scene]


def _dates(
    members: list[TileScene],
    tile: str,
    report: CompositeReport,
    reach: tuple[int, int],
    settings: CompositeSettings,
) -> list[_DatedScene]:
    # Fine enough for distances to clouds, and the size of the pixels that come from other zones.
    coarse = common_grid(native(members, tile), _LANDSAT_M)
    dates: list[_DatedScene] = []
    for member in sorted(members, key=lambda m: (m.scene.acquired_at, m.scene.product_id)):
        one = composed_date(
            in_zone_of(member.scene, coarse), report.day, days_before=reach[0], days_after=reach[1],
            method=report.method, settings=settings,
        )  # fmt: skip
        # The halves of a split datatake follow each other within seconds; no two may share a minute.
        if dates and one.minute <= dates[-1][0].minute:
            one = replace(one, minute=dates[-1][0].minute + 1)
        dates.append((one, member.scene))
    return dates


def _on_grid(dates: list[_DatedScene], grid: Grid) -> list[ComposedDate]:
    """Bring scenes of another zone to the composite's own pixels."""
    placed = []
    for one, scene in dates:
        on = in_zone_of(scene, grid)
        placed.append(replace(one, bands=bands_of_scene(on), masks=on.masks, aot=on.aot))
    return placed


def _make(context: Context, composite: MadeComposite, dates: list[ComposedDate]) -> MadeComposite:
    paths: dict[str, Path] = {
        o.name: composite.raster_path(context, o.name) for o in outputs_of_plan(composite.plan)
    }
    if composite.plan.method.startswith("weighted"):
        paths[FLAGS] = composite.raster_path(context, FLAGS)
    result = run_composite(
        dates,
        composite.grid,
        composite.plan,
        paths,
        threads=context.settings.decode_threads,
        progress=context.progress,
    )
    return replace(composite, result=result)
