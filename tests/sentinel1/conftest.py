"""Two simulated passes with known truth, written as SLC products and brought to the map once."""

from __future__ import annotations

import pytest

from sen4cap_core.sentinel1.acquisition import (
    BurstOnMap,
    Terrain,
    acquisition_orbit,
    geocode_bursts,
    plan_bursts,
)
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.simulation.radar.radar_pair import small_pair
from sen4cap_core.simulation.radar.radar_product import write_orbit_file, write_slc
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
from tests.sentinel1.simulated_pair import GRID_HEIGHT_M, VH_NOISE, Simulated


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Write both passes (some seconds)."""
    folder = tmp_path_factory.mktemp("radar")
    pair = small_pair(noise={"VH": VH_NOISE})
    radar = SimulatedRadar(pair.ground, seed=20220503)
    return Simulated(
        pair,
        write_slc(folder, radar, pair.first, ["VV", "VH"], GRID_HEIGHT_M),
        write_slc(folder, radar, pair.second, ["VV"], GRID_HEIGHT_M, as_zip=True),
        write_orbit_file(folder, pair.second),
        radar.write_dem(folder / "dem.tif"),
    )


@pytest.fixture(scope="session")
def on_map(simulated: Simulated) -> tuple[list[BurstOnMap], list[BurstOnMap]]:
    """All bursts of both passes on the map: one with the annotation's orbit, one with a file's."""
    passes = []
    for path, orbit_file in ((simulated.first, None), (simulated.second, simulated.orbit_file)):
        product = open_product(path)
        plans = plan_bursts(product, simulated.grid, simulated.parcels)
        orbit = acquisition_orbit(product, plans[0].annotation, orbit_file)
        passes.append(list(geocode_bursts(product, plans, orbit, Terrain((simulated.dem,)), 2)))
    return passes[0], passes[1]
