"""Radar numbers: stored to physical, and parcel sums of real-valued pixels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

POWER: Final = 0
AMPLITUDE: Final = 1
DECIBEL: Final = 2
COHERENCE: Final = 3


@kernel
def to_physical(
    stored: NDArray[Any], scale: int, factor: float, offset: float, missing: float, out: NDArray[np.float32]
) -> None:
    """Turn stored numbers into linear power, or coherence into 0..1; NaN where there is none.

    Missing are the file's no-data value, what is not finite, power and amplitude that are not above zero
    (they have no decibel, and outside of its swath a product without a no-data value holds zeros), and
    coherence of zero or less.

    Parameters
    ----------
    stored : (rows, columns) of any number type
    scale : POWER, AMPLITUDE, DECIBEL or COHERENCE: what ``stored * factor + offset`` is
    missing : no-data value in stored numbers, NaN for none
    out : float32 (rows, columns)
    """
    for r in range(stored.shape[0]):
        for c in range(stored.shape[1]):
            number = np.float64(stored[r, c])
            value = number * factor + offset
            out[r, c] = np.nan
            if number == missing or not np.isfinite(value):
                continue
            if scale == DECIBEL:
                # Decibel of a product without a no-data value: exactly 0 is its empty margin.
                if np.isnan(missing) and number == 0.0:
                    continue
                out[r, c] = 10.0 ** (value / 10.0)
            elif value > 0.0:
                if scale == AMPLITUDE:
                    out[r, c] = value * value
                elif scale == COHERENCE:
                    out[r, c] = min(value, 1.0)
                else:
                    out[r, c] = value


@kernel
def apply_mask(mask: NDArray[Any], valid: NDArray[np.float64], values: NDArray[np.float32]) -> None:
    """Set pixels to NaN whose mask value is not among ``valid``."""
    for r in range(mask.shape[0]):
        for c in range(mask.shape[1]):
            usable = False
            for k in range(valid.size):
                if mask[r, c] == valid[k]:
                    usable = True
            if not usable:
                values[r, c] = np.nan


@kernel
def add_spans(
    values: NDArray[np.float32],
    divisor: NDArray[np.float32],
    db_factor: float,
    row_offset: int,
    col_offset: int,
    rows: NDArray[np.int32],
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    parcel: NDArray[np.int32],
    count: NDArray[np.int64],
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Add the pixels of one strip to the sums of the parcels that own them.

    Parameters
    ----------
    values : float32 (rows, columns), NaN missing
    divisor : float32 of the same shape: the ratio of both is added up, where both are there; empty: none
    db_factor : 0 adds values as they are, else ``db_factor * log10(value)``
    row_offset, col_offset : position of the strip's first pixel in the grid of the spans
    rows, first, last, parcel : int32 (n,), spans of the strip's rows; they may reach beyond its columns
    count : int64 (parcels,), in place
    total, squares : float64 (parcels,), in place; in reading order, so the same strips give the same bits
    """
    width = values.shape[1]
    has_divisor = divisor.size > 0
    for s in range(rows.size):
        start = max(first[s] - col_offset, 0)
        stop = min(last[s] - col_offset + 1, width)
        r = rows[s] - row_offset
        p = parcel[s]
        for c in range(start, stop):
            value = np.float64(values[r, c])
            if has_divisor:
                value /= np.float64(divisor[r, c])
            if np.isnan(value):
                continue
            if db_factor != 0.0:
                value = db_factor * np.log10(value)
            count[p] += 1
            total[p] += value
            squares[p] += value * value
