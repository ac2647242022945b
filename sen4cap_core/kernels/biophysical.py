"""LAI, fAPAR and fCover of a block by neural networks: all three in one walk, some pixels at a time.

Each network has five tansig neurons and a linear one. The inputs of so many pixels as fit the nearest cache
lie in one array, each input a fixed distance from the one before. The compiler then sees that nothing written
can overlap what is read, and makes every loop one of vector instructions; that needs a tangent without a call
and a table without a search, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

N_ANGLES = 3
"""Inputs after the bands: cosines of view zenith, sun zenith and relative azimuth."""
OUTSIDE_DOMAIN = 1
"""Flag of a pixel whose reflectances are like none that the networks learnt from."""
N_COUNTS = 8
"""Pixels computed, outside the domain, then for each variable those set to its limit and those rejected."""

_HASH_FACTOR, _OTHER_FACTOR = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)
_STEPS = 10
_MOST_BANDS = 8
_PIXELS = 256
"""So many pixels are worked on together: their inputs take 11 kB."""


@kernel
def as_reflectance(
    numbers: NDArray[np.generic],
    gain: float,
    offset: float,
    missing: float,
    out: NDArray[np.float32],
    usable: NDArray[np.uint8],
) -> None:
    """Write ``number * gain + offset`` and take ``usable`` away where there is no number.

    Parameters
    ----------
    numbers : any number type (rows, columns), as stored; NaN is missing
    missing : stored number that is missing, NaN for none
    out : float32 (rows, columns); of a missing pixel any finite number
    usable : uint8 (rows, columns), 1 where all bands so far have a number; changed in place
    """
    a, b, gone = np.float32(gain), np.float32(offset), np.float32(missing)
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            number = np.float32(numbers[r, c])
            there = (number != gone) & (number == number)
            out[r, c] = number * a + b if there else np.float32(0.0)
            usable[r, c] &= np.uint8(there)


@kernel
def _interpolate(
    nodes: NDArray[np.float32],
    row: float,
    left: NDArray[np.int32],
    share: NDArray[np.float32],
    between: NDArray[np.float32],
    inputs: NDArray[np.float32],
) -> None:
    """Bilinear values of the node grids for pixels of one row; positions lie within the grids.

    ``between`` has one column more than the nodes, so that the last has a right neighbour too.
    """
    n_rows, n_cols = nodes.shape[1], nodes.shape[2]
    top = min(max(int(row), 0), max(n_rows - 2, 0))
    bottom = min(top + 1, n_rows - 1)
    down = np.float32(row - top)
    for k in range(N_ANGLES):
        for j in range(n_cols):
            between[j] = nodes[k, top, j] + down * (nodes[k, bottom, j] - nodes[k, top, j])
        between[n_cols] = between[n_cols - 1]
        at = (_MOST_BANDS + k) * _PIXELS
        first = 0
        while first < left.size:
            # Pixels between the same two nodes: one straight line.
            j = left[first]
            start, slope = between[j], between[j + 1] - between[j]
            after = first + 1
            while after < left.size and left[after] == j:
                after += 1
            for c in range(first, after):
                inputs[at + c] = start + share[c] * slope
            first = after


@kernel
def _add_neuron(
    x: NDArray[np.float32], w: NDArray[np.float32], weight: float, total: NDArray[np.float32]
) -> None:
    """Add ``weight * tanh(bias + weights * inputs)`` of one hidden neuron to the totals of the pixels.

    tanh(z) = 2t / (1 + t^2) with t = tanh(z / 2) by Lambert's continued fraction to the sixth step. Largest
    error 4e-7, which is 3e-6 of LAI.
    """
    n = _PIXELS
    twice = np.float32(2.0) * np.float32(weight)
    limit, half = np.float32(9.0), np.float32(0.5)
    c0, c1, c2 = np.float32(10395.0), np.float32(1260.0), np.float32(21.0)
    d1, d2 = np.float32(4725.0), np.float32(210.0)
    bias, w1, w2, w3, w4, w5, w6, w7, w8 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]
    a1, a2, a3 = w[9], w[10], w[11]
    for i in range(n):
        of_bands = (w1 * x[i] + w2 * x[i + n] + (w3 * x[i + 2 * n] + w4 * x[i + 3 * n])) + (
            w5 * x[i + 4 * n] + w6 * x[i + 5 * n] + (w7 * x[i + 6 * n] + w8 * x[i + 7 * n])
        )
        of_angles = a1 * x[i + 8 * n] + a2 * x[i + 9 * n] + a3 * x[i + 10 * n]
        z = bias + of_bands + of_angles
        z = min(max(z, -limit), limit) * half
        s = z * z
        upper = z * (c0 + s * (c1 + s * c2))
        lower = c0 + s * (d1 + s * (d2 + s))
        total[i] += twice * (upper * lower) / (lower * lower + upper * upper)


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
def _find_outside_domain(
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
        at = j * _PIXELS
        for i in range(_PIXELS):
            value = x[at + i]
            inside = min(max(value, low), high)
            codes[i] = np.uint32(codes[i] << 4) + np.uint32(np.int32((inside - low) * steps) + 1)
        for i in range(_PIXELS):
            value = x[at + i]
            outside[i] |= np.int32(value < low) | np.int32(value > high)
    half = cells.size // 2
    shift = _shift_of(half)
    for i in range(_PIXELS):
        one, other = _places(codes[i], half, shift)
        outside[i] |= np.int32((cells[one] != codes[i]) & (cells[other] != codes[i]))


@kernel
def _store(
    result: NDArray[np.float32],
    used: NDArray[np.int32],
    accepted: NDArray[np.float32],
    steps: float,
    missing: int,
    variable: int,
    target: NDArray[np.int16],
    marks: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Apply the limits of one variable to some pixels and store it; add its flags to those of the pixels."""
    tolerance, low, high = accepted[0], accepted[1], accepted[2]
    lowest, highest = low - tolerance, high + tolerance
    scale, nothing = np.float32(steps), np.float32(missing)
    limited, rejected = np.int32(2 << (2 * variable)), np.int32(4 << (2 * variable))
    n_limited, n_rejected = np.int32(0), np.int32(0)
    for c in range(target.size):
        value = result[c]
        far = np.int32(value < lowest) | np.int32(value > highest)
        near = (np.int32(value < low) | np.int32(value > high)) & (1 - far)
        stored = np.rint(min(max(value, low), high) * scale)
        target[c] = np.int16(np.int32(stored if used[c] > far else nothing))
        marks[c] |= far * rejected + near * limited
        n_limited += near & used[c]
        n_rejected += far & used[c]
    counts[2 + 2 * variable] += n_limited
    counts[3 + 2 * variable] += n_rejected


@kernel
def flag_values(
    flags: NDArray[np.int16], bits: int, missing: int, value: int, out: NDArray[np.int16]
) -> None:
    """Write ``value`` where any of some flags is set, 0 where none is, ``missing`` where there are no flags.

    Parameters
    ----------
    flags : int16 (rows, columns) of `biophysical_block`
    bits : flags looked for
    out : int16 (rows, columns)
    """
    for r in range(out.shape[0]):
        source, target = flags[r], out[r]
        for c in range(target.size):
            flag = np.int32(source[c])
            found = np.int32(value) if flag & bits else np.int32(0)
            target[c] = np.int16(missing if flag == missing else found)


@kernel
def biophysical_block(
    bands: NDArray[np.float32],
    usable: NDArray[np.uint8],
    nodes: NDArray[np.float32],
    node_rows: NDArray[np.float32],
    node_cols: NDArray[np.float32],
    hidden: NDArray[np.float32],
    output: NDArray[np.float32],
    accepted: NDArray[np.float32],
    domain: NDArray[np.float32],
    cells: NDArray[np.uint32],
    steps_per_unit: NDArray[np.float32],
    missing: int,
    out: NDArray[np.int16],
    flags: NDArray[np.int16],
    counts: NDArray[np.int64],
) -> None:
    """Compute up to three variables of the usable pixels, stored as int16, with the flags of each pixel.

    A result within the tolerance beyond its limits is set to the limit; further away it is missing. A pixel
    outside the input domain keeps its result: the flag says that it is less certain.

    Parameters
    ----------
    bands : float32 (bands, rows, columns), reflectance; finite also where a pixel is not usable
    usable : uint8 (rows, columns), 1 where a pixel is to be computed
    nodes : float32 (3, node rows, node columns), cosines of view zenith, sun zenith, relative azimuth
    node_rows, node_cols : float32 (rows,), (columns,), position of each pixel's centre counted in nodes
    hidden : float32 (variables, 5, 1 + bands + 3), bias and weights on reflectance and cosines
    output : float32 (variables, 6), bias and weights of the linear neuron, in units of the variable
    accepted : float32 (variables, 3), tolerance, minimum, maximum
    domain : float32 (bands, 2), smallest and largest reflectance of the training data
    cells : uint32 table of `fill_cell_table`: four bits for each band, the first band highest
    steps_per_unit : float32 (variables,), 1000 for LAI * 1000
    missing : value of ``out`` where there is no result
    out : int16 (variables, rows, columns)
    flags : int16 (rows, columns): 1 outside the input domain, then for variable v 2 << 2v where it was set to
        a limit and 4 << 2v where it was rejected; ``missing`` where the pixel was not computed
    counts : int64 (8,), added to: see N_COUNTS
    """
    n_bands = bands.shape[0]
    n_rows, n_cols = usable.shape
    weights = np.zeros((out.shape[0], hidden.shape[1], 1 + _MOST_BANDS + N_ANGLES), np.float32)
    # Bands that a smaller network does not have count nothing.
    weights[:, :, : n_bands + 1] = hidden[:, :, : n_bands + 1]
    weights[:, :, 1 + _MOST_BANDS :] = hidden[:, :, n_bands + 1 :]
    inputs = np.zeros((_MOST_BANDS + N_ANGLES) * _PIXELS, np.float32)
    between = np.empty(nodes.shape[2] + 1, np.float32)
    result = np.empty(_PIXELS, np.float32)
    codes = np.empty(_PIXELS, np.uint32)
    marks, used = np.empty(_PIXELS, np.int32), np.zeros(_PIXELS, np.int32)
    left, share = np.empty(n_cols, np.int32), np.empty(n_cols, np.float32)
    for c in range(n_cols):
        left[c] = min(max(int(node_cols[c]), 0), max(nodes.shape[2] - 2, 0))
        share[c] = node_cols[c] - np.float32(left[c])
    for r in range(n_rows):
        for start in range(0, n_cols, _PIXELS):
            stop = min(start + _PIXELS, n_cols)
            n = stop - start
            n_usable = np.int64(0)
            of_block = usable[r, start:stop]
            for c in range(n):
                used[c] = of_block[c]
            for c in range(n):
                n_usable += used[c]
            if n_usable == 0:
                out[:, r, start:stop] = missing
                flags[r, start:stop] = missing
                continue
            counts[0] += n_usable
            for j in range(n_bands):
                band, at = bands[j, r, start:stop], j * _PIXELS
                for c in range(n):
                    inputs[at + c] = band[c]
            _interpolate(nodes, node_rows[r], left[start:stop], share[start:stop], between, inputs)
            _find_outside_domain(inputs, n_bands, domain, cells, codes, marks)
            for c in range(n):
                counts[1] += marks[c] & used[c]
            for v in range(out.shape[0]):
                for c in range(_PIXELS):
                    result[c] = output[v, 0]
                for k in range(hidden.shape[1]):
                    _add_neuron(inputs, weights[v, k], output[v, k + 1], result)
                _store(
                    result, used, accepted[v], steps_per_unit[v], missing, v, out[v, r, start:stop], marks,
                    counts,
                )  # fmt: skip
            of_block_flags = flags[r, start:stop]
            for c in range(n):
                mark = np.int16(marks[c])
                of_block_flags[c] = mark if used[c] != 0 else np.int16(missing)
