"""The files we write are COGs: as GDAL sees them, and as the bytes lie."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from sen4cap_core.kernels.pixels.pyramid import halve
from sen4cap_core.rasters.blockwise.blocks import cut
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.writing.cog import CogBuilder, write_cog
from sen4cap_core.rasters.writing.cog_layout import level_shapes
from tests.rasters.conftest import make_grid
from tests.rasters.tiff_bytes import directories

NODATA = -32_768


def smooth_image(rows: int, cols: int) -> NDArray[np.int16]:
    rng = np.random.default_rng(rows)
    r, c = np.ogrid[:rows, :cols]
    image = (6000 * np.sin(r / 90) * np.cos(c / 70) + rng.normal(0, 80, (rows, cols))).astype(np.int16)
    image[rows // 3 : rows // 2, : cols // 2] = NODATA
    return image


@pytest.mark.parametrize("shape", [(57, 56), (512, 512), (600, 20), (1300, 2100), (1024, 3000), (2700, 900)])
def test_gdal_reads_what_was_written(tmp_path: Path, shape: tuple[int, int]) -> None:
    image, grid = smooth_image(*shape), make_grid(*shape)
    path = tmp_path / "ndvi.tif"
    tags = {"SCENE": 'S2A "quoted" <&>'}
    write_cog(path, image, grid, Quantisation(), threads=2, description="NDVI, clear land", tags=tags)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), image)
        assert dataset.tags(ns="IMAGE_STRUCTURE") == {
            "LAYOUT": "COG",
            "COMPRESSION": "ZSTD",
            "INTERLEAVE": "BAND",
            "PREDICTOR": "2",
        }
        assert dataset.transform == grid.transform
        assert dataset.crs.to_epsg() == grid.epsg
        assert (dataset.nodata, dataset.scales, dataset.offsets) == (NODATA, (1e-4,), (0.0,))
        assert dataset.descriptions == ("NDVI, clear land",)
        assert dataset.tags()["SCENE"] == tags["SCENE"]
        assert dataset.tags()["AREA_OR_POINT"] == "Area"
        assert dataset.block_shapes == [(512, 512)]
        factors = [2**level for level in range(1, len(level_shapes(shape)))]
        assert dataset.overviews(1) == factors
    expected = image
    for level in range(len(factors)):
        smaller = np.empty(tuple(-(-n // 2) for n in expected.shape), np.int16)
        halve(expected, NODATA, 0, 0, smaller)
        with rasterio.open(path, OVERVIEW_LEVEL=level) as overview:
            np.testing.assert_array_equal(overview.read(1), smaller)
            assert overview.nodata == NODATA
        expected = smaller
    assert [p.name for p in tmp_path.iterdir()] == ["ndvi.tif"]


def test_bytes_lie_as_the_convention_says(tmp_path: Path) -> None:
    shape = (1300, 2100)
    write_cog(
        tmp_path / "a.tif", smooth_image(*shape), make_grid(*shape), Quantisation(), threads=1, description=""
    )
    content = (tmp_path / "a.tif").read_bytes()
    assert b"LAYOUT=IFDS_BEFORE_DATA" in content[:200]
    levels = directories(content)
    assert [d[257] + d[256] for d in levels] == level_shapes(shape)
    assert [d[254] for d in levels] == [(0,)] + [(1,)] * (len(levels) - 1)
    places = [d[0][0] for d in levels]
    first_tile = min(min(d[324]) for d in levels)
    assert places == sorted(places)
    assert places[-1] < first_tile, "directories come before the data"
    order = [offset for d in reversed(levels) for offset in d[324]]
    assert order == sorted(order), "smallest overview first, full resolution last, each in reading order"
    end = first_tile - 4
    assert end - places[-1] < 1000
    for directory in reversed(levels):
        for offset, size in zip(directory[324], directory[325], strict=True):
            assert offset - 4 == -(-end // 16) * 16, "no gap between tiles but to the next sixteenth byte"
            assert not any(content[end : offset - 4])
            assert struct.unpack_from("<I", content, offset - 4) == (size,)
            assert content[offset + size : offset + size + 4] == content[offset + size - 4 : offset + size]
            end = offset + size + 4
    assert -(-end // 16) * 16 == len(content)


@pytest.mark.parametrize("shape", [(1100, 1300), (2700, 900)])
def test_same_bytes_whatever_the_threads(tmp_path: Path, shape: tuple[int, int]) -> None:
    image, grid = smooth_image(*shape), make_grid(*shape)
    for threads in (1, 3):
        write_cog(tmp_path / f"{threads}.tif", image, grid, Quantisation(), threads=threads, description="")
    assert (tmp_path / "1.tif").read_bytes() == (tmp_path / "3.tif").read_bytes()


@pytest.mark.parametrize(
    "side", [(512, 512), (1024, 1024), (1024, 512), (1024, 2300), (600, 600), (333, 217), (1, 2300)]
)
@pytest.mark.parametrize("shape", [(1501, 2300), (2700, 900)])
def test_blocks_of_any_size_make_the_same_file(
    tmp_path: Path, side: tuple[int, int], shape: tuple[int, int]
) -> None:
    grid, values = make_grid(*shape), smooth_image(*shape)
    whole, by_block = tmp_path / "whole.tif", tmp_path / "blocks.tif"
    write_cog(whole, values, grid, Quantisation(), threads=2, description="NDVI")
    builder = CogBuilder(by_block, grid, Quantisation(), description="NDVI")
    with ThreadPoolExecutor(3) as pool:
        blocks = list(reversed(cut(grid.shape, side)))
        list(pool.map(lambda block: builder.add(block, values[block.slices].copy()), blocks))
    builder.finish()
    assert by_block.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == [by_block, whole]


def test_a_raster_with_missing_blocks_is_not_written(tmp_path: Path) -> None:
    grid, values = make_grid(1501, 2300), smooth_image(1501, 2300)
    builder = CogBuilder(tmp_path / "holes.tif", grid, Quantisation(), description="NDVI")
    for block in cut(grid.shape, (600, 600))[:-1]:
        builder.add(block, values[block.slices].copy())
    with pytest.raises(ValueError, match=r"holes\.tif cannot be written: the blocks do not fill"):
        builder.finish()
    assert list(tmp_path.iterdir()) == []
