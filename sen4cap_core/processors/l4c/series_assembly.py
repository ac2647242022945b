"""Series of a table whose rows stand parcel by parcel, made of each part of it as it is read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.practices.rows import N_KINDS, RowCodes, Rows, count_rows, translate_rows
from sen4cap_core.kernels.practices.runs import FOREIGN, lay_out_runs
from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.processors.l4c.series_making import RowBatch, build, lay_out


@dataclass
class CodedBatch:
    """Observations as a table holds them, N rows in R runs of the same parcel."""

    run_at: NDArray[np.int64]
    """(R + 1) first row of each run, and N."""
    run_parcel: NDArray[np.int32]
    """(R) row of the parcel among those looked at, -1 for any other."""
    codes: RowCodes
    start: NDArray[np.int32]
    """Earlier day of a coherence pair, 0 where unknown; empty when no row tells."""
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def translated(self, last_day: int, run: int | None = None) -> tuple[RowBatch, int]:
        """Return the rows, or those of one run, in plain terms, and the last day up to ``last_day``."""
        part = slice(None) if run is None else slice(self.run_at[run], self.run_at[run + 1])
        rows_of_run = np.diff(self.run_at)
        chosen = slice(None) if run is None else slice(run, run + 1)
        parcel = np.repeat(self.run_parcel[chosen], rows_of_run[chosen])
        c = self.codes
        n = parcel.size
        found = RowBatch(
            parcel=parcel,
            kind=np.empty(n, np.int8),
            orbit=np.empty(n, np.int16),
            day=np.empty(n, np.int32),
            start=self.start[part],
            mean=self.mean[part],
            std=self.std[part],
        )
        codes = c._replace(kind=c.kind[part], pol=c.pol[part], orbit=c.orbit[part], day=c.day[part])
        latest = translate_rows(found.mean, codes, last_day, found.kind, found.orbit, found.day)
        return found, latest


@dataclass
class Assembly:
    """Series made of each batch as it comes: its rows are in the cache, and none but those of the last
    parcel, of which there may be more in the next batch, are kept. Parcels may come in any order, each once.
    """

    n_parcels: int
    last_day: int
    """Rows after it are left out."""
    min_acquisitions: int
    original: bool
    latest: int = 0
    """Last day of the rows that were not left out, of whatever parcel."""
    place: NDArray[np.int32] = field(init=False)
    """(P) which series each parcel has, -1 for one without rows."""
    _parts: list[Series] = field(default_factory=list)
    _open: list[RowBatch] = field(default_factory=list)
    """Rows of the parcel ``_open_parcel``, whose series comes next."""
    _open_parcel: int = FOREIGN
    _n_made: int = 0
    _room: Rows | None = None
    """Room for the rows of a batch."""

    def __post_init__(self) -> None:
        self.place = np.full(self.n_parcels, FOREIGN, np.int32)

    def add(self, batch: CodedBatch, n_orbits: int) -> bool:
        """Take a batch; False when it goes back to an earlier parcel, or standard deviations would matter."""
        ours = np.flatnonzero(batch.run_parcel >= 0)
        if ours.size and self._open and batch.run_parcel[ours[0]] == self._open_parcel:
            self._open.append(batch.translated(self.last_day, int(ours[0]))[0])
            ours = ours[1:]
        fresh = batch.run_parcel[ours]
        first = self._n_made + bool(self._open)
        places = np.arange(first, first + fresh.size, dtype=np.int32)
        if (self.place[fresh] != FOREIGN).any():
            return False
        self.place[fresh] = places
        if (self.place[fresh] != places).any():
            return False
        whole = np.full(batch.run_parcel.size, FOREIGN, np.int32)
        n_whole = max(0, fresh.size - 1)
        if fresh.size:
            if self._open and not self._make_open(n_orbits):
                return False
            whole[ours[:-1]] = places[:-1] - first
            self._open = [batch.translated(self.last_day, int(ours[-1]))[0]]
            self._open_parcel = int(fresh[-1])
        rows = self._rows(batch, n_whole)
        latest, is_suspicious = lay_out_runs(
            batch.run_at, whole, batch.codes, batch.start, batch.mean, self.last_day, rows
        )
        self.latest = max(self.latest, latest)
        if n_whole:
            self._parts.append(build(rows, n_orbits, self.min_acquisitions, self.original))
            self._n_made += n_whole
        return not is_suspicious

    def finish(self, n_orbits: int) -> Series | None:
        """Make what is left and return all series; None when standard deviations would matter."""
        if self._open and not self._make_open(n_orbits):
            return None
        if not self._parts:
            rows, _ = lay_out([], np.zeros(N_KINDS * self.n_parcels, np.int64), with_std=False)
            self.place = np.arange(self.n_parcels, dtype=np.int32)
            return build(rows, n_orbits, self.min_acquisitions, self.original)
        return join_series(self._parts)

    def _make_open(self, n_orbits: int) -> bool:
        counts = np.zeros(N_KINDS, np.int64)
        for batch in self._open:
            batch.parcel[:] = batch.first = batch.last = 0
            count_rows(batch.parcel, batch.kind, counts)
        rows, is_suspicious = lay_out(self._open, counts, with_std=False)
        self._parts.append(build(rows, n_orbits, self.min_acquisitions, self.original))
        self._n_made += 1
        return not is_suspicious

    def _rows(self, batch: CodedBatch, n_parcels: int) -> Rows:
        """Room for the rows of some parcels of a batch, the same for every batch if it is large enough."""
        size, room = batch.mean.size, self._room
        if room is None or room.day.size < size or (room.start.size > 0) != (batch.start.size > 0):
            room = Rows(
                at=np.empty(0, np.int64),
                n=np.empty(0, np.int32),
                day=np.empty(size, np.int32),
                orbit=np.empty(size, np.int16),
                start=np.empty(size if batch.start.size > 0 else 0, np.int32),
                mean=np.empty(size, np.float64),
                std=np.empty(0, np.float64),
            )
            self._room = room
        cells = N_KINDS * n_parcels
        return room._replace(at=np.empty(cells + 1, np.int64), n=np.empty(cells, np.int32))


def join_series(parts: Sequence[Series]) -> Series:
    """Return the series of successive parcels as one."""
    if len(parts) == 1:
        return parts[0]

    def joined(name: str) -> NDArray[np.generic]:
        arrays = [getattr(part, name) for part in parts]
        if name.endswith("_at"):
            offsets = np.concatenate([[0], np.cumsum([array[-1] for array in arrays])])
            arrays = [array[:-1] + offset for array, offset in zip(arrays, offsets, strict=False)]
            arrays.append(offsets[-1:])
        return np.concatenate(arrays)

    # Copying does not hold the interpreter's lock.
    with ThreadPoolExecutor() as pool:
        return Series(*pool.map(joined, Series._fields))  # type: ignore[arg-type]
