"""Real-valued rasters of which most tiles hold nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.writing.float_cog import write_float_cog
from sen4cap_core.scenes.files.raster_header import check_tiff_length

GRID = Grid(32633, 300_000.0, 4_700_040.0, 20.0, 1700, 1300)


def test_tiles_without_a_value_take_no_room_and_read_as_missing(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    bands = {name: np.full(GRID.shape, np.nan, np.float32) for name in ("vv", "vh")}
    # In two tiles of twelve, one of them with the first band only; neither is the last.
    bands["vv"][100:400, 600:900] = rng.random((300, 300))
    bands["vh"][100:400, 600:900] = rng.random((300, 300))
    bands["vv"][600:700, 20:90] = rng.random((100, 70))
    path = tmp_path / "sparse.tif"
    write_float_cog(path, GRID, bands)

    with rasterio.open(path) as dataset:
        assert dataset.descriptions == ("vv", "vh")
        for index, image in enumerate(bands.values(), start=1):
            np.testing.assert_array_equal(dataset.read(index), image)
        sizes = [
            int(dataset.get_tag_item(f"BLOCK_SIZE_{c}_{r}", "TIFF", bidx=1) or 0)
            for r in range(3)
            for c in range(4)
        ]
        assert np.count_nonzero(sizes) == 2
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    with rasterio.open(path, overview_level=0) as halved:
        found = halved.read(1)
    four = bands["vv"][100:400, 600:900].reshape(150, 2, 150, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(found[50:200, 300:450], four, rtol=1e-6)
    assert np.isfinite(found).sum() == 150 * 150 + 50 * 35
    # A file that ends early is known by the last tile that is there.
    with rasterio.open(path) as dataset:
        check_tiff_length(dataset, path.stat().st_size)
        with pytest.raises(ValueError, match="cut short"):
            check_tiff_length(dataset, path.stat().st_size // 2)


def test_an_image_without_any_value_is_one(tmp_path: Path) -> None:
    write_float_cog(tmp_path / "none.tif", GRID, {"vv": np.full(GRID.shape, np.nan, np.float32)})
    with rasterio.open(tmp_path / "none.tif") as dataset:
        check_tiff_length(dataset, (tmp_path / "none.tif").stat().st_size)
        assert dataset.shape == GRID.shape
        assert np.isnan(dataset.read(1)).all()
