"""Metadata of real products, baselines 02.12 to 05.09."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import shapely

from sen4cap_core.errors import BadUploadError, UnreadableSceneError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.writing.jp2 import write_jp2
from sen4cap_core.scenes.reading import looks_like_scene, open_scenes
from sen4cap_core.scenes.sentinel2.s2_metadata import read_product_metadata, read_tile_metadata
from sen4cap_core.scenes.sentinel2.s2_safe import choose_images

L2A = {
    "S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857": (
        "07HFE", 32707, "02.12", 13, "S2A", 0.0, "20190212T192646", 32.707, 62.329,
    ),
    "esa_S2B_MSIL2A_20210122T133229_N0214_R081_T22HBD_20210122T155500": (
        "22HBD", 32722, "02.14", 81, "S2B", 0.0, "20210122T133224", 32.371, 64.950,
    ),
    "S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126": (
        "33XWJ", 32633, "04.00", 25, "S2B", -1000.0, "20220413T150756", 76.529, 246.540,
    ),
    "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825": (
        "01KAB", 32701, "05.09", 29, "S2A", -1000.0, "20230821T221944", 38.417, 43.301,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def trees(shared: Path) -> Path:
    return shared / "data/s2-safe-metadata/tests/data-files"


@pytest.mark.parametrize("name", L2A)
def test_metadata_of_a_real_product(trees: Path, name: str) -> None:
    tile, epsg, baseline, orbit, platform, offset, start, zenith, azimuth = L2A[name]
    folder = trees / f"{name}.SAFE"

    product = read_product_metadata((folder / "MTD_MSIL2A.xml").read_bytes(), "MTD_MSIL2A.xml")
    listing = product.granules[0]
    granule = read_tile_metadata((folder / listing.folder / "MTD_TL.xml").read_bytes(), "MTD_TL.xml")

    assert product.product_id == name.removeprefix("esa_")
    assert (product.baseline, product.relative_orbit, product.platform) == (baseline, orbit, platform)
    assert product.quantification == 10000
    assert product.nodata == 0
    assert set(product.boa_offsets.values()) == ({offset} if offset else set())
    assert len(product.boa_offsets) == (13 if offset else 0)
    assert granule.tile == tile
    assert granule.datastrip_start == start
    assert granule.grids == {resolution: tile_grid(tile, resolution) for resolution in (10, 20, 60)}
    assert granule.grids[10].epsg == epsg
    assert granule.angles.mean_sun is not None
    assert granule.angles.mean_sun.zenith_deg == pytest.approx(zenith, abs=0.001)
    assert granule.angles.mean_sun.azimuth_deg == pytest.approx(azimuth, abs=0.001)
    assert abs((granule.sensed_at - product.generated_at).total_seconds()) > 0  # both have a zone
    images = choose_images(listing)
    assert set(images) >= {"B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12", "SCL"}
    assert {band: images[band][0] for band in ("B04", "B08", "B8A", "B12", "SCL", "B09")} == {
        "B04": 10, "B08": 10, "B8A": 20, "B12": 20, "SCL": 20, "B09": 60,
    }  # fmt: skip
    assert images["B01"][0] == (20 if baseline >= "04.00" else 60)
    footprint = shapely.from_wkt(product.footprint_wkt)
    assert footprint.is_valid
    assert footprint.area < 3


def test_a_footprint_across_the_antimeridian_has_two_parts(trees: Path) -> None:
    name = next(name for name in L2A if "T01KAB" in name)
    content = (trees / f"{name}.SAFE/MTD_MSIL2A.xml").read_bytes()

    footprint = shapely.from_wkt(read_product_metadata(content, "x").footprint_wkt)

    assert footprint.bounds[0] >= -180
    assert footprint.bounds[2] <= 180
    assert footprint.area < 2


@pytest.mark.parametrize("name", L2A)
def test_metadata_without_images_name_each_missing_band(trees: Path, name: str) -> None:
    folder = trees / f"{name}.SAFE"

    assert looks_like_scene(folder)
    with pytest.raises(UnreadableSceneError) as caught:
        open_scenes(folder)
    assert "band B04" in str(caught.value)
    assert "it is missing" in str(caught.value)
    assert len(caught.value.problems) == 13


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        (
            "S2A_MSIL1C_20200717T221941_R029_T01LAC_20200717T234135",
            "S2A_MSIL2A_20200717T221941_*_R029_T01LAC_*.SAFE",
        ),
        (
            "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248",
            "S2A_MSIL2A_20210908T042701_*_R133_T46RER_*.SAFE",
        ),
    ],
)
def test_level_1c_is_refused_with_the_name_of_what_to_drop(trees: Path, name: str, remedy: str) -> None:
    assert looks_like_scene(trees / f"{name}.SAFE")
    with pytest.raises(BadUploadError, match=re.escape(remedy)):
        open_scenes(trees / f"{name}.SAFE")


@pytest.mark.parametrize("name", L2A)
def test_a_real_tree_with_small_images_opens(trees: Path, tmp_path: Path, name: str) -> None:
    """The metadata as published but for the size; constant images in place of the real ones."""
    folder = tmp_path / f"{name}.SAFE"
    shutil.copytree(trees / f"{name}.SAFE", folder, copy_function=shutil.copyfile)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    product = read_product_metadata((folder / "MTD_MSIL2A.xml").read_bytes(), "x")
    metadata = folder / product.granules[0].folder / "MTD_TL.xml"
    text = metadata.read_text()
    for size, small in ((10980, 60), (5490, 30), (1830, 10)):
        text = re.sub(rf"<(NROWS|NCOLS)>{size}<", rf"<\1>{small}<", text)
    metadata.write_text(text)
    whole = tile_grid(L2A[name][0])
    grid = Grid(whole.epsg, whole.x_min_m, whole.y_max_m, 10.0, 60, 60)
    for resolution, image in choose_images(product.granules[0]).values():
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        small = grid.at_resolution(resolution)
        write_jp2(folder / image, np.full(small.shape, 2500, np.uint16), small)

    (scene,) = open_scenes(folder)

    tile, _, baseline, orbit, platform, offset, start, _, _ = L2A[name]
    assert scene.product_id == name.removeprefix("esa_")
    assert scene.acquisition_key == f"s2/{tile}/{start}"
    assert (scene.platform, scene.baseline, scene.relative_orbit) == (platform, baseline, orbit)
    assert scene.grid == grid
    assert scene.bands["B04"].offset == pytest.approx(offset / 10000)
    assert 2500 * scene.bands["B8A"].scale + scene.bands["B8A"].offset == pytest.approx((2500 + offset) / 1e4)
    assert scene.scl is not None
    assert (scene.scl.scale, scene.scl.offset) == (1, 0)
    assert len(scene.bands) == 12
    assert any("not needed are missing" in warning for warning in scene.warnings)
