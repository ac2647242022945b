"""Compile what reading declarations needs before the first of them come: on a new machine 28 s of a core."""

from __future__ import annotations

import tempfile
from pathlib import Path

import geopandas
import shapely

from sen4cap_core.declarations.parcels.identity import Given
from sen4cap_core.declarations.parcels.prepare import prepare_parcels
from sen4cap_core.declarations.parcels.reading import read_declarations

SIDE_M = 100.0
EPSG = 32630
NEAR = (300_000.0, 4_500_000.0)
"""Somewhere within that zone."""


def compile_kernels() -> None:
    """Read and prepare made-up parcels, so that kernels are compiled and kept on disk.

    Where they were kept before they are loaded, which takes half a second.
    """
    left, low = NEAR
    # Two that overlap, as what parcels share is looked for too, and one with a hole.
    first = shapely.box(left, low, left + SIDE_M, low + SIDE_M)
    second = shapely.box(left + 0.9 * SIDE_M, low, left + 2 * SIDE_M, low + SIDE_M)
    third = shapely.box(left, low + 2 * SIDE_M, left + SIDE_M, low + 3 * SIDE_M)
    third = third.difference(third.buffer(-0.3 * SIDE_M))
    columns = {"PARCEL_ID": ["1", "2", "3"], "FARM_ID": ["1", "1", "2"], "CROP_CODE": ["1", "1", "2"]}
    frame = geopandas.GeoDataFrame(columns, geometry=[first, second, third], crs=EPSG)
    with tempfile.TemporaryDirectory(prefix="sen4cap-warming-") as name:
        path = Path(name) / "parcels.gpkg"
        frame.to_file(path, driver="GPKG")
        prepare_parcels(read_declarations(path), Given(), Given())
