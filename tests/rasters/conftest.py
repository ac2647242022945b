"""Small rasters and parcels for the tests of the pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid

SCALE, OFFSET = 1e-4, -0.1

WriteBand = Callable[..., BandSource]


@pytest.fixture
def write_band(tmp_path: Path) -> WriteBand:
    """Write one band as GeoTIFF or JPEG 2000 and describe it."""

    def write(
        name: str, values: NDArray, grid: Grid, *, suffix: str = ".tif", block: int = 512
    ) -> BandSource:
        path = tmp_path / f"{name}{suffix}"
        options = {"driver": "GTiff", "tiled": True, "blockxsize": block, "blockysize": block}
        if suffix == ".jp2":
            options = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO"}
            options |= {"BLOCKXSIZE": block, "BLOCKYSIZE": block}
        elif block == 0:
            options = {"driver": "GTiff"}
        with rasterio.open(
            path,
            "w",
            width=grid.width,
            height=grid.height,
            count=1,
            dtype=values.dtype,
            crs=f"EPSG:{grid.epsg}",
            transform=grid.transform,
            **options,
        ) as dataset:
            dataset.write(values, 1)
        if name == "SCL":
            return BandSource(name, str(path), grid)
        return BandSource(name, str(path), grid, SCALE, OFFSET, 0)

    return write


def make_grid(height: int, width: int, resolution_m: float = 10.0) -> Grid:
    return Grid(32630, 300_000.0, 4_600_020.0, resolution_m, width, height)


def make_parcels(grid: Grid, n: int, seed: int) -> list[shapely.Geometry]:
    """Irregular, partly overlapping polygons, some beyond the grid's edge, some smaller than a pixel."""
    rng = np.random.default_rng(seed)
    x_min, y_min, x_max, y_max = grid.bounds_m
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    parcels = []
    for _ in range(n):
        radius = np.exp(rng.uniform(np.log(3.0), np.log(max(x_max - x_min, 100.0) / 3)))
        x, y = rng.uniform(x_min - 20, x_max + 20), rng.uniform(y_min - 20, y_max + 20)
        reach = radius * rng.uniform(0.6, 1.4, 9)
        parcels.append(
            shapely.Polygon(np.column_stack([x + reach * np.cos(angles), y + reach * np.sin(angles)]))
        )
    return parcels


def make_scene(
    height: int, width: int, seed: int, scl_m: float = 20.0
) -> tuple[dict[str, NDArray], Grid, Grid]:
    """Red, near infrared (some no-data, some below the offset) and SCL as arrays, with their grids."""
    rng = np.random.default_rng(seed)
    grid = make_grid(height, width)
    factor = round(scl_m / 10.0)
    scl_grid = make_grid(-(-height // factor), -(-width // factor), scl_m)
    bands = {
        "B04": rng.integers(900, 4_000, grid.shape).astype(np.uint16),
        "B08": rng.integers(900, 7_000, grid.shape).astype(np.uint16),
        "SCL": rng.choice(
            np.array([0, 3, 4, 5, 6, 9, 11], np.uint8), scl_grid.shape, p=[0.1, 0.1, 0.3, 0.2, 0.1, 0.1, 0.1]
        ),
    }
    bands["B04"][rng.random(grid.shape) < 0.02] = 0
    bands["B08"][rng.random(grid.shape) < 0.02] = 0
    return bands, grid, scl_grid


def expected_ndvi(bands: dict[str, NDArray], with_scl: bool = True) -> NDArray[np.int16]:
    """NDVI of a scene of ``make_scene`` in plain NumPy, stored int16."""
    red = bands["B04"].astype(np.float64) * SCALE + OFFSET
    nir = bands["B08"].astype(np.float64) * SCALE + OFFSET
    red, nir = np.maximum(red, 0), np.maximum(nir, 0)
    valid = (bands["B04"] != 0) & (bands["B08"] != 0) & (red + nir > 1e-7)
    if with_scl:
        factor = -(-red.shape[0] // bands["SCL"].shape[0])
        scl = np.repeat(np.repeat(bands["SCL"], factor, 0), factor, 1)[: red.shape[0], : red.shape[1]]
        valid &= (scl == 4) | (scl == 5)
    with np.errstate(all="ignore"):
        ndvi = np.rint((nir - red) / (nir + red) * 10_000)
    return np.where(valid, ndvi, -32_768).astype(np.int16)
