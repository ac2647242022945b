"""S1Pix and S2Pix: how many 20 m and 10 m pixels each parcel has on the site's tiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from sen4cap_core.declarations.geometry import WGS84, moved
from sen4cap_core.rasters.outlines import Outlines
from sen4cap_core.rasters.pixel_counts import count_pixels, zones_of

S2_RESOLUTION_M = 10.0
S1_RESOLUTION_M = 20.0


def pixel_numbers(
    outlines: Outlines,
    usable: NDArray[np.bool_],
    new_ids: NDArray[np.int64],
    tiles: Sequence[str],
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return S1Pix and S2Pix of parcels in longitude and latitude; 0 where they cannot be used."""
    s1, s2 = np.zeros(len(outlines), np.int64), np.zeros(len(outlines), np.int64)
    zones = zones_of(outlines, tiles)
    zones[~usable] = 0
    for epsg in np.unique(zones[zones > 0]).tolist():
        rows = np.flatnonzero(zones == epsg)
        here = outlines if len(rows) == len(outlines) else outlines.take(rows)
        s1[rows], s2[rows] = count_pixels(
            moved(here, WGS84, CRS.from_epsg(epsg)),
            new_ids[rows],
            (S1_RESOLUTION_M, S2_RESOLUTION_M),
            threads=threads,
        )
    return s1, s2
