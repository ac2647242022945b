"""From the radar image to the map: one interpolation between a sample and a map cell.

A 20 m cell of the tile's grid is 2 rows of 10 m by 4 columns of 5 m here. Geometry is known at the corners
(nodes) of the 20 m cells and bilinear within.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.sar_ramp import ramp_phase

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
    line_nodes: NDArray[np.float64],
    sample_nodes: NDArray[np.float64],
    range_nodes_m: NDArray[np.float64],
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
    line_nodes, sample_nodes, range_nodes_m : float64 (rows + 1, columns + 1), where a node lies in the burst
        and how far from the satellite; NaN where unknown
    first_valid, last_valid : int32 (lines of the burst), valid samples of each line, -1 for none
    line_weights, sample_weights : float32 (phases + 1, 8)
    out : complex64 (2 * rows, 4 * columns), NaN where the burst has no valid neighbourhood
    """
    missing = np.complex64(complex(np.nan, np.nan))
    wave_number = 4.0 * math.pi / wavelength_m
    n_line_phases, n_sample_phases = line_weights.shape[0] - 1, sample_weights.shape[0] - 1
    for r in range(first_row * ROWS_PER_CELL, last_row * ROWS_PER_CELL):
        i = r // ROWS_PER_CELL
        v = (r - i * ROWS_PER_CELL + 0.5) / ROWS_PER_CELL
        for c in range(out.shape[1]):
            j = c // COLUMNS_PER_CELL
            u = (c - j * COLUMNS_PER_CELL + 0.5) / COLUMNS_PER_CELL
            a, b, d, e = (1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u
            line = a * line_nodes[i, j] + b * line_nodes[i, j + 1]
            line += d * line_nodes[i + 1, j] + e * line_nodes[i + 1, j + 1]
            sample = a * sample_nodes[i, j] + b * sample_nodes[i, j + 1]
            sample += d * sample_nodes[i + 1, j] + e * sample_nodes[i + 1, j + 1]
            out[r, c] = missing
            if not (line >= first_line + BEFORE and sample >= first_sample + BEFORE):
                continue
            top, left = int(line), int(sample)
            y, x = top - first_line - BEFORE, left - first_sample - BEFORE
            if y + TAPS > burst.shape[0] or x + TAPS > burst.shape[1]:
                continue
            if not (_is_valid(top - BEFORE, left, first_valid, last_valid)):
                continue
            if not (_is_valid(top - BEFORE + TAPS - 1, left, first_valid, last_valid)):
                continue
            line_row = int((line - top) * n_line_phases + 0.5)
            sample_row = int((sample - left) * n_sample_phases + 0.5)
            real, imaginary = np.float32(0.0), np.float32(0.0)
            for p in range(TAPS):
                part_real, part_imaginary = np.float32(0.0), np.float32(0.0)
                for q in range(TAPS):
                    weight = sample_weights[sample_row, q]
                    value = burst[y + p, x + q]
                    part_real += weight * value.real
                    part_imaginary += weight * value.imag
                real += line_weights[line_row, p] * part_real
                imaginary += line_weights[line_row, p] * part_imaginary
            distance = a * range_nodes_m[i, j] + b * range_nodes_m[i, j + 1]
            distance += d * range_nodes_m[i + 1, j] + e * range_nodes_m[i + 1, j + 1]
            phase = ramp_phase(ramp, line, sample) + wave_number * distance
            out[r, c] = np.complex64(complex(real, imaginary) * complex(math.cos(phase), math.sin(phase)))


@kernel
def _is_valid(line: int, left: int, first: NDArray[np.int32], last: NDArray[np.int32]) -> bool:
    """Whether the eight samples around one lie within the valid ones of a line."""
    if line < 0 or line >= first.shape[0]:
        return False
    return bool(first[line] >= 0 and first[line] <= left - BEFORE and left - BEFORE + TAPS - 1 <= last[line])
