"""Writing a cloud-optimised GeoTIFF block by block: 512-pixel tiles, ZSTD, overviews by averaging.

GDAL's COG driver needs the finished image and then compresses it mostly on one thread: 4.8 s for a full
tile, a fifth of the JPEG 2000 decode and more than that of COG input. Here each block is compressed by
the thread that computed it, while it is in cache: one CPU second per tile in all. And a full disk is
Python's own, exact error.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.kernels.pixels.pyramid import difference_rows, halve
from sen4cap_core.rasters.bands import BandSource
from sen4cap_core.rasters.blocks import WHOLE_SIDE, Block, cut
from sen4cap_core.rasters.cog_layout import TILE_SIDE, assemble, level_shapes, tiles_across
from sen4cap_core.rasters.decode import decode_environment, open_band
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.tile_store import TileStore
from sen4cap_core.rasters.variables import Quantisation
from sen4cap_core.rasters.workers import Workers

ZOOM_TAG = "ZOOM"
"""Tag of a raster whose pixels are coarser than those of the pass: how many times."""

_GROUP_BYTES = 1 << 22
"""Of a file that are handed over at once."""
_MOST_PARTS = 1000
"""Linux takes 1024."""
_ZSTD_LEVEL = 1
"""Level 3 makes a noisy NDVI no smaller."""


class CogBuilder:
    """Collects the tiles of one raster from several threads, then writes the file.

    A block of whole tiles is compressed and averaged at once, by the thread that brings it. The pixels of any
    other are kept tile by tile until a tile is whole. So it goes on with the averages, overview by overview.
    """

    def __init__(self, grid: Grid, quantisation: Quantisation) -> None:
        self.grid = grid
        self.quantisation = quantisation
        self._shapes = level_shapes(grid.shape)
        self._levels: list[list[bytes | memoryview]] = [
            [b""] * (rows * cols) for rows, cols in (tiles_across(shape) for shape in self._shapes)
        ]
        self._store = TileStore()
        self._lock = threading.Lock()
        self._parts: dict[tuple[int, Block], _TileInParts] = {}

    def add(self, block: Block, values: NDArray[np.int16]) -> None:
        """Take the pixels of one block; blocks may come in any order and from any thread, each once."""
        self._add(0, block, values)

    def write(self, path: Path, *, description: str, tags: Mapping[str, str]) -> None:
        """Write the file, which appears whole or not at all, once all blocks are there.

        Raises
        ------
        OSError
            When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
        ValueError
            When blocks are missing.
        """
        if not all(all(tiles) for tiles in self._levels):
            raise ValueError(f"{path.name} cannot be written: the blocks do not fill {self.grid.key}")
        parts = assemble(self._levels, self.grid, self.quantisation, description, tags)
        write_parts(path, parts, self.size_bytes)

    @property
    def size_bytes(self) -> int:
        """Of all tiles that are compressed."""
        return sum(len(tile) for level in self._levels for tile in level)

    def _add(self, level: int, block: Block, values: NDArray[np.int16]) -> None:
        for whole, pixels in self._whole(level, block, values):
            for tile in cut(pixels.shape, (TILE_SIDE, TILE_SIDE)):
                self._compress(level, whole.row + tile.row, whole.col + tile.col, pixels, tile)
            if level + 1 < len(self._shapes):
                half = np.empty((-(-whole.height // 2), -(-whole.width // 2)), np.int16)
                halve(pixels, self.quantisation.nodata, 0, 0, half)
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
        difference_rows(values, part.row, part.col, self.quantisation.nodata, differences)
        across = tiles_across(self._shapes[level])[1]
        codec = pa.Codec("zstd", compression_level=_ZSTD_LEVEL)
        content = codec.compress(pa.py_buffer(differences), asbytes=True)
        self._levels[level][row // TILE_SIDE * across + col // TILE_SIDE] = self._store.keep(content)


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
    builder, workers = CogBuilder(grid, quantisation), Workers(threads, 1.0, None)

    def add(block: Block) -> None:
        builder.add(block, np.ascontiguousarray(values[block.slices]))

    try:
        workers.run([(partial(add, block), 0.0) for block in cut(grid.shape, (WHOLE_SIDE, WHOLE_SIDE))])
    finally:
        workers.close()
    builder.write(path, description=description, tags=tags or {})


def write_parts(path: Path, parts: Iterable[bytes | memoryview], size_bytes: int) -> None:
    """Write a file that appears whole or not at all; the error says what is missing when it cannot."""
    try:
        with (
            atomic_path(path) as temporary,
            temporary.open("wb", buffering=0) as handle,
            ThreadPoolExecutor(1) as disk,
        ):
            flush: Future[None] | None = None
            for together in _in_groups(parts):
                _write_all(handle.fileno(), together)
                # The disk takes what there is while the rest is handed over: at the end little is left.
                if flush is None or flush.done():
                    if flush is not None:
                        flush.result()
                    flush = disk.submit(os.fsync, handle.fileno())
            if flush is not None:
                flush.result()
    except OSError as error:
        raise cannot_write(path, error, size_bytes) from error


def _in_groups(parts: Iterable[bytes | memoryview]) -> Iterator[list[bytes | memoryview]]:
    """Put parts together that the system takes at once, which costs a fifth less than one by one."""
    group: list[bytes | memoryview] = []
    n_bytes = 0
    for part in parts:
        group.append(part)
        n_bytes += len(part)
        if n_bytes >= _GROUP_BYTES or len(group) >= _MOST_PARTS:
            yield group
            group, n_bytes = [], 0
    if group:
        yield group


def _write_all(descriptor: int, parts: Sequence[bytes | memoryview]) -> None:
    n_written = os.writev(descriptor, parts)
    if n_written < sum(len(part) for part in parts):
        # Cut short, by a signal or a disk about to be full: the next call goes on or says why not.
        rest = memoryview(b"".join(parts))[n_written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def cannot_write(path: Path, error: OSError, size_bytes: int) -> OSError:
    """Say which file could not be written and how much room it needs; keep the error number."""
    needed = max(1, -(-size_bytes // 1_000_000))
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OSError(
        error.errno or 0,
        f"cannot write {path.name}: {reason}. "
        f"It needs {needed} MB; make room in {path.parent} and run the job again",
        str(path),
    )


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
