"""Long tables of radar and optical parcel means laid out parcel by parcel."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel

N_KINDS: Final = 4
AMP_VV: Final = 0
AMP_VH: Final = 1
COHERENCE: Final = 2
NDVI: Final = 3


class Rows(NamedTuple):
    """Observations of all parcels; those of parcel ``p`` and kind ``k`` stand at ``at[4p+k]`` onwards."""

    at: NDArray[np.int64]
    """(4P + 1) first row of each parcel and kind."""
    n: NDArray[np.int32]
    """(4P) rows left of each parcel and kind once doubled ones are dropped."""
    day: NDArray[np.int32]
    orbit: NDArray[np.int16]
    start: NDArray[np.int32]
    """Earlier date of a coherence pair, 0 where unknown; empty when no table names it."""
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    """Empty when not read."""


@inner_kernel
def count_rows(parcel: NDArray[np.int32], kind: NDArray[np.int8], counts: NDArray[np.int64]) -> None:
    """Add the rows of a batch to ``counts`` (4P); rows without a parcel or kind (-1) are passed over."""
    for i in range(parcel.size):
        if parcel[i] >= 0 and kind[i] >= 0:
            counts[N_KINDS * parcel[i] + kind[i]] += 1


class RowCodes(NamedTuple):
    """Texts of N rows as positions in tables of what they mean; -1 is a missing text, the last place."""

    kind: NDArray[np.int32]
    pol: NDArray[np.int32]
    orbit: NDArray[np.int32]
    day: NDArray[np.int32]
    kind_of: NDArray[np.int8]
    """(kinds, polarisations) AMP_VV, AMP_VH, COHERENCE or NDVI; -1 for what is not used."""
    orbit_of: NDArray[np.int16]
    day_of: NDArray[np.int32]


@inner_kernel
def translate_rows(
    mean: NDArray[np.float64],
    codes: RowCodes,
    last_day: int,
    kind: NDArray[np.int8],
    orbit: NDArray[np.int16],
    day: NDArray[np.int32],
) -> int:
    """Write kind, orbit and day of each row.

    A row without a value (NaN) or after ``last_day`` gets kind -1. Returns the last day of the others, of
    whatever parcel; 0 without any.
    """
    latest = 0
    for i in range(mean.size):
        day[i] = codes.day_of[codes.day[i]]
        orbit[i] = codes.orbit_of[codes.orbit[i]]
        kind[i] = codes.kind_of[codes.kind[i], codes.pol[i]]
        if math.isnan(mean[i]) or day[i] > last_day:
            kind[i] = -1
        if kind[i] >= 0:
            latest = max(latest, day[i])
    return latest


@inner_kernel
def scatter_rows(
    first: int,
    last: int,
    parcel: NDArray[np.int32],
    kind: NDArray[np.int8],
    orbit: NDArray[np.int16],
    day: NDArray[np.int32],
    start: NDArray[np.int32],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    cursor: NDArray[np.int64],
    rows: Rows,
) -> None:
    """Put the rows of parcels ``first`` to ``last`` (exclusive) of a batch into their places; ``cursor`` (4P)
    holds the next free one of each parcel and kind.
    """
    has_start = rows.start.size > 0 and start.size > 0
    has_std = rows.std.size > 0
    for i in range(parcel.size):
        if parcel[i] < first or parcel[i] >= last or kind[i] < 0:
            continue
        cell = N_KINDS * parcel[i] + kind[i]
        to = cursor[cell]
        cursor[cell] = to + 1
        rows.day[to] = day[i]
        rows.orbit[to] = orbit[i]
        rows.mean[to] = mean[i]
        if has_start:
            rows.start[to] = start[i]
        if has_std:
            rows.std[to] = std[i]
