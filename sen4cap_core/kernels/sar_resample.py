"""From the radar image to the map: one interpolation between a sample and a map cell.

A 20 m cell of the tile's grid is 2 rows of 10 m by 4 columns of 5 m here. Geometry is known at the corners
(nodes) of the 20 m cells and bilinear within.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.sar_phase import cos_sin

TAPS = 8
BEFORE = 3
"""Taps before the sample at or left of the wanted place."""
ROWS_PER_CELL = 2
COLUMNS_PER_CELL = 4


@kernel
def geocode_burst(
    burst: NDArray[np.complex64],
    first_line: int,
    first_sample: int,
    ramp: NDArray[np.float64],
    turns: NDArray[np.float64],
    time_nodes_s: NDArray[np.float64],
    range_nodes_m: NDArray[np.float64],
    place: NDArray[np.float64],
    wavelength_m: float,
    first_valid: NDArray[np.int32],
    last_valid: NDArray[np.int32],
    line_weights: NDArray[np.float32],
    sample_weights: NDArray[np.float32],
    first_row: int,
    last_row: int,
    out: NDArray[np.complex64],
) -> None:
    """Resample some rows (of 20 m) of a map; restore the ramp, remove the phase of the range.

    Parameters
    ----------
    burst : complex64 (lines, samples), deramped and calibrated; row 0 is line ``first_line`` of the burst
    ramp, turns : see `sen4cap_core.kernels.sar_ramp.ramp_turns`; column 0 is ``first_sample``, and there is
        one column more than samples
    time_nodes_s, range_nodes_m : float64 (rows + 1, columns + 1), when the satellite passes a node and how
        far it is then; NaN where unknown
    place : float64 (4,): time of the burst's line 0 (s), time between lines, range of its sample 0 (m), range
        between samples
    first_valid, last_valid : int32 (lines of the burst), valid samples of each line, -1 for none
    line_weights, sample_weights : float32 (phases + 1, 8)
    out : complex64 (2 * rows, 4 * columns), NaN where the burst has no valid neighbourhood
    """
    missing = np.complex64(complex(np.nan, np.nan))
    turns_per_m = 2.0 / wavelength_m
    n_line_phases, n_sample_phases = line_weights.shape[0] - 1, sample_weights.shape[0] - 1
    phase = np.empty(out.shape[1])
    least, largest = _samples_with_neighbours(first_valid, last_valid)
    for r in range(first_row * ROWS_PER_CELL, last_row * ROWS_PER_CELL):
        i = r // ROWS_PER_CELL
        v = (r - i * ROWS_PER_CELL + 0.5) / ROWS_PER_CELL
        for c in range(out.shape[1]):
            j = c // COLUMNS_PER_CELL
            u = (c - j * COLUMNS_PER_CELL + 0.5) / COLUMNS_PER_CELL
            a, b, d, e = (1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u
            time_s = a * time_nodes_s[i, j] + b * time_nodes_s[i, j + 1]
            time_s += d * time_nodes_s[i + 1, j] + e * time_nodes_s[i + 1, j + 1]
            range_m = a * range_nodes_m[i, j] + b * range_nodes_m[i, j + 1]
            range_m += d * range_nodes_m[i + 1, j] + e * range_nodes_m[i + 1, j + 1]
            line = (time_s - place[0]) / place[1]
            sample = (range_m - place[2]) / place[3]
            out[r, c] = missing
            phase[c] = 0.0
            if not (line >= first_line + BEFORE and sample >= first_sample + BEFORE):
                continue
            # Compared before they become whole numbers: a place far outside has none.
            if not (line < first_line + burst.shape[0] and sample < first_sample + burst.shape[1]):
                continue
            top, left = int(line), int(sample)
            y, x = top - first_line - BEFORE, left - first_sample - BEFORE
            if y + TAPS > burst.shape[0] or x + TAPS > burst.shape[1]:
                continue
            if left < least[top] or left > largest[top]:
                continue
            along, across = line - top, sample - left
            out[r, c] = _interpolate(
                burst,
                np.uintp(y),
                np.uintp(x),
                line_weights,
                np.uintp(along * n_line_phases + 0.5),
                sample_weights,
                np.uintp(across * n_sample_phases + 0.5),
            )
            k = left - first_sample
            constant = turns[0, k] + across * (turns[0, k + 1] - turns[0, k])
            slope = turns[1, k] + across * (turns[1, k + 1] - turns[1, k])
            bend = turns[2, k] + across * (turns[2, k + 1] - turns[2, k])
            eta = ramp[0] + line * ramp[1]
            phase[c] = constant + eta * (slope + eta * bend) + turns_per_m * range_m
        for c in range(out.shape[1]):
            cos, sin = cos_sin(phase[c])
            real, imaginary = out[r, c].real, out[r, c].imag
            out[r, c] = complex(
                np.float32(real * cos - imaginary * sin), np.float32(real * sin + imaginary * cos)
            )


@kernel
def _interpolate(
    burst: NDArray[np.complex64],
    y: np.unsignedinteger,
    x: np.unsignedinteger,
    line_weights: NDArray[np.float32],
    line_row: np.unsignedinteger,
    sample_weights: NDArray[np.float32],
    sample_row: np.unsignedinteger,
) -> complex:
    """Weigh the eight by eight samples from a corner on.

    All whole numbers are unsigned: the compiler then leaves out the case of negative indices, and this loop
    takes half the time.
    """
    real, imaginary = np.float32(0.0), np.float32(0.0)
    for p in range(np.uintp(TAPS)):
        part_real, part_imaginary = np.float32(0.0), np.float32(0.0)
        for q in range(np.uintp(TAPS)):
            weight = sample_weights[sample_row, q]
            value = burst[y + p, x + q]
            part_real += weight * value.real
            part_imaginary += weight * value.imag
        real += line_weights[line_row, p] * part_real
        imaginary += line_weights[line_row, p] * part_imaginary
    return complex(real, imaginary)


@kernel
def _samples_with_neighbours(
    first: NDArray[np.int32], last: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """First and last sample of each line whose eight by eight neighbours are valid; last < first for none."""
    n = first.shape[0]
    least, largest = np.ones(n, np.int32), np.zeros(n, np.int32)
    for line in range(BEFORE, n - TAPS + BEFORE + 1):
        upper, lower = line - BEFORE, line - BEFORE + TAPS - 1
        if first[upper] >= 0 and first[lower] >= 0:
            least[line] = max(first[upper], first[lower]) + BEFORE
            largest[line] = min(last[upper], last[lower]) - TAPS + BEFORE + 1
    return least, largest
