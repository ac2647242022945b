"""The status of each pixel out of a product's own masks, one or several, block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.status import (
    classify_nearest,
    classify_whole,
    count_codes,
    count_part,
    overlay_nearest,
)
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.blockwise.workers import Task
from sen4cap_core.rasters.decoding.decode import BandFiles, as_classes
from sen4cap_core.rasters.decoding.inputs import BandInput
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import CLOUD, LAND, NO_DATA, SHADOW, scl_table


@dataclass(frozen=True, eq=False)
class StatusMask:
    """One mask file of a product and what its numbers mean."""

    source: BandSource
    table: NDArray[np.uint8]
    """(256,) or (65536,): status code of each number; LAND where the mask has nothing to say."""


MaskInput = BandSource | Sequence[StatusMask] | None
"""A product's masks, the most important first; Sen2Cor's classes alone stand for themselves."""


def as_masks(masks: MaskInput) -> tuple[StatusMask, ...]:
    """Return masks as a tuple: a bare source is Sen2Cor's classification, None is none."""
    if masks is None:
        return ()
    if isinstance(masks, BandSource):
        return (StatusMask(masks, scl_table()),)
    return tuple(masks)


def shadow_as_cloud(masks: Sequence[StatusMask]) -> tuple[StatusMask, ...]:
    """Return masks that call shadow cloud, for what makes no difference between them."""
    return tuple(
        replace(mask, table=np.where(mask.table == SHADOW, CLOUD, mask.table).astype(np.uint8))
        for mask in masks
    )


class MaskInputs:
    """The masks of one pass on its grid; the first that says other than land decides a pixel."""

    def __init__(
        self,
        masks: Sequence[StatusMask],
        grid: Grid,
        side: tuple[int, int],
        decode_sides: Mapping[str, tuple[int, int]],
        files: BandFiles,
    ) -> None:
        self._files = files
        self._masks = [
            (BandInput(m.source, grid, side, decode_sides[m.source.uri], files, kept=True), m.table)
            for m in masks
        ]

    def preload_tasks(self, blocks: Sequence[Block]) -> list[Task]:
        """Tasks that decode what the blocks need of masks that are not read block by block."""
        tasks: list[Task] = []
        for mask, _ in self._masks:
            if mask.by_block:
                continue
            mask.allocate(self._files.dataset(mask.source).dtypes[mask.source.band_index - 1])
            tasks += [(partial(mask.preload, b), float(b.n_pixels)) for b in mask.blocks_to_preload(blocks)]
        return tasks

    def counted(self, block: Block) -> NDArray[np.int64]:
        """How many pixels of a block have each status (256,): a coarser mask is counted in its own pixels."""
        histogram = np.zeros(256, np.int64)
        whole = self._in_whole_pixels(block)
        if whole is None:
            count_codes(self.classified(block), histogram)
            return histogram
        classes, top, left, zoom, table = whole
        of_class = histogram.copy()
        count_part(classes, top, left, block.height // zoom, block.width // zoom, of_class)
        np.add.at(histogram, table, of_class * zoom**2)
        return histogram

    def classified(self, block: Block) -> NDArray[np.uint8]:
        """Status of each pixel of a block."""
        shape = (block.height, block.width)
        whole = self._in_whole_pixels(block)
        if whole is not None:
            status = np.empty(shape, np.uint8)
            classify_whole(*whole, status)
            return status
        if self._is_one_of_classes:
            mask, table = self._masks[0]
            status = np.empty(shape, np.uint8)
            numbers, rows, cols = mask.indexed(block)
            classify_nearest(as_classes(numbers), rows, cols, table, NO_DATA, status)
            return status
        status = np.full(shape, LAND, np.uint8)
        for mask, table in self._masks:
            numbers, rows, cols = mask.indexed(block)
            overlay_nearest(_as_unsigned(numbers), rows, cols, table, NO_DATA, status)
        return status

    @property
    def _is_one_of_classes(self) -> bool:
        """Whether there is one mask, whose numbers are classes."""
        return len(self._masks) == 1 and self._masks[0][1].size == 256

    def _in_whole_pixels(
        self, block: Block
    ) -> tuple[NDArray[np.uint8], int, int, int, NDArray[np.uint8]] | None:
        """Classes of a lone coarser mask whose pixels fill the block; row and column there, zoom, table."""
        mask, table = self._masks[0]
        zoom = mask.own_zoom
        edges = (block.row, block.col, block.height, block.width)
        if not self._is_one_of_classes or zoom is None or zoom == 1 or any(edge % zoom for edge in edges):
            return None
        if mask.plane.dtype != np.uint8:
            # Only what the block needs is made classes of, not the plane for each block.
            return as_classes(mask.own(block)), 0, 0, zoom, table
        return mask.plane, block.row // zoom, block.col // zoom, zoom, table


def _as_unsigned(numbers: NDArray[Any]) -> NDArray[Any]:
    return numbers if numbers.dtype in (np.uint8, np.uint16) else as_classes(numbers)
