"""One pass over an optical scene: all rasters and observations it lacks, each band decoded once.

A variable whose raster exists is extracted from it, which costs a fifteenth of reading the scene again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.processors.l3b.items import pass_plan, quantisation_of
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.variables import outputs_of
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans
from sen4cap_core.rasters.passes.cog_pass import extract_from_cog
from sen4cap_core.rasters.passes.scene_pass import run_pass
from sen4cap_core.rasters.passes.sums import ParcelSums, Statistics
from sen4cap_core.rasters.writing.cog import base_grid
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.files.raster_header import read_raster_header
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.steps.acquisitions.observe import CarriedOver, find_carried_over, labels_to_read, write_set
from sen4cap_core.steps.acquisitions.parcel_labels import labels_of
from sen4cap_core.steps.acquisitions.screen_scene import screened
from sen4cap_core.steps.acquisitions.subject import MissingSet, ProcessedScene, Subject
from sen4cap_core.steps.scenes.l3b_product import make_path, publish_raster
from sen4cap_core.steps.shared.context import Context


def make_optical(context: Context, done: ProcessedScene) -> None:
    """Make what a scene of reflectance lacks.

    Raises
    ------
    UnreadableSceneError
        When a file of the scene cannot be read.
    NothingClearError
        When it shows no clear land at all.
    """
    opened = _Opened(done.subject)
    sets: list[MissingSet | None] = [*done.subject.missing_sets] or [None]
    for number, missing in enumerate(sets):
        # All rasters come with the first set; the sets of further seasons are extracted from them.
        rasters = done.subject.missing_rasters if number == 0 else ()
        _make(context, done, opened, missing, rasters)


class _Opened:
    """The scene's files, opened when something must be read of them."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def scene(self) -> Scene:
        subject = self._subject
        for scene in open_scenes(subject.path):
            if scene.product_id == subject.product_id and scene.tile == subject.tile:
                return scene
        raise UnreadableSceneError(
            subject.path,
            f"holds no tile {subject.tile} of {subject.product_id} any more",
            remedy="drop the scene again under its own name",
        )


@dataclass(frozen=True)
class _Parcels:
    """The parcels of one declaration set that are to be added up."""

    missing: MissingSet
    labels: LabelSpans
    carried_over: CarriedOver | None


def _make(
    context: Context,
    done: ProcessedScene,
    opened: _Opened,
    missing: MissingSet | None,
    rasters: tuple[str, ...],
) -> None:
    """Make rasters, and the observations of one declaration set."""
    observed = frozenset[str]().union(*missing.groups.values()) if missing else frozenset[str]()
    from_cog = {v: done.rasters[v] for v in sorted(observed) if v in done.rasters}
    computed = sorted({*rasters, *(observed - set(from_cog))})
    parcels = None
    if missing is not None:
        with done.stage("labels"):
            grid = opened.scene.grid if computed else _base_grid(from_cog)
            parcels = _parcels(context, done.subject, missing, grid)
    parts: list[ParcelSums] = []
    if computed:
        parts += _read_scene(context, done, opened.scene, parcels, computed, rasters)
    if parcels is not None and from_cog:
        with done.stage("extract from rasters"):
            parts += extract_rasters(
                from_cog, parcels.labels, context.settings.decode_threads, parcels.missing.statistics
            )
    if parcels is not None and parts:
        with done.stage("write and register"):
            _write_sets(context, done, parcels, parts, frozenset(from_cog))


def _parcels(context: Context, subject: Subject, missing: MissingSet, grid: Grid) -> _Parcels:
    """Find the pixels to read: of all parcels, or of those that have other ones than before."""
    labels = labels_of(context, subject.site, missing.year, missing.set_id, subject.tile, grid)
    carried_over = find_carried_over(context, subject, labels, missing)
    return _Parcels(missing, labels_to_read(labels, carried_over), carried_over)


def _write_sets(
    context: Context,
    done: ProcessedScene,
    parcels: _Parcels,
    parts: list[ParcelSums],
    from_cog: frozenset[str],
) -> None:
    sums: dict[str, Statistics] = {}
    orders: dict[str, Mapping[str, NDArray[np.float32]]] = {}
    for part in parts:
        sums |= part.variables
        orders |= part.orders
    missing = parcels.missing
    for group, variables in sorted(missing.groups.items()):
        present = {name: sums[name] for name in sorted(variables) if name in sums}
        if present:
            written = write_set(
                context,
                done.subject,
                ParcelSums(parts[0].new_ids, parts[0].n_total, present, orders),
                missing.set_id,
                missing.year,
                group,
                source="cog" if set(present) <= from_cog else "scene",
                statistics=missing.statistics,
                carried_over=parcels.carried_over,
            )
            done.observed.append(written)


def _read_scene(
    context: Context,
    done: ProcessedScene,
    scene: Scene,
    parcels: _Parcels | None,
    computed: list[str],
    rasters: tuple[str, ...],
) -> list[ParcelSums]:
    """Decode the scene once: rasters and sums of all variables in one pass."""
    with done.stage("cloud screening"):
        scene, unscreened = screened(context, done.subject, scene)
    plan = pass_plan(computed, scene)
    done.lacking |= plan.lacking
    unmade = (f"no {name}: {why}" for name, why in done.lacking.items())
    done.warnings = [*scene.warnings, *plan.notes, *unmade, *([unscreened] if unscreened else [])]
    made = {
        output.name: make_path(context, done.subject, scene, output.name)
        for output in outputs_of(plan.items)
        if output.name in rasters
    }
    if not plan.items or (parcels is None and not made):
        return []
    with done.stage("decode, mask, compute, parcel sums"):
        result = run_pass(
            scene.bands,
            scene.masks,
            scene.grid,
            variables=plan.items,
            labels=parcels.labels if parcels else None,
            raster_paths={name: raster.path for name, raster in made.items()},
            threads=context.settings.decode_threads,
            statistics=parcels.missing.statistics if parcels else (),
            progress=context.progress,
        )
    done.clear_fraction, done.data_fraction = result.clear_fraction, result.data_fraction
    with done.stage("write and register"):
        found = plan.found()
        for name, raster in made.items():
            publish_raster(context, done.subject, scene, name, raster, result, found.get(name, {}))
            done.rasters[name] = raster.path
            done.made.append(name)
    return [result.observations] if result.observations is not None else []


def raster_band(variable: str, path: Path) -> tuple[BandSource, Grid]:
    """Return our own raster of a variable as a band to read, and the grid of its pixels."""
    grid = read_raster_header(path).grid
    stored = quantisation_of(variable)
    return BandSource(variable, str(path), grid, scale=stored.scale, nodata=float(stored.nodata)), grid


def _base_grid(rasters: Mapping[str, Path]) -> Grid:
    """Return the grid of the pass that made our rasters: their pixels may be coarser."""
    path = next(iter(rasters.values()))
    return base_grid(path, read_raster_header(path).grid)


def extract_rasters(
    rasters: Mapping[str, Path], labels: LabelSpans, threads: int, statistics: Collection[str] = ()
) -> list[ParcelSums]:
    """Add our own rasters up per parcel; equal to the bit to the sums of the scene's own pass.

    All variables are added up over the same pixels, whatever the size of their own.
    """
    by_grid: dict[Grid, dict[str, BandSource]] = {}
    for variable, path in rasters.items():
        band, grid = raster_band(variable, path)
        by_grid.setdefault(grid, {})[variable] = band
    return [
        extract_from_cog(sources, labels, threads=threads, statistics=statistics)
        for sources in by_grid.values()
    ]
