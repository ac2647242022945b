"""Parcel sums out of our own COGs, when declarations come after the scenes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from sen4cap_core.errors import NothingToDoError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import SKIPPING_SIDE, Block, pass_side
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.blockwise.workers import Progress, Task, Workers
from sen4cap_core.rasters.decoding.decode import (
    BandFiles,
    decode_environment,
    decode_side,
    enter_decode_environment,
    unreadable,
)
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans
from sen4cap_core.rasters.passes.sums import ParcelSums, SumBuilder


def extract_from_cog(
    sources: Mapping[str, BandSource],
    labels: LabelSpans,
    *,
    threads: int,
    statistics: Collection[str] = (),
    progress: Progress | None = None,
) -> ParcelSums:
    """Add up the stored values of our own rasters per parcel, equal bit by bit to the pass's sums.

    Blocks without a parcel are not read.

    Parameters
    ----------
    sources : by variable name the int16 raster, with its scale and no-data value; coarser ones than the
        labels count once for each pixel of the labels they cover
    labels : parcels, on the rasters' grid, a finer one, or one shifted by whole pixels
    statistics : of each parcel beside the sums, among ``pixel_values.STATISTICS``

    Raises
    ------
    UnreadableSceneError
        When a raster cannot be read or is not int16.
    NothingToDoError
        Without sources.
    ValueError
        When the rasters differ in grid, or the labels do not fit it.
    """
    if not sources:
        raise NothingToDoError("no raster to extract parcels from: nothing was computed")
    grids = {source.grid for source in sources.values()}
    if len(grids) > 1:
        raise ValueError(
            f"rasters of {len(grids)} grids in one extraction: expected one grid; extract them one by one"
        )
    with decode_environment():
        files = BandFiles()
        try:
            return _extract(grids.pop(), sources, labels, files, threads, statistics, progress)
        finally:
            files.close()


def _extract(
    grid: Grid,
    sources: Mapping[str, BandSource],
    labels: LabelSpans,
    files: BandFiles,
    threads: int,
    statistics: Collection[str],
    progress: Progress | None,
) -> ParcelSums:
    quantisations = {}
    for name, source in sources.items():
        dtype = files.dataset(source).dtypes[source.band_index - 1]
        if dtype != "int16" or source.nodata is None or source.offset != 0.0:
            raise unreadable(source, f"it is {dtype}, expected int16 with a no-data value and no offset")
        quantisations[name] = Quantisation(source.scale, int(source.nodata))
    zoom = max(1, round(grid.resolution_m / labels.grid.resolution_m))
    sums = SumBuilder(labels, grid.at_resolution(grid.resolution_m / zoom), quantisations, statistics)
    sides = [decode_side(files.dataset(s), s.band_index) for s in sources.values()]
    side = pass_side(sides, grid.shape, SKIPPING_SIDE)
    height, width = grid.shape
    # In pixels of the labels, of which those of the rasters are ``zoom`` times the size.
    needed = sums.spans.touched_blocks((height * zoom, width * zoom), (side[0] * zoom, side[1] * zoom))

    def one(name: str, block: Block) -> None:
        sums.add(name, files.read(sources[name], block.zoomed(zoom)), block, zoom)

    tasks: list[Task] = [
        (partial(one, name, block), float(block.n_pixels)) for block in needed for name in sources
    ]
    total = sum(work for _, work in tasks)
    with Workers(threads, total, progress, enter_decode_environment) as workers:
        workers.run(tasks)
    return sums.result(threads)
