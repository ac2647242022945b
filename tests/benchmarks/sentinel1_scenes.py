"""Radar products as large as real ones, of noise: what they cost does not depend on what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.windows import Window

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.simulation.radar.radar_detected_xml import (
    detected_annotation_xml,
    detected_calibration_xml,
    detected_noise_xml,
)
from sen4cap_core.simulation.radar.radar_ground_range import ground_range_model
from sen4cap_core.simulation.radar.radar_model import LINE_INTERVAL_S, SAMPLING_HZ, PassModel, SwathModel
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, orbit_over
from sen4cap_core.simulation.radar.radar_pair import FIRST_AT, RANGE_M
from sen4cap_core.simulation.radar.radar_product import footprint_of, product_name, stem_of
from sen4cap_core.simulation.radar.radar_xml import annotation_xml, calibration_xml, manifest_xml, noise_xml

TILE = "33TTG"
BURST_LINES, BURST_SAMPLES = 1501, 22_694
"""One burst of IW1."""
HEIGHT_M = 130.0


def flight_over(tile: str, lines: int, samples: int, burst_lines: int) -> PassModel:
    """A pass with one swath whose middle is that of a tile."""
    grid = tile_grid(tile, 20)
    x_min, y_min, x_max, y_max = grid.bounds_m
    to_deg = Transformer.from_crs(grid.epsg, 4326, always_xy=True)
    lon, lat = to_deg.transform((x_min + x_max) / 2, (y_min + y_max) / 2)
    orbit = orbit_over(lon, lat, HEIGHT_M, RANGE_M)
    near_s = 2 * RANGE_M / LIGHT_M_S - samples / 2 / SAMPLING_HZ
    first_s = -lines / 2 * LINE_INTERVAL_S
    starts = [first_s + n * burst_lines * LINE_INTERVAL_S for n in range(max(lines // burst_lines, 1))]
    swath = SwathModel("IW1", near_s, samples, starts, burst_lines)
    return PassModel("S1A", FIRST_AT, orbit, [swath], 117)


def write_burst(folder: Path, polarisations: list[str]) -> Path:
    """An SLC product of one full burst."""
    flight = flight_over(TILE, BURST_LINES, BURST_SAMPLES, BURST_LINES)
    (swath,) = flight.swaths
    product = _folders(folder / f"{product_name(flight, polarisations)}.SAFE")
    random = np.random.default_rng(1)
    for number, pol in enumerate(polarisations, start=1):
        stem = stem_of(flight, "IW1", pol, number)
        _texts(
            product,
            stem,
            annotation_xml(flight, swath, pol, HEIGHT_M),
            calibration_xml(flight, swath, pol),
            noise_xml(flight, swath, pol),
        )
        path = product / "measurement" / f"{stem}.tiff"
        with rasterio.open(
            path, "w", driver="GTiff", width=BURST_SAMPLES, height=BURST_LINES, count=1,
            dtype="complex_int16", blockysize=1,
        ) as image:  # fmt: skip
            for line in range(0, BURST_LINES, 100):
                shape = (min(100, BURST_LINES - line), BURST_SAMPLES)
                values = random.standard_normal((2, *shape)).astype(np.float32) * 60.0
                window = Window(0, line, shape[1], shape[0])
                image.write(np.round(values[0] + 1j * values[1]).astype(np.complex64), 1, window=window)
    _manifest(product, flight, ["IW1"], polarisations)
    return product


def write_detected(folder: Path, tile_part: float) -> Path:
    """A GRD product of VV whose image covers a part of the tile's side, with some margin."""
    side_m = 109_800 * tile_part * 1.35
    lines, samples = int(side_m / 14.0), int(side_m * 0.56 / (LIGHT_M_S / 2 / SAMPLING_HZ))
    flight = flight_over(TILE, lines, samples, lines)
    model = ground_range_model(flight, HEIGHT_M)
    product = _folders(folder / f"{product_name(flight, ['VV'], 'GRD')}.SAFE")
    stem = stem_of(flight, "IW", "VV", 1, "grd")
    _texts(
        product,
        stem,
        detected_annotation_xml(model, "VV", HEIGHT_M),
        detected_calibration_xml(model, "VV"),
        detected_noise_xml(model, "VV"),
    )
    random = np.random.default_rng(2)
    with rasterio.open(
        product / "measurement" / f"{stem}.tiff", "w", driver="GTiff", width=model.n_samples,
        height=model.n_lines, count=1, dtype="uint16", blockysize=1,
    ) as image:  # fmt: skip
        for line in range(0, model.n_lines, 500):
            n = min(500, model.n_lines - line)
            power = random.gamma(4.4, 1 / 4.4, (n, model.n_samples)).astype(np.float32)
            values = np.round(158.0 * np.sqrt(power)).clip(1).astype(np.uint16)
            image.write(values, 1, window=Window(0, line, model.n_samples, n))
    _manifest(product, flight, ["IW"], ["VV"])
    return product


def heights(grid: Grid) -> NDArray[np.float32]:
    """Rolling land at the middles of a grid's cells."""
    x = grid.x_min_m + (np.arange(grid.width) + 0.5) * grid.resolution_m
    y = grid.y_max_m - (np.arange(grid.height) + 0.5) * grid.resolution_m
    east, north = np.sin(2 * np.pi * x / 1400.0)[None, :], np.cos(2 * np.pi * y / 1900.0)[:, None]
    return np.asarray(70.0 + 60.0 * (1.0 + east * north), np.float32)


def write_model(path: Path, grid: Grid) -> Path:
    """An elevation model on the cells of a grid; heights above the ellipsoid."""
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype="float32",
        crs=f"EPSG:{grid.epsg}", transform=grid.transform, nodata=-32768.0,
    ) as model:  # fmt: skip
        model.write(heights(grid), 1)
    return path


def _folders(product: Path) -> Path:
    for name in ("annotation/calibration", "measurement"):
        (product / name).mkdir(parents=True, exist_ok=True)
    return product


def _texts(product: Path, stem: str, annotation: str, calibration: str, noise: str) -> None:
    (product / f"annotation/{stem}.xml").write_text(annotation)
    (product / f"annotation/calibration/calibration-{stem}.xml").write_text(calibration)
    (product / f"annotation/calibration/noise-{stem}.xml").write_text(noise)


def _manifest(product: Path, flight: PassModel, swaths: list[str], polarisations: list[str]) -> None:
    text = manifest_xml(flight, swaths, polarisations, footprint_of(flight, HEIGHT_M))
    (product / "manifest.safe").write_text(text)
