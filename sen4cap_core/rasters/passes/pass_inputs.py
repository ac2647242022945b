"""What a pass reads: bands and classification, block by block, at the pixel sizes the items ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.kernels.optical.status import average_numbers, coarsen_status
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.blockwise.variables import BlockBand, PassItem, bands_of
from sen4cap_core.rasters.blockwise.workers import Task
from sen4cap_core.rasters.decoding.decode import BandFiles
from sen4cap_core.rasters.decoding.inputs import BandInput
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import LAND, NO_DATA
from sen4cap_core.rasters.masks.status_masks import MaskInput, MaskInputs, as_masks


class PassInputs:
    """The bands and the classification of one pass; shared by its threads."""

    def __init__(
        self,
        scene_bands: Mapping[str, BandSource],
        masks: MaskInput,
        grid: Grid,
        items: Sequence[PassItem],
        files: BandFiles,
    ) -> None:
        self.grid = grid
        self.files = files
        self._sources = {name: required_band(scene_bands, name) for name in bands_of(items)}
        self._status_masks = as_masks(masks)
        everything = [*self._sources.values(), *(mask.source for mask in self._status_masks)]
        self._sides = {s.uri: files.prepare(s) for s in everything}
        self._bands: dict[str, BandInput] = {}
        self._masks: MaskInputs | None = None

    def decode_sides(self) -> list[tuple[int, int]]:
        """Decode blocks (rows, columns) of the bands on the pass's own grid."""
        return [self._sides[s.uri] for s in self._sources.values() if s.grid == self.grid]

    def cut_by(self, side: tuple[int, int]) -> None:
        """Fix the block of the pass, once it is chosen."""
        self._bands = {
            name: BandInput(source, self.grid, side, self._sides[source.uri], self.files)
            for name, source in self._sources.items()
        }
        if self._status_masks:
            self._masks = MaskInputs(self._status_masks, self.grid, side, self._sides, self.files)

    @property
    def has_masks(self) -> bool:
        """Whether the scene has masks: else its status is known only with its bands."""
        return self._masks is not None

    def preload_masks(self, blocks: Sequence[Block]) -> list[Task]:
        """Tasks that decode the masks under blocks into memory."""
        return self._masks.preload_tasks(blocks) if self._masks else []

    @property
    def status_band(self) -> str:
        """Band whose missing pixels are without data where the scene has no masks."""
        return next(iter(self._sources))

    def preload_bands(self, blocks: Mapping[str, Sequence[Block]]) -> list[Task]:
        """Tasks that decode what blocks (by band) need of the bands that are not read block by block."""
        return [task for name, band in self._bands.items() for task in self._preload(band, blocks[name])]

    def _preload(self, band: BandInput, blocks: Sequence[Block]) -> list[Task]:
        if band.by_block:
            return []
        band.allocate(self.files.dataset(band.source).dtypes[band.source.band_index - 1])
        return [
            (partial(band.preload, block), float(block.n_pixels)) for block in band.blocks_to_preload(blocks)
        ]

    def counted(self, block: Block) -> NDArray[np.int64]:
        """How many pixels of a block have each status by the masks (256,)."""
        assert self._masks is not None
        return self._masks.counted(block)

    def classified(self, block: Block) -> NDArray[np.uint8]:
        """Status of each pixel of a block by the masks."""
        assert self._masks is not None
        return self._masks.classified(block)

    def block(self, block: Block) -> BlockInputs:
        """Return a block's inputs; each band is decoded when first asked for, and once."""
        return BlockInputs(self, self._bands, block)


class BlockInputs:
    """Bands and status of one block, for one thread."""

    def __init__(self, inputs: PassInputs, bands: Mapping[str, BandInput], block: Block) -> None:
        self._inputs, self._bands, self.block = inputs, bands, block
        self._own: dict[str, NDArray[Any]] = {}
        self._read: dict[tuple[str, int], BlockBand] = {}
        self._status: dict[int, NDArray[np.uint8]] = {}

    def bands(self, names: Sequence[str], zoom: int) -> dict[str, BlockBand]:
        """Bands by name on the block's pixels, or on those of ``zoom`` times the size."""
        return {name: self.band(name, zoom) for name in names}

    def band(self, name: str, zoom: int) -> BlockBand:
        """One band, as in ``bands``."""
        if (name, zoom) not in self._read:
            source = self._bands[name].source
            values = self._fine(name) if zoom == 1 else self._coarse(name, zoom)
            self._read[name, zoom] = BlockBand(values, source)
        return self._read[name, zoom]

    def _fine(self, name: str) -> NDArray[Any]:
        band = self._bands[name]
        return band.spread(self._in_own_pixels(name), self.block) if band.by_block else band.read(self.block)

    def _coarse(self, name: str, zoom: int) -> NDArray[Any]:
        if self._bands[name].own_zoom == zoom:
            return self._in_own_pixels(name)
        block, fine = self.block.zoomed(zoom), self.band(name, 1)
        out = np.empty((block.height, block.width), np.float32)
        average_numbers(fine.values, zoom, fine.missing, out)
        return out

    def _in_own_pixels(self, name: str) -> NDArray[Any]:
        if name not in self._own:
            self._own[name] = self._bands[name].own(self.block)
        return self._own[name]

    def status(self, zoom: int) -> NDArray[np.uint8]:
        """Status of the block's pixels, or of those of ``zoom`` times the size."""
        if zoom not in self._status:
            if zoom == 1:
                self._status[1] = self._fine_status()
            else:
                block = self.block.zoomed(zoom)
                out = np.empty((block.height, block.width), np.uint8)
                coarsen_status(self.status(1), zoom, out)
                self._status[zoom] = out
        return self._status[zoom]

    def _fine_status(self) -> NDArray[np.uint8]:
        """Without masks land wherever the first band has data."""
        if self._inputs.has_masks:
            return self._inputs.classified(self.block)
        first = self.band(self._inputs.status_band, 1)
        status = np.full((self.block.height, self.block.width), LAND, np.uint8)
        status[(first.values == first.missing) | (first.values != first.values)] = NO_DATA
        return status


def required_band(bands: Mapping[str, BandSource], name: str) -> BandSource:
    """Return a band of a scene.

    Raises
    ------
    UnreadableSceneError
        When the scene has no such band.
    """
    if name not in bands:
        known = ", ".join(sorted(bands)) or "none"
        raise UnreadableSceneError(
            name,
            f"the scene has no band {name}",
            expected=f"bands that hold {name}; found {known}",
            remedy="Download the product again and check that all its band files are there.",
        )
    return bands[name]
