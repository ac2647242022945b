"""A composite of many acquisitions: each block of each date is decoded once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import NothingToDoError
from sen4cap_core.kernels.composites.average import MISSING
from sen4cap_core.kernels.composites.fields import correct_direction, sample_cubic, to_stored
from sen4cap_core.rasters.blockwise.blocks import WHOLE_SIDE, Block, cut, pass_side
from sen4cap_core.rasters.blockwise.workers import Progress, Workers
from sen4cap_core.rasters.decoding.decode import (
    BandFiles,
    decode_environment,
    decode_side,
    enter_decode_environment,
    unreadable,
)
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.on_grid import read_on, status_on
from sen4cap_core.rasters.masks.status import LAND, NO_DATA, SATURATED
from sen4cap_core.rasters.masks.status_masks import shadow_as_cloud
from sen4cap_core.rasters.passes.composite_block import FLAGS, Composers, DateBlock, outputs_of_plan
from sen4cap_core.rasters.passes.composite_dates import ComposedDate, CompositePlan
from sen4cap_core.rasters.writing.class_cog import write_class_cog
from sen4cap_core.rasters.writing.cog import CogBuilder

MOST_OPEN_FILES = 500
"""Where dates, bands and threads make more, files are opened anew for each block."""
_MOST_PIXELS = 2**21
"""Of a block: 20 bytes a band and pixel are held by each thread."""


@dataclass(frozen=True)
class CompositeResult:
    """What a composite holds."""

    n_blocks_decoded: int
    """Blocks times dates whose bands were decoded."""
    n_blocks_skipped: int
    """Those that could not change the composite, told from the masks."""
    valid_fraction: float
    """Pixels that have a clear date."""


def run_composite(
    dates: Sequence[ComposedDate],
    grid: Grid,
    plan: CompositePlan,
    paths: Mapping[str, Path],
    *,
    threads: int,
    progress: Progress | None = None,
) -> CompositeResult:
    """Join dates into one composite and write its rasters, all or none.

    Parameters
    ----------
    dates : no two of the same minute; in any order
    grid : of the composite; bands may be finer or coarser and cover a part
    paths : by name, one for each of ``outputs_of_plan`` and for the flags of weighted composites

    Raises
    ------
    NothingToDoError
        Without dates, or when no date has a clear pixel; nothing is written.
    UnreadableSceneError
        When a file cannot be read; the message names it. No raster is left behind.
    OSError
        When a raster cannot be written; nothing is left behind.
    """
    if not dates:
        raise NothingToDoError("no acquisition to make a composite of")
    in_order = sorted(dates, key=lambda date: date.minute)
    with decode_environment():
        files = BandFiles()
        try:
            return _CompositePass(in_order, grid, plan, paths, files, threads).run(threads, progress)
        finally:
            files.close()


class _CompositePass:
    """The state of one pass, shared by its threads."""

    def __init__(
        self,
        dates: Sequence[ComposedDate],
        grid: Grid,
        plan: CompositePlan,
        paths: Mapping[str, Path],
        files: BandFiles,
        threads: int,
    ) -> None:
        # The substitutes of what is never clear make no difference between cloud and shadow.
        self.dates = [replace(date, masks=shadow_as_cloud(date.masks)) for date in dates]
        self.grid, self.plan, self.paths = grid, plan, paths
        self.names = (*plan.bands, *plan.helpers)
        self._files = files
        per_date = len(self.names) + max(len(date.masks) for date in dates) + 1
        self._keep_open = len(dates) * per_date * max(threads, 1) <= MOST_OPEN_FILES
        self._side = self._choose_side()
        self._outputs = outputs_of_plan(plan)
        self._composers = Composers(plan)
        self._builders = {
            o.name: CogBuilder(
                paths[o.name], grid, o.quantisation, description=o.description, tags={"VARIABLE": o.name}
            )
            for o in self._outputs
        }
        self._flags = np.full(grid.shape, NO_DATA, np.uint8) if FLAGS in paths else None
        blocks = cut(grid.shape, self._side)
        self._counts = dict.fromkeys(blocks, (0, 0, 0))

    def _choose_side(self) -> tuple[int, int]:
        sides = []
        for name in self.plan.bands:
            found = (date.bands[name] for date in self.dates if name in date.bands)
            source = next((band for band in found if band.warped_from is None), None)
            if source is not None and source.grid.resolution_m == self.grid.resolution_m:
                with self._open() as files:
                    sides.append(decode_side(files.dataset(source), source.band_index))
        rows, cols = pass_side(sides or [(WHOLE_SIDE, WHOLE_SIDE)], self.grid.shape, WHOLE_SIDE)
        if rows * cols > _MOST_PIXELS:
            # Files in strips as wide as the image.
            least = max((side[0] for side in sides), default=1)
            rows = min(rows, max(least, _MOST_PIXELS // cols // least * least))
        return rows, cols

    @contextmanager
    def _open(self) -> Iterator[BandFiles]:
        if self._keep_open:
            yield self._files
            return
        files = BandFiles()
        try:
            yield files
        finally:
            files.close()

    def run(self, threads: int, progress: Progress | None) -> CompositeResult:
        blocks = list(self._counts)
        work = float(sum(b.n_pixels for b in blocks))
        try:
            with Workers(threads, work * 1.1, progress, enter_decode_environment) as workers:
                workers.run([(partial(self._block, b), float(b.n_pixels)) for b in blocks])
                n_valid = sum(count[2] for count in self._counts.values())
                if not n_valid:
                    raise NothingToDoError(f"none of {len(self.dates)} acquisitions shows a clear pixel")
                workers.run([(builder.finish, 0.0) for builder in self._builders.values()])
            if self._flags is not None:
                path = self.paths[FLAGS]
                write_class_cog(path, self.grid, self._flags, nodata=NO_DATA, description="What is shown")
        except BaseException:
            for builder in self._builders.values():
                builder.remove()
            raise
        decoded, skipped, _ = (sum(column) for column in zip(*self._counts.values(), strict=True))
        return CompositeResult(decoded, skipped, n_valid / (self.grid.width * self.grid.height))

    def _block(self, block: Block) -> None:
        statuses = [self._status(date, block) for date in self.dates]
        useful = self._useful(statuses)
        with self._composers.lend((block.height, block.width)) as composer:
            for date, status, use in zip(self.dates, statuses, useful, strict=True):
                if use:
                    composer.add(self._read(date, status, block))
            self._keep(block, composer.finish(), useful)

    def _keep(
        self, block: Block, made: Mapping[str, NDArray[np.int16] | NDArray[np.uint8]], useful: Sequence[bool]
    ) -> None:
        for name, builder in self._builders.items():
            builder.add(block, np.ascontiguousarray(made[name], np.int16))
        if self._flags is not None:
            self._flags[block.slices] = made[FLAGS]
            n_valid = int((made[FLAGS] == LAND).sum())
        else:
            n_valid = int((made[self.plan.bands[0].lower()] != MISSING).sum())
        self._counts[block] = (sum(useful), len(useful) - sum(useful), n_valid)

    def _useful(self, statuses: Sequence[NDArray[np.uint8]]) -> list[bool]:
        """Which dates may change the block: clear ones, and what stands in where none is clear."""
        clear = [(status == LAND) | (status == SATURATED) for status in statuses]
        if not self.plan.method.startswith("weighted"):
            return [bool(one.any()) for one in clear]
        if self.plan.method == "weighted-sen4cap":
            return [bool((status != NO_DATA).any()) for status in statuses]
        nowhere_clear = ~np.logical_or.reduce(clear)
        return [
            bool(one.any() or (nowhere_clear & (status != NO_DATA)).any())
            for one, status in zip(clear, statuses, strict=True)
        ]

    def _status(self, date: ComposedDate, block: Block) -> NDArray[np.uint8]:
        with self._open() as files:
            status = status_on(files, date.masks, self.grid, block)
        # Without masks a pixel is land where its bands have data.
        return np.full((block.height, block.width), LAND, np.uint8) if status is None else status

    def _read(self, date: ComposedDate, status: NDArray[np.uint8], block: Block) -> DateBlock:
        shape = (block.height, block.width)
        numbers = np.full((len(self.names), *shape), MISSING)
        with self._open() as files:
            for index, name in enumerate(self.names):
                if name in date.bands:
                    self._read_band(files, date, name, status, block, numbers[index])
            aot = np.full(shape, np.nan, np.float32)
            if date.aot is not None and self.plan.method.startswith("weighted"):
                values, _ = read_on(files, date.aot, self.grid, block)
                known = values != (np.nan if date.aot.nodata is None else date.aot.nodata)
                aot[known] = values[known] * date.aot.scale + date.aot.offset
        cloud = np.ones(shape, np.float32)
        if date.cloud is not None:
            sample_cubic(date.cloud.values, *date.cloud.steps(self.grid, block), cloud)
        return DateBlock(numbers, status, aot, cloud, date.weight, date.minute, date.day_of_year)

    def _read_band(
        self,
        files: BandFiles,
        date: ComposedDate,
        name: str,
        status: NDArray[np.uint8],
        block: Block,
        out: NDArray[np.int16],
    ) -> None:
        source = date.bands[name]
        values, whole = read_on(files, source, self.grid, block)
        if not whole and source.nodata is None and not date.masks:
            raise unreadable(source, "it does not cover the tile and has neither masks nor a no-data value")
        missing = np.nan if source.nodata is None else source.nodata
        to_stored(values, source.scale, source.offset, missing, out)
        if name in date.directions:
            field = date.directions[name]
            correct_direction(field.values, *field.steps(self.grid, block), status, out)
