"""Whether pixels are like any that the networks learnt from: a table of cells that needs no search.

The range of each band over the training data is cut into ten steps; a cell is one step of each band, its
code four bits for each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_HASH_FACTOR, _OTHER_FACTOR = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)
_STEPS = 10
PIXELS = 256
"""So many pixels are worked on together: their inputs take 11 kB."""


@kernel
def _shift_of(half: int) -> int:
    """How far a product of 32 bits is shifted, so that its upper bits count to ``half``, a power of two."""
    shift = 32
    while 1 << (32 - shift) < half:
        shift -= 1
    return shift


@kernel
def _places(code: int, half: int, shift: int) -> tuple[np.int64, np.int64]:
    """The two places of a cell code, one in either half of the table (multiplicative hashing)."""
    one = np.uint32(np.uint32(code) * _HASH_FACTOR)
    other = np.uint32(np.uint32(code) * _OTHER_FACTOR)
    return np.int64(one >> shift), np.int64(other >> shift) + half


@kernel
def fill_cell_table(codes: NDArray[np.uint32], table: NDArray[np.uint32]) -> bool:
    """Enter cell codes (above 0) into an empty table (zeros) of a power of two of places, most left free.

    Each code stands in one of two places (Pagh and Rodler, Cuckoo hashing, 2001), so that two looks tell
    whether it is there. False where a code finds no place: a larger table is needed.
    """
    half = table.size // 2
    shift = _shift_of(half)
    for code in codes:
        homeless = code
        one, other = _places(homeless, half, shift)
        if table[one] == code or table[other] == code:
            continue
        at = one
        for _ in range(table.size):
            homeless, table[at] = table[at], homeless
            if homeless == 0:
                break
            one, other = _places(homeless, half, shift)
            at = other if at == one else one
        if homeless != 0:
            return False
    return True


@kernel
def find_outside_domain(
    x: NDArray[np.float32],
    n_bands: int,
    domain: NDArray[np.float32],
    cells: NDArray[np.uint32],
    codes: NDArray[np.uint32],
    outside: NDArray[np.int32],
) -> None:
    """1 where a band lies beyond the training data, or all together in a cell that held none of them."""
    codes[:] = 0
    outside[:] = 0
    for j in range(n_bands):
        low, high = domain[j, 0], domain[j, 1]
        steps = np.float32(_STEPS) / (high - low)
        at = j * PIXELS
        for i in range(PIXELS):
            value = x[at + i]
            inside = min(max(value, low), high)
            codes[i] = np.uint32(codes[i] << 4) + np.uint32(np.int32((inside - low) * steps) + 1)
        for i in range(PIXELS):
            value = x[at + i]
            outside[i] |= np.int32(value < low) | np.int32(value > high)
    half = cells.size // 2
    shift = _shift_of(half)
    for i in range(PIXELS):
        one, other = _places(codes[i], half, shift)
        outside[i] |= np.int32((cells[one] != codes[i]) & (cells[other] != codes[i]))
