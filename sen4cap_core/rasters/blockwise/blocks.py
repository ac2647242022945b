"""How a pass is cut into blocks, and which of them hold parcels."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.pixels.zonal import cut_spans, mark_blocks
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans

WHOLE_SIDE = 1024
"""Smaller decode blocks are taken several at a time when all are read: 8 % less CPU on COG than with 512."""
SKIPPING_SIDE = 512
"""The same when blocks without a parcel are skipped, where small ones skip more of the image."""


@dataclass(frozen=True)
class Block:
    """A rectangle of pixels of a grid."""

    row: int
    col: int
    height: int
    width: int

    @property
    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((row start, row stop), (column start, column stop)), as rasterio takes it."""
        return (self.row, self.row + self.height), (self.col, self.col + self.width)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index into an array of the whole grid."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)

    @property
    def n_pixels(self) -> int:
        """Rows times columns."""
        return self.height * self.width

    def common(self, other: Block) -> Block:
        """The rectangle that two blocks share; they must overlap."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        bottom = min(self.row + self.height, other.row + other.height)
        right = min(self.col + self.width, other.col + other.width)
        return Block(row, col, bottom - row, right - col)

    def within(self, outer: Block) -> Block:
        """The same rectangle counted from the first pixel of another."""
        return Block(self.row - outer.row, self.col - outer.col, self.height, self.width)

    def zoomed(self, zoom: int) -> Block:
        """The same rectangle counted in pixels of ``zoom`` times the size; its edges must lie on theirs."""
        return Block(self.row // zoom, self.col // zoom, self.height // zoom, self.width // zoom)


def cut(shape: tuple[int, int], side: tuple[int, int]) -> list[Block]:
    """Cut an image into blocks of ``side`` (rows, columns) from its upper left corner, in reading order."""
    return [
        Block(row, col, min(side[0], shape[0] - row), min(side[1], shape[1] - col))
        for row in range(0, shape[0], side[0])
        for col in range(0, shape[1], side[1])
    ]


def pass_side(
    decode_sides: Sequence[tuple[int, int]], shape: tuple[int, int], at_least: int
) -> tuple[int, int]:
    """Choose the block (rows, columns) of a pass: whole decode blocks, so that none is decoded twice.

    Sides that share no small multiple (1024 and 640) follow the largest; the caller then reads the others
    whole.
    """

    def one(sides: list[int], length: int) -> int:
        largest = max(sides)
        if largest < at_least:
            largest *= -(-at_least // largest)
        return min(largest, length)

    return one([s[0] for s in decode_sides], shape[0]), one([s[1] for s in decode_sides], shape[1])


def pixel_offset(inner: Grid, outer: Grid) -> tuple[int, int]:
    """(rows, columns) from the corner of ``outer`` to that of ``inner``.

    Raises
    ------
    ValueError
        When the grids differ in zone, pixel size or by a part of a pixel.
    """
    rows = (outer.y_max_m - inner.y_max_m) / outer.resolution_m
    cols = (inner.x_min_m - outer.x_min_m) / outer.resolution_m
    same = inner.epsg == outer.epsg and abs(inner.resolution_m - outer.resolution_m) < 1e-6
    if not same or abs(rows - round(rows)) > 1e-3 or abs(cols - round(cols)) > 1e-3:
        raise ValueError(
            f"parcel labels of grid {outer.key} do not fit the pixels of {inner.key}: "
            "expected the same zone and pixel size and a shift of whole pixels; burn labels on this grid"
        )
    return round(rows), round(cols)


class BlockSpans:
    """Label spans by block of a grid that lies anywhere on (or partly beside) the grid of the labels."""

    def __init__(self, labels: LabelSpans, grid: Grid) -> None:
        self.labels = labels
        self.row_shift, self.col_shift = pixel_offset(grid, labels.grid)
        self._local = threading.local()

    def corner(self, block: Block) -> tuple[int, int]:
        """Row and column of a block's first pixel on the grid of the labels."""
        return block.row + self.row_shift, block.col + self.col_shift

    def of_rows(self, block: Block) -> slice:
        """Spans that lie in the block's rows."""
        top, _ = self.corner(block)
        return self.labels.of_rows(top, top + block.height)

    def touched(self, shape: tuple[int, int], side: tuple[int, int]) -> NDArray[np.bool_]:
        """Tell of each block that ``cut`` makes of a grid whether any parcel has a pixel there.

        Returns bool (rows of blocks, columns of blocks).
        """
        labels, rows_of_blocks = self.labels, -(-shape[0] // side[0])
        found = np.zeros((rows_of_blocks, -(-shape[1] // side[1])), bool)
        shift = self.row_shift, self.col_shift
        mark_blocks(*shift, *shape, *side, labels.rows, labels.first, labels.last, found)
        return found

    def touched_blocks(self, shape: tuple[int, int], side: tuple[int, int]) -> list[Block]:
        """Blocks of a grid in which any parcel has a pixel, in the order of ``cut``."""
        touched = self.touched(shape, side).ravel()
        return [block for block, touch in zip(cut(shape, side), touched, strict=True) if touch]

    def of_block(self, block: Block) -> NDArray[np.int32]:
        """Spans that lie in the block, as ``cut_spans`` gives them (4, n); the last block's are kept."""
        kept: tuple[Block, NDArray[np.int32]] | None = getattr(self._local, "kept", None)
        if kept is not None and kept[0] == block:
            return kept[1]
        labels, spans = self.labels, self.of_rows(block)
        parts = labels.rows[spans], labels.first[spans], labels.last[spans], labels.parcel[spans]
        out = np.empty((4, len(parts[0])), np.int32)
        found: NDArray[np.int32] = out[:, : cut_spans(*self.corner(block), block.width, *parts, out)].copy()
        self._local.kept = block, found
        return found


def nearest_indices(
    target_start_m: float,
    target_step_m: float,
    n_target: int,
    source_start_m: float,
    source_step_m: float,
    n_source: int,
) -> NDArray[np.int32]:
    """Index of the source pixel that holds each target pixel's centre along one axis, -1 outside.

    Both axes are measured in their own direction (northing counts downwards: pass negated northings). A
    centre on the border of two source pixels belongs to the one further along.
    """
    centres = target_start_m + (np.arange(n_target) + 0.5) * target_step_m
    index = np.floor((centres - source_start_m) / source_step_m + 1e-6).astype(np.int64)
    return np.where((index >= 0) & (index < n_source), index, -1).astype(np.int32)
