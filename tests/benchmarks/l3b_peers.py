"""The same figures by other programs: OTB's BandMathX and ZonalStatistics, NumPy and exactextract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from sen4cap_core.rasters.parcels.labels import LabelSpans, burn_labels
from sen4cap_core.scenes.acquisition.model import Scene
from tests.benchmarks.l3b_scene import make_parcels

EIGHT = ("B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12")
COSINES = (0.994, 0.842, 0.755)
"""Here one direction for the whole tile: neither program interpolates angle grids."""
ROWS = 256
NETS = json.loads(files("sen4cap_core.processors.l3b").joinpath("networks.json").read_text())["networks"]


def has_otb() -> bool:
    return shutil.which("otbcli_BandMathX") is not None and shutil.which("otbcli_ZonalStatistics") is not None


def label_image(labels: LabelSpans) -> NDArray[np.int32]:
    """Parcel number + 1 of each pixel, 0 elsewhere."""
    image = np.zeros(labels.grid.shape, np.int32)
    for row, first, last, parcel in zip(labels.rows, labels.first, labels.last, labels.parcel, strict=True):
        image[row, first : last + 1] = parcel + 1
    return image


def parcel_frame(parcels: list[shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=parcels, crs=32630)


def exact(raster: Path, frame: gpd.GeoDataFrame) -> Any:
    from exactextract import exact_extract

    return exact_extract(str(raster), frame, ["mean", "stdev", "count"], strategy="raster-sequential")


def network_expression(variable: str) -> str:
    """A network as BandMathX takes it: images 1..8 are the bands at 20 m, 9 the classification."""
    net = NETS["S2A"]
    layers, (low, high) = net["variables"][variable], net["variables"][variable]["range"]
    cosines = [f"({c})" for c in COSINES]
    raw = [f"(im{i + 1}b1 * 0.0001 - 0.1)" for i in range(8)] + cosines
    scaled = [f"(2 * ({x} - {a}) / ({b - a}) - 1)" for x, (a, b) in zip(raw, net["inputs"], strict=True)]
    neurons = [
        f"tanh({bias} + " + " + ".join(f"({w}) * {x}" for w, x in zip(weights, scaled, strict=True)) + ")"
        for bias, *weights in layers["hidden"]
    ]
    bias, *weights = layers["output"]
    out = f"{bias} + " + " + ".join(f"({w}) * {n}" for w, n in zip(weights, neurons, strict=True))
    clear = "(im9b1 == 4 || im9b1 == 5)"
    return f"{clear} ? (0.5 * ({out} + 1) * ({high - low}) + {low}) : -10"


def with_otb(scene: Scene, folder: Path, parcels: int, threads: int) -> Callable[[], object]:
    """NDVI at 10 m, the networks at 20 m, each with statistics by burnt labels.

    In OTB's favour: labels, and B03 and B04 at 20 m, and the classification at 10 m, are made beforehand.
    """
    environment = {
        **os.environ,
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(threads),
        "OTB_MAX_RAM_HINT": "1024",
    }
    grid = scene.grid
    coarse = grid.at_resolution(20)
    polygons = make_parcels(grid, parcels)
    for name, on in (("labels10", grid), ("labels20", coarse)):
        image = label_image(burn_labels(polygons, np.arange(1, parcels + 1), on, -5.0))
        write_plain(folder / f"{name}.tif", image, on)
    uri = {name: band.uri for name, band in scene.bands.items()}
    with rasterio.open(scene.masks[0].source.uri) as dataset:
        write_plain(folder / "scl10.tif", np.kron(dataset.read(1), np.ones((2, 2), np.uint8)), grid)
    for name in ("B03", "B04"):
        with rasterio.open(uri[name]) as dataset:
            small = dataset.read(1).reshape(coarse.height, 2, coarse.width, 2).mean(axis=(1, 3))
        write_plain(folder / f"{name}-20.tif", small.astype(np.uint16), coarse)
    at_20 = [str(folder / "B03-20.tif"), str(folder / "B04-20.tif"), *(uri[n] for n in EIGHT[2:])]

    def run(*command: str) -> None:
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    def zonal(name: str, labels: str) -> None:
        run("otbcli_ZonalStatistics", "-in", str(folder / f"otb-{name}.tif"), "-inbv", "-10",
            "-inzone", "labelimage", "-inzone.labelimage.in", str(folder / labels),
            "-inzone.labelimage.nodata", "0",
            "-out", "xml", "-out.xml.filename", str(folder / f"otb-{name}.xml"))  # fmt: skip

    def job() -> None:
        ndvi = "(im3b1 == 4 || im3b1 == 5) ? (im2b1 - im1b1) / (im2b1 + im1b1 - 2000) : -10"
        run("otbcli_BandMathX", "-il", uri["B04"], uri["B08"], str(folder / "scl10.tif"), "-exp", ndvi,
            "-out", str(folder / "otb-ndvi.tif"), "float")  # fmt: skip
        zonal("ndvi", "labels10.tif")
        for variable in ("lai", "fapar", "fcover"):
            target = str(folder / f"otb-{variable}.tif")
            run("otbcli_BandMathX", "-il", *at_20, scene.masks[0].source.uri,
                "-exp", network_expression(variable), "-out", target, "float")  # fmt: skip
            zonal(variable, "labels20.tif")

    return job


def write_plain(path: Path, values: NDArray[Any], grid: Any) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype=values.dtype,
        crs=f"EPSG:{grid.epsg}", transform=grid.transform, tiled=True, compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)


def with_exactextract(scene: Scene, folder: Path, parcels: int, threads: int) -> Callable[[], object]:
    """Rows read with rasterio, NDVI and networks in NumPy, GeoTIFFs written, exactextract over each."""
    frame = parcel_frame(make_parcels(scene.grid, parcels))
    coarse = scene.grid.at_resolution(20)

    def job() -> None:
        with rasterio.Env(GDAL_NUM_THREADS=str(threads)):
            opened = {name: rasterio.open(scene.bands[name].uri) for name in ("B04", "B08", *EIGHT)}
            opened["SCL"] = rasterio.open(scene.masks[0].source.uri)
            outs = {
                name: new_raster(folder / f"exact-{name}.tif", coarse) for name in ("lai", "fapar", "fcover")
            }
            outs["ndvi"] = new_raster(folder / "exact-ndvi.tif", scene.grid)
            for top in range(0, coarse.height, ROWS):
                compute_rows(opened, outs, top, min(ROWS, coarse.height - top), coarse.width)
            for dataset in (*opened.values(), *outs.values()):
                dataset.close()
        for name in outs:
            exact(folder / f"exact-{name}.tif", frame)

    return job


def new_raster(path: Path, grid: Any) -> Any:
    return rasterio.open(
        path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype="float32",
        crs=f"EPSG:{grid.epsg}", transform=grid.transform, tiled=True, compress="zstd", nodata=np.nan,
        blockxsize=512, blockysize=512,
    )  # fmt: skip


def compute_rows(opened: dict[str, Any], outs: dict[str, Any], top: int, height: int, width: int) -> None:
    at_20 = rasterio.windows.Window(0, top, width, height)
    at_10 = rasterio.windows.Window(0, 2 * top, 2 * width, 2 * height)
    scl = opened["SCL"].read(1, window=at_20)
    clear = (scl == 4) | (scl == 5)
    bands = {
        name: dataset.read(1, window=at_10 if dataset.width > width else at_20).astype(np.float32) * 1e-4
        - 0.1
        for name, dataset in opened.items()
        if name != "SCL"
    }
    red, nir = np.maximum(bands["B04"], 0), np.maximum(bands["B08"], 0)
    fine = np.kron(clear, np.ones((2, 2), bool))
    outs["ndvi"].write(np.where(fine, (nir - red) / (nir + red), np.nan).astype(np.float32), 1, window=at_10)
    for name in ("B03", "B04"):
        bands[name] = bands[name].reshape(height, 2, width, 2).mean(axis=(1, 3))
    inputs = np.stack([*(bands[n] for n in EIGHT), *(np.full(clear.shape, c, np.float32) for c in COSINES)])
    low, high = np.array(NETS["S2A"]["inputs"], np.float32).T[:, :, None, None]
    scaled = 2 * (inputs - low) / (high - low) - 1
    for variable in ("lai", "fapar", "fcover"):
        layers = NETS["S2A"]["variables"][variable]
        hidden, output = np.array(layers["hidden"], np.float32), np.array(layers["output"], np.float32)
        neurons = np.tanh(np.tensordot(hidden[:, 1:], scaled, 1) + hidden[:, :1, None])
        raw = output[0] + np.tensordot(output[1:], neurons, 1)
        smallest, largest = layers["range"]
        values = np.where(clear, 0.5 * (raw + 1) * (largest - smallest) + smallest, np.nan)
        outs[variable].write(values.astype(np.float32), 1, window=at_20)
