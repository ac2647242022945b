"""A small scene with known truth: two swaths of two bursts, six strips of land with six coherences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.simulation.radar.radar_model import LINE_INTERVAL_S, SAMPLING_HZ, PassModel, SwathModel
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, orbit_over
from sen4cap_core.simulation.radar.radar_scene import RadarGround

TRUE_COHERENCE = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)
STRIP_M = 900.0
RANGE_M = 850_000.0
LOWEST_M, RELIEF_M = 70.0, 60.0
FIRST_AT = datetime(2022, 5, 3, 17, 6, 12, 345678, UTC)
BURST_LINES, BURST_STEP_LINES = 240, 200
SWATH_SAMPLES, SWATH_STEP_SAMPLES = 720, 640


@dataclass(frozen=True)
class RadarPair:
    """Where the scene lies, what is true there, and the two passes."""

    tile: str
    ground: RadarGround
    first: PassModel
    second: PassModel

    def strip_cells(self, number: int, margin_m: float) -> tuple[float, float]:
        """Easting of the west and east edge of a strip, less a margin."""
        west = self.ground.grid.x_min_m + number * STRIP_M
        return west + margin_m, west + STRIP_M - margin_m


def small_pair(
    tile: str = "33TTG",
    *,
    baseline_m: float = 100.0,
    along_m: float = 31.0,
    days: int = 12,
    platforms: tuple[str, str] = ("S1A", "S1A"),
    noise: dict[str, float] | None = None,
    ground: RadarGround | None = None,
) -> RadarPair:
    """Return the scene in the middle of a tile.

    Parameters
    ----------
    baseline_m, along_m : how far the second pass flies beside and before the first
    days : between the passes
    noise : sigma0 of the thermal noise by polarisation
    ground : None for rolling land between 70 and 190 m, sigma0 0.1 in VV and 0.03 in VH
    """
    ground = ground or rolling_ground(tile)
    x_min, y_min, x_max, y_max = ground.grid.bounds_m
    x, y = (x_min + x_max) / 2, (y_min + y_max) / 2
    lon, lat = Transformer.from_crs(ground.grid.epsg, 4326, always_xy=True).transform(x, y)
    height_m = float(ground.height_m(np.array([x]), np.array([y]))[0])
    orbit = orbit_over(lon, lat, height_m, RANGE_M)
    middle_sample = (SWATH_STEP_SAMPLES + SWATH_SAMPLES) / 2
    near_s = 2 * RANGE_M / LIGHT_M_S - middle_sample / SAMPLING_HZ
    lines = BURST_STEP_LINES + BURST_LINES
    starts = [(-lines / 2 + n * BURST_STEP_LINES) * LINE_INTERVAL_S for n in (0, 1)]
    # The beam goes from swath to swath: their bursts begin at other times.
    swaths = [
        SwathModel(
            f"IW{n + 1}",
            near_s + n * SWATH_STEP_SAMPLES / SAMPLING_HZ,
            SWATH_SAMPLES,
            [start + n * 0.02 for start in starts],
            BURST_LINES,
        )
        for n in (0, 1)
    ]
    second_orbit = orbit.moved(baseline_m, 0.3 * baseline_m, along_m, lat)
    # The bursts of the second pass begin a millisecond later over the ground.
    second_swaths = [
        SwathModel(
            s.name, s.first_range_s, s.n_samples, [t + 0.0013 for t in s.burst_starts_s], s.lines_per_burst
        )
        for s in swaths
    ]
    first = PassModel(platforms[0], FIRST_AT, orbit, swaths, 117, noise or {})
    later = FIRST_AT + timedelta(days=days)
    second = PassModel(platforms[1], later, second_orbit, second_swaths, 117, noise or {})
    return RadarPair(tile, ground, first, second)


def rolling_ground(tile: str = "33TTG") -> RadarGround:
    """Return 5.4 km by 5.4 km of hills in the middle of a tile, in six strips from west to east."""
    whole = tile_grid(tile, 20)
    side = round(6 * STRIP_M / 20)
    row, column = (whole.height - side) // 2, (whole.width - side) // 2
    grid = Grid(whole.epsg, whole.x_min_m + column * 20, whole.y_max_m - row * 20, 20.0, side, side)

    def height(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        east, north = (x - grid.x_min_m) / 1400.0, (grid.y_max_m - y) / 1900.0
        return np.asarray(LOWEST_M + RELIEF_M * (1.0 + np.sin(2 * np.pi * east) * np.cos(2 * np.pi * north)))

    def coherence(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        strip = np.clip((x - grid.x_min_m) // STRIP_M, 0, len(TRUE_COHERENCE) - 1).astype(int)
        truth: NDArray[np.float64] = np.array(TRUE_COHERENCE)[strip]
        return truth

    return RadarGround(grid, height, coherence, {"VV": 0.1, "VH": 0.03}, m2_per_scatterer=60.0)
