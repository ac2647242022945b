"""A synthetic Sentinel-2 tile: bands of a natural tile's entropy, classification, parcels."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import rasterio
import shapely

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import scl_table
from sen4cap_core.rasters.masks.status_masks import StatusMask
from sen4cap_core.rasters.parcels.labels import burn_labels, save_labels
from sen4cap_core.scenes.acquisition.angles import AngleGrid, MeanAngle, SceneAngles
from sen4cap_core.scenes.acquisition.model import Scene

SOIL = {
    "B02": 0.06, "B03": 0.09, "B04": 0.13, "B08": 0.22, "B05": 0.16, "B06": 0.19, "B07": 0.2, "B8A": 0.23,
    "B11": 0.3, "B12": 0.25,
}  # fmt: skip
LEAVES = {
    "B02": 0.03, "B03": 0.05, "B04": 0.03, "B08": 0.45, "B05": 0.09, "B06": 0.35, "B07": 0.43, "B8A": 0.46,
    "B11": 0.2, "B12": 0.1,
}  # fmt: skip
FINE = ("B02", "B03", "B04", "B08")
"""10 m; the others have 20 m."""
SUFFIX = {"jp2": "jp2", "cog": "tif"}


def make_grid(size: int) -> Grid:
    return Grid(32630, 300000.0, 4600020.0, 10.0, size, size)


def grid_of(band: str, size: int) -> Grid:
    return make_grid(size) if band in FINE else make_grid(size).at_resolution(20)


def make_band(grid: Grid, band: str, seed: int = 5) -> np.ndarray:
    """Fields of 400 m between soil and leaves, noise of 47 steps: 7.6 bits per pixel, as a natural tile."""
    side = round(400 / grid.resolution_m)
    cells = -(-grid.height // side)
    share = np.random.default_rng(seed).uniform(0, 1, (cells, cells)).astype(np.float32)
    fields = 1000 + 10_000 * (SOIL[band] + share * (LEAVES[band] - SOIL[band]))
    noise = np.random.default_rng(sum(band.encode()))
    out = np.empty(grid.shape, np.uint16)
    for top in range(0, grid.height, 400):
        rows = np.arange(top, min(top + 400, grid.height))
        image = fields[rows[:, None] // side, np.arange(grid.width)[None, :] // side]
        image = image + noise.normal(0.0, 47.0, image.shape).astype(np.float32)
        out[rows] = np.clip(image, 1, 12000).astype(np.uint16)
    return out


def make_scl(grid: Grid, seed: int = 3) -> np.ndarray:
    """Vegetation and soil by fields, a fifth under clouds with a shadow."""
    rng = np.random.default_rng(seed)
    scl = rng.choice(np.array([4, 5], np.uint8), (grid.height // 20 + 1, grid.width // 20 + 1))
    scl = np.kron(scl, np.ones((20, 20), np.uint8))[: grid.height, : grid.width].copy()
    rows, cols = np.ogrid[: grid.height, : grid.width]
    for _ in range(40):
        r, c = rng.uniform(0, grid.height, 2)
        radius = grid.height * rng.uniform(0.01, 0.07)
        scl[(rows - r - radius) ** 2 + (cols - c + radius) ** 2 < radius**2] = 3
        scl[(rows - r) ** 2 + (cols - c) ** 2 < radius**2] = 9
    return scl


def write_raster(path: Path, values: np.ndarray, grid: Grid, kind: str) -> None:
    side = 1024 if grid.resolution_m == 10 else 640
    formats = {
        "jp2": {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO",
                "BLOCKXSIZE": side, "BLOCKYSIZE": side},
        "cog": {"driver": "COG", "compress": "DEFLATE", "predictor": 2, "blocksize": 512, "num_threads": 2},
    }  # fmt: skip
    with (
        rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"),
        rasterio.open(
            path,
            "w",
            width=grid.width,
            height=grid.height,
            count=1,
            dtype=values.dtype,
            crs=f"EPSG:{grid.epsg}",
            transform=grid.transform,
            **formats[kind],
        ) as dataset,
    ):
        dataset.write(values, 1)


def make_parcels(grid: Grid, n: int, seed: int = 7) -> list[shapely.Geometry]:
    """Irregular parcels of 0.1 to 10 ha."""
    rng = np.random.default_rng(seed)
    area_m2 = np.exp(rng.uniform(np.log(1_000), np.log(100_000), n))
    radius = np.sqrt(area_m2 / np.pi)
    x_min, y_min, x_max, y_max = grid.bounds_m
    x, y = rng.uniform(x_min, x_max, n), rng.uniform(y_min, y_max, n)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    reach = radius[:, None] * rng.uniform(0.7, 1.3, (n, 12))
    corners = np.stack([x[:, None] + reach * np.cos(angles), y[:, None] + reach * np.sin(angles)], axis=-1)
    return list(shapely.polygons(corners))


def prepare(folder: Path, size: int, parcels: int, kinds: tuple[str, ...]) -> None:
    """Write what is not there yet: all bands, the classification, the burnt labels."""
    for name in (*SOIL, "SCL"):
        grid = grid_of(name, size)
        missing = [k for k in kinds if not (folder / f"{name}.{SUFFIX[k]}").exists()]
        if missing:
            values = make_scl(grid) if name == "SCL" else make_band(grid, name)
            for kind in missing:
                write_raster(folder / f"{name}.{SUFFIX[kind]}", values, grid, kind)
    started = time.perf_counter()
    grid = make_grid(size)
    labels = burn_labels(make_parcels(grid, parcels), np.arange(1, parcels + 1), grid, -5.0)
    save_labels(folder / "labels.npz", labels)
    print(f"burn {parcels} parcels: {time.perf_counter() - started:.1f} s", flush=True)


def open_scene(folder: Path, size: int, kind: str) -> Scene:
    """The tile as a reader would give it, with angle grids."""
    grid = make_grid(size)
    zenith = np.linspace(3, 9, 23, dtype=np.float32)[None].repeat(23, 0)
    view = AngleGrid(zenith, np.full_like(zenith, 104.0), 5000.0, 5000.0)
    sun = AngleGrid(zenith / 10 + 32, zenith / 10 + 145, 5000.0, 5000.0)
    scl = BandSource("SCL", str(folder / f"SCL.{SUFFIX[kind]}"), grid.at_resolution(20))
    return Scene(
        product_id="benchmark",
        sensor="s2-l2a",
        platform="S2A",
        acquired_at=datetime(2019, 6, 16, 11, 6, tzinfo=UTC),
        tile="30TUM",
        format="safe",
        path=folder,
        acquisition_key="benchmark",
        grid=grid,
        bands={
            name: BandSource(name, str(folder / f"{name}.{SUFFIX[kind]}"), grid_of(name, size), 1e-4, -0.1, 0)
            for name in SOIL
        },
        masks=(StatusMask(scl, scl_table()),),
        angles=SceneAngles(
            grid.x_min_m, grid.y_max_m, sun, {n: {1: view} for n in SOIL}, MeanAngle(32.6, 145.6)
        ),
    )
