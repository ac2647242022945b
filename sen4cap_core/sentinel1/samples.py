"""Samples of geocoded bursts on disk: a burst has a gigabyte, and little of it is looked at at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


@dataclass(frozen=True)
class SampleFile:
    """Samples that stay on disk; rows are read when they are asked for."""

    path: Path

    def __getitem__(self, rows: slice) -> NDArray[np.complex64]:
        """Read some rows."""
        # Opened each time: pages of a file that stays mapped would count as our memory.
        return np.array(np.load(self.path, mmap_mode="r")[rows])


class SampleWriter:
    """A file of samples that is filled block by block, each point once."""

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        self.file = SampleFile(path)
        self._shape = shape
        image = npy.open_memmap(path, "w+", np.dtype(np.complex64), shape)
        self._offset = int(image.offset)

    def write(self, first_row: int, first_column: int, values: NDArray[np.complex64]) -> None:
        """Write a block at a place; OSError where the disk is full."""
        # Not through a mapping, whose written pages would count as our memory until the disk has them.
        with self.file.path.open("r+b") as target:
            for number, row in enumerate(values):
                place = (first_row + number) * self._shape[1] + first_column
                target.seek(self._offset + place * values.itemsize)
                target.write(row.tobytes())
