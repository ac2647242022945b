"""One burst on the map: calibrated, deramped, resampled once, ramp restored, phase of the range removed.

What comes out of two passes can be compared sample by sample: the phase that geometry puts there is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.ramp import deramp_and_calibrate, ramp_turns
from sen4cap_core.kernels.radar.resample import (
    BEFORE,
    COLUMNS_PER_CELL,
    ROWS_PER_CELL,
    geocode_burst,
)
from sen4cap_core.kernels.radar.taps import TAPS
from sen4cap_core.kernels.radar.windows import burst_cells, power_cells
from sen4cap_core.rasters.decoding.radar_image import read_samples
from sen4cap_core.sentinel1.annotation import SPEED_OF_LIGHT_M_S, Annotation, Burst
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.geometry import Nodes, burst_start_s
from sen4cap_core.sentinel1.luts import Lut
from sen4cap_core.sentinel1.orbit import OrbitFit
from sen4cap_core.sentinel1.samples import SampleFile, SampleWriter
from sen4cap_core.sentinel1.threads import in_rows
from sen4cap_core.sentinel1.tops import burst_ramp

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

PHASES = 1024
LINE_BETA, SAMPLE_BETA = 5.0, 3.5
"""Shape of the Kaiser window. One value of 2.8 for both made backscatter 3.9 % too bright, these 0.1 %."""
STRIP_ROWS = 256
"""Rows of cells whose samples are looked at together."""
COLUMNS_AT_ONCE = 800
"""Columns of cells that are filled together: 16 km, 90 MB of a polarisation and 60 MB of the burst below."""
MISSING = np.complex64(complex(np.nan, np.nan))
MIN_SAMPLES = 4
"""Of the eight samples of a 20 m cell."""


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
    gamma_ratio: NDArray[np.float32] | None
    """float32 (rows, columns): terrain-flattened gamma0 / sigma0; NaN in shadow. None: was not asked for"""
    unseen: NDArray[np.bool_] | None
    """bool (rows, columns): in layover or shadow. None: was not asked for"""
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


@dataclass(frozen=True)
class Channel:
    """One polarisation of a burst, ready to be read."""

    image: DatasetReader
    name: str
    annotation: Annotation
    burst: Burst
    sigma: Lut
    beta: Lut
    noise: Lut

    def place(self, orbit: OrbitFit) -> NDArray[np.float64]:
        """Time of the first line and between lines (s), range of the first sample and between samples (m)."""
        metres_per_s = SPEED_OF_LIGHT_M_S / 2.0
        first_m = self.annotation.first_range_time_s * metres_per_s
        sample_m = metres_per_s / self.annotation.range_sampling_hz
        start_s = burst_start_s(self.burst, orbit)
        return np.array([start_s, self.annotation.line_interval_s, first_m, sample_m])

    def ramp(self, orbit: OrbitFit) -> NDArray[np.float64]:
        """See `sen4cap_core.sentinel1.tops.burst_ramp`."""
        return burst_ramp(self.annotation, self.burst, orbit)

    def lies_as(self, other: Channel, orbit: OrbitFit) -> bool:
        """Whether each sample of both was taken at the same time, range and frequency, as it should be."""
        return (
            (self.annotation.lines_per_burst, self.annotation.n_samples, self.burst.index)
            == (other.annotation.lines_per_burst, other.annotation.n_samples, other.burst.index)
            and self.annotation.wavelength_m == other.annotation.wavelength_m
            and np.array_equal(self.place(orbit), other.place(orbit))
            and np.array_equal(self.ramp(orbit), other.ramp(orbit))
            and np.array_equal(self.burst.first_valid, other.burst.first_valid)
            and np.array_equal(self.burst.last_valid, other.burst.last_valid)
        )


@dataclass(frozen=True)
class Hills:
    """What the terrain does to the cells of a box."""

    area: NDArray[np.float32]
    """A_gamma / A_beta, see `sen4cap_core.sentinel1.flattening`"""
    unseen: NDArray[np.bool_]
    """In layover or shadow, see `sen4cap_core.sentinel1.visibility`"""


def geocode(
    channels: Sequence[Channel],
    orbit: OrbitFit,
    nodes: Nodes,
    box: Box,
    hills: Hills | None,
    threads: int,
    files: Sequence[Path] = (),
) -> list[GeocodedBurst | None]:
    """Bring one burst to the map in all its polarisations; None where no cell of the box has a sample.

    Parameters
    ----------
    files : where the samples of each channel are written as they are made; without them they stay in memory

    Raises
    ------
    UnreadableSceneError
        A measurement file ends too early or is damaged.
    """
    cells = [_cells_of(channel, orbit, nodes, box, hills, threads) for channel in channels]
    seen = [n for n, (_, _, depth) in enumerate(cells) if np.isfinite(depth).any()]
    samples: dict[int, NDArray[np.complex64] | SampleFile] = {}
    while missing := [n for n in seen if n not in samples]:
        alike = [n for n in missing if channels[n].lies_as(channels[missing[0]], orbit)]
        paths = [files[n] for n in alike] if files else []
        images = _resample([channels[n] for n in alike], orbit, nodes, box, threads, paths)
        samples.update(zip(alike, images, strict=True))
    return [
        GeocodedBurst(
            box,
            samples[n],
            nodes.range_m,
            noise,
            gamma if hills else None,
            hills.unseen if hills else None,
            depth,
            channels[n].annotation.wavelength_m,
        )
        if n in samples
        else None
        for n, (noise, gamma, depth) in enumerate(cells)
    ]


def _cells_of(
    channel: Channel, orbit: OrbitFit, nodes: Nodes, box: Box, hills: Hills | None, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Noise, gamma0 / sigma0 (without rows if not wanted) and depth of each cell, see `GeocodedBurst`."""
    place = channel.place(orbit)
    offset = channel.burst.index * channel.annotation.lines_per_burst
    noise_cells, depth = np.empty(box.shape, np.float32), np.empty(box.shape, np.float32)
    gamma_cells = hills.area.astype(np.float32) if hills else np.empty((0, 0), np.float32)
    ends, metres = _valid_part(channel.annotation, channel.burst, orbit)
    noise_ratio = (channel.noise.values / channel.sigma.values.astype(np.float64) ** 2).astype(np.float32)
    gamma_ratio = channel.sigma.squared_ratio(channel.beta).values

    def cells(first: int, last: int) -> None:
        burst_cells(
            nodes.time_s,
            nodes.range_m,
            place,
            ends,
            metres,
            noise_ratio,
            gamma_ratio,
            channel.sigma.steps,
            float(offset),
            first,
            last,
            noise_cells,
            gamma_cells,
            depth,
        )

    in_rows(cells, box.height, threads)
    return noise_cells, gamma_cells, depth


def _resample(
    channels: Sequence[Channel],
    orbit: OrbitFit,
    nodes: Nodes,
    box: Box,
    threads: int,
    files: Sequence[Path],
) -> list[NDArray[np.complex64] | SampleFile]:
    """Return samples on the map, complex64 (rows, columns), of channels that lie alike."""
    shape = ROWS_PER_CELL * box.height, COLUMNS_PER_CELL * box.width
    writers = [SampleWriter(path, shape) for path in files]
    images = [np.empty(shape, np.complex64) for _ in channels[len(files) :]]
    for left in range(0, box.width, COLUMNS_AT_ONCE):
        columns = slice(left, min(left + COLUMNS_AT_ONCE, box.width))
        part = nodes.part((slice(0, box.height), columns))
        reached = _rows_reached(part, channels[0], orbit)
        width = COLUMNS_PER_CELL * (columns.stop - columns.start)
        block = np.empty((len(channels), ROWS_PER_CELL * (reached.stop - reached.start), width), np.complex64)
        if block.size:
            part = part.part((reached, slice(0, columns.stop - columns.start)))
            _resample_columns(channels, orbit, part, threads, block)
        first, last = ROWS_PER_CELL * reached.start, ROWS_PER_CELL * reached.stop
        place = slice(COLUMNS_PER_CELL * columns.start, COLUMNS_PER_CELL * columns.stop)
        for image, values in zip(images, block, strict=False):
            image[:first, place], image[last:, place] = MISSING, MISSING
            image[first:last, place] = values
        for writer, values in zip(writers, block, strict=False):
            writer.write(0, place.start, _nothing(first, width))
            writer.write(first, place.start, values)
            writer.write(last, place.start, _nothing(shape[0] - last, width))
    return [*images, *(writer.file for writer in writers)]


def _nothing(rows: int, columns: int) -> NDArray[np.complex64]:
    """Rows without a sample, of the memory of one number."""
    return np.broadcast_to(MISSING, (rows, columns))


def _rows_reached(nodes: Nodes, channel: Channel, orbit: OrbitFit) -> slice:
    """Rows of cells in which a burst may lie; the rest of a box, which is upright as it is not, has none."""
    rows = np.flatnonzero(_inside(nodes, channel.place(orbit), channel.annotation).any(axis=1))
    if not len(rows):
        return slice(0, 0)
    return slice(max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 1, nodes.time_s.shape[0] - 1))


def _resample_columns(
    channels: Sequence[Channel], orbit: OrbitFit, nodes: Nodes, threads: int, out: NDArray[np.complex64]
) -> None:
    """Fill some columns of the map from the part of the burst that they need."""
    annotation, burst, ramp = channels[0].annotation, channels[0].burst, channels[0].ramp(orbit)
    place = channels[0].place(orbit)
    window = _window(nodes, place, annotation)
    if window is None:
        out[:] = np.nan
        return
    first_line, first_sample, n_lines, n_samples = window
    offset = burst.index * annotation.lines_per_burst
    turns = np.empty((3, n_samples + 1))
    ramp_turns(ramp, first_sample, turns)
    samples = np.empty((len(channels), n_lines, n_samples), np.complex64)
    for image, channel in zip(samples, channels, strict=True):
        line = offset + first_line
        read_samples(channel.image, channel.name, line, first_sample, n_lines, n_samples, image)
    luts = np.stack([channel.sigma.values for channel in channels])

    def deramp(first: int, last: int) -> None:
        deramp_and_calibrate(
            samples,
            first_line,
            first_sample,
            ramp,
            turns,
            luts,
            channels[0].sigma.steps,
            float(offset),
            first,
            last,
        )

    in_rows(deramp, n_lines, threads)
    line_weights, sample_weights = kaiser_sinc(LINE_BETA), doubled(SAMPLE_BETA)

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

    in_rows(resample, out.shape[1] // ROWS_PER_CELL, threads)


@lru_cache
def kaiser_sinc(beta: float) -> NDArray[np.float32]:
    """Return weights of eight taps for each 1024th of a sample, float32 (1025, 8); a row adds up to 1."""
    fraction = np.arange(PHASES + 1)[:, None] / PHASES
    distance = np.arange(TAPS)[None, :] - BEFORE - fraction
    window = np.i0(beta * np.sqrt(np.clip(1.0 - (distance / (TAPS / 2)) ** 2, 0.0, None))) / np.i0(beta)
    weights = np.sinc(distance) * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


@lru_cache
def doubled(beta: float) -> NDArray[np.float32]:
    """Return `kaiser_sinc` with each weight twice, for real and imaginary part, float32 (1025, 16)."""
    return np.repeat(kaiser_sinc(beta), 2, axis=1)


def _window(
    nodes: Nodes, place: NDArray[np.float64], annotation: Annotation
) -> tuple[int, int, int, int] | None:
    """First line, first sample and size of the part of a burst that the nodes need."""
    sizes = annotation.lines_per_burst, annotation.n_samples
    inside = _inside(nodes, place, annotation)
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


def _inside(nodes: Nodes, place: NDArray[np.float64], annotation: Annotation) -> NDArray[np.bool_]:
    """Which nodes lie in a burst, or nearer to it than a cell is large."""
    inside = np.ones(nodes.time_s.shape, bool)
    sizes = annotation.lines_per_burst, annotation.n_samples
    for values, first, step, size in zip(
        (nodes.time_s, nodes.range_m), place[::2], place[1::2], sizes, strict=True
    ):
        inside &= (values > first - TAPS * step) & (values < first + (size + TAPS) * step)
    return inside


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
