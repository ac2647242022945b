"""Memory for the compressed tiles of a raster, row of tiles by row."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.rasters.writing.cog_layout import TILE_SIDE, frame, framed_bytes

_MOST_TILE_BYTES = 2 * TILE_SIDE**2 + 4096
"""Of a tile that cannot be compressed, in the file: ZSTD adds a two hundred and fifty-sixth."""


class TileRow:
    """The compressed tiles of one row, that come in any order and from any thread."""

    def __init__(self, n_tiles: int, memory: RowMemory) -> None:
        self.sizes: list[int] = [0] * n_tiles
        """In bytes; 0 for a tile that is not there yet."""
        self.place: int | None = None
        """Where in the file the row begins, once it is there and no more here."""
        self._lock = threading.Lock()
        self._lender, self._memory = memory, memory.empty
        self._framed: list[NDArray[np.uint8]] = [memory.empty] * n_tiles
        self._n_used = self._n_there = 0

    @property
    def is_whole(self) -> bool:
        """Whether all tiles are there."""
        return self._n_there == len(self.sizes)

    @property
    def n_framed_bytes(self) -> int:
        """What the tiles that are there take in the file."""
        return sum(framed_bytes(size) for size in self.sizes if size)

    def keep(self, col: int, content: NDArray[np.uint8]) -> None:
        """Copy the tile of a column, each once."""
        with self._lock:
            if self._memory is self._lender.empty:
                self._memory = self._lender.lend(len(self.sizes))
            start, self._n_used = self._n_used, self._n_used + framed_bytes(content.size)
            framed = self._memory[start : self._n_used]
        frame(content, framed)
        with self._lock:
            self._framed[col], self.sizes[col] = framed, content.size
            self._n_there += 1

    def framed(self) -> Iterator[memoryview]:
        """Yield the tiles from left to right as they are in the file; not after they were let go."""
        return (tile.data for tile in self._framed)

    def let_go(self, place: int) -> None:
        """Give the memory of tiles back that are in the file at ``place``."""
        self.place, self._framed = place, []
        self._lender.take_back(self._memory)
        self._memory = self._lender.empty


class RowMemory:
    """Lends rows of tiles their memory, and lends what comes back again.

    Kept among the arrays that come and go with each block, tiles would cost more than their place: the
    allocator gives each thread's memory in pieces of 64 MB, and once a piece was full of tiles, every array
    after that made a new piece and took it away again, some 1500 times in a pass.
    """

    def __init__(self) -> None:
        self.empty: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._lock = threading.Lock()
        self._free: list[NDArray[np.uint8]] = []

    def lend(self, n_tiles: int) -> NDArray[np.uint8]:
        """Return room for as many tiles, however badly they compress; untouched room takes no memory."""
        size = n_tiles * _MOST_TILE_BYTES
        with self._lock:
            for index, memory in enumerate(self._free):
                if memory.size == size:
                    return self._free.pop(index)
        # Not NumPy's own memory: it would ask for pages of 2 MB, which take longer to clear than small ones.
        return np.frombuffer(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)

    def take_back(self, memory: NDArray[np.uint8]) -> None:
        """Take back what nobody looks at any more."""
        with self._lock:
            self._free.append(memory)
