"""Heights for the radar chain: above the ellipsoid, whatever the model counts them from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer

from sen4cap_core.rasters.decoding.elevation import (
    ElevationError,
    describe_elevation,
    heights_at_nodes,
    write_elevation,
)
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.sentinel1.acquisition import Terrain
from sen4cap_core.sentinel1.box import Box

EPSG, X_MIN_M, Y_MAX_M, SHAPE = 32633, 280_000.0, 4_650_000.0, (50, 60)


def write(path: Path, values: NDArray[np.float32], west: float, north: float, step: float, crs: str) -> Path:
    """Write a raster in degrees, in any coordinate system of them."""
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype="float32",
        crs=crs, transform=Affine(step, 0, west, 0, -step, north),
    ) as raster:  # fmt: skip
        raster.write(values, 1)
    return path


def places(west: float, north: float, step: float, size: int) -> tuple[NDArray[np.float64], ...]:
    """Longitude and latitude of the middles of a raster's cells."""
    middles = (np.arange(size) + 0.5) * step
    lon, lat = np.meshgrid(west + middles, north - middles)
    return lon, lat


def plane(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(100.0 + 900.0 * (lon - 12.35) - 700.0 * (lat - 41.95), np.float32)


def nodes() -> tuple[NDArray[np.float64], ...]:
    x, y = np.meshgrid(X_MIN_M + 20.0 * np.arange(SHAPE[1]), Y_MAX_M - 20.0 * np.arange(SHAPE[0]))
    lon, lat = Transformer.from_crs(EPSG, 4326, always_xy=True).transform(x, y)
    return lon, lat


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Heights above EGM2008 (EPSG:9518), a plane around the nodes."""
    lon, lat = places(12.2, 42.1, 0.0005, 600)
    return write(tmp_path / "dem.tif", plane(lon, lat), 12.2, 42.1, 0.0005, "EPSG:9518")


def test_heights_above_the_geoid_get_its_undulation(model: Path, tmp_path: Path) -> None:
    lon = places(11.0, 43.0, 0.25, 10)[0]
    geoid = write(
        tmp_path / "egm.tif", (48.0 + 2.0 * (lon - 12.0)).astype(np.float32), 11.0, 43.0, 0.25, "EPSG:4326"
    )
    bare = heights_at_nodes(model, EPSG, X_MIN_M, Y_MAX_M, 20.0, SHAPE)
    whole = heights_at_nodes(model, EPSG, X_MIN_M, Y_MAX_M, 20.0, SHAPE, geoid)

    at = nodes()
    # Nothing but the grid that was given moves heights: GDAL and PROJ have models of their own.
    np.testing.assert_allclose(bare, plane(*at), atol=0.05)
    np.testing.assert_allclose(whole - bare, 48.0 + 2.0 * (at[0] - 12.0), atol=0.01)


def test_a_node_has_one_height_whatever_is_asked_around_it(tmp_path: Path) -> None:
    # Finer than the nodes; a centimetre between the two passes of a pair would be two radians of phase.
    step = 0.0001
    lon, lat = places(12.2, 42.1, step, 2600)
    path = tmp_path / "fine.tif"
    hills = 60.0 * np.sin(lon * 400.0) * np.cos(lat * 500.0)
    write_elevation(path, hills.astype(np.float32), 12.2, 42.1, step)
    whole = heights_at_nodes(path, EPSG, X_MIN_M, Y_MAX_M, 20.0, SHAPE)
    part = heights_at_nodes(path, EPSG, X_MIN_M + 140.0, Y_MAX_M - 60.0, 20.0, (21, 37))

    np.testing.assert_allclose(part, whole[3:24, 7:44], atol=6e-3)


@pytest.mark.parametrize(
    ("crs", "reference"),
    [("EPSG:4979", "ellipsoid"), ("EPSG:9518", "geoid"), ("EPSG:9707", "geoid"), ("EPSG:4326", None)],
)
def test_what_heights_count_from_is_read(tmp_path: Path, crs: str, reference: str | None) -> None:
    path = write(tmp_path / "dem.tif", np.zeros((4, 6), np.float32), 12.0, 42.0, 0.1, crs)
    found = describe_elevation(path)

    assert found.reference == reference
    assert found.bounds_deg == pytest.approx((12.0, 41.6, 12.6, 42.0))


def test_a_published_model_says_it_counts_from_the_geoid(shared: Path) -> None:
    path = shared / "data/dem-rome/tests/data/Rome-30m-DEM.tif"
    found = describe_elevation(path)
    heights = heights_at_nodes(path, EPSG, 292_000.0, 4_652_000.0, 20.0, (20, 20))

    assert found.reference == "geoid"
    assert np.isfinite(heights).all()
    assert -20.0 < float(heights.min()) < float(heights.max()) < 1000.0


def test_holes_are_holes_and_polders_are_land(tmp_path: Path) -> None:
    lon, lat = places(12.2, 42.1, 0.0005, 600)
    heights = np.full(lon.shape, -6.5, np.float32)
    hole = (abs(lon - 12.36) < 0.002) & (abs(lat - 41.97) < 0.002)
    # One file marks its holes, another has the void of the shuttle's model and does not say so.
    for name, void in (("marked.tif", np.nan), ("void.tif", -32_768.0)):
        heights[hole] = void
        path = tmp_path / name
        if np.isnan(void):
            write_elevation(path, heights, 12.2, 42.1, 0.0005)
        else:
            write(path, heights, 12.2, 42.1, 0.0005, "EPSG:4979")
        found = heights_at_nodes(path, EPSG, X_MIN_M, Y_MAX_M, 20.0, SHAPE)
        at = nodes()
        inside = (abs(at[0] - 12.36) < 0.0015) & (abs(at[1] - 41.97) < 0.0015)
        outside = (abs(at[0] - 12.36) > 0.003) | (abs(at[1] - 41.97) > 0.003)
        assert inside.any()
        assert np.isnan(found[inside]).all()
        np.testing.assert_allclose(found[outside], -6.5, atol=1e-4)


def test_models_on_both_sides_of_the_180th_meridian_are_one_land(tmp_path: Path) -> None:
    step, paths = 0.001, []
    for west in (179.0, -180.0):
        lon, lat = places(west, 70.5, step, 1000)
        path = tmp_path / f"{west:g}.tif"
        write_elevation(path, (50.0 + 10.0 * (lat - 70.0)).astype(np.float32), west, 70.5, step)
        paths.append(path)
    grid = tile_grid("01WCS", 20)
    to_grid = Transformer.from_crs(4326, grid.epsg, always_xy=True)
    x, y = to_grid.transform(-180.0, 70.1)
    row, column = int((grid.y_max_m - y) / 20) - 20, int((x - grid.x_min_m) / 20) - 20
    found = Terrain(tuple(paths)).heights_m(Box(grid, row, column, 40, 40))

    nodes_x, nodes_y = np.meshgrid(
        grid.x_min_m + 20.0 * (column + np.arange(41)), grid.y_max_m - 20.0 * (row + np.arange(41))
    )
    lon, lat = to_grid.transform(nodes_x, nodes_y, direction="INVERSE")
    assert lon.min() < -179.9
    assert lon.max() > 179.9
    np.testing.assert_allclose(found, 50.0 + 10.0 * (lat - 70.0), atol=0.02)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dem.tif"
    path.write_bytes(b"II*\x00nothing")
    with pytest.raises(ElevationError, match="cannot be opened"):
        describe_elevation(path)
    path = tmp_path / "bare.tif"
    with rasterio.open(path, "w", driver="GTiff", width=2, height=2, count=1, dtype="float32") as raster:
        raster.write(np.zeros((1, 2, 2), np.float32))
    with pytest.raises(ElevationError, match="no coordinate system"):
        describe_elevation(path)
