"""S1Pix and S2Pix: how many 20 m and 10 m pixels each parcel has on the site's tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from sen4cap_core.declarations.shapes.geometry import WGS84, moved
from sen4cap_core.rasters.parcels.outlines import Outlines
from sen4cap_core.rasters.parcels.pixel_counts import count_pixels, zones_of

S2_RESOLUTION_M = 10.0
S1_RESOLUTION_M = 20.0


@dataclass(frozen=True)
class PixelNumbers:
    """S1Pix and S2Pix of some parcels."""

    rows: NDArray[np.int64]
    """Places of the parcels among those that were given."""
    s1: NDArray[np.int64]
    s2: NDArray[np.int64]


def pixel_numbers(
    outlines: Outlines,
    usable: NDArray[np.bool_],
    new_ids: NDArray[np.int64],
    tiles: Sequence[str],
    threads: int,
) -> Iterator[PixelNumbers]:
    """Count the pixels of parcels in longitude and latitude, neighbours after neighbours; each comes once.

    S1Pix and S2Pix are 0 where a parcel cannot be used.
    """
    zones = zones_of(outlines, tiles)
    zones[~usable] = 0
    nowhere = np.flatnonzero(zones == 0)
    if len(nowhere):
        nothing = np.zeros(len(nowhere), np.int64)
        yield PixelNumbers(nowhere, nothing, nothing)
    for epsg in np.unique(zones[zones > 0]).tolist():
        rows = np.flatnonzero(zones == epsg)
        here = outlines if len(rows) == len(outlines) else outlines.take(rows)
        there = moved(here, WGS84, CRS.from_epsg(epsg))
        for counted in count_pixels(
            there, new_ids[rows], (S1_RESOLUTION_M, S2_RESOLUTION_M), threads=threads
        ):
            yield PixelNumbers(rows[counted.parcels], *counted.pixels)
