"""STAC items of Landsat: bands in Sentinel-2's places, masks, scale, path and row, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sen4cap_core.errors import BadUploadError, UnreadableSceneError
from sen4cap_core.processors.l3b.items import pass_plan
from sen4cap_core.rasters.passes.scene_pass import run_pass
from sen4cap_core.scenes.completeness import check_completeness
from sen4cap_core.scenes.reading import open_scenes
from tests.scenes.stac_items import write_item, write_tiff

ITEM = "LC09_L2SP_198030_20230616_02_T1"
PROPERTIES = {
    "datetime": "2023-06-16T10:41:05Z",
    "platform": "landsat-9",
    "constellation": None,
    "grid:code": None,
    "landsat:wrs_path": "198",
    "landsat:wrs_row": "030",
    "landsat:collection_number": "02",
    "landsat:correction": "L2SP",
    "view:sun_elevation": 62.5,
    "view:sun_azimuth": 138.0,
}
REFLECTANCE = {"blue": 0.03, "green": 0.07, "red": 0.05, "nir08": 0.4, "swir16": 0.2, "swir22": 0.1}
CLEAR = 21824


def landsat_item(
    folder: Path, properties: dict[str, Any] | None = None, without: tuple[str, ...] = ()
) -> Path:
    assets: dict[str, Any] = {}
    values = {key: round((v + 0.2) / 2.75e-5) for key, v in REFLECTANCE.items()}
    for key, value in {**values, "qa_pixel": CLEAR, "qa_radsat": 0}.items():
        if key in without:
            continue
        write_tiff(folder / f"{key}.TIF", value, resolution_m=30, x_min_m=344145.0, y_max_m=4626615.0)
        assets[key] = {"href": f"./{key}.TIF"}
    return write_item(folder, assets, PROPERTIES | (properties or {}), item_id=ITEM)


def test_a_landsat_item_is_read_and_gives_ndvi_and_leaf_area(tmp_path: Path) -> None:
    (scene,) = open_scenes(landsat_item(tmp_path))
    assert (scene.sensor, scene.platform, scene.tile) == ("landsat-l2", "L9", "198030")
    assert scene.acquisition_key == "landsat/198030/L9/20230616"
    assert (scene.sun_zenith_deg, scene.grid.resolution_m) == (27.5, 30.0)
    assert [mask.source.name for mask in scene.masks] == ["QA_PIXEL", "QA_RADSAT"]
    out = {name: tmp_path / f"out/{name}.tif" for name in ("ndvi", "lai")}
    run_pass(
        scene.bands, scene.masks, scene.grid, variables=pass_plan(out, scene).items, labels=None,
        raster_paths=out, threads=1,
    )  # fmt: skip
    with rasterio.open(out["ndvi"]) as dataset:
        assert np.unique(dataset.read(1)) == pytest.approx([7778], abs=2)
    with rasterio.open(out["lai"]) as dataset:
        assert 1000 < dataset.read(1).min() <= dataset.read(1).max() < 6000


@pytest.mark.parametrize("file", ["red", "nir08", "qa_pixel", "swir16", "qa_radsat"])
def test_an_item_waits_for_its_assets(tmp_path: Path, file: str) -> None:
    path = landsat_item(tmp_path)
    content = (tmp_path / f"{file}.TIF").read_bytes()
    assert check_completeness(path).is_complete

    for there in (b"", content[:-200]):
        (tmp_path / f"{file}.TIF").write_bytes(there)
        answer = check_completeness(path)
        assert not answer.is_complete
        assert answer.is_usable is (file in ("swir16", "qa_radsat"))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, (2.75e-5, -0.2, 0.0)),
        ({"raster:bands": [{"scale": 2.75e-5, "offset": -0.2, "nodata": 0}]}, (2.75e-5, -0.2, 0.0)),
        # Made anew by a provider: stated of the asset (STAC 1.1), of its only band, or without an offset.
        ({"raster:scale": 1e-4, "raster:offset": -0.1, "nodata": 65535}, (1e-4, -0.1, 65535.0)),
        ({"bands": [{"raster:scale": 1e-4}]}, (1e-4, 0.0, 0.0)),
    ],
)
def test_scale_is_what_the_asset_states(
    tmp_path: Path, stated: dict[str, Any], expected: tuple[float, float, float]
) -> None:
    path = landsat_item(tmp_path)
    item = json.loads(path.read_text())
    item["assets"]["red"] |= stated
    path.write_text(json.dumps(item))

    (scene,) = open_scenes(path)

    red, near = scene.bands["B04"], scene.bands["B08"]
    assert (red.scale, red.offset, red.nodata) == expected
    assert (near.scale, near.offset, near.nodata) == (2.75e-5, -0.2, 0.0)


def test_a_scale_that_is_none_is_named(tmp_path: Path) -> None:
    path = landsat_item(tmp_path)
    item = json.loads(path.read_text())
    item["assets"]["nir08"]["raster:scale"] = 0
    path.write_text(json.dumps(item))

    with pytest.raises(UnreadableSceneError, match=r"'nir08'.*must be positive"):
        open_scenes(path)


def test_numbers_of_reflectance_itself_are_taken_as_they_are(tmp_path: Path) -> None:
    path = landsat_item(tmp_path)
    place = {"resolution_m": 30, "x_min_m": 344145.0, "y_max_m": 4626615.0}
    write_tiff(tmp_path / "red.TIF", 0.05, dtype="float32", nodata=-1, **place)

    (scene,) = open_scenes(path)

    assert (scene.bands["B04"].scale, scene.bands["B04"].offset, scene.bands["B04"].nodata) == (
        1.0,
        0.0,
        -1.0,
    )


def test_what_is_not_there_is_named_or_left_out(tmp_path: Path) -> None:
    (scene,) = open_scenes(landsat_item(tmp_path / "a", without=("swir22", "qa_radsat")))
    assert "B12" not in scene.bands
    assert any("QA_RADSAT" in warning for warning in scene.warnings)
    with pytest.raises(UnreadableSceneError, match="qa_pixel"):
        open_scenes(landsat_item(tmp_path / "b", without=("qa_pixel",)))
    with pytest.raises(UnreadableSceneError, match="path and row"):
        open_scenes(landsat_item(tmp_path / "c", {"landsat:wrs_row": None}))
    other = landsat_item(tmp_path / "d")
    write_tiff(tmp_path / "d/nir08.TIF", 9, resolution_m=30, epsg=32631, x_min_m=344145.0, y_max_m=4626615.0)
    with pytest.raises(UnreadableSceneError, match="another grid"):
        open_scenes(other)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"landsat:correction": "L1TP"}, "Level-1"),
        ({"platform": "landsat-7"}, "landsat-7"),
        ({"landsat:collection_number": "01"}, "collection 01"),
    ],
)
def test_other_landsat_products_are_refused(tmp_path: Path, properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadUploadError, match=message):
        open_scenes(landsat_item(tmp_path, properties))
