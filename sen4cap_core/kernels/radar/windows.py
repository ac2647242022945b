"""From the geocoded samples (10 m x 5 m) to cells of 20 m: coherence and power."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.radar.lut import lut_at
from sen4cap_core.kernels.radar.resample import COLUMNS_PER_CELL, ROWS_PER_CELL

WINDOW_ROWS = 7
WINDOW_COLUMNS = 16
ROWS_BEFORE = 2
"""Seven rows cannot lie evenly around a cell of two: the window's centre is 5 m south of the cell's."""
COLUMNS_BEFORE = 6
UNIT = 2
"""Columns that always are in a window together."""


@kernel
def coherence_cells(
    one: NDArray[np.complex64],
    other: NDArray[np.complex64],
    fringe_nodes_m: NDArray[np.float64],
    wavelength_m: float,
    min_samples: int,
    first_row: int,
    last_row: int,
    out: NDArray[np.float32],
) -> None:
    """Estimate the coherence of two passes in windows of 70 m x 80 m around each 20 m cell.

    ``|sum a b*| / sqrt(sum |a|^2 sum |b|^2)``, which is biased upwards where the truth is low
    (Touzi et al. 1999, doi:10.1109/36.739146).

    Parameters
    ----------
    one, other : complex64 (2 * rows, 4 * columns), NaN where missing
    fringe_nodes_m : float64 (rows + 1, columns + 1), difference of the two slant ranges, to leave its fringes
        in; an array without rows leaves them out
    min_samples : windows with fewer common samples have no coherence
    out : float32 (rows, columns), NaN where missing
    """
    keep_fringes = fringe_nodes_m.shape[0] > 0
    wave_number = 4.0 * math.pi / wavelength_m
    # Windows of neighbours overlap: products are added up for units of two columns first.
    n_units = one.shape[1] // UNIT
    sums = np.empty((n_units, 5))
    for r in range(first_row, last_row):
        top = max(r * ROWS_PER_CELL - ROWS_BEFORE, 0)
        bottom = min(r * ROWS_PER_CELL - ROWS_BEFORE + WINDOW_ROWS, one.shape[0])
        sums[:] = 0.0
        for y in range(top, bottom):
            for x in range(n_units * UNIT):
                a, b = one[y, x], other[y, x]
                p, q = a.real * a.real + a.imag * a.imag, b.real * b.real + b.imag * b.imag
                if not (p + q >= 0.0):
                    continue
                cross_real = np.float64(a.real * b.real + a.imag * b.imag)
                cross_imaginary = np.float64(a.imag * b.real - a.real * b.imag)
                if keep_fringes:
                    phase = wave_number * _at(fringe_nodes_m, y, x)
                    cos, sin = math.cos(phase), math.sin(phase)
                    cross_real, cross_imaginary = (
                        cross_real * cos + cross_imaginary * sin,
                        cross_imaginary * cos - cross_real * sin,
                    )
                k = x // UNIT
                sums[k, 0] += cross_real
                sums[k, 1] += cross_imaginary
                sums[k, 2] += p
                sums[k, 3] += q
                sums[k, 4] += 1.0
        for c in range(out.shape[1]):
            left = max((c * COLUMNS_PER_CELL - COLUMNS_BEFORE) // UNIT, 0)
            right = min((c * COLUMNS_PER_CELL - COLUMNS_BEFORE + WINDOW_COLUMNS) // UNIT, n_units)
            real, imaginary, power_one, power_other, n = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(left, right):
                real += sums[k, 0]
                imaginary += sums[k, 1]
                power_one += sums[k, 2]
                power_other += sums[k, 3]
                n += sums[k, 4]
            both = power_one * power_other
            if n >= min_samples and both > 0.0:
                out[r, c] = math.sqrt((real * real + imaginary * imaginary) / both)
            else:
                out[r, c] = np.nan


@kernel
def _at(nodes: NDArray[np.float64], y: int, x: int) -> float:
    """Value between the nodes at the middle of a sample."""
    i, j = y // ROWS_PER_CELL, x // COLUMNS_PER_CELL
    v = (y - i * ROWS_PER_CELL + 0.5) / ROWS_PER_CELL
    u = (x - j * COLUMNS_PER_CELL + 0.5) / COLUMNS_PER_CELL
    value: float = (1 - v) * ((1 - u) * nodes[i, j] + u * nodes[i, j + 1]) + v * (
        (1 - u) * nodes[i + 1, j] + u * nodes[i + 1, j + 1]
    )
    return value


@kernel
def power_cells(samples: NDArray[np.complex64], min_samples: int, out: NDArray[np.float32]) -> None:
    """Average the power of the samples of each 20 m cell.

    Parameters
    ----------
    samples : complex64 (2 * rows, 4 * columns), square root of power, NaN where missing
    min_samples : of the eight, to count a cell as seen
    out : float32 (rows, columns), NaN where missing
    """
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            total, n = 0.0, 0
            for y in range(r * ROWS_PER_CELL, (r + 1) * ROWS_PER_CELL):
                for x in range(c * COLUMNS_PER_CELL, (c + 1) * COLUMNS_PER_CELL):
                    value = samples[y, x]
                    power = np.float64(value.real) ** 2 + np.float64(value.imag) ** 2
                    if power >= 0.0:
                        total += power
                        n += 1
            out[r, c] = total / n if n >= min_samples else np.nan


@kernel
def burst_cells(
    time_nodes_s: NDArray[np.float64],
    range_nodes_m: NDArray[np.float64],
    place: NDArray[np.float64],
    ends: NDArray[np.float64],
    metres: NDArray[np.float64],
    noise: NDArray[np.float32],
    gamma: NDArray[np.float32],
    steps: NDArray[np.float64],
    line_offset: float,
    first_row: int,
    last_row: int,
    noise_cells: NDArray[np.float32],
    gamma_cells: NDArray[np.float32],
    depth_cells: NDArray[np.float32],
) -> None:
    """Look up at the middle of the 20 m cells of some rows what changes slowly; NaN where it is unknown.

    Parameters
    ----------
    time_nodes_s, range_nodes_m, place : see `sen4cap_core.kernels.radar.resample.geocode_burst`
    ends : float64 (4,), first and last line, first and last sample between which cells have samples
    metres : float64 (2,), along and across, of one line and one sample
    noise, gamma, steps : tables, see `lut_at`; their lines are ``line_offset`` ahead of the burst's
    noise_cells, gamma_cells : float32 (rows, columns); the latter holds what the table's value is divided by,
        and has no rows where it is not wanted
    depth_cells : float32 (rows, columns), metres to the nearest end, NaN beyond it
    """
    with_gamma = gamma_cells.shape[0] > 0
    for r in range(first_row, last_row):
        for c in range(depth_cells.shape[1]):
            time_s = time_nodes_s[r, c] + time_nodes_s[r, c + 1]
            time_s += time_nodes_s[r + 1, c] + time_nodes_s[r + 1, c + 1]
            range_m = range_nodes_m[r, c] + range_nodes_m[r, c + 1]
            range_m += range_nodes_m[r + 1, c] + range_nodes_m[r + 1, c + 1]
            line = (0.25 * time_s - place[0]) / place[1]
            sample = (0.25 * range_m - place[2]) / place[3]
            noise_cells[r, c] = np.nan
            depth_cells[r, c] = np.nan
            if not (math.isfinite(line) and math.isfinite(sample)):
                if with_gamma:
                    gamma_cells[r, c] = np.nan
                continue
            noise_cells[r, c] = lut_at(noise, steps, line + line_offset, sample)
            if with_gamma:
                gamma_cells[r, c] = lut_at(gamma, steps, line + line_offset, sample) / gamma_cells[r, c]
            along = metres[0] * min(line - ends[0], ends[1] - line)
            depth = min(along, metres[1] * min(sample - ends[2], ends[3] - sample))
            if depth > 0.0:
                depth_cells[r, c] = depth
