"""Observations of any parcels in any order laid out as series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.practices.order import sort_rows
from sen4cap_core.kernels.practices.rows import (
    COHERENCE,
    N_KINDS,
    NDVI,
    Rows,
    count_rows,
    scatter_rows,
)
from sen4cap_core.kernels.practices.series import Series, build_series, count_pairs
from sen4cap_core.tables.threads import run_in_chunks


@dataclass
class RowBatch:
    """Observations of any parcels, N rows."""

    parcel: NDArray[np.int32]
    """Row of the parcel among those looked at, -1 for any other."""
    kind: NDArray[np.int8]
    """AMP_VV, AMP_VH, COHERENCE or NDVI; -1 for what is not used."""
    orbit: NDArray[np.int16]
    """A number from 0 on."""
    day: NDArray[np.int32]
    start: NDArray[np.int32]
    """Earlier day of a coherence pair, 0 where unknown; empty when no row tells."""
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    first: int = field(init=False, default=0)
    """Least and greatest of ``parcel``."""
    last: int = field(init=False, default=-1)

    def __post_init__(self) -> None:
        if self.parcel.size:
            self.first, self.last = int(self.parcel.min()), int(self.parcel.max())


def series_of(
    batches: Sequence[RowBatch], n_parcels: int, n_orbits: int, min_acquisitions: int, original: bool
) -> Series:
    """Lay batches of observations out as series; of doubled rows the last one counts."""
    counts = np.zeros(N_KINDS * n_parcels, np.int64)
    for batch in batches:
        count_rows(batch.parcel, batch.kind, counts)
    rows, _ = lay_out(batches, counts, with_std=False)
    return build(rows, n_orbits, min_acquisitions, original)


def lay_out(batches: Sequence[RowBatch], counts: NDArray[np.int64], *, with_std: bool) -> tuple[Rows, bool]:
    """Put rows into their places and sort them; tell if standard deviations would matter.

    ``counts`` (4P) says how many each parcel and kind has; rows of other parcels are passed over.
    """
    n_parcels = counts.size // N_KINDS
    at = starts(counts)
    size = int(at[-1])
    with_std = with_std and all(b.std.size == b.mean.size for b in batches)
    has_starts = any(b.start.size for b in batches)
    rows = Rows(
        at=at,
        n=np.zeros(N_KINDS * n_parcels, np.int32),
        day=np.empty(size, np.int32),
        orbit=np.empty(size, np.int16),
        start=np.zeros(size if has_starts else 0, np.int32),
        mean=np.empty(size, np.float64),
        std=np.empty(size if with_std else 0, np.float64),
    )
    cursor = at[:-1].copy()

    def scatter(first: int, last: int) -> None:
        # Each thread looks at all batches, so that the rows of a parcel keep their order; in a table sorted
        # by parcel most batches hold none of its parcels.
        for b in batches:
            if b.last < first or b.first >= last:
                continue
            scatter_rows(first, last, b.parcel, b.kind, b.orbit, b.day, b.start, b.mean, b.std, cursor, rows)

    run_in_chunks(scatter, n_parcels)
    flags = run_in_chunks(lambda first, last: sort_rows(first, last, rows), n_parcels)
    return rows, any(flags) and not with_std


def build(rows: Rows, n_orbits: int, min_acquisitions: int, original: bool) -> Series:
    """Return the series of sorted rows."""
    n_parcels = rows.n.size // N_KINDS
    n_pairs = np.zeros(n_parcels, np.int64)
    run_in_chunks(lambda first, last: count_pairs(first, last, rows, n_pairs), n_parcels)
    pair_at = starts(n_pairs)
    coherence_at = starts(rows.n[COHERENCE::N_KINDS])
    ndvi_at = starts(rows.n[NDVI::N_KINDS])
    series = Series(
        pair_at=pair_at,
        pair_day=np.empty(pair_at[-1], np.int32),
        ratio_db=np.empty(pair_at[-1], np.float64),
        is_field=np.empty(pair_at[-1], np.bool_),
        coherence_at=coherence_at,
        coherence_day=np.empty(coherence_at[-1], np.int32),
        coherence=np.empty(coherence_at[-1], np.float64),
        rise=np.empty(coherence_at[-1], np.float64),
        coherence_orbit=np.empty(0 if original else coherence_at[-1], np.int16),
        pair_days=np.empty(0 if original else coherence_at[-1], np.int16),
        ndvi_at=ndvi_at,
        ndvi_day=np.empty(ndvi_at[-1], np.int32),
        ndvi=np.empty(ndvi_at[-1], np.float64),
        is_usable=np.zeros(n_parcels, np.bool_),
    )
    size = max(1, n_orbits)
    run_in_chunks(
        lambda first, last: build_series(first, last, rows, size, min_acquisitions, original, series),
        n_parcels,
    )
    return series


def starts(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return where each of some successive parts begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
