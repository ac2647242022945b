"""From the radar image to the map: one interpolation between a sample and a map cell.

A 20 m cell of the tile's grid is 2 rows of 10 m by 4 columns of 5 m here. Geometry is known at the corners
(nodes) of the 20 m cells and bilinear within.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.radar.phase import cos_sin
from sen4cap_core.kernels.radar.taps import TAPS, weigh_samples

BEFORE = 3
"""Taps before the sample at or left of the wanted place."""
ROWS_PER_CELL = 2
COLUMNS_PER_CELL = 4


@kernel
def geocode_burst(
    images: NDArray[np.complex64],
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

    Polarisations that were taken at the same times and ranges are done together: where a cell lies in them,
    its weights and its phase are worked out once.

    Parameters
    ----------
    images : complex64 (polarisations, lines, samples), contiguous, deramped and calibrated; row 0 is line
        ``first_line`` of the burst
    ramp, turns : see `sen4cap_core.kernels.radar.ramp.ramp_turns`; column 0 is ``first_sample``, and there is
        one column more than samples
    time_nodes_s, range_nodes_m : float64 (rows + 1, columns + 1), when the satellite passes a node and how
        far it is then; NaN where unknown
    place : float64 (4,): time of the burst's line 0 (s), time between lines, range of its sample 0 (m), range
        between samples
    first_valid, last_valid : int32 (lines of the burst), valid samples of each line, -1 for none
    line_weights : float32 (phases + 1, 8); ``sample_weights``: (phases + 1, 16), each weight twice
    out : complex64 (polarisations, 2 * rows, 4 * columns), NaN where the burst has no valid neighbourhood
    """
    missing = np.complex64(complex(np.nan, np.nan))
    turns_per_m = 2.0 / wavelength_m
    n_line_phases, n_sample_phases = line_weights.shape[0] - 1, sample_weights.shape[0] - 1
    n_images, n_lines, n_samples = images.shape
    width = out.shape[2]
    node_line, node_range_m = np.empty(time_nodes_s.shape[1]), np.empty(time_nodes_s.shape[1])
    lines, ranges_m, phase = np.empty(width), np.empty(width), np.empty(width)
    cosine, sine = np.empty(width, np.float32), np.empty(width, np.float32)
    least, largest = _samples_with_neighbours(first_valid, last_valid)
    for r in range(first_row * ROWS_PER_CELL, last_row * ROWS_PER_CELL):
        i = r // ROWS_PER_CELL
        v = (r - i * ROWS_PER_CELL + 0.5) / ROWS_PER_CELL
        for j in range(node_line.shape[0]):
            time_s = (1.0 - v) * time_nodes_s[i, j] + v * time_nodes_s[i + 1, j]
            node_line[j] = (time_s - place[0]) / place[1]
            node_range_m[j] = (1.0 - v) * range_nodes_m[i, j] + v * range_nodes_m[i + 1, j]
        _between_nodes(node_line, lines)
        _between_nodes(node_range_m, ranges_m)
        begin, end = width, 0
        for c in range(width):
            line, sample = lines[c], (ranges_m[c] - place[2]) / place[3]
            phase[c] = 0.0
            for n in range(n_images):
                out[n, r, c] = missing
            if not (line >= first_line + BEFORE and sample >= first_sample + BEFORE):
                continue
            # Compared before they become whole numbers: a place far outside has none.
            if not (line < first_line + n_lines and sample < first_sample + n_samples):
                continue
            top, left = int(line), int(sample)
            y, x = top - first_line - BEFORE, left - first_sample - BEFORE
            if y + TAPS > n_lines or x + TAPS > n_samples:
                continue
            if left < least[top] or left > largest[top]:
                continue
            along, across = line - top, sample - left
            for n in range(n_images):
                out[n, r, c] = weigh_samples(
                    images,
                    np.uintp(n),
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
            phase[c] = constant + eta * (slope + eta * bend) + turns_per_m * ranges_m[c]
            begin, end = min(begin, c), c + 1
        for c in range(begin, end):
            cos, sin = cos_sin(phase[c])
            cosine[c], sine[c] = np.float32(cos), np.float32(sin)
        for n in range(n_images):
            row = out[n, r]
            for c in range(begin, end):
                real, imaginary = row[c].real, row[c].imag
                row[c] = complex(
                    real * cosine[c] - imaginary * sine[c], real * sine[c] + imaginary * cosine[c]
                )


@kernel
def _between_nodes(nodes: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write the values at the middles of the four columns between each two nodes."""
    for j in range(nodes.shape[0] - 1):
        step = (nodes[j + 1] - nodes[j]) / COLUMNS_PER_CELL
        for k in range(COLUMNS_PER_CELL):
            out[j * COLUMNS_PER_CELL + k] = nodes[j] + (k + 0.5) * step


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
