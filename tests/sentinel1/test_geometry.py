"""Our geometry against the geolocation grids that come with products."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.geometry import earth_fixed, solve_nodes, zero_doppler
from sen4cap_core.sentinel1.annotation import SPEED_OF_LIGHT_M_S, Annotation, read_annotation
from sen4cap_core.sentinel1.orbit import fit_orbit
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.simulation.radar.radar_pair import small_pair
from sen4cap_core.simulation.radar.radar_xml import annotation_xml
from tests.sentinel1.simulated_pair import Simulated

QUARTER_CELL_M = 5.0
LINE_M, SAMPLE_ON_GROUND_M = 14.0, 4.2


def off_by(annotation: Annotation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lines and samples between where we put the points of the geolocation grid and where they are."""
    grid = annotation.grid
    first, last = min(grid.azimuth_time), max(grid.azimuth_time)
    orbit = fit_orbit(annotation.state_vectors, first, last, source="annotation", name=annotation.name)
    point, state = np.empty(3), np.empty(9)
    lines, samples = [], []
    for k, moment in enumerate(grid.azimuth_time):
        earth_fixed(grid.lon_deg[k], grid.lat_deg[k], grid.height_m[k], point)
        time_s = zero_doppler(point, orbit.coefficients, orbit.scale_s, 0.0, state)
        lines.append((time_s - orbit.seconds(moment)) / annotation.line_interval_s)
        two_way_s = 2.0 * np.linalg.norm(point - state[:3]) / SPEED_OF_LIGHT_M_S
        samples.append((two_way_s - grid.range_time_s[k]) * annotation.range_sampling_hz)
    return np.array(lines), np.array(samples)


@pytest.mark.parametrize(
    "product",
    [
        "s1-slc-metadata/tests/data/S1A_IW_SLC__1SDV_20200511T135117_20200511T135144_032518_03C421_7768.zip",
        "s1-slc-metadata/tests/data/S1A_IW_SLC__1SDV_20221016T015043_20221016T015111_045461_056FC0_6681.zip",
        "s1-slc-metadata/tests/data/S1A_IW_SLC__1SDV_20230108T135249_20230108T135316_046693_0598D3_BA76.zip",
        "s1-grd-metadata/tests/data/S1A_IW_GRDH_1SDV_20200708T182643_20200708T182708_033367_03DDAA_9550.zip",
    ],
)
def test_points_of_real_geolocation_grids(shared: Path, product: str) -> None:
    checked = 0
    with zipfile.ZipFile(shared / "data" / product) as archive:
        for name in archive.namelist():
            parts = name.split("/")
            if parts[-2:-1] == ["annotation"] and "-vv-" in name and not parts[-1].startswith("."):
                lines, samples = off_by(read_annotation(archive.read(name), parts[-1]))
                assert np.abs(lines).max() * LINE_M < 0.02
                assert np.abs(samples).max() * SAMPLE_ON_GROUND_M < 0.02
                checked += 1
    assert checked > 0


def test_points_of_the_simulated_grid(simulated: Simulated) -> None:
    product = open_product(simulated.first)

    for swath in product.swaths:
        lines, samples = off_by(product.annotation(swath))
        assert np.abs(lines).max() * LINE_M < QUARTER_CELL_M / 100
        assert np.abs(samples).max() * SAMPLE_ON_GROUND_M < QUARTER_CELL_M / 100


def test_velocities_that_contradict_the_positions_change_nothing() -> None:
    flight = small_pair().first
    texts = [
        annotation_xml(flight, flight.swaths[0], "VV", 130.0, velocity_error_m_s=e) for e in (0.0, 0.006)
    ]
    right, wrong = (read_annotation(text.encode(), "s1b.xml") for text in texts)
    off = right.state_vectors.velocity_m_s - wrong.state_vectors.velocity_m_s
    assert np.abs(off).max() > 0.005

    for annotation in (right, wrong):
        lines, samples = off_by(annotation)
        assert np.abs(lines).max() < 0.001
        assert np.abs(samples).max() < 0.001


def test_nodes_without_height_have_no_place() -> None:
    flight = small_pair().first
    annotation = read_annotation(annotation_xml(flight, flight.swaths[0], "VV", 0.0).encode(), "a.xml")
    orbit = fit_orbit(annotation.state_vectors, flight.middle_at, flight.middle_at, source="", name="a.xml")
    lon, lat = np.meshgrid(np.linspace(12.0, 12.1, 3), np.linspace(42.1, 42.0, 3))
    height = np.array([[0.0, np.nan, -20.0]] * 2, np.float32)
    time_s, range_m = np.zeros((2, 3)), np.zeros((2, 3))

    solve_nodes(lon, lat, 8, height, orbit.coefficients, orbit.scale_s, 0.0, 0, 2, time_s, range_m)

    assert np.isnan(time_s[:, 1]).all()
    assert np.isfinite(time_s[:, [0, 2]]).all()
    # Land below the sea is as good as any: 20 m lower is farther away.
    alone = np.zeros((2, 3), np.float32)
    solve_nodes(
        lon, lat, 8, alone, orbit.coefficients, orbit.scale_s, 0.0, 0, 2, time_s, range_at_sea := range_m * 0
    )
    assert (range_m[:, 2] > range_at_sea[:, 2] + 10.0).all()
