"""The bands of a pass, brought to its grid block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.status import take_nearest
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block, cut, nearest_indices
from sen4cap_core.rasters.decoding.decode import BandFiles, unreadable
from sen4cap_core.rasters.grids.grid import Grid


class BandInput:
    """One band on the grid of a pass.

    A band on the same grid, or on one of pixels two or more times the size, whose decode blocks nest in the
    pass's is read block by block: its pixels are still in the processor's cache when they are used. Any other
    (other tilings, as of 20 m bands in JPEG 2000) is decoded once into memory before the pass and taken from
    there by nearest neighbour.
    """

    def __init__(
        self,
        source: BandSource,
        grid: Grid,
        side: tuple[int, int],
        decode_side: tuple[int, int],
        files: BandFiles,
        *,
        kept: bool = False,
    ) -> None:
        """``kept`` keeps a coarser band in memory all the same, because its blocks are asked for again."""
        self.source = source
        self._files = files
        self._decode_side = decode_side
        own = source.grid
        if own.epsg != grid.epsg:
            raise unreadable(source, f"it lies in EPSG:{own.epsg}, the product in EPSG:{grid.epsg}")
        step = own.resolution_m
        self._rows = nearest_indices(
            -grid.y_max_m, grid.resolution_m, grid.height, -own.y_max_m, step, own.height
        )
        self._cols = nearest_indices(
            grid.x_min_m, grid.resolution_m, grid.width, own.x_min_m, step, own.width
        )
        zoom = max(round(step / grid.resolution_m), 1)
        nested = all(
            s >= n or s % (d * zoom) == 0 for s, d, n in zip(side, decode_side, grid.shape, strict=True)
        )
        fills = own == (grid if zoom == 1 else grid.zoomed(zoom))
        self.by_block = fills and nested and not (kept and zoom > 1)
        self.own_zoom = zoom if fills else None
        """How many times the grid's the band's own pixels are; None where they do not fill the grid."""
        self.covers = bool((self._rows >= 0).all() and (self._cols >= 0).all())
        self._plane: NDArray[Any] | None = None

    def blocks_to_preload(self, needed: Sequence[Block]) -> list[Block]:
        """Decode blocks that the needed blocks of the pass take pixels from; none if read by block."""
        if self.by_block:
            return []
        side_rows, side_cols = self._decode_side
        shape = self.source.grid.shape
        wanted = np.zeros((-(-shape[0] // side_rows), -(-shape[1] // side_cols)), bool)
        for block in needed:
            rows, cols = (
                index[part] for index, part in zip((self._rows, self._cols), block.slices, strict=True)
            )
            rows, cols = rows[rows >= 0], cols[cols >= 0]
            if rows.size and cols.size:
                wanted[
                    rows[0] // side_rows : rows[-1] // side_rows + 1,
                    cols[0] // side_cols : cols[-1] // side_cols + 1,
                ] = True
        blocks = cut(shape, self._decode_side)
        return [block for block, want in zip(blocks, wanted.ravel(), strict=True) if want]

    def allocate(self, dtype: Any) -> None:
        """Make room for a band that is preloaded."""
        self._plane = np.zeros(self.source.grid.shape, dtype)

    def preload(self, block: Block) -> None:
        """Decode one block into memory."""
        assert self._plane is not None
        self._plane[block.slices] = self._files.read(self.source, block)

    @property
    def plane(self) -> NDArray[Any]:
        """All pixels of a band that was preloaded, on its own grid."""
        assert self._plane is not None
        return self._plane

    def own(self, block: Block) -> NDArray[Any]:
        """Digital numbers of a block in the band's own pixels, which must fill the grid."""
        assert self.own_zoom is not None
        part = block if self.own_zoom == 1 else block.zoomed(self.own_zoom)
        if self.by_block:
            return self._files.read(self.source, part)
        # Kernels are compiled for whole rows of memory, and for nothing else.
        return np.ascontiguousarray(self.plane[part.slices])

    def indexed(self, block: Block) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32]]:
        """Pixels, and for each row and column of the block the row and column in them (-1 outside)."""
        if self.by_block:
            return self.own(block), *self._steps(block)
        rows, cols = block.slices
        return self.plane, self._rows[rows], self._cols[cols]

    def read(self, block: Block) -> NDArray[Any]:
        """Return a preloaded band's numbers on the block's pixels; outside the band its no-data value."""
        if not self.covers and self.source.nodata is None:
            raise unreadable(self.source, "it does not cover the product and has no no-data value")
        values, rows, cols = self.indexed(block)
        out = np.empty((block.height, block.width), values.dtype)
        outside = 0.0 if self.source.nodata is None else self.source.nodata
        take_nearest(values, rows, cols, outside, out)
        return out

    def spread(self, own: NDArray[Any], block: Block) -> NDArray[Any]:
        """Give each pixel of a block the number of the band's own pixel that it lies in."""
        if self.own_zoom == 1:
            return own
        out = np.empty((block.height, block.width), own.dtype)
        take_nearest(own, *self._steps(block), 0.0, out)
        return out

    def _steps(self, block: Block) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        step = self.own_zoom or 1
        rows, cols = (np.arange(n, dtype=np.int32) // step for n in (block.height, block.width))
        return rows, cols
