"""NDVI as a variable of the pass, on real scenes where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.variables import BlockBand
from sen4cap_core.rasters.grids.grid import Grid


def test_ndvi_uses_each_bands_own_calibration() -> None:
    grid = Grid(32630, 0.0, 0.0, 10.0, 3, 1)
    red = BlockBand(np.array([[1500, 0, 2000]], np.uint16), BandSource("B04", "", grid, 1e-4, -0.1, 0))
    nir = BlockBand(np.array([[4500, 4500, 9999]], np.int16), BandSource("B08", "", grid, 1e-4, 0.0, 9999))
    out = np.zeros((1, 3), np.int16)
    NDVI.compute({"B04": red, "B08": nir}, np.zeros((1, 3), np.uint8), NDVI.quantisation, out)
    assert out[0].tolist() == [8000, -32_768, -32_768]


def test_ndvi_of_real_scenes_equals_the_published(shared: Path, tmp_path: Path) -> None:
    netcdf4 = pytest.importorskip("netCDF4")
    rasterio = pytest.importorskip("rasterio")
    from sen4cap_core.rasters.passes.scene_pass import run_pass
    from sen4cap_core.scenes.reading import open_scenes

    folder = shared / "data/valladolid-2019"
    if not folder.is_dir():
        pytest.skip(f"no real scenes: {folder} does not exist")
    items = sorted(folder.glob("scenes/**/*.json"))
    assert items
    with netcdf4.Dataset(folder / "ndvi-as-published.nc") as published:
        days = netcdf4.num2date(published["t"][:], published["t"].units)
        ndvi = {
            f"{d.year}-{d.month:02d}-{d.day:02d}": published["NDVI"][i].filled(np.nan)
            for i, d in enumerate(days)
        }
    compared = 0
    for item in items:
        (scene,) = open_scenes(item)
        path = tmp_path / f"{scene.product_id}.tif"
        run_pass(
            scene.bands,
            scene.scl,
            scene.grid,
            variables=(NDVI,),
            labels=None,
            raster_paths={"ndvi": path},
            threads=1,
        )
        with rasterio.open(path) as dataset:
            ours = np.where(dataset.read(1) == -32_768, np.nan, dataset.read(1) * 1e-4)
        theirs = ndvi[scene.acquired_at.date().isoformat()]
        both = ~np.isnan(ours) & ~np.isnan(theirs)
        if both.any():
            assert np.abs(ours - theirs)[both].max() <= 0.0005
            compared += int(both.sum())
    assert compared > 10_000
