"""Writing a cloud-optimised GeoTIFF block by block: 512-pixel tiles, ZSTD, overviews by averaging.

GDAL's COG driver needs the finished image and then compresses it mostly on one thread: 4.8 s for a full
tile, a fifth of the JPEG 2000 decode and more than that of COG input. Here each block is compressed by
the thread that computed it, while it is in cache: one CPU second per tile in all. And a full disk is
Python's own, exact error.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.kernels.pixels.pyramid import difference_rows, halve
from sen4cap_core.rasters.bands import BandSource
from sen4cap_core.rasters.blocks import Block, cut
from sen4cap_core.rasters.cog_layout import TILE_SIDE, assemble, level_shapes, tiles_across
from sen4cap_core.rasters.decode import decode_environment, open_band
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.variables import Quantisation
from sen4cap_core.rasters.workers import Task, Workers

ZOOM_TAG = "ZOOM"
"""Tag of a raster whose pixels are coarser than those of the pass: how many times."""

_FLUSH_BYTES = 1 << 24
"""Smaller files are given to the disk at once."""
_ZSTD_LEVEL = 1
"""Level 3 makes a noisy NDVI no smaller."""


class CogBuilder:
    """Collects the compressed tiles of one raster from several threads, then writes the file.

    Tiles that lie within one block are compressed with it, those of overviews too (blocks of 1024 pixels
    fill one of the first); the pixels of the others are kept till the end. They are averaged block by block
    as well, wherever blocks begin and end between two pixels of the overview.
    """

    def __init__(self, grid: Grid, quantisation: Quantisation, side: tuple[int, int] | None) -> None:
        """Take blocks of ``side`` (rows, columns), or None for any size; together they fill the grid."""
        self.grid = grid
        self.quantisation = quantisation
        self._shapes = level_shapes(grid.shape)
        self._levels: list[list[bytes]] = [
            [b""] * (rows * cols) for rows, cols in (tiles_across(shape) for shape in self._shapes)
        ]
        n_at_once = _whole_levels(grid.shape, side, len(self._shapes), TILE_SIDE)
        self._n_by_block = max(_whole_levels(grid.shape, side, len(self._shapes), 1), 1)
        self._pixels: dict[int, NDArray[np.int16]] = {
            level: np.empty(shape, np.int16) for level, shape in enumerate(self._shapes) if level >= n_at_once
        }

    def add(self, block: Block, values: NDArray[np.int16]) -> None:
        """Take the pixels of one block; blocks may come in any order and from any thread."""
        nodata = self.quantisation.nodata
        for level in range(len(self._shapes)):
            row, col = block.row >> level, block.col >> level
            if level in self._pixels:
                self._pixels[level][row : row + values.shape[0], col : col + values.shape[1]] = values
            else:
                for tile in cut(values.shape, (TILE_SIDE, TILE_SIDE)):
                    self._compress(level, row + tile.row, col + tile.col, values, tile.row, tile.col)
            if level + 1 == self._n_by_block:
                return
            half = np.empty((-(-values.shape[0] // 2), -(-values.shape[1] // 2)), np.int16)
            halve(values, nodata, 0, 0, half)
            values = half

    def finish(self, path: Path, workers: Workers, *, description: str, tags: Mapping[str, str]) -> None:
        """Compress what is left and write the file, which appears whole or not at all.

        Raises
        ------
        OSError
            When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
        """
        workers.run(self.remaining())
        self.write(path, description=description, tags=tags)

    def remaining(self) -> list[Task]:
        """Tasks that compress the tiles whose pixels were kept, once all blocks are there, each once."""
        tasks: list[Task] = []
        kept, self._pixels = self._pixels, {}
        for level, pixels in kept.items():
            if level >= self._n_by_block:
                halve(kept[level - 1], self.quantisation.nodata, 0, 0, pixels)
            tasks += [
                (partial(self._compress, level, t.row, t.col, pixels, t.row, t.col), 0.0)
                for t in cut(pixels.shape, (TILE_SIDE, TILE_SIDE))
            ]
        return tasks

    def write(self, path: Path, *, description: str, tags: Mapping[str, str]) -> None:
        """Write the file as ``finish``; what nobody compressed of ``remaining`` is compressed here."""
        for compress, _ in self.remaining():
            compress()
        parts = assemble(self._levels, self.grid, self.quantisation, description, tags)
        write_parts(path, parts, self.size_bytes)

    @property
    def size_bytes(self) -> int:
        """Of all tiles that are compressed."""
        return sum(len(tile) for level in self._levels for tile in level)

    def _compress(
        self, level: int, row: int, col: int, values: NDArray[np.int16], row_offset: int, col_offset: int
    ) -> None:
        """Compress the tile at (row, col) of a level, whose pixels begin at the offsets in ``values``."""
        differences = np.empty((TILE_SIDE, TILE_SIDE), np.int16)
        difference_rows(values, row_offset, col_offset, self.quantisation.nodata, differences)
        across = tiles_across(self._shapes[level])[1]
        codec = pa.Codec("zstd", compression_level=_ZSTD_LEVEL)
        content = codec.compress(pa.py_buffer(differences), asbytes=True)
        self._levels[level][row // TILE_SIDE * across + col // TILE_SIDE] = content


def _whole_levels(shape: tuple[int, int], side: tuple[int, int] | None, n_levels: int, step: int) -> int:
    """Levels on which a block of ``side`` begins and ends at a multiple of ``step`` pixels."""
    if side is None:
        return 0
    level = 0
    while level < n_levels and all(
        s % (step << level) == 0 or s >= n for s, n in zip(side, shape, strict=True)
    ):
        level += 1
    return level


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
    builder = CogBuilder(grid, quantisation, None)
    builder.add(Block(0, 0, *grid.shape), values)
    workers = Workers(threads, 1.0, None)
    try:
        builder.finish(path, workers, description=description, tags=tags or {})
    finally:
        workers.close()


def write_parts(path: Path, parts: Iterable[bytes], size_bytes: int) -> None:
    """Write a file that appears whole or not at all; the error says what is missing when it cannot."""
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as handle, ThreadPoolExecutor(1) as disk:
            flush: Future[None] | None = None
            n_waiting = 0
            for part in parts:
                handle.write(part)
                n_waiting += len(part)
                if n_waiting >= _FLUSH_BYTES and (flush is None or flush.done()):
                    if flush is not None:
                        flush.result()
                    # The disk takes what there is while the rest is handed over: at the end little is left.
                    flush, n_waiting = disk.submit(os.fsync, handle.fileno()), 0
            if flush is not None:
                flush.result()
    except OSError as error:
        raise cannot_write(path, error, size_bytes) from error


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
