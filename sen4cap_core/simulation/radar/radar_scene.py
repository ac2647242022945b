"""Speckle of known coherence and backscatter over rolling land, seen by two passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from sen4cap_core.kernels.radar.scatter import paint_scatterers
from sen4cap_core.rasters.decoding.elevation import write_elevation
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.simulation.radar.radar_model import (
    BETA_INCIDENCE_DEG,
    LINE_BANDWIDTH,
    LINE_INTERVAL_S,
    RADAR_HZ,
    SAMPLE_BANDWIDTH,
    SAMPLING_HZ,
    PassModel,
    SwathModel,
    response,
)
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, abeam, to_ecef

REACH, OVERSAMPLING = 6, 64
Surface = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""A value at positions x, y in metres of the UTM zone."""


@dataclass(frozen=True)
class RadarGround:
    """The land: its heights, how it scatters, how much of it stays the same from pass to pass."""

    grid: Grid
    """Area that scatters; any pixel size."""
    height_m: Surface
    """Above the ellipsoid."""
    coherence: Surface
    sigma0: dict[str, float]
    """By polarisation."""
    m2_per_scatterer: float = 30.0
    power_of_ground: Surface | None = None
    """None: the same sigma0 everywhere in the image, whatever the slope. Else how much brighter each place is
    per area of the map, so that slopes towards the radar are bright as in nature."""
    by_facets: bool = False
    """``sigma0`` holds gamma0 of the terrain: each place reflects by its area across the line of sight."""


@dataclass(frozen=True)
class _Seen:
    """Where a pass sees each scatterer, and what its amplitude is multiplied by."""

    flight: PassModel
    time_s: NDArray[np.float64]
    range_m: NDArray[np.float64]
    factor: NDArray[np.complex128]


class SimulatedRadar:
    """The scatterers of a ground, for any number of passes."""

    def __init__(self, ground: RadarGround, seed: int) -> None:
        self._ground = ground
        self._random = np.random.default_rng(seed)
        x_min, y_min, x_max, y_max = ground.grid.bounds_m
        # One scatterer somewhere in each square: as many everywhere, and no pattern.
        side = np.sqrt(ground.m2_per_scatterer)
        x, y = np.meshgrid(np.arange(x_min, x_max, side), np.arange(y_min, y_max, side))
        shifts = self._random.uniform(0.0, side, (2, x.size))
        self._x, self._y = x.ravel() + shifts[0], y.ravel() + shifts[1]
        self._points = self._earth_fixed(self._x, self._y)
        self._coherence = ground.coherence(self._x, self._y)
        self._common = {p: self._speckle() for p in ground.sigma0}
        self._seen: _Seen | None = None

    def swath_bursts(self, flight: PassModel, polarisation: str) -> list[list[NDArray[np.complex64]]]:
        """Return the bursts of each swath, complex64 (lines, samples) digital numbers."""
        time_s, range_m, amplitude = self.scattered(flight, polarisation)
        speed = float(np.linalg.norm(flight.orbit.velocity(0.0)))
        return [self._paint(swath, time_s, range_m, amplitude, speed) for swath in flight.swaths]

    def scattered(
        self, flight: PassModel, polarisation: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
        """Return what a pass receives from each scatterer: time abeam, slant range, amplitude.

        The amplitude's square is the power that falls into one sample of a complex image.
        """
        ground = self._ground
        own = self._speckle()
        share = self._coherence
        reflected = np.sqrt(share) * self._common[polarisation] + np.sqrt(1.0 - share) * own
        amplitude = np.sqrt(ground.sigma0[polarisation]) * reflected
        if ground.power_of_ground is not None:
            amplitude *= np.sqrt(ground.power_of_ground(self._x, self._y))
        noise = flight.noise.get(polarisation, 0.0)
        if noise:
            amplitude = amplitude + np.sqrt(noise) * self._speckle()
        # Polarisations and looks of a pass share its geometry, by far the longest to work out.
        if self._seen is None or self._seen.flight is not flight:
            self._seen = self._look(flight)
        return self._seen.time_s, self._seen.range_m, amplitude * self._seen.factor

    def _look(self, flight: PassModel) -> _Seen:
        ground = self._ground
        time_s, range_m = abeam(self._points, flight.orbit)
        area = self._facets(flight, time_s) if ground.by_facets else self._cells_per_m2(flight)
        turn = np.exp(-4j * np.pi * RADAR_HZ / LIGHT_M_S * range_m)
        return _Seen(flight, time_s, range_m, np.sqrt(area * ground.m2_per_scatterer) * turn)

    def write_dem(self, path: Path, step_deg: float = 1.0 / 3600.0, margin_deg: float = 0.01) -> Path:
        """Write the heights as an elevation model in longitude and latitude, above the ellipsoid."""
        x_min, y_min, x_max, y_max = self._ground.grid.bounds_m
        to_deg = Transformer.from_crs(self._ground.grid.epsg, 4326, always_xy=True)
        lon, lat = to_deg.transform([x_min, x_max, x_min, x_max], [y_min, y_min, y_max, y_max])
        west, north = min(lon) - margin_deg, max(lat) + margin_deg
        width = int((max(lon) + margin_deg - west) / step_deg)
        height = int((north - min(lat) + margin_deg) / step_deg)
        columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        x, y = to_deg.transform(west + columns * step_deg, north - rows * step_deg, direction="INVERSE")
        write_elevation(path, self._ground.height_m(x, y).astype(np.float32), west, north, step_deg)
        return path

    def _paint(
        self,
        swath: SwathModel,
        time_s: NDArray[np.float64],
        range_m: NDArray[np.float64],
        amplitude: NDArray[np.complex128],
        speed_m_s: float,
    ) -> list[NDArray[np.complex64]]:
        sample = swath.sample_of(range_m)
        along, across = (response(b, REACH, OVERSAMPLING) for b in (LINE_BANDWIDTH, SAMPLE_BANDWIDTH))
        energy = float((along**2).sum() * (across**2).sum()) / OVERSAMPLING**2
        # Digital numbers: calibration is taken as constant within the response.
        numbers = (amplitude * swath.calibration(sample) / np.sqrt(energy)).astype(np.complex64)
        bursts = []
        for start_s in swath.burst_starts_s:
            line = (time_s - start_s) / LINE_INTERVAL_S
            since_middle_s = (line - 0.5 * (swath.lines_per_burst - 1)) * LINE_INTERVAL_S
            doppler = swath.doppler_hz(since_middle_s, range_m, speed_m_s) * LINE_INTERVAL_S
            image = np.zeros((swath.lines_per_burst, swath.n_samples), np.complex64)
            paint_scatterers(line, sample, numbers, doppler, along, across, OVERSAMPLING, image)
            bursts.append(image)
        return bursts

    def _cells_per_m2(self, flight: PassModel) -> NDArray[np.float64]:
        """Samples of the image per square metre of map at each scatterer."""
        ground, step = self._ground, 20.0
        if ground.power_of_ground is not None:
            return np.full(len(self._x), 1.0 / _flat_cell_m2(flight, ground))
        x_min, y_min, x_max, y_max = ground.grid.bounds_m
        x = np.arange(x_min - step, x_max + 2 * step, step)
        y = np.arange(y_min - step, y_max + 2 * step, step)
        grid_x, grid_y = np.meshgrid(x, y)
        points = self._earth_fixed(grid_x.ravel(), grid_y.ravel())
        time_s, range_m = (v.reshape(grid_x.shape) for v in abeam(points, flight.orbit))
        line, sample = time_s / LINE_INTERVAL_S, flight.swaths[0].sample_of(range_m)
        line_y, line_x = np.gradient(line, step)
        sample_y, sample_x = np.gradient(sample, step)
        area = np.abs(line_x * sample_y - line_y * sample_x)
        column = np.clip(((self._x - x[0]) / step + 0.5).astype(int), 0, len(x) - 1)
        row = np.clip(((self._y - y[0]) / step + 0.5).astype(int), 0, len(y) - 1)
        return np.asarray(area[row, column])

    def _facets(self, flight: PassModel, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Area across the line of sight per area of the map, over the area of a sample of the image.

        The products' tables of sigma0 are those of one incidence angle, so beta0 is brought to them.
        """
        half_m = 1.0
        x, y = self._x, self._y
        east = self._earth_fixed(x + half_m, y) - self._earth_fixed(x - half_m, y)
        north = self._earth_fixed(x, y + half_m) - self._earth_fixed(x, y - half_m)
        normal = np.cross(east, north) / (4.0 * half_m**2)
        sight = flight.orbit.position(time_s) - self._points
        sight /= np.linalg.norm(sight, axis=1)[:, None]
        sample_m2 = LIGHT_M_S / 2 / SAMPLING_HZ * LINE_INTERVAL_S * flight.ground_speed_m_s
        seen = np.maximum(np.einsum("ij,ij->i", normal, sight), 0.0)
        return np.asarray(seen * np.sin(np.radians(BETA_INCIDENCE_DEG)) / sample_m2)

    def _earth_fixed(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = Transformer.from_crs(self._ground.grid.epsg, 4326, always_xy=True).transform(x, y)
        return to_ecef(lon, lat, self._ground.height_m(x, y))

    def _speckle(self) -> NDArray[np.complex128]:
        parts = self._random.standard_normal((2, len(self._x)))
        return np.asarray((parts[0] + 1j * parts[1]) / np.sqrt(2.0))


def _flat_cell_m2(flight: PassModel, ground: RadarGround) -> float:
    """Map area of one sample on flat land in the middle of the scene."""
    x_min, y_min, x_max, y_max = ground.grid.bounds_m
    x, y, step = (x_min + x_max) / 2, (y_min + y_max) / 2, 20.0
    to_deg = Transformer.from_crs(ground.grid.epsg, 4326, always_xy=True)
    lon, lat = to_deg.transform([x, x + step, x], [y, y, y + step])
    height = float(ground.height_m(np.array([x]), np.array([y]))[0])
    time_s, range_m = abeam(to_ecef(lon, lat, height), flight.orbit)
    line, sample = time_s / LINE_INTERVAL_S, flight.swaths[0].sample_of(range_m)
    along, across = np.diff(line[[0, 1]])[0], np.diff(line[[0, 2]])[0]
    area = along * (sample[2] - sample[0]) - across * (sample[1] - sample[0])
    return step**2 / abs(float(area))
