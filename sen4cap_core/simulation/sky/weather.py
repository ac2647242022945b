"""When the satellites pass, how cloudy it is, and where the clouds and their shadows are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import Sen4capError
from sen4cap_core.rasters.grids.grid import Grid

CELL_M = 60
"""Pixel size of the cloud field; the renderer interpolates."""
REVISIT_DAYS = 5
ORBITS = ((137, time(11, 6, 21)), (94, time(11, 16, 9)))
"""Relative orbit and time of passage of the two swaths that see the area."""
OVERLAP_DAYS = 3
"""The second swath passes this long after the first."""
OVERCAST = 0.97
"""From this cover on nothing of the ground is seen."""


class WrongSeasonError(Sen4capError, ValueError):
    """A season that cannot be: an area too small, more dates than there are passages."""


@dataclass(frozen=True)
class Pass:
    """One passage and its weather."""

    at: datetime
    platform: str
    relative_orbit: int
    cloud_cover: float
    """Share of the area under cloud, thin edges included."""
    haze: float
    """Reflectance that the air adds in the blue after an imperfect correction; less at longer waves."""
    cloud_height_m: float
    index: int
    """Number of the passage since the start; seeds its noise."""


def plan_passes(seed: int, start: date, end: date, n_dates: int | None) -> list[Pass]:
    """Return the passages between two days (both included), in order of time.

    With ``n_dates`` the period is divided into as many equal parts, and of each part one passage is kept,
    rather a clear one; parts without a passage are made up from the rest.

    Raises WrongSeasonError where the period has fewer passages than wanted.
    """
    rng = np.random.default_rng([seed, 31])
    first = int(rng.integers(0, REVISIT_DAYS))
    passes = []
    for offset, (orbit, clock) in zip((0, OVERLAP_DAYS), ORBITS, strict=True):
        day = start + timedelta(days=(first + offset) % REVISIT_DAYS)
        turn = 0
        while day <= end:
            platform = ("S2A", "S2B")[turn % 2]
            at = datetime.combine(day, clock, UTC) + timedelta(seconds=int(rng.integers(-90, 90)))
            cover, haze = _cloud_cover(rng), float(rng.gamma(1.5, 0.004))
            passes.append(Pass(at, platform, orbit, cover, haze, float(rng.uniform(900.0, 2600.0)), 0))
            day += timedelta(days=REVISIT_DAYS)
            turn += 1
    passes.sort(key=lambda one: one.at)
    passes = [Pass(**{**vars(one), "index": index}) for index, one in enumerate(passes)]
    if n_dates is None or n_dates == len(passes):
        return passes
    if n_dates > len(passes):
        raise WrongSeasonError(
            f"{n_dates} dates are wanted, {len(passes)} passages lie between {start} and {end}"
        )
    return _choose(rng, passes, n_dates, start, end)


def _cloud_cover(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.40:
        return float(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.06)]))
    return float(rng.uniform(0.08, 0.75)) if kind < 0.76 else float(rng.uniform(0.85, 1.0))


def _choose(rng: np.random.Generator, passes: list[Pass], n_dates: int, start: date, end: date) -> list[Pass]:
    total = (end - start).days + 1
    rank = {one.index: rng.random() ** (1 / (1.0 - 0.6 * one.cloud_cover)) for one in passes}
    best: dict[int, Pass] = {}
    for one in passes:
        part = (one.at.date() - start).days * n_dates // total
        if part not in best or rank[one.index] > rank[best[part].index]:
            best[part] = one
    chosen = {one.index for one in best.values()}
    rest = sorted((one for one in passes if one.index not in chosen), key=lambda one: -rank[one.index])
    chosen |= {one.index for one in rest[: n_dates - len(chosen)]}
    return [one for one in passes if one.index in chosen]


def cloud_and_shadow(
    one: Pass, grid: Grid, sun_zenith_deg: float, sun_azimuth_deg: float, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return opacity of the clouds and depth of their shadows, 0..1, at `CELL_M` over the grid.

    Noise of several scales is thresholded so that the wanted share is covered; opacity grows with the height
    above the threshold, which makes edges thin. A cloud's shadow lies away from the sun, at the distance
    height x tan(zenith); shadows of clouds outside the image are there too.
    """
    rows, columns = round(grid.height * 10 / CELL_M), round(grid.width * 10 / CELL_M)
    reach = one.cloud_height_m * math.tan(math.radians(min(sun_zenith_deg, 70.0))) / CELL_M
    east = round(reach * math.sin(math.radians(sun_azimuth_deg)))
    north = round(reach * math.cos(math.radians(sun_azimuth_deg)))
    pad = max(abs(east), abs(north)) + 1
    if one.cloud_cover <= 0.0:
        clear = np.zeros((rows, columns), np.float32)
        return clear, clear
    field = _noise(np.random.default_rng([seed, 41, one.index]), rows + 2 * pad, columns + 2 * pad)
    inside = field[pad : pad + rows, pad : pad + columns]
    spread = float(inside.std()) or 1.0
    if one.cloud_cover >= OVERCAST:
        threshold = float(inside.min()) - 1.5 * spread
    else:
        threshold = float(np.quantile(inside, 1.0 - one.cloud_cover))
    opacity = (1.0 - np.exp(-3.0 * np.maximum(0.0, (field - threshold) / spread))).astype(np.float32)
    cloud = opacity[pad : pad + rows, pad : pad + columns]
    # The ground cell (row, column) is shaded by the cloud between it and the sun.
    shadow = opacity[pad - north : pad - north + rows, pad + east : pad + east + columns]
    return np.ascontiguousarray(cloud), np.ascontiguousarray(shadow * (1.0 - cloud))


def _noise(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    """Sum of smooth random fields from 8 km down to 200 m, each with a third less weight."""
    total = np.zeros((rows, columns))
    weight = 1.0
    for scale_m in (8000.0, 4000.0, 2000.0, 1000.0, 450.0, 200.0):
        total += weight * smooth_noise(rng, rows, columns, scale_m / CELL_M)
        weight *= 0.66
    return total


def smooth_noise(rng: np.random.Generator, rows: int, columns: int, scale: float) -> NDArray[np.float64]:
    """Return a random field (rows, columns) whose values are alike within ``scale`` cells.

    Cubic B-splines over a lattice of normal numbers, as two small matrix products.
    """
    down, across = (_spline_weights(rng, n, scale) for n in (rows, columns))
    lattice = rng.standard_normal((down.shape[1], across.shape[1]))
    return np.asarray(down @ lattice @ across.T)


def _spline_weights(rng: np.random.Generator, n: int, scale: float) -> NDArray[np.float64]:
    position = np.arange(n) / scale + rng.random()
    node = np.floor(position).astype(int)
    t = position - node
    weights = np.zeros((n, int(node.max()) + 4))
    cubic = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    for shift, weight in enumerate(cubic):
        weights[np.arange(n), node + shift] = weight / 6
    return weights
