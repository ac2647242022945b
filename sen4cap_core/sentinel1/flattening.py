"""Terrain-flattened backscatter: power by the land that each pixel holds, not by that of an ellipsoid.

``gamma0 = beta0 / (A_gamma / A_beta)``: A_gamma is the terrain's area across the line of sight that falls
into a pixel, A_beta the pixel's own (Small 2011, doi:10.1109/TGRS.2011.2120616).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.area import area_cells, gather_area
from sen4cap_core.sentinel1.annotation import Annotation
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.geometry import Nodes
from sen4cap_core.sentinel1.orbit import OrbitFit
from sen4cap_core.sentinel1.threads import in_rows

ALONG_M, ACROSS_M = 20.0, 12.0
"""Pixels in which area is gathered; across in slant range: about 20 m on flat ground."""
MARGIN_CELLS = 100
"""Land so far around (2 km) is looked at: hills lean over towards the radar."""
LEAST_AREA = 0.05
"""Of A_gamma / A_beta: less is grazed at more than 87 degrees, and its backscatter is noise."""


@dataclass(frozen=True)
class TerrainArea:
    """A_gamma / A_beta over a part of a radar image."""

    values: NDArray[np.float32]
    place: NDArray[np.float64]
    """See `gather_area`."""

    def on_cells(self, nodes: Nodes, threads: int) -> NDArray[np.float32]:
        """A_gamma / A_beta at the middle of each cell between nodes; NaN in shadow and where unknown."""
        rows, columns = nodes.time_s.shape
        out = np.empty((rows - 1, columns - 1), np.float32)

        def fill(first: int, last: int) -> None:
            area_cells(self.values, self.place, nodes.time_s, nodes.range_m, first, last, out)

        in_rows(fill, rows - 1, threads)
        return np.where(out > LEAST_AREA, out, np.float32(np.nan))


class AreaGatherer:
    """Gathers the area of land strip by strip, over a span of times and ranges."""

    def __init__(self, ends: NDArray[np.float64], orbit: OrbitFit, annotation: Annotation) -> None:
        """``ends``: first and last time (s), least and largest range (m)."""
        self._orbit = orbit
        step_s = ALONG_M * annotation.line_interval_s / annotation.line_spacing_m
        self._place = np.array([ends[0] - step_s, step_s, ends[2] - ACROSS_M, ACROSS_M])
        n_times = int((ends[1] - self._place[0]) / step_s) + 3
        n_ranges = int((ends[3] - self._place[2]) / ACROSS_M) + 3
        self._area_m2 = np.zeros((n_times, n_ranges), np.float32)

    @classmethod
    def over(
        cls,
        spans: Iterable[Nodes],
        orbit: OrbitFit,
        annotation: Annotation,
        within: tuple[float, float, float, float] | None = None,
    ) -> AreaGatherer | None:
        """Return one for all that lies between nodes, None where none of them has a place.

        ``within`` are the times (s) and ranges (m), least and largest of each, beyond which nothing is asked.
        """
        ends = [
            [np.nanmin(n.time_s), np.nanmax(n.time_s), np.nanmin(n.range_m), np.nanmax(n.range_m)]
            for n in spans
            if np.isfinite(n.time_s).any()
        ]
        if not ends:
            return None
        table = np.array(ends)
        bounds = np.array([*table.min(axis=0)[::2], *table.max(axis=0)[1::2]])[[0, 2, 1, 3]]
        if within is not None:
            bounds[::2] = np.maximum(bounds[::2], within[::2])
            bounds[1::2] = np.minimum(bounds[1::2], within[1::2])
        if bounds[1] < bounds[0] or bounds[3] < bounds[2]:
            return None
        return cls(bounds, orbit, annotation)

    def add(self, box: Box, heights_m: NDArray[np.float32], nodes: Nodes) -> None:
        """Add the land of a box."""
        lon, lat, step = box.coarse_lon_lat()
        gather_area(
            lon,
            lat,
            step,
            heights_m,
            nodes.time_s,
            nodes.range_m,
            self._orbit.coefficients,
            self._orbit.scale_s,
            self._place,
            self._area_m2,
        )

    def result(self) -> TerrainArea:
        """What was gathered, by the area of a pixel."""
        return TerrainArea(self._area_m2 / np.float32(ALONG_M * ACROSS_M), self._place)
