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
from sen4cap_core.kernels.optical.multiply_add import multiply_add
from sen4cap_core.kernels.optical.neuron_sums import INPUTS, LANES, NEURONS, neuron_sums
from sen4cap_core.kernels.optical.training_cells import PIXELS as _PIXELS
from sen4cap_core.kernels.optical.training_cells import find_outside_domain

N_ANGLES = 3
"""Inputs after the bands: cosines of view zenith, sun zenith and relative azimuth."""
OUTSIDE_DOMAIN = 1
"""Flag of a pixel whose reflectances are like none that the networks learnt from."""
N_COUNTS = 8
"""Pixels computed, outside the domain, then for each variable those set to its limit and those rejected."""

_MOST_BANDS = INPUTS - N_ANGLES
_FEW = 0.5
"""Below this share of usable pixels gathering them costs less than computing all of a stretch."""


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
    ends: NDArray[np.int32],
    share: NDArray[np.float32],
    start: int,
    stop: int,
    between: NDArray[np.float32],
    inputs: NDArray[np.float32],
) -> None:
    """Bilinear values of the node grids for pixels of one row; positions lie within the grids.

    Columns of which ``ends`` is the same lie between the same two nodes: on one straight line. ``between``
    has one column more than the nodes, so that the last has a right neighbour too.
    """
    n_rows, n_cols = nodes.shape[1], nodes.shape[2]
    top = min(max(int(row), 0), max(n_rows - 2, 0))
    bottom = min(top + 1, n_rows - 1)
    down = np.float32(row - top)
    last = left[stop - 1]
    for k in range(N_ANGLES):
        for j in range(left[start], min(last + 2, n_cols)):
            between[j] = nodes[k, top, j] + down * (nodes[k, bottom, j] - nodes[k, top, j])
        between[n_cols] = between[n_cols - 1]
        first = start
        while first < stop:
            after = min(ends[first], stop)
            base = between[left[first]]
            slope = between[left[first] + 1] - base
            at = (_MOST_BANDS + k) * _PIXELS + first - start
            line, shares = inputs[at : at + after - first], share[first:after]
            for c in range(line.size):
                line[c] = base + shares[c] * slope
            first = after


@kernel
def _find_nodes(
    positions: NDArray[np.float32],
    n_nodes: int,
    left: NDArray[np.int32],
    ends: NDArray[np.int32],
    share: NDArray[np.float32],
) -> None:
    """For each column the node to its left, the first column of another node, and the way to the next."""
    for c in range(positions.size):
        left[c] = min(max(int(positions[c]), 0), max(n_nodes - 2, 0))
        share[c] = positions[c] - np.float32(left[c])
    end = positions.size
    for c in range(positions.size - 1, -1, -1):
        if c + 1 < positions.size and left[c] != left[c + 1]:
            end = c + 1
        ends[c] = end


@kernel
def _run_network(
    inputs: NDArray[np.float32],
    weights: NDArray[np.float32],
    output: NDArray[np.float32],
    sums: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """Write what the linear neuron makes of the hidden ones, whose sums take ``sums``."""
    for start in range(0, _PIXELS, LANES):
        neuron_sums(inputs, weights, sums, start)
    result[:] = output[0]
    for k in range(NEURONS):
        _add_tangent(sums[k * _PIXELS : (k + 1) * _PIXELS], output[k + 1], result)


@kernel
def _add_tangent(sums: NDArray[np.float32], weight: float, total: NDArray[np.float32]) -> None:
    """Add ``weight * tanh(sum)`` of one hidden neuron to the totals of the pixels.

    tanh(z) = 2t / (1 + t^2) with t = tanh(z / 2) by Lambert's continued fraction to the sixth step. Largest
    error 4e-7, which is 3e-6 of LAI.
    """
    twice = np.float32(2.0) * np.float32(weight)
    limit, half = np.float32(9.0), np.float32(0.5)
    c0, c1, c2 = np.float32(10395.0), np.float32(1260.0), np.float32(21.0)
    d1, d2 = np.float32(4725.0), np.float32(210.0)
    for i in range(_PIXELS):
        z = min(max(sums[i], -limit), limit) * half
        s = z * z
        upper = z * multiply_add(s, multiply_add(s, c2, c1), c0)
        lower = multiply_add(s, multiply_add(s, d2 + s, d1), c0)
        total[i] += twice * (upper * lower) / multiply_add(lower, lower, upper * upper)


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
def _gather(
    bands: NDArray[np.float32],
    nodes: NDArray[np.float32],
    node_rows: NDArray[np.float32],
    left: NDArray[np.int32],
    share: NDArray[np.float32],
    rows: NDArray[np.int32],
    cols: NDArray[np.int32],
    inputs: NDArray[np.float32],
) -> None:
    """Fill the inputs with pixels from anywhere: as ``_interpolate`` for each by itself, and their bands."""
    last_row, last_col = nodes.shape[1] - 1, nodes.shape[2] - 1
    for i in range(rows.size):
        r, c = rows[i], cols[i]
        for j in range(bands.shape[0]):
            inputs[j * _PIXELS + i] = bands[j, r, c]
        row = node_rows[r]
        top, j = min(max(int(row), 0), max(last_row - 1, 0)), left[c]
        bottom, right = min(top + 1, last_row), min(j + 1, last_col)
        down = np.float32(row - top)
        for k in range(N_ANGLES):
            start = nodes[k, top, j] + down * (nodes[k, bottom, j] - nodes[k, top, j])
            end = nodes[k, top, right] + down * (nodes[k, bottom, right] - nodes[k, top, right])
            inputs[(_MOST_BANDS + k) * _PIXELS + i] = start + share[c] * (end - start)


@kernel
def _scatter(
    stored: NDArray[np.int16],
    marks: NDArray[np.int32],
    rows: NDArray[np.int32],
    cols: NDArray[np.int32],
    out: NDArray[np.int16],
    flags: NDArray[np.int16],
) -> None:
    """Bring results and flags of gathered pixels to their places."""
    for i in range(rows.size):
        for v in range(out.shape[0]):
            out[v, rows[i], cols[i]] = stored[v, i]
        flags[rows[i], cols[i]] = np.int16(marks[i])


@kernel
def _plan(
    usable: NDArray[np.uint8],
    stretches: NDArray[np.int32],
    rows: NDArray[np.int32],
    cols: NDArray[np.int32],
) -> tuple[int, int]:
    """List the stretches that are computed whole (row, first column), and the usable pixels of the others.

    Returns how many there are of either.
    """
    n_stretches, n_pixels = 0, 0
    for r in range(usable.shape[0]):
        for start in range(0, usable.shape[1], _PIXELS):
            stretch = usable[r, start : start + _PIXELS]
            n_usable = np.int64(0)
            for c in range(stretch.size):
                n_usable += stretch[c]
            if n_usable >= stretch.size * _FEW:
                stretches[n_stretches, 0], stretches[n_stretches, 1] = r, start
                n_stretches += 1
            elif n_usable > 0:
                for c in range(stretch.size):
                    if stretch[c] != 0:
                        rows[n_pixels], cols[n_pixels] = r, start + c
                        n_pixels += 1
    return n_stretches, n_pixels


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

    Where few pixels of a stretch are usable (parcels with gaps between them, broken clouds) those of several
    are put side by side first, so that the networks work on full vectors.

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
    weights = np.zeros((out.shape[0], NEURONS, 1 + INPUTS), np.float32)
    # Bands that a smaller network does not have count nothing.
    weights[:, :, : n_bands + 1] = hidden[:, :, : n_bands + 1]
    weights[:, :, 1 + _MOST_BANDS :] = hidden[:, :, n_bands + 1 :]
    inputs = np.zeros(INPUTS * _PIXELS, np.float32)
    between = np.empty(nodes.shape[2] + 1, np.float32)
    result, sums = np.empty(_PIXELS, np.float32), np.empty(NEURONS * _PIXELS, np.float32)
    codes = np.empty(_PIXELS, np.uint32)
    marks, used = np.empty(_PIXELS, np.int32), np.zeros(_PIXELS, np.int32)
    left, ends, share = np.empty(n_cols, np.int32), np.empty(n_cols, np.int32), np.empty(n_cols, np.float32)
    _find_nodes(node_cols, nodes.shape[2], left, ends, share)
    stored = np.empty((out.shape[0], _PIXELS), np.int16)
    stretches = np.empty((n_rows * (n_cols // _PIXELS + 1), 2), np.int32)
    rows, cols = np.empty(usable.size, np.int32), np.empty(usable.size, np.int32)
    out[:] = missing
    flags[:] = missing
    n_stretches, n_pixels = _plan(usable, stretches, rows, cols)
    for turn in range(n_stretches + (n_pixels + _PIXELS - 1) // _PIXELS):
        is_stretch = turn < n_stretches
        if is_stretch:
            r, start = stretches[turn, 0], stretches[turn, 1]
            stop = min(start + _PIXELS, n_cols)
            n = stop - start
            of_stretch = usable[r, start:stop]
            for c in range(n):
                used[c] = of_stretch[c]
            for j in range(n_bands):
                band, at = bands[j, r, start:stop], j * _PIXELS
                for c in range(n):
                    inputs[at + c] = band[c]
            _interpolate(nodes, node_rows[r], left, ends, share, start, stop, between, inputs)
        else:
            r, start = 0, (turn - n_stretches) * _PIXELS
            stop = min(start + _PIXELS, n_pixels)
            n = stop - start
            used[:n] = 1
            _gather(bands, nodes, node_rows, left, share, rows[start:stop], cols[start:stop], inputs)
        used[n:] = 0
        find_outside_domain(inputs, n_bands, domain, cells, codes, marks)
        n_used, n_outside = np.int32(0), np.int32(0)
        for c in range(_PIXELS):
            n_used += used[c]
            n_outside += marks[c] & used[c]
        counts[0] += n_used
        counts[1] += n_outside
        for v in range(out.shape[0]):
            _run_network(inputs, weights[v], output[v], sums, result)
            _store(result, used, accepted[v], steps_per_unit[v], missing, v, stored[v], marks, counts)
        if not is_stretch:
            _scatter(stored, marks, rows[start:stop], cols[start:stop], out, flags)
            continue
        for v in range(out.shape[0]):
            source, target = stored[v], out[v, r, start:stop]
            for c in range(n):
                target[c] = source[c]
        of_stretch_flags = flags[r, start:stop]
        for c in range(n):
            mark = np.int16(marks[c])
            of_stretch_flags[c] = mark if used[c] != 0 else np.int16(missing)
