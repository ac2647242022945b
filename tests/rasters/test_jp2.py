"""Lossless JPEG 2000."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.writing.jp2 import write_jp2
from sen4cap_core.scenes.files import jp2_check

GRID = Grid(32630, 300000.0, 4700040.0, 10.0, 70, 50)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3])
def test_pixels_and_place_come_back(tmp_path: Path, dtype: type, bands: int) -> None:
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(1).integers(0, top, (bands, *GRID.shape), dtype, endpoint=True)
    path = tmp_path / "a.jp2"

    write_jp2(path, pixels if bands > 1 else pixels[0], GRID, block_px=32)

    with rasterio.open(path) as dataset:
        assert np.array_equal(dataset.read(), pixels)
        assert dataset.transform == GRID.transform
        assert dataset.crs.to_epsg() == GRID.epsg
    header = jp2_check.read_header(path.read_bytes(), path.stat().st_size)
    assert (header.width, header.height, header.components) == (70, 50, bands)
    assert [p.name for p in tmp_path.iterdir()] == ["a.jp2"]


def test_the_same_pixels_give_the_same_bytes(tmp_path: Path) -> None:
    pixels = np.arange(GRID.width * GRID.height, dtype=np.uint16).reshape(GRID.shape)

    for name in ("a.jp2", "b"):
        write_jp2(tmp_path / name, pixels, GRID, threads=2)

    assert (tmp_path / "a.jp2").read_bytes() == (tmp_path / "b").read_bytes()


def test_shape_and_type_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"):
        write_jp2(tmp_path / "a.jp2", np.zeros((5, 5), np.uint16), GRID)
    with pytest.raises(ValueError, match="float64"):
        write_jp2(tmp_path / "a.jp2", np.zeros(GRID.shape), GRID)  # type: ignore[arg-type]
