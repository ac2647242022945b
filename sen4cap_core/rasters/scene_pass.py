"""One pass over a scene: decode, mask, compute, write and add up per parcel, each block once.

Decoding is the cost (a 10 m JPEG 2000 band of a full tile takes 20 CPU seconds, everything else together
under 5). So all threads decode, each with its own file handles, and what follows happens on the block
while it is in cache.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import NothingToDoError, UnreadableSceneError
from sen4cap_core.rasters.bands import BandSource
from sen4cap_core.rasters.blocks import SKIPPING_SIDE, WHOLE_SIDE, Block, cut, pass_side
from sen4cap_core.rasters.cog import CogBuilder
from sen4cap_core.rasters.decode import (
    BandFiles,
    decode_environment,
    decode_side,
    enter_decode_environment,
)
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.inputs import BandInput
from sen4cap_core.rasters.labels import LabelSpans
from sen4cap_core.rasters.status import LAND, NO_DATA, STATUS_NAMES, WATER
from sen4cap_core.rasters.status_masks import MaskInput, MaskInputs, as_masks
from sen4cap_core.rasters.sums import ParcelSums, SumBuilder
from sen4cap_core.rasters.variables import BlockBand, Variable
from sen4cap_core.rasters.workers import Progress, Task, Workers

_WRITE_SHARE = 0.1
"""Part of the progress bar that writing one raster takes."""


@dataclass(frozen=True, eq=False)
class PassResult:
    """What a pass found. The fractions count pixels of the blocks that were read."""

    observations: ParcelSums | None
    clear_fraction: float
    """Land or water, neither cloud, shadow, snow nor saturated, of the pixels with data; 0 without data."""
    data_fraction: float
    """Pixels with data of all pixels read."""
    n_blocks_read: int
    n_blocks_skipped: int
    """Blocks that were not decoded, because no raster was wanted and no parcel lies in them."""
    status_counts: dict[str, int]
    """Pixels by status name (land, water, snow, cloud, saturated, no data)."""


def run_pass(
    scene_bands: Mapping[str, BandSource],
    masks: MaskInput,
    grid: Grid,
    *,
    variables: Sequence[Variable],
    labels: LabelSpans | None,
    raster_paths: Mapping[str, Path],
    threads: int,
    progress: Progress | None = None,
) -> PassResult:
    """Compute variables over a scene, write their rasters and add them up per parcel.

    Parameters
    ----------
    scene_bands : bands by name; those the variables need must be there
    masks : the product's masks at any pixel size, the most important first (or Sen2Cor's classes alone);
        without any only no-data is masked
    grid : grid of the rasters to write
    variables : what to compute
    labels : parcels, on this grid or on one shifted by whole pixels; None without parcels
    raster_paths : by variable name the COG to write; variables without a path are only added up
    progress : called with the fraction done, 0..1, from the calling thread; what it raises stops the pass

    Raises
    ------
    UnreadableSceneError
        When a band is missing, truncated or does not fit; the message names the file. No raster is left
        behind.
    NothingToDoError
        When neither rasters nor parcels are wanted.
    OSError
        When a raster cannot be written (disk full); nothing is left behind.
    ValueError
        When the labels do not fit the grid, or a path names no variable.
    """
    if not variables or (labels is None and not raster_paths):
        raise NothingToDoError("neither a raster nor parcels are wanted of this scene: nothing was computed")
    unknown = set(raster_paths) - {v.name for v in variables}
    if unknown:
        raise ValueError(f"raster paths for {sorted(unknown)}, which are not among the variables of the pass")
    with decode_environment():
        files = BandFiles()
        try:
            return _ScenePass(scene_bands, masks, grid, variables, labels, raster_paths, files).run(
                threads, progress
            )
        finally:
            files.close()


class _ScenePass:
    """The state of one pass, shared by its threads."""

    def __init__(
        self,
        scene_bands: Mapping[str, BandSource],
        masks: MaskInput,
        grid: Grid,
        variables: Sequence[Variable],
        labels: LabelSpans | None,
        raster_paths: Mapping[str, Path],
        files: BandFiles,
    ) -> None:
        self.grid, self.variables, self.raster_paths = grid, variables, raster_paths
        sources = {name: _required(scene_bands, name) for variable in variables for name in variable.bands}
        status_masks = as_masks(masks)
        everything = [*sources.values(), *(mask.source for mask in status_masks)]
        sides = {s.uri: decode_side(files.dataset(s), s.band_index) for s in everything}
        same_grid = [sides[s.uri] for s in sources.values() if s.grid == grid]
        at_least = SKIPPING_SIDE if labels is not None and not raster_paths else WHOLE_SIDE
        self.side = pass_side(same_grid or [(at_least, at_least)], grid.shape, at_least)
        self.bands = {n: BandInput(s, grid, self.side, sides[s.uri], files) for n, s in sources.items()}
        self.masks = MaskInputs(status_masks, grid, self.side, sides, files) if status_masks else None
        self.files = files
        self.sums = (
            SumBuilder(labels, grid, {v.name: v.quantisation for v in variables})
            if labels is not None
            else None
        )
        self.rasters = {
            v.name: CogBuilder(grid, v.quantisation, self.side) for v in variables if v.name in raster_paths
        }
        self.histogram = np.zeros(256, np.int64)
        self._written: list[Path] = []
        self._lock = threading.Lock()

    def run(self, threads: int, progress: Progress | None) -> PassResult:
        blocks = cut(self.grid.shape, self.side)
        needed = (
            blocks if self.rasters or self.sums is None else [b for b in blocks if self.sums.spans.touches(b)]
        )
        preload = self._preload_tasks(needed)
        tasks: list[Task] = [
            (partial(self._block, b), float(b.height * b.width * len(self.bands))) for b in needed
        ]
        reading = sum(work for _, work in preload) + sum(work for _, work in tasks)
        writing = reading * _WRITE_SHARE
        workers = Workers(threads, reading + writing * len(self.rasters), progress, enter_decode_environment)
        try:
            workers.run(preload)
            workers.run(tasks)
            for variable in self.variables:
                if variable.name in self.rasters:
                    self._write(variable, workers)
                    workers.advance(writing)
        except BaseException:
            # All rasters of a pass or none: also those that were written before the error.
            for path in self._written:
                path.unlink(missing_ok=True)
            raise
        finally:
            workers.close()
        return self._result(len(needed), len(blocks) - len(needed))

    def _write(self, variable: Variable, workers: Workers) -> None:
        path = self.raster_paths[variable.name]
        self.rasters.pop(variable.name).finish(
            path,
            workers,
            description=variable.description or variable.name,
            tags={"VARIABLE": variable.name},
        )
        self._written.append(path)

    def _preload_tasks(self, needed: Sequence[Block]) -> list[Task]:
        tasks: list[Task] = self.masks.preload_tasks(needed) if self.masks else []
        for band in self.bands.values():
            blocks = band.blocks_to_preload(needed)
            if not band.by_block:
                band.allocate(self.files.dataset(band.source).dtypes[band.source.band_index - 1])
            tasks += [(partial(band.preload, b), float(b.height * b.width)) for b in blocks]
        return tasks

    def _block(self, block: Block) -> None:
        values = {name: BlockBand(band.read(block), band.source) for name, band in self.bands.items()}
        status = self._status(block, values)
        for variable in self.variables:
            out = np.empty((block.height, block.width), np.int16)
            variable.compute(values, status, variable.quantisation, out)
            if self.sums is not None:
                self.sums.add(variable.name, out, block)
            if variable.name in self.rasters:
                self.rasters[variable.name].add(block, out)

    def _status(self, block: Block, values: Mapping[str, BlockBand]) -> NDArray[np.uint8]:
        """Status of each pixel; without a mask land wherever the first band has data."""
        if self.masks is not None:
            status, histogram = self.masks.classified(block)
        else:
            status = np.full((block.height, block.width), LAND, np.uint8)
            first = values[self.variables[0].bands[0]]
            status[(first.values == first.missing) | (first.values != first.values)] = NO_DATA
            histogram = np.bincount(status.ravel(), minlength=256)
        with self._lock:
            self.histogram += histogram
        return status

    def _result(self, n_read: int, n_skipped: int) -> PassResult:
        pixels = int(self.histogram.sum())
        data = pixels - int(self.histogram[NO_DATA])
        clear = int(self.histogram[LAND] + self.histogram[WATER])
        return PassResult(
            observations=self.sums.result() if self.sums is not None else None,
            clear_fraction=clear / data if data else 0.0,
            data_fraction=data / pixels if pixels else 0.0,
            n_blocks_read=n_read,
            n_blocks_skipped=n_skipped,
            status_counts={name: int(self.histogram[code]) for code, name in STATUS_NAMES.items()},
        )


def _required(bands: Mapping[str, BandSource], name: str) -> BandSource:
    if name not in bands:
        known = ", ".join(sorted(bands)) or "none"
        raise UnreadableSceneError(
            name,
            f"the scene has no band {name}",
            expected=f"bands that hold {name}; found {known}",
            remedy="Download the product again and check that all its band files are there.",
        )
    return bands[name]
