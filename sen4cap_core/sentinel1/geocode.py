"""One burst on the map: calibrated, deramped, resampled once, ramp restored, phase of the range removed.

What comes out of two passes can be compared sample by sample: the phase that geometry puts there is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.sar_ramp import deramp_and_calibrate, ramp_turns
from sen4cap_core.kernels.sar_resample import (
    BEFORE,
    COLUMNS_PER_CELL,
    ROWS_PER_CELL,
    TAPS,
    geocode_burst,
)
from sen4cap_core.kernels.sar_windows import burst_cells, power_cells
from sen4cap_core.rasters.radar_image import read_samples
from sen4cap_core.sentinel1.annotation import SPEED_OF_LIGHT_M_S, Annotation, Burst
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.geometry import Nodes, burst_start_s
from sen4cap_core.sentinel1.luts import Lut
from sen4cap_core.sentinel1.orbit import OrbitFit
from sen4cap_core.sentinel1.threads import in_rows
from sen4cap_core.sentinel1.tops import burst_ramp

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

PHASES = 1024
LINE_BETA, SAMPLE_BETA = 5.0, 3.5
"""Shape of the Kaiser window. One value of 2.8 for both made backscatter 3.9 % too bright, these 0.1 %."""
STRIP_ROWS = 256
"""Rows of cells whose samples are looked at together."""
COLUMNS_AT_ONCE = 1600
"""Columns of cells that are filled together: 32 km, and the part of a burst below them takes 100 MB."""
MIN_SAMPLES = 4
"""Of the eight samples of a 20 m cell."""


@dataclass(frozen=True)
class SampleFile:
    """Samples that stay on disk; rows are read when they are asked for."""

    path: Path

    def __getitem__(self, rows: slice) -> NDArray[np.complex64]:
        """Read some rows."""
        # Opened each time: pages of a file that stays mapped would count as our memory.
        return np.array(np.load(self.path, mmap_mode="r")[rows])


@dataclass(frozen=True)
class GeocodedBurst:
    """One burst and polarisation on a part of a tile."""

    box: Box
    samples: NDArray[np.complex64] | SampleFile
    """complex64 (2 * rows, 4 * columns): square root of sigma0, phase of the scatterers; NaN outside"""
    range_nodes_m: NDArray[np.float64]
    """float64 (rows + 1, columns + 1)"""
    noise: NDArray[np.float32]
    """float32 (rows, columns): sigma0 of the thermal noise in each 20 m cell"""
    gamma_ratio: NDArray[np.float32]
    """float32 (rows, columns): terrain-flattened gamma0 / sigma0; NaN in shadow"""
    unseen: NDArray[np.bool_]
    """bool (rows, columns): in layover or shadow"""
    depth: NDArray[np.float32]
    """float32 (rows, columns): metres to the nearest edge of the burst's valid part, NaN outside"""
    wavelength_m: float

    def power(self) -> NDArray[np.float32]:
        """Return sigma0 of each 20 m cell, noise removed; slightly negative where there was only noise."""
        out = np.empty(self.box.shape, np.float32)
        for top in range(0, self.box.height, STRIP_ROWS):
            bottom = min(top + STRIP_ROWS, self.box.height)
            strip = self.sample_rows(top, bottom, slice(0, self.box.width))
            power_cells(strip, MIN_SAMPLES, out[top:bottom])
        out -= self.noise
        return out

    def sample_rows(self, first: int, last: int, columns: slice) -> NDArray[np.complex64]:
        """Return the samples of some rows and columns of cells, side by side in memory."""
        rows = self.samples[ROWS_PER_CELL * first : ROWS_PER_CELL * last]
        return np.ascontiguousarray(
            rows[:, COLUMNS_PER_CELL * columns.start : COLUMNS_PER_CELL * columns.stop]
        )


def geocode(
    image: DatasetReader,
    name: str,
    annotation: Annotation,
    burst: Burst,
    orbit: OrbitFit,
    nodes: Nodes,
    box: Box,
    sigma: Lut,
    beta: Lut,
    noise: Lut,
    area: NDArray[np.float32],
    unseen: NDArray[np.bool_],
    threads: int,
) -> GeocodedBurst | None:
    """Bring one burst to the map; None where no cell of the box has a sample.

    ``area`` is A_gamma / A_beta of each cell, see `sen4cap_core.sentinel1.flattening`; ``unseen`` are cells
    in layover or shadow, see `sen4cap_core.sentinel1.visibility`.

    Raises
    ------
    UnreadableSceneError
        The measurement file ends too early or is damaged.
    """
    place = _place(annotation, burst, orbit)
    offset = burst.index * annotation.lines_per_burst
    noise_cells, gamma_cells, depth = (np.empty(box.shape, np.float32) for _ in range(3))
    gamma_cells[:] = area
    ends, metres = _valid_part(annotation, burst, orbit)
    noise_ratio = (noise.values / sigma.values.astype(np.float64) ** 2).astype(np.float32)
    gamma_ratio = sigma.squared_ratio(beta).values

    def cells(first: int, last: int) -> None:
        burst_cells(
            nodes.time_s,
            nodes.range_m,
            place,
            ends,
            metres,
            noise_ratio,
            gamma_ratio,
            sigma.steps,
            float(offset),
            first,
            last,
            noise_cells,
            gamma_cells,
            depth,
        )

    in_rows(cells, box.height, threads)
    if not np.isfinite(depth).any():
        return None
    out = np.empty((ROWS_PER_CELL * box.height, COLUMNS_PER_CELL * box.width), np.complex64)
    for left in range(0, box.width, COLUMNS_AT_ONCE):
        columns = slice(left, min(left + COLUMNS_AT_ONCE, box.width))
        _resample(
            image,
            name,
            annotation,
            burst,
            burst_ramp(annotation, burst, orbit),
            nodes.part((slice(0, box.height), columns)),
            place,
            sigma,
            threads,
            out[:, COLUMNS_PER_CELL * columns.start : COLUMNS_PER_CELL * columns.stop],
        )
    wavelength_m = annotation.wavelength_m
    return GeocodedBurst(box, out, nodes.range_m, noise_cells, gamma_cells, unseen, depth, wavelength_m)


def _resample(
    image: DatasetReader,
    name: str,
    annotation: Annotation,
    burst: Burst,
    ramp: NDArray[np.float64],
    nodes: Nodes,
    place: NDArray[np.float64],
    sigma: Lut,
    threads: int,
    out: NDArray[np.complex64],
) -> None:
    """Fill some columns of the map from the part of the burst that they need."""
    window = _window(nodes, place, annotation)
    if window is None:
        out[:] = np.nan
        return
    first_line, first_sample, n_lines, n_samples = window
    offset = burst.index * annotation.lines_per_burst
    turns = np.empty((3, n_samples + 1))
    ramp_turns(ramp, first_sample, turns)
    samples = read_samples(image, name, offset + first_line, first_sample, n_lines, n_samples)

    def deramp(first: int, last: int) -> None:
        deramp_and_calibrate(
            samples,
            first_line,
            first_sample,
            ramp,
            turns,
            sigma.values,
            sigma.steps,
            float(offset),
            first,
            last,
        )

    in_rows(deramp, n_lines, threads)
    line_weights, sample_weights = kaiser_sinc(LINE_BETA), kaiser_sinc(SAMPLE_BETA)

    def resample(first: int, last: int) -> None:
        geocode_burst(
            samples,
            first_line,
            first_sample,
            ramp,
            turns,
            nodes.time_s,
            nodes.range_m,
            place,
            annotation.wavelength_m,
            burst.first_valid,
            burst.last_valid,
            line_weights,
            sample_weights,
            first,
            last,
            out,
        )

    in_rows(resample, len(out) // ROWS_PER_CELL, threads)


@lru_cache
def kaiser_sinc(beta: float) -> NDArray[np.float32]:
    """Return weights of eight taps for each 1024th of a sample, float32 (1025, 8); a row adds up to 1."""
    fraction = np.arange(PHASES + 1)[:, None] / PHASES
    distance = np.arange(TAPS)[None, :] - BEFORE - fraction
    window = np.i0(beta * np.sqrt(np.clip(1.0 - (distance / (TAPS / 2)) ** 2, 0.0, None))) / np.i0(beta)
    weights = np.sinc(distance) * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _place(annotation: Annotation, burst: Burst, orbit: OrbitFit) -> NDArray[np.float64]:
    """Time of the first line and between lines (s), range of the first sample and between samples (m)."""
    metres_per_s = SPEED_OF_LIGHT_M_S / 2.0
    first_m = annotation.first_range_time_s * metres_per_s
    sample_m = metres_per_s / annotation.range_sampling_hz
    return np.array([burst_start_s(burst, orbit), annotation.line_interval_s, first_m, sample_m])


def _window(
    nodes: Nodes, place: NDArray[np.float64], annotation: Annotation
) -> tuple[int, int, int, int] | None:
    """First line, first sample and size of the part of a burst that the nodes need."""
    sizes = annotation.lines_per_burst, annotation.n_samples
    inside = np.ones(nodes.time_s.shape, bool)
    for values, first, step, size in zip(
        (nodes.time_s, nodes.range_m), place[::2], place[1::2], sizes, strict=True
    ):
        inside &= (values > first - TAPS * step) & (values < first + (size + TAPS) * step)
    if not inside.any():
        return None
    # One cell more on each side: a cell may reach in although its corners do not.
    margin = TAPS + 8
    parts = []
    for values, first, step, size in zip(
        (nodes.time_s, nodes.range_m), place[::2], place[1::2], sizes, strict=True
    ):
        least = (values.min(where=inside, initial=np.inf) - first) / step
        largest = (values.max(where=inside, initial=-np.inf) - first) / step
        start, end = max(int(least) - margin, 0), min(int(largest) + margin, size)
        if end - start < TAPS:
            return None
        parts.append((start, end - start))
    (first_line, n_lines), (first_sample, n_samples) = parts
    return first_line, first_sample, n_lines, n_samples


def _valid_part(
    annotation: Annotation, burst: Burst, orbit: OrbitFit
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and last line and sample around which a burst has all samples; metres of a line and a sample."""
    _, velocity = orbit.state(burst_start_s(burst, orbit))
    # On the ground the satellite's shadow moves a tenth slower than the satellite.
    line_m = 0.9 * float(np.linalg.norm(velocity)) * annotation.line_interval_s
    metres = np.array([line_m, SPEED_OF_LIGHT_M_S / (2.0 * annotation.range_sampling_hz)])
    valid = np.flatnonzero(burst.first_valid >= 0)
    if not len(valid):
        return np.array([0.0, -1.0, 0.0, -1.0]), metres
    left, right = float(burst.first_valid[valid].max()), float(burst.last_valid[valid].min())
    reach = TAPS // 2
    return np.array([valid[0] + reach, valid[-1] - reach, left + reach, right - reach], float), metres
