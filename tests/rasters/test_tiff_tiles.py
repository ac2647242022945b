"""Tiles decoded without GDAL hold what GDAL reads; what is not plain is left to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.decoding.decode import BandFiles
from sen4cap_core.rasters.decoding.tiff_tiles import TiffTiles, tiff_tiles
from sen4cap_core.rasters.grids.grid import Grid

GRID = Grid(32630, 300000.0, 4600020.0, 10.0, 300, 200)
WHOLE = Block(0, 0, 200, 300)
INSIDE = Block(64, 128, 128, 64)
EDGE = Block(128, 256, 72, 44)


def write(path: Path, dtype: str = "uint16", bands: int = 1, **profile: Any) -> NDArray[Any]:
    numbers = np.random.default_rng(4)
    limits = np.iinfo(dtype) if dtype != "float32" else np.iinfo("int16")
    values = numbers.integers(limits.min, limits.max, (bands, *GRID.shape), endpoint=True).astype(dtype)
    with rasterio.open(
        path, "w", driver="GTiff", width=GRID.width, height=GRID.height, count=bands, dtype=dtype,
        crs="EPSG:32630", transform=GRID.transform,
        **({"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"} | profile),
    ) as dataset:  # fmt: skip
        dataset.write(values)
    return values


def opened(path: Path, band: int = 1) -> TiffTiles | None:
    with rasterio.open(path) as dataset:
        return tiff_tiles(str(path), dataset, band)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize(("codec", "predictor"), [("deflate", 1), ("deflate", 2), ("zstd", 1), ("zstd", 2)])
def test_plain_tiles(tmp_path: Path, dtype: str, codec: str, predictor: int) -> None:
    values = write(tmp_path / "band.tif", dtype, compress=codec, predictor=predictor)[0]
    tiles = opened(tmp_path / "band.tif")
    assert tiles is not None
    for block in (WHOLE, INSIDE, EDGE):
        read = tiles.read(block)
        assert read is not None
        assert read.dtype == values.dtype
        np.testing.assert_array_equal(read, values[block.slices])
    assert tiles.read(Block(10, 0, 64, 64)) is None, "begins within a tile"
    assert tiles.read(Block(0, 0, 100, 64)) is None, "ends within a tile"
    tiles.close()


def test_second_band_of_a_file(tmp_path: Path) -> None:
    values = write(tmp_path / "two.tif", bands=2, interleave="band")
    tiles = opened(tmp_path / "two.tif", 2)
    assert tiles is not None
    np.testing.assert_array_equal(tiles.read(INSIDE), values[1][INSIDE.slices])
    tiles.close()


@pytest.mark.parametrize(
    "profile",
    [
        {"compress": "lzw"},
        {"tiled": False, "blockysize": 16},
        {"dtype": "float32"},
        {"ENDIANNESS": "BIG"},
        {"bands": 2, "interleave": "pixel"},
        {"NBITS": 12},
        {"blockxsize": 128},
    ],
    ids=lambda profile: str(next(iter(profile))),
)
def test_other_layouts_are_left_to_gdal(tmp_path: Path, profile: dict[str, Any]) -> None:
    write(tmp_path / "band.tif", **profile)
    assert opened(tmp_path / "band.tif") is None
    source = BandSource("B04", str(tmp_path / "band.tif"), GRID)
    with rasterio.open(tmp_path / "band.tif") as dataset:
        expected = dataset.read(1)
    files = BandFiles()
    np.testing.assert_array_equal(files.read(source, WHOLE), expected)
    files.close()


def test_tiles_that_are_not_there_are_left_to_gdal(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=128, height=64, count=1, dtype="uint16", nodata=7, tiled=True,
        blockxsize=64, blockysize=64, compress="deflate", SPARSE_OK=True, crs="EPSG:32630",
        transform=GRID.transform,
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((64, 64), np.uint16), 1, window=((0, 64), (0, 64)))
    tiles = opened(path)
    assert tiles is not None
    assert tiles.read(Block(0, 64, 64, 64)) is None
    np.testing.assert_array_equal(tiles.read(Block(0, 0, 64, 64)), 1)
    tiles.close()
    grid = Grid(32630, 300000.0, 4600020.0, 10.0, 128, 64)
    files = BandFiles()
    np.testing.assert_array_equal(files.read(BandSource("B04", str(path), grid), Block(0, 64, 64, 64)), 7)
    files.close()


def test_a_damaged_tile_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "band.tif"
    write(path, predictor=2)
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    content = bytearray(path.read_bytes())
    content[offset + 100 : offset + 400] = bytes(300)
    path.write_bytes(content)
    files = BandFiles()
    with pytest.raises(UnreadableSceneError, match=r"band\.tif"):
        files.read(BandSource("B04", str(path), GRID), WHOLE)
    files.close()
