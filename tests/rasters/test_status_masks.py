"""Several masks of one product, at their own pixel sizes, in order of importance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import cut
from sen4cap_core.rasters.decoding.decode import BandFiles
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import (
    CLOUD,
    LAND,
    NO_DATA,
    SATURATED,
    SHADOW,
    SNOW,
    STATUS_NAMES,
    WATER,
)
from sen4cap_core.rasters.masks.status_masks import MaskInputs, StatusMask, as_masks, shadow_as_cloud
from sen4cap_core.rasters.passes.scene_pass import run_pass
from sen4cap_core.rasters.writing.geotiff import write_geotiff

from .conftest import SCALE, WriteBand, make_grid


def table(size: int, **codes: int) -> np.ndarray:
    made = np.full(size, LAND, np.uint8)
    for number, code in codes.items():
        made[int(number[1:])] = code
    return made


@pytest.mark.parametrize("block", [64, 0])
def test_the_first_mask_that_speaks_decides(tmp_path: Path, write_band: WriteBand, block: int) -> None:
    rng = np.random.default_rng(3)
    grid, coarse = make_grid(150, 130), make_grid(75, 65, 20.0)
    red, near = (rng.integers(1500, 6000, grid.shape).astype(np.uint16) for _ in range(2))
    edge = (rng.random(grid.shape) < 0.1).astype(np.uint8)
    geophysical = rng.choice(np.array([0, 1, 2, 200], np.uint16), coarse.shape)
    saturation = rng.integers(0, 4, grid.shape).astype(np.int16)
    masks = [
        StatusMask(write_band("EDG", edge, grid, block=block), table(256, _1=NO_DATA)),
        StatusMask(
            write_band("MG2", geophysical, coarse, block=block),
            table(65536, _1=WATER, _2=CLOUD, _200=CLOUD),
        ),
        StatusMask(
            write_band("SAT", saturation, grid, block=block),
            table(256, _1=SATURATED, _2=SATURATED, _3=SATURATED),
        ),
    ]
    sources = {"B04": write_band("B04", red, grid, block=64), "B08": write_band("B08", near, grid, block=64)}
    path = tmp_path / "ndvi.tif"

    result = run_pass(
        sources, masks, grid, variables=[NDVI], labels=None, raster_paths={"ndvi": path}, threads=2
    )

    fine = np.repeat(np.repeat(geophysical, 2, 0), 2, 1)
    expected = np.full(grid.shape, LAND)
    expected[saturation > 0] = SATURATED
    expected[fine == 1] = WATER
    expected[(fine == 2) | (fine == 200)] = CLOUD
    expected[edge == 1] = NO_DATA
    counts = {name: int((expected == code).sum()) for code, name in STATUS_NAMES.items()}
    assert result.status_counts == counts
    with rasterio.open(path) as dataset:
        stored = dataset.read(1)
    assert np.array_equal(stored != -32768, expected == LAND)
    physical_red, physical_near = (band * SCALE - 0.1 for band in (red, near))
    ndvi = (physical_near - physical_red) / (physical_near + physical_red)
    np.testing.assert_allclose(stored[expected == LAND], ndvi[expected == LAND] * 1e4, atol=0.51)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_classes_of_any_number_type_say_the_same(
    tmp_path: Path, write_band: WriteBand, dtype: type[np.number]
) -> None:
    rng = np.random.default_rng(5)
    grid, coarse = make_grid(300, 260), make_grid(150, 130, 20.0)
    classes = rng.integers(0, 12, coarse.shape).astype(np.uint8)
    red, near = (rng.integers(1500, 6000, grid.shape).astype(np.uint16) for _ in range(2))
    sources = {"B04": write_band("B04", red, grid, block=64), "B08": write_band("B08", near, grid, block=64)}

    def stored(kind: type[np.number]) -> tuple[dict[str, int], np.ndarray]:
        name = np.dtype(kind).name
        mask, path = (
            write_band(f"SCL-{name}", classes.astype(kind), coarse, block=64),
            tmp_path / f"{name}.tif",
        )
        result = run_pass(
            sources, mask, grid, variables=[NDVI], labels=None, raster_paths={"ndvi": path}, threads=2
        )
        with rasterio.open(path) as dataset:
            return result.status_counts, dataset.read(1)

    (counts, ndvi), (plain_counts, plain_ndvi) = stored(dtype), stored(np.uint8)
    assert counts == plain_counts
    np.testing.assert_array_equal(ndvi, plain_ndvi)


def test_numbers_beyond_the_table_are_no_data(tmp_path: Path, write_band: WriteBand) -> None:
    grid = make_grid(64, 64)
    numbers = np.zeros(grid.shape, np.uint16)
    numbers[:10] = 300
    masks = [StatusMask(write_band("M", numbers, grid), np.zeros(256, np.uint8))] * 2
    sources = {name: write_band(name, np.full(grid.shape, 3000, np.uint16), grid) for name in ("B04", "B08")}

    result = run_pass(
        sources,
        masks,
        grid,
        variables=[NDVI],
        labels=None,
        raster_paths={"ndvi": tmp_path / "n.tif"},
        threads=1,
    )

    assert result.status_counts["no data"] == 640
    assert result.status_counts["land"] == 64 * 64 - 640


def test_a_bare_classification_is_sen2cors(write_band: WriteBand) -> None:
    source = write_band("SCL", np.zeros((4, 4), np.uint8), make_grid(4, 4), block=0)

    (mask,) = as_masks(source)

    assert mask.source is source
    assert [mask.table[n] for n in (0, 1, 3, 4, 6, 200)] == [NO_DATA, SATURATED, SHADOW, LAND, WATER, NO_DATA]
    assert as_masks(None) == ()


@pytest.mark.parametrize("zoom", [1, 2, 3])
def test_a_coarser_mask_is_counted_as_it_is_seen(tmp_path: Path, zoom: int) -> None:
    grid = Grid(32630, 300000.0, 4600020.0, 10.0, 120, 96)
    own = grid.at_resolution(10.0 * zoom)
    classes = np.random.default_rng(2).integers(0, 12, own.shape, dtype=np.uint8)
    write_geotiff(tmp_path / "scl.tif", classes, own)
    source = BandSource("SCL", str(tmp_path / "scl.tif"), own)
    files = BandFiles()
    masks = MaskInputs(as_masks(source), grid, (48, 60), {source.uri: (own.height, own.width)}, files)
    # The second cut leaves coarse pixels that lie in two blocks.
    blocks = [*cut(grid.shape, (48, 60)), *cut(grid.shape, (49, 55))]
    for call, _ in masks.preload_tasks(blocks):
        call()
    for block in blocks:
        status = masks.classified(block)
        np.testing.assert_array_equal(np.bincount(status.ravel(), minlength=256), masks.counted(block))
    files.close()


def test_shadow_can_be_taken_for_cloud(write_band: WriteBand) -> None:
    (mask,) = shadow_as_cloud(
        as_masks(write_band("SCL", np.zeros((4, 4), np.uint8), make_grid(4, 4), block=0))
    )

    assert [mask.table[n] for n in (0, 1, 2, 3, 4, 6, 9, 11)] == [
        NO_DATA, SATURATED, CLOUD, CLOUD, LAND, WATER, CLOUD, SNOW,
    ]  # fmt: skip
