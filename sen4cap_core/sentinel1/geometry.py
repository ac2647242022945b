"""From the corners of map cells to times and ranges of the radar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.geometry import solve_nodes
from sen4cap_core.sentinel1.annotation import SPEED_OF_LIGHT_M_S, Annotation, Burst
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.orbit import OrbitFit
from sen4cap_core.sentinel1.threads import in_rows


@dataclass(frozen=True)
class Nodes:
    """When the satellite passes the corners of a box's cells abeam, and how far they are then."""

    time_s: NDArray[np.float64]
    """float64 (rows + 1, columns + 1), seconds since the orbit's epoch; NaN where the height is unknown"""
    range_m: NDArray[np.float64]

    def part(self, cells: tuple[slice, slice]) -> Nodes:
        """Return the nodes around some cells."""
        rows, columns = cells
        around = slice(rows.start, rows.stop + 1), slice(columns.start, columns.stop + 1)
        return Nodes(np.ascontiguousarray(self.time_s[around]), np.ascontiguousarray(self.range_m[around]))

    def lines(self, first_line_s: float, interval_s: float) -> NDArray[np.float64]:
        """Fractional line of an image whose first one is at a time."""
        return (self.time_s - first_line_s) / interval_s

    def samples(self, annotation: Annotation) -> NDArray[np.float64]:
        """Fractional sample of an image in slant range."""
        two_way_s = self.range_m * (2.0 / SPEED_OF_LIGHT_M_S)
        return (two_way_s - annotation.first_range_time_s) * annotation.range_sampling_hz


def solve_box(
    box: Box, heights_m: NDArray[np.float32], orbit: OrbitFit, near: datetime, threads: int
) -> Nodes:
    """Solve for all nodes of a box.

    Parameters
    ----------
    heights_m : float32 (rows + 1, columns + 1), above the ellipsoid, NaN where unknown
    near : a time at which the satellite was abeam of somewhere near
    """
    lon, lat, step = box.coarse_lon_lat()
    time_s, range_m = np.empty(heights_m.shape), np.empty(heights_m.shape)

    def rows(first: int, last: int) -> None:
        solve_nodes(
            lon,
            lat,
            step,
            heights_m,
            orbit.coefficients,
            orbit.scale_s,
            orbit.seconds(near),
            first,
            last,
            time_s,
            range_m,
        )

    in_rows(rows, heights_m.shape[0], threads)
    return Nodes(time_s, range_m)


def burst_start_s(burst: Burst, orbit: OrbitFit) -> float:
    """Time of a burst's first line, seconds since the orbit's epoch."""
    return orbit.seconds(burst.first_line_at)


def burst_reach(annotation: Annotation, burst: Burst, orbit: OrbitFit) -> tuple[float, float, float, float]:
    """First and last time (s since the orbit's epoch), least and largest range (m) of a burst."""
    start_s = burst_start_s(burst, orbit)
    near_m = annotation.first_range_time_s * SPEED_OF_LIGHT_M_S / 2.0
    sample_m = SPEED_OF_LIGHT_M_S / (2.0 * annotation.range_sampling_hz)
    end_s = start_s + annotation.lines_per_burst * annotation.line_interval_s
    return start_s, end_s, near_m, near_m + annotation.n_samples * sample_m


def burst_outline_deg(annotation: Annotation, burst: Burst) -> NDArray[np.float64]:
    """Longitude and latitude of points around a burst, from the geolocation grid.

    float64 (n, 2), closed. Longitudes do not jump at the antimeridian: they go on beyond 180 degrees.
    """
    grid = annotation.grid
    across = np.ptp(grid.lon_deg) > 180
    lon = np.where(grid.lon_deg < 0, grid.lon_deg + 360.0, grid.lon_deg) if across else grid.lon_deg
    # The grid's rows are lines of the image as a whole: one at each burst's start, one at the end.
    lines = np.unique(grid.line)
    first = burst.index * annotation.lines_per_burst
    last = first + annotation.lines_per_burst - 1
    top = lines[np.argmin(np.abs(lines - first))]
    bottom = lines[np.argmin(np.abs(lines - last))] if len(lines) > 1 else top
    if bottom <= top:
        bottom = lines[min(int(np.searchsorted(lines, top)) + 1, len(lines) - 1)]
    upper, lower = (np.flatnonzero(grid.line == line) for line in (top, bottom))
    upper = upper[np.argsort(grid.pixel[upper])]
    lower = lower[np.argsort(grid.pixel[lower])][::-1]
    ring = np.concatenate((upper, lower, upper[:1]))
    return np.column_stack((lon[ring], grid.lat_deg[ring]))
