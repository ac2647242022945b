"""Writing a cloud-optimised GeoTIFF block by block: 512-pixel tiles, ZSTD, overviews by averaging.

GDAL's COG driver needs the finished image and then compresses it mostly on one thread: 4.8 s for a full
tile, a fifth of the JPEG 2000 decode and more than that of COG input. Here each block is compressed by
the thread that computed it, while it is in cache: one CPU second per tile in all. And a full disk is
Python's own, exact error.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.kernels.pixels.pyramid import difference_rows, halve
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import WHOLE_SIDE, Block, cut
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.blockwise.workers import Workers
from sen4cap_core.rasters.decoding.decode import decode_environment, open_band
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.writing.cog_file import CogFile
from sen4cap_core.rasters.writing.cog_layout import TILE_SIDE, CogLayout

ZOOM_TAG = "ZOOM"
"""Tag of a raster whose pixels are coarser than those of the pass: how many times."""

_ZSTD_LEVEL = 1
"""Level 3 makes a noisy NDVI no smaller."""


class CogBuilder:
    """Makes the tiles of one raster of blocks from several threads, and their file.

    A block of whole tiles is compressed and averaged at once, by the thread that brings it. The pixels of any
    other are kept tile by tile until a tile is whole. So it goes on with the averages, overview by overview.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        quantisation: Quantisation,
        *,
        description: str,
        tags: Mapping[str, str] | None = None,
        filled: NDArray[np.float64] | None = None,
    ) -> None:
        """Begin a raster, to be finished or removed.

        Parameters
        ----------
        filled : float (rows,), about how many pixels of each row will have a value; None: as many in each
        """
        self._nodata = quantisation.nodata
        layout = CogLayout(grid, quantisation, description, tags or {})
        self._shapes = layout.shapes
        self._file = CogFile(path, layout, filled)
        self._lock = threading.Lock()
        self._parts: dict[tuple[int, Block], _TileInParts] = {}

    @property
    def path(self) -> Path:
        """Where the file appears."""
        return self._file.path

    @property
    def n_bytes_left(self) -> int:
        """Of what is left to write."""
        return self._file.n_bytes_left

    def add(self, block: Block, values: NDArray[np.int16]) -> None:
        """Take the pixels of one block; blocks may come in any order and from any thread, each once.

        Raises
        ------
        OSError
            When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
        """
        self._add(0, block, values)
        self._file.write_rows()

    def finish(self) -> None:
        """Let the file appear, whole or not at all, once all blocks are there.

        Raises
        ------
        OSError
            When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
        ValueError
            When blocks are missing.
        """
        self._file.finish()

    def remove(self) -> None:
        """Leave nothing behind, not even the file that has appeared."""
        self._file.remove()

    def _add(self, level: int, block: Block, values: NDArray[np.int16]) -> None:
        for whole, pixels in self._whole(level, block, values):
            for tile in cut(pixels.shape, (TILE_SIDE, TILE_SIDE)):
                self._compress(level, whole.row + tile.row, whole.col + tile.col, pixels, tile)
            if level + 1 < len(self._shapes):
                half = np.empty((-(-whole.height // 2), -(-whole.width // 2)), np.int16)
                halve(pixels, self._nodata, 0, 0, half)
                self._add(level + 1, Block(whole.row // 2, whole.col // 2, *half.shape), half)

    def _whole(
        self, level: int, block: Block, values: NDArray[np.int16]
    ) -> Iterator[tuple[Block, NDArray[np.int16]]]:
        """Yield what is whole with a block: itself, or the tiles of which it brings the last pixels."""
        tiles = _tiles_under(block, self._shapes[level])
        if sum(tile.n_pixels for tile in tiles) == block.n_pixels:
            yield block, values
            return
        for tile in tiles:
            with self._lock:
                if (level, tile) not in self._parts:
                    self._parts[level, tile] = _TileInParts(tile)
                parts = self._parts[level, tile]
            n_taken = parts.take(block, values)
            with self._lock:
                parts.n_missing -= n_taken
                is_whole = parts.n_missing == 0
                if is_whole:
                    del self._parts[level, tile]
            if is_whole:
                yield tile, parts.pixels

    def _compress(self, level: int, row: int, col: int, values: NDArray[np.int16], part: Block) -> None:
        """Compress the tile at (row, col) of a level, which is a part of ``values``."""
        differences = np.empty((TILE_SIDE, TILE_SIDE), np.int16)
        difference_rows(values, part.row, part.col, self._nodata, differences)
        codec = pa.Codec("zstd", compression_level=_ZSTD_LEVEL)
        content = np.frombuffer(codec.compress(pa.py_buffer(differences)), np.uint8)
        self._file.keep(level, row // TILE_SIDE, col // TILE_SIDE, content)


class _TileInParts:
    """A tile that several blocks fill."""

    def __init__(self, tile: Block) -> None:
        self.tile = tile
        self.pixels: NDArray[np.int16] = np.empty((tile.height, tile.width), np.int16)
        self.n_missing = tile.n_pixels

    def take(self, block: Block, values: NDArray[np.int16]) -> int:
        """Copy what a block holds of the tile; return the number of pixels."""
        common = self.tile.common(block)
        self.pixels[common.within(self.tile).slices] = values[common.within(block).slices]
        return common.n_pixels


def _tiles_under(block: Block, shape: tuple[int, int]) -> list[Block]:
    """Tiles of an image that have pixels in a block, up to the image's edge."""
    top, left = block.row // TILE_SIDE * TILE_SIDE, block.col // TILE_SIDE * TILE_SIDE
    return [
        Block(row, col, min(TILE_SIDE, shape[0] - row), min(TILE_SIDE, shape[1] - col))
        for row in range(top, block.row + block.height, TILE_SIDE)
        for col in range(left, block.col + block.width, TILE_SIDE)
    ]


def write_cog(
    path: Path,
    values: NDArray[np.int16],
    grid: Grid,
    quantisation: Quantisation,
    *,
    threads: int,
    description: str,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write one band of stored int16 values that are in memory; the file appears whole or not at all.

    Parameters
    ----------
    values : int16 (rows, columns), ``quantisation.nodata`` where missing

    Raises
    ------
    OSError
        When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
    """
    builder = CogBuilder(path, grid, quantisation, description=description, tags=tags)

    def add(block: Block) -> None:
        builder.add(block, np.ascontiguousarray(values[block.slices]))

    try:
        with Workers(threads, 1.0, None) as workers:
            workers.run([(partial(add, block), 0.0) for block in cut(grid.shape, (WHOLE_SIDE, WHOLE_SIDE))])
        builder.finish()
    except BaseException:
        builder.remove()
        raise


def base_grid(path: Path, grid: Grid) -> Grid:
    """Return the grid of the pass that made one of our rasters, whose own pixels may be coarser.

    Raises
    ------
    UnreadableSceneError
        When the file cannot be read.
    """
    with decode_environment():
        dataset = open_band(BandSource(path.stem, str(path), grid))
        zoom = int(dataset.tags().get(ZOOM_TAG, "1"))
        dataset.close()
    return grid.at_resolution(grid.resolution_m / zoom)
