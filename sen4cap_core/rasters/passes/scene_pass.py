"""One pass over a scene: decode, mask, compute, write and add up per parcel, each block once.

Decoding is the cost (a 10 m JPEG 2000 band of a full tile takes 20 CPU seconds, everything else together
under 5). So all threads decode, each with its own file handles, and what follows happens on the block
while it is in cache.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sen4cap_core.errors import NothingToDoError
from sen4cap_core.kernels.optical.status import count_codes
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import SKIPPING_SIDE, WHOLE_SIDE, Block, cut, pass_side
from sen4cap_core.rasters.blockwise.variables import (
    BandMean,
    PassItem,
    Together,
    Variable,
    bands_of,
    outputs_of,
)
from sen4cap_core.rasters.blockwise.workers import Progress, Task, Workers
from sen4cap_core.rasters.decoding.decode import BandFiles, decode_environment, enter_decode_environment
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import LAND, NO_DATA, STATUS_NAMES, WATER
from sen4cap_core.rasters.masks.status_masks import MaskInput
from sen4cap_core.rasters.parcels.labels import LabelSpans
from sen4cap_core.rasters.passes.pass_inputs import BlockInputs, PassInputs
from sen4cap_core.rasters.passes.sums import ParcelSums, SumBuilder
from sen4cap_core.rasters.writing.cog import ZOOM_TAG, CogBuilder

_WORTH_SKIPPING = 0.9
"""Small blocks take a tenth more time for the same pixels."""
_WRITE_SHARE = 0.1
"""Part of the progress bar that writing one raster takes."""


class NothingClearError(NothingToDoError):
    """Cloud, snow or no data everywhere: there is nothing to compute."""

    def __init__(self, data_fraction: float, status_counts: Mapping[str, int]) -> None:
        shares = ", ".join(
            f"{name} {n / sum(status_counts.values()):.0%}" for name, n in status_counts.items() if n
        )
        super().__init__(f"the classification leaves no clear land pixel of the scene ({shares})")
        self.data_fraction = data_fraction


@dataclass(frozen=True, eq=False)
class PassResult:
    """What a pass found. The fractions count pixels of the blocks that were looked at."""

    observations: ParcelSums | None
    clear_fraction: float
    """Land or water, neither cloud, shadow, snow nor saturated, of the pixels with data; 0 without data."""
    data_fraction: float
    """Pixels with data of all pixels read."""
    n_blocks_read: int
    n_blocks_skipped: int
    """Blocks that were not decoded: no raster was wanted and no parcel lies in them, or the classification
    leaves no pixel of them."""
    status_counts: dict[str, int]
    """Pixels by status name (land, water, shadow, snow, cloud, saturated, no data)."""


def run_pass(
    scene_bands: Mapping[str, BandSource],
    masks: MaskInput,
    grid: Grid,
    *,
    variables: Sequence[PassItem],
    labels: LabelSpans | None,
    raster_paths: Mapping[str, Path],
    threads: int,
    statistics: Collection[str] = (),
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
    statistics : of each parcel beside the sums, among ``pixel_values.STATISTICS``
    progress : called with the fraction done, 0..1, from the calling thread; what it raises stops the pass

    Raises
    ------
    UnreadableSceneError
        When a band is missing, truncated or does not fit; the message names the file. No raster is left
        behind.
    NothingClearError
        When the classification leaves not one pixel of the whole scene; nothing is written.
    NothingToDoError
        When neither rasters nor parcels are wanted.
    OSError
        When a raster cannot be written (disk full); nothing is left behind.
    ValueError
        When the labels do not fit the grid, a path names no variable or a mere band, or coarser pixels do
        not fill the grid.
    """
    if not variables or (labels is None and not raster_paths):
        raise NothingToDoError("neither a raster nor parcels are wanted of this scene: nothing was computed")
    unknown = set(raster_paths) - {
        output.name for output in outputs_of([v for v in variables if not isinstance(v, BandMean)])
    }
    if unknown:
        raise ValueError(f"raster paths for {sorted(unknown)}, which are not among the variables of the pass")
    with decode_environment():
        files = BandFiles()
        try:
            one = _ScenePass(scene_bands, masks, grid, variables, labels, raster_paths, files, statistics)
            return one.run(threads, progress)
        finally:
            files.close()


class _ScenePass:
    """The state of one pass, shared by its threads."""

    def __init__(
        self,
        scene_bands: Mapping[str, BandSource],
        masks: MaskInput,
        grid: Grid,
        items: Sequence[PassItem],
        labels: LabelSpans | None,
        raster_paths: Mapping[str, Path],
        files: BandFiles,
        statistics: Collection[str],
    ) -> None:
        self.grid, self.raster_paths = grid, raster_paths
        # Means first: pixels of parcels lie scattered, and are found thrice as fast in a band just read.
        self.items = sorted(items, key=lambda item: not isinstance(item, BandMean))
        self.inputs = PassInputs(scene_bands, masks, grid, items, files)
        self.zooms = {item: _zoom(item, scene_bands, grid) for item in items}
        outputs = outputs_of(items)
        self.sums = (
            SumBuilder(labels, grid, {o.name: o.quantisation for o in outputs}, statistics)
            if labels is not None
            else None
        )
        self.side, self._with_parcel = self._choose_blocks()
        self.inputs.cut_by(self.side)
        self.rasters: dict[str, CogBuilder] = {}
        self.histogram = np.zeros(256, np.int64)
        self._clear: dict[Block, int] = {}
        self._lock = threading.Lock()

    def _choose_blocks(self) -> tuple[tuple[int, int], frozenset[Block]]:
        """Return the side of blocks, and those that hold a parcel.

        Large blocks take less time, unless small ones leave a good part of the image out.
        """
        large = self._blocks_of(WHOLE_SIDE)
        if self.raster_paths or self.sums is None:
            return large
        small = self._blocks_of(SKIPPING_SIDE)
        pixels = [sum(block.n_pixels for block in blocks) for _, blocks in (small, large)]
        return small if pixels[0] < _WORTH_SKIPPING * pixels[1] else large

    def _blocks_of(self, at_least: int) -> tuple[tuple[int, int], frozenset[Block]]:
        shape = self.grid.shape
        side = pass_side(self.inputs.decode_sides() or [(at_least, at_least)], shape, at_least)
        side = _even(side, shape, max(self.zooms.values()))
        return side, frozenset(self.sums.spans.touched_blocks(shape, side) if self.sums is not None else ())

    def run(self, threads: int, progress: Progress | None) -> PassResult:
        blocks = cut(self.grid.shape, self.side)
        every = self.raster_paths or self.sums is None
        needed = blocks if every else [b for b in blocks if self._has_parcel(b)]
        n_outputs = len(self.raster_paths)
        # The classification is small; what it leaves of the scene decides what else is decoded.
        classes = self.inputs.preload_masks(needed)
        reading = sum(work for _, work in classes) + sum(
            float(b.n_pixels) * len(self.inputs.decode_sides() or [1]) for b in needed
        )
        writing = reading * _WRITE_SHARE
        total = reading + writing * n_outputs
        try:
            with Workers(threads, total, progress, enter_decode_environment) as workers:
                workers.run(classes)
                usable = self._usable(needed, blocks, workers)
                workers.run(self._unweighted(self.inputs.preload_bands(self._blocks_by_band(usable))))
                self._begin_rasters()
                seen = set(usable)
                tasks: list[Task] = [
                    (
                        partial(self._block if b in seen else self._empty_block, b),
                        float(b.n_pixels * len(self.inputs.decode_sides() or [1])),
                    )
                    for b in needed
                ]
                workers.run(tasks)
                largest_first = sorted(self.rasters.values(), key=lambda raster: -raster.n_bytes_left)
                # Side by side: while one waits for the disk another is handed over.
                workers.run([(raster.finish, writing) for raster in largest_first])
        except BaseException:
            # All rasters of a pass or none: also those that had appeared before the error.
            for raster in self.rasters.values():
                raster.remove()
            raise
        return self._result(len(usable), len(blocks) - len(usable), threads)

    def _blocks_by_band(self, usable: Sequence[Block]) -> dict[str, Sequence[Block]]:
        """Blocks in which a band is needed: all for a raster, else those with a parcel."""
        of_parcels = [block for block in usable if self._has_parcel(block)]
        everywhere = {band for item in self.items if self._has_raster(item) for band in bands_of([item])}
        if not self.inputs.has_masks:
            everywhere.add(self.inputs.status_band)
        return {band: usable if band in everywhere else of_parcels for band in bands_of(self.items)}

    def _has_raster(self, item: PassItem) -> bool:
        return any(output.name in self.raster_paths for output in outputs_of([item]))

    def _has_parcel(self, block: Block) -> bool:
        return block in self._with_parcel

    def _usable(self, needed: Sequence[Block], blocks: Sequence[Block], workers: Workers) -> list[Block]:
        """Blocks in which the classification leaves a pixel; without a classification all."""
        if not self.inputs.has_masks or not needed:
            return list(needed)
        workers.run([(partial(self._classify, b), 0.0) for b in needed])
        if not any(self._clear.values()):
            # Perhaps only the parcels are under cloud: a scene is given up for what it shows as a whole.
            rest = sorted(set(blocks) - set(needed), key=lambda b: (b.row, b.col))
            before = self.histogram.copy()
            workers.run(self._unweighted(self.inputs.preload_masks(blocks)))
            workers.run([(partial(self._classify, b), 0.0) for b in rest])
            if not any(self._clear.values()):
                raise NothingClearError(self._data_fraction(), self._status_counts())
            self.histogram = before
        return [b for b in needed if self._clear[b]]

    def _classify(self, block: Block) -> None:
        histogram = self.inputs.counted(block)
        with self._lock:
            self.histogram += histogram
            self._clear[block] = int(histogram[LAND])

    @staticmethod
    def _unweighted(tasks: Sequence[Task]) -> list[Task]:
        """Tasks that the progress does not count, because it was planned without them."""
        return [(call, 0.0) for call, _ in tasks]

    def _begin_rasters(self) -> None:
        clear = np.zeros(self.grid.height)
        for block, n_pixels in self._clear.items():
            clear[block.row : block.row + block.height] += n_pixels / block.height
        for item in self.items:
            zoom = self.zooms[item]
            for output in outputs_of([item]):
                if output.name in self.raster_paths:
                    self.rasters[output.name] = CogBuilder(
                        self.raster_paths[output.name],
                        _zoomed(self.grid, zoom),
                        output.quantisation,
                        description=output.description or output.name,
                        tags={"VARIABLE": output.name, **({ZOOM_TAG: str(zoom)} if zoom > 1 else {})},
                        filled=clear.reshape(-1, zoom).sum(axis=1),
                    )

    def _block(self, block: Block) -> None:
        inputs = self.inputs.block(block)
        has_parcel = self._has_parcel(block)
        for item in self.items:
            if has_parcel or self._has_raster(item):
                self._compute(item, inputs)
        if not self.inputs.has_masks:
            histogram = np.zeros(256, np.int64)
            count_codes(inputs.status(1), histogram)
            with self._lock:
                self.histogram += histogram

    def _compute(self, item: PassItem, inputs: BlockInputs) -> None:
        zoom, block = self.zooms[item], inputs.block
        status = inputs.status(zoom)
        if isinstance(item, BandMean):
            if self.sums is not None:
                self.sums.add_band(item.name, inputs.band(item.band, zoom), status, block, zoom)
            return
        bands = inputs.bands(item.bands, zoom)
        if self.sums is not None and isinstance(item, Together) and not self._has_raster(item):
            # What takes long for each pixel is done for those of parcels alone.
            status = self.sums.only_parcels(status, block, zoom)
        out = {output.name: np.empty(status.shape, np.int16) for output in outputs_of([item])}
        if isinstance(item, Variable):
            item.compute(bands, status, item.quantisation, out[item.name])
        else:
            item.compute(bands, status, block.zoomed(zoom), out)
        for name, values in out.items():
            if self.sums is not None:
                self.sums.add(name, values, block, zoom)
            if name in self.rasters:
                self.rasters[name].add(block.zoomed(zoom), values)

    def _empty_block(self, block: Block) -> None:
        """A block without a usable pixel: missing in the rasters, nothing in the sums, not decoded."""
        for item in self.items:
            part = block.zoomed(self.zooms[item])
            for output in outputs_of([item]):
                if output.name in self.rasters:
                    missing = np.full((part.height, part.width), output.quantisation.nodata, np.int16)
                    self.rasters[output.name].add(part, missing)

    def _status_counts(self) -> dict[str, int]:
        return {name: int(self.histogram[code]) for code, name in STATUS_NAMES.items()}

    def _data_fraction(self) -> float:
        pixels = int(self.histogram.sum())
        return (pixels - int(self.histogram[NO_DATA])) / pixels if pixels else 0.0

    def _result(self, n_read: int, n_skipped: int, threads: int) -> PassResult:
        data = int(self.histogram.sum()) - int(self.histogram[NO_DATA])
        clear = int(self.histogram[LAND] + self.histogram[WATER])
        return PassResult(
            observations=self.sums.result(threads) if self.sums is not None else None,
            clear_fraction=clear / data if data else 0.0,
            data_fraction=self._data_fraction(),
            n_blocks_read=n_read,
            n_blocks_skipped=n_skipped,
            status_counts=self._status_counts(),
        )


def _zoom(item: PassItem, bands: Mapping[str, BandSource], grid: Grid) -> int:
    """How much coarser than the grid's the pixels of an item are.

    A band mean keeps the band's own pixels where they fill the grid exactly; else the band is resampled.
    """
    if isinstance(item, Together):
        _zoomed(grid, item.zoom)
        return item.zoom
    if isinstance(item, BandMean) and item.band in bands:
        own = bands[item.band].grid
        zoom = round(own.resolution_m / grid.resolution_m)
        return zoom if zoom > 1 and grid.zoomed(zoom) == own else 1
    return 1


def _zoomed(grid: Grid, zoom: int) -> Grid:
    coarse = grid.zoomed(zoom)
    if coarse is None:
        raise ValueError(f"pixels of {zoom} times the size do not fill the grid {grid.key} exactly")
    return coarse


def _even(side: tuple[int, int], shape: tuple[int, int], zoom: int) -> tuple[int, int]:
    """Make the block of a pass a whole number of coarse pixels."""
    rows, cols = (min(s if s % zoom == 0 else s * zoom, n) for s, n in zip(side, shape, strict=True))
    return rows, cols
