"""Detected radar images in ground range: where a ground point lies in them, and the power of a map cell."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.radar.lut import lut_at

PARTS = 2
"""A cell of 20 m is looked at in 2 x 2 parts: the image's pixels are 10 m."""
MIN_PARTS = 2


@kernel
def ground_samples(
    time_s: NDArray[np.float64],
    range_m: NDArray[np.float64],
    entry_times_s: NDArray[np.float64],
    origins_m: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    spacing_m: float,
    first_row: int,
    last_row: int,
    out: NDArray[np.float64],
) -> None:
    """Write the fractional sample of each node of some rows, from its time and slant range.

    Parameters
    ----------
    time_s, range_m : float64 (rows, columns), NaN where unknown
    entry_times_s, origins_m : float64 (n,), ascending; times and first slant ranges of the polynomials
    coefficients : float64 (n, order + 1) of ground range (m) over slant range beyond the origin
    out : float64 (rows, columns); between two polynomials ground range is linear in time
    """
    n = entry_times_s.shape[0]
    for r in range(first_row, last_row):
        for c in range(time_s.shape[1]):
            time = time_s[r, c]
            out[r, c] = np.nan
            if not math.isfinite(time):
                continue
            upper = min(max(np.searchsorted(entry_times_s, time), 1), max(n - 1, 1))
            lower = upper - 1
            ground = _polynomial(coefficients[lower], range_m[r, c] - origins_m[lower])
            if n > 1:
                gap = entry_times_s[upper] - entry_times_s[lower]
                share = min(max((time - entry_times_s[lower]) / gap, 0.0), 1.0)
                other = _polynomial(coefficients[upper], range_m[r, c] - origins_m[upper])
                ground += share * (other - ground)
            out[r, c] = ground / spacing_m


@kernel
def _polynomial(coefficients: NDArray[np.float64], x: float) -> float:
    value = 0.0
    for k in range(coefficients.shape[0] - 1, -1, -1):
        value = value * x + coefficients[k]
    return value


@kernel
def detected_cells(
    image: NDArray[np.float32],
    first_line: int,
    first_sample: int,
    line_nodes: NDArray[np.float64],
    sample_nodes: NDArray[np.float64],
    calibration: NDArray[np.float32],
    noise: NDArray[np.float32],
    steps: NDArray[np.float64],
    first_row: int,
    last_row: int,
    out: NDArray[np.float32],
) -> None:
    """Write the calibrated power of the 20 m cells of some rows, noise removed.

    Parameters
    ----------
    image : float32 (lines, samples), amplitudes; 0 where nothing was seen. Its first value is at
        ``first_line``, ``first_sample`` of the whole image
    line_nodes, sample_nodes : float64 (rows + 1, columns + 1), where the cells' corners lie
    calibration, noise, steps : see `lut_at`; noise is power of digital numbers
    out : float32 (rows, columns), NaN where fewer than half of the parts were seen; slightly negative where
        there was only noise
    """
    for r in range(first_row, last_row):
        for c in range(out.shape[1]):
            total, n = 0.0, 0
            middle_line, middle_sample = 0.0, 0.0
            for p in range(PARTS):
                v = (p + 0.5) / PARTS
                for q in range(PARTS):
                    u = (q + 0.5) / PARTS
                    line = _between(line_nodes, r, c, v, u)
                    sample = _between(sample_nodes, r, c, v, u)
                    power = _power_at(image, line - first_line, sample - first_sample)
                    middle_line += line
                    middle_sample += sample
                    if power > 0.0:
                        total += power
                        n += 1
            out[r, c] = np.nan
            if n < MIN_PARTS:
                continue
            middle_line /= PARTS * PARTS
            middle_sample /= PARTS * PARTS
            gain = lut_at(calibration, steps, middle_line, middle_sample)
            out[r, c] = (total / n - lut_at(noise, steps, middle_line, middle_sample)) / (gain * gain)


@kernel
def _between(nodes: NDArray[np.float64], r: int, c: int, v: float, u: float) -> float:
    value: float = (1.0 - v) * ((1.0 - u) * nodes[r, c] + u * nodes[r, c + 1]) + v * (
        (1.0 - u) * nodes[r + 1, c] + u * nodes[r + 1, c + 1]
    )
    return value


@kernel
def _power_at(image: NDArray[np.float32], line: float, sample: float) -> float:
    """Power between four samples, 0 where one of them was not seen or lies outside."""
    if not (line >= 0.0 and sample >= 0.0 and line < image.shape[0] - 1 and sample < image.shape[1] - 1):
        return 0.0
    i, j = int(line), int(sample)
    a, b, d, e = image[i, j], image[i, j + 1], image[i + 1, j], image[i + 1, j + 1]
    if a == 0 or b == 0 or d == 0 or e == 0:
        return 0.0
    v, u = line - i, sample - j
    power: float = (1.0 - v) * ((1.0 - u) * a * a + u * b * b) + v * ((1.0 - u) * d * d + u * e * e)
    return power
