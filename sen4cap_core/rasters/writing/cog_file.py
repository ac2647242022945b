"""Laying the tiles of a cloud-optimised GeoTIFF down while they are made.

The overviews stand before the full resolution, but are known only with the last block. So room is left for
them: what the first rows of tiles of the largest overview took says how much all of it will take, and with
it the smaller ones. From then on each row of the full resolution and of the largest overview is written as
soon as it is there and those before it are, and its memory lent again. What is left for the end is small. An
eighth more room than expected is left, which no file system stores and no reader looks at. Where even that
is too little, the file is written once more.

A full tile of NDVI has 178 MB: kept to the end they would cost a tenth of the pass, half of it waiting for
the disk.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.rasters.writing.cog_layout import (
    LEADER_BYTES,
    TILE_SIDE,
    CogLayout,
    aligned,
    framed_bytes,
    tiles_across,
)
from sen4cap_core.rasters.writing.new_file import NewFile, Part
from sen4cap_core.rasters.writing.tile_rows import RowMemory, TileRow

_FIRST_SHARE = 0.08
"""Part of the expected pixels that the first rows must hold before all is judged by them."""
_MOST_FIRST_SHARE = 0.5
"""Where they hold more, what is left is not worth it."""
_SPARE = 1.12
"""Room for overviews, as a multiple of what they are expected to take."""


class CogFile:
    """The tiles of one raster, from several threads, on their way into the file."""

    def __init__(self, path: Path, layout: CogLayout, filled: NDArray[np.float64] | None = None) -> None:
        """Begin a raster, whose file is made when there is something to write.

        Parameters
        ----------
        filled : float (rows,), about how many pixels of each row will have a value; None: all
        """
        self.path, self._layout = path, layout
        self._levels = _tile_rows(layout)
        self._filled = np.ones(layout.shapes[0][0]) if filled is None or not filled.any() else filled
        self._lock = threading.Lock()
        self._file: NewFile | None = None
        self._rooms: list[_Room] = []
        self._expected_bytes = 0
        self._has_appeared = False

    def keep(self, level: int, row: int, col: int, content: NDArray[np.uint8]) -> None:
        """Take one compressed tile."""
        self._levels[level][row].keep(col, content)

    @property
    def n_bytes_left(self) -> int:
        """Of the tiles that are there and not yet written."""
        return _n_bytes(row for row in chain.from_iterable(self._levels) if row.place is None)

    def write_rows(self) -> None:
        """Write what can be written by now.

        Raises
        ------
        OSError
            When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
        """
        try:
            with self._lock:
                if self._file is None:
                    self._leave_room()
                rows = [found for room in self._rooms for found in room.take()]
            for row, place in rows:
                assert self._file is not None
                self._file.write(place, row.framed())
                row.let_go(place)
        except OSError as error:
            raise cannot_write(self.path, error, self._expected_bytes) from error

    def finish(self) -> None:
        """Write the rest and let the file appear.

        Raises
        ------
        OSError
            When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
        ValueError
            When tiles are missing.
        """
        if not all(row.is_whole for row in chain.from_iterable(self._levels)):
            raise ValueError(f"{self.path.name} cannot be written: the blocks do not fill it")
        try:
            if self._file is None or not self._write_front(self._file):
                self._write_in_order()
        except OSError as error:
            size = _n_bytes(chain.from_iterable(self._levels))
            raise cannot_write(self.path, error, size) from error
        self._has_appeared = True

    def remove(self) -> None:
        """Take away what was written, also the file where it has appeared."""
        if self._file is not None:
            self._file.discard()
        if self._has_appeared:
            self.path.unlink(missing_ok=True)

    def _leave_room(self) -> None:
        """Begin the file, once the first rows are there."""
        found = self._first_rows()
        if found is None:
            return
        n, share = found
        largest, *smaller = (rows * cols for rows, cols in self._layout.shapes[1:])
        of_largest = _n_bytes(self._levels[1][:n]) / share * _SPARE
        overview_at = self._layout.n_header_bytes + aligned(int(of_largest * sum(smaller) / largest))
        full_at = overview_at + aligned(int(of_largest))
        self._expected_bytes = full_at + int(_n_bytes(self._levels[0][: 2 * n]) / share)
        self._rooms = [_Room(self._levels[1], overview_at, full_at), _Room(self._levels[0], full_at, None)]
        self._file = NewFile(self.path)

    def _first_rows(self) -> tuple[int, float] | None:
        """Rows of the largest overview that hold enough, and their share of all pixels.

        The same ones whichever thread was quicker, or None while they are not there.
        """
        for n, row in enumerate(self._levels[1] if len(self._levels) > 1 else (), 1):
            if not row.is_whole:
                return None
            share = float(self._filled[: 2 * n * TILE_SIDE].sum() / self._filled.sum())
            if share >= _FIRST_SHARE:
                return (n, share) if share <= _MOST_FIRST_SHARE else None
        return None

    def _write_front(self, file: NewFile) -> bool:
        """Write what comes before the rooms; false where something has found no room."""
        smaller = _smallest_first(self._levels[2:])
        if not all(room.is_written for room in self._rooms):
            return False
        if self._layout.n_header_bytes + _n_bytes(smaller) > self._rooms[0].start:
            return False
        places = _places(smaller, self._layout.n_header_bytes)
        file.write(0, chain(self._header(places), *map(TileRow.framed, smaller)))
        file.publish()
        return True

    def _write_in_order(self) -> None:
        """Write the whole file anew, without any room between."""
        rows = _smallest_first(self._levels)
        places = _places(rows, self._layout.n_header_bytes)
        before, self._file = self._file, NewFile(self.path)
        try:
            self._file.write(0, chain(self._header(places), *(_parts(row, before) for row in rows)))
            self._file.publish()
        finally:
            if before is not None:
                before.discard()

    def _header(self, places: Mapping[TileRow, int]) -> Iterator[bytes]:
        offsets: list[list[int]] = []
        for level in self._levels:
            offsets.append([])
            for row in level:
                at = places.get(row, row.place)
                assert at is not None
                for size in row.sizes:
                    offsets[-1].append(at + LEADER_BYTES)
                    at += framed_bytes(size)
        sizes = [[size for row in level for size in row.sizes] for level in self._levels]
        return self._layout.header(offsets, sizes)


class _Room:
    """Where in the file the rows of one level go, one after the other."""

    def __init__(self, rows: Sequence[TileRow], start: int, end: int | None) -> None:
        """Leave room from ``start`` to ``end``; None: as much as it takes."""
        self.start = start
        self._rows, self._at, self._end = rows, start, end
        self._n_taken = 0

    @property
    def is_written(self) -> bool:
        return all(row.place is not None for row in self._rows)

    def take(self) -> Iterator[tuple[TileRow, int]]:
        """Yield the rows that are there and follow the last one, with their places, each once."""
        while self._n_taken < len(self._rows) and self._rows[self._n_taken].is_whole:
            row, at = self._rows[self._n_taken], self._at
            if self._end is not None and at + row.n_framed_bytes > self._end:
                return
            self._n_taken, self._at = self._n_taken + 1, at + row.n_framed_bytes
            yield row, at


def _tile_rows(layout: CogLayout) -> list[list[TileRow]]:
    memory = RowMemory()
    return [
        [TileRow(cols, memory) for _ in range(rows)]
        for rows, cols in (tiles_across(shape) for shape in layout.shapes)
    ]


def _smallest_first(levels: Sequence[Sequence[TileRow]]) -> list[TileRow]:
    return [row for level in reversed(levels) for row in level]


def _n_bytes(rows: Iterable[TileRow]) -> int:
    return sum(row.n_framed_bytes for row in rows)


def _parts(row: TileRow, file: NewFile | None) -> Iterator[Part]:
    """A row's tiles, from where they are kept or from the file they are in."""
    if row.place is None:
        yield from row.framed()
    else:
        assert file is not None
        yield file.read(row.place, row.n_framed_bytes)


def _places(rows: Sequence[TileRow], start: int) -> dict[TileRow, int]:
    """Where rows lie, one behind the other from byte ``start`` on."""
    places = {}
    for row in rows:
        places[row] = start
        start += row.n_framed_bytes
    return places


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
