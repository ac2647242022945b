"""Memory for what a pass keeps to its end: thousands of compressed tiles, a third of a gigabyte."""

from __future__ import annotations

import mmap
import threading

import numpy as np
from numpy.typing import NDArray

_CHUNK_BYTES = 1 << 26
"""What is not used of a chunk is never touched, and takes no memory."""


class TileStore:
    """Keeps copies of byte strings side by side in few large pieces of memory.

    Kept one by one they would lie between the arrays that come and go with each block. The allocator gives
    each thread's memory in pieces of 64 MB: once a piece was full of tiles, every array after that made a
    new piece and took it away again, some 1500 times in a pass.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunk = _chunk(0)
        self._n_used = 0

    def keep(self, content: bytes) -> memoryview:
        """Copy ``content``; from any thread. The memory is given back with the last view on it."""
        size = len(content)
        with self._lock:
            if self._n_used + size > len(self._chunk):
                self._chunk, self._n_used = _chunk(size), 0
            place = self._chunk[self._n_used : self._n_used + size]
            self._n_used += size
        place[:] = np.frombuffer(content, np.uint8)
        return place.data


def _chunk(at_least: int) -> NDArray[np.uint8]:
    # Not NumPy's own memory: it would ask for pages of 2 MB, which take longer to clear than many small ones.
    memory = mmap.mmap(-1, max(_CHUNK_BYTES, at_least), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, np.uint8)
