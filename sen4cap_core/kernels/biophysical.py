"""LAI, fAPAR and fCover of a block by neural networks: all three in one walk, one image row at a time.

Each network has five tansig neurons and a linear one. A row is worked through neuron by neuron, so that the
compiler turns every inner loop into vector instructions; that needs a tangent without a call.
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

_HASH_FACTOR = 0x9E3779B1
_STEPS = 10


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
def _interpolate_row(
    nodes: NDArray[np.float32],
    row: float,
    left: NDArray[np.int32],
    share: NDArray[np.float32],
    between: NDArray[np.float32],
    angles: NDArray[np.float32],
) -> None:
    """Bilinear values of the node grids along one row of pixels; positions lie within the grids.

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
        target = angles[k]
        for c in range(share.size):
            target[c] = between[left[c]] + share[c] * (between[left[c] + 1] - between[left[c]])


@kernel
def _tansig(z: NDArray[np.float32], weight: float, total: NDArray[np.float32]) -> None:
    """Add ``weight * tanh(z)`` to the row.

    tanh(x) = 2t / (1 + t^2) with t = tanh(x / 2) by Lambert's continued fraction to the sixth step. Largest
    error 4e-7, which is 3e-6 of LAI.
    """
    w = np.float32(2.0) * np.float32(weight)
    limit, half = np.float32(9.0), np.float32(0.5)
    c0, c1, c2 = np.float32(10395.0), np.float32(1260.0), np.float32(21.0)
    d1, d2 = np.float32(4725.0), np.float32(210.0)
    for i in range(z.size):
        x = min(max(z[i], -limit), limit) * half
        s = x * x
        upper = x * (c0 + s * (c1 + s * c2))
        lower = c0 + s * (d1 + s * (d2 + s))
        total[i] += w * (upper * lower) / (lower * lower + upper * upper)


@kernel
def _two_neurons(
    bands: NDArray[np.float32],
    row: int,
    angles: NDArray[np.float32],
    w: NDArray[np.float32],
    u: NDArray[np.float32],
    z: NDArray[np.float32],
    y: NDArray[np.float32],
) -> None:
    """Weighted sums of two hidden neurons into ``z`` and ``y``: each band is fetched once for both."""
    n_bands = bands.shape[0]
    v0, v1, v2 = angles[0], angles[1], angles[2]
    w0, w1, w2, w3 = w[0], w[n_bands + 1], w[n_bands + 2], w[n_bands + 3]
    u0, u1, u2, u3 = u[0], u[n_bands + 1], u[n_bands + 2], u[n_bands + 3]
    for i in range(z.size):
        z[i] = w0 + w1 * v0[i] + w2 * v1[i] + w3 * v2[i]
        y[i] = u0 + u1 * v0[i] + u2 * v1[i] + u3 * v2[i]
    fours = n_bands - n_bands % 4
    for j in range(0, fours, 4):
        b0, b1, b2, b3 = bands[j, row], bands[j + 1, row], bands[j + 2, row], bands[j + 3, row]
        w0, w1, w2, w3 = w[j + 1], w[j + 2], w[j + 3], w[j + 4]
        u0, u1, u2, u3 = u[j + 1], u[j + 2], u[j + 3], u[j + 4]
        for i in range(z.size):
            z[i] += w0 * b0[i] + w1 * b1[i] + w2 * b2[i] + w3 * b3[i]
            y[i] += u0 * b0[i] + u1 * b1[i] + u2 * b2[i] + u3 * b3[i]
    for j in range(fours, n_bands):
        band, w0, u0 = bands[j, row], w[j + 1], u[j + 1]
        for i in range(z.size):
            z[i] += w0 * band[i]
            y[i] += u0 * band[i]


@kernel
def _network_row(
    bands: NDArray[np.float32],
    row: int,
    angles: NDArray[np.float32],
    hidden: NDArray[np.float32],
    output: NDArray[np.float32],
    z: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """One variable along one row of pixels, in its own units, before any limit; ``z`` holds two rows."""
    result[:] = output[0]
    n_neurons = hidden.shape[0]
    for k in range(0, n_neurons, 2):
        # Of an odd number the last is computed twice: five neurons take three walks in place of five.
        other = min(k + 1, n_neurons - 1)
        _two_neurons(bands, row, angles, hidden[k], hidden[other], z[0], z[1])
        _tansig(z[0], output[k + 1], result)
        if other > k:
            _tansig(z[1], output[other + 1], result)


@kernel
def _is_known(code: int, table: NDArray[np.uint32]) -> bool:
    """Whether a cell code stands in an open-addressed table whose size is a power of two; 0 is empty."""
    mask = table.size - 1
    place = ((np.int64(code) * _HASH_FACTOR) >> 15) & mask
    while table[place] != 0:
        if table[place] == code:
            return True
        place = (place + 1) & mask
    return False


@kernel
def fill_cell_table(codes: NDArray[np.uint32], table: NDArray[np.uint32]) -> None:
    """Enter cell codes (above 0) into an empty table (zeros) of a power of two of places, most left free."""
    mask = table.size - 1
    for code in codes:
        place = ((np.int64(code) * _HASH_FACTOR) >> 15) & mask
        while table[place] != 0 and table[place] != code:
            place = (place + 1) & mask
        table[place] = code


@kernel
def _outside_domain_row(
    bands: NDArray[np.float32],
    row: int,
    domain: NDArray[np.float32],
    cells: NDArray[np.uint32],
    codes: NDArray[np.uint32],
    outside: NDArray[np.int32],
) -> None:
    """1 where a band lies beyond the training data, or all together in a cell that held none of them."""
    codes[:] = 0
    outside[:] = 0
    for j in range(bands.shape[0]):
        low, high = domain[j, 0], domain[j, 1]
        steps = np.float32(_STEPS) / (high - low)
        band = bands[j, row]
        for i in range(codes.size):
            value = band[i]
            outside[i] |= np.int32(value < low) | np.int32(value > high)
            inside = min(max(value, low), high)
            codes[i] = np.uint32(codes[i] << 4) + np.uint32(np.int32((inside - low) * steps) + 1)
    for i in range(codes.size):
        if outside[i] == 0 and not _is_known(codes[i], cells):
            outside[i] = 1


@kernel
def _store_row(
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
    """Apply the limits of one variable to a row and store it; add its flags to those of the pixels."""
    tolerance, low, high = accepted[0], accepted[1], accepted[2]
    lowest, highest = low - tolerance, high + tolerance
    scale, nothing = np.float32(steps), np.float32(missing)
    limited, rejected = np.int32(2 << (2 * variable)), np.int32(4 << (2 * variable))
    n_limited, n_rejected = np.int32(0), np.int32(0)
    for c in range(result.size):
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
    n_variables, n_rows, n_cols = out.shape
    angles = np.empty((N_ANGLES, n_cols), np.float32)
    between = np.empty(nodes.shape[2] + 1, np.float32)
    z = np.empty((2, n_cols), np.float32)
    result = np.empty(n_cols, np.float32)
    codes = np.empty(n_cols, np.uint32)
    outside, used = np.empty(n_cols, np.int32), np.empty(n_cols, np.int32)
    left, share = np.empty(n_cols, np.int32), np.empty(n_cols, np.float32)
    for c in range(n_cols):
        left[c] = min(max(int(node_cols[c]), 0), max(nodes.shape[2] - 2, 0))
        share[c] = node_cols[c] - np.float32(left[c])
    for r in range(n_rows):
        n_usable = np.int64(0)
        for c in range(n_cols):
            used[c] = usable[r, c]
            n_usable += used[c]
        if n_usable == 0:
            out[:, r, :] = missing
            flags[r, :] = missing
            continue
        counts[0] += n_usable
        _interpolate_row(nodes, node_rows[r], left, share, between, angles)
        _outside_domain_row(bands, r, domain, cells, codes, outside)
        for c in range(n_cols):
            counts[1] += outside[c] & used[c]
        for v in range(n_variables):
            _network_row(bands, r, angles, hidden[v], output[v], z, result)
            _store_row(result, used, accepted[v], steps_per_unit[v], missing, v, out[v, r], outside, counts)
        for c in range(n_cols):
            flags[r, c] = np.int16(outside[c]) if used[c] else np.int16(missing)
