"""The reader of STAC items."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sen4cap_core.errors import BadUploadError, UnreadableSceneError
from sen4cap_core.rasters.writing.jp2 import write_jp2
from sen4cap_core.scenes.reading import looks_like_scene, open_scenes
from sen4cap_core.scenes.stac.stac_assets import find_bands, resolve_href
from tests.scenes.stac_items import plain_item, write_item, write_tiff


def test_a_plain_item_opens(tmp_path: Path) -> None:
    path = plain_item(
        tmp_path, {"s2:processing_baseline": "05.10", "view:sun_elevation": 65.0, "view:sun_azimuth": 140.0,
                   "sat:relative_orbit": 137, "s2:generation_time": "2023-06-16T18:00:00Z",
                   "s2:datastrip_id": "S2A_OPER_MSI_L2A_DS_2APS_20230616T160000_S20230616T110626_N05.10"}
    )  # fmt: skip

    assert looks_like_scene(path)
    (scene,) = open_scenes(path)

    assert scene.format == "stac-item"
    assert (scene.tile, scene.platform, scene.baseline, scene.relative_orbit) == (
        "30TUM",
        "S2A",
        "05.10",
        137,
    )
    assert scene.acquisition_key == "s2/30TUM/20230616T110626"
    assert scene.grid.key == "32630-344130-4626620-10m-40x40"
    assert set(scene.bands) == {"B04", "B08"}
    assert scene.bands["B04"].uri == str((tmp_path / "B04.tif").resolve())
    assert scene.bands["B04"].scale == 0.0001
    assert scene.bands["B04"].offset == pytest.approx(-0.1)
    assert scene.scl is not None
    assert scene.scl.grid.resolution_m == 20
    assert (scene.sun_zenith_deg, scene.sun_azimuth_deg) == (25.0, 140.0)
    assert len(scene.warnings) == 1  # one sentence for all bands with a guessed offset


@pytest.mark.parametrize(
    "keys",
    [("red", "nir", "scl"), ("B04", "B08", "SCL"), ("B04_10m", "B08_10m", "SCL_20m"), ("b4", "b8", "scl")],
)
def test_keys_of_the_catalogues(keys: tuple[str, str, str]) -> None:
    found = find_bands({key: {"href": key} for key in keys})

    assert [found[band].href for band in ("B04", "B08", "SCL")] == list(keys)


def test_the_finest_asset_and_the_plain_key_win() -> None:
    found = find_bands(
        {
            "B04_60m": {"href": "60"},
            "B04_10m": {"href": "10"},
            "B04_20m": {"href": "20"},
            "nir-jp2": {"href": "jp2", "eo:bands": [{"name": "nir", "common_name": "nir"}]},
            "nir": {"href": "tif", "eo:bands": [{"name": "nir", "common_name": "nir"}]},
        }
    )

    assert found["B04"].href == "10"
    assert found["B08"].href == "tif"


def test_names_come_before_common_names_and_pictures_are_left_out() -> None:
    found = find_bands(
        {
            "x": {"href": "a", "eo:bands": [{"name": "B8A", "common_name": "rededge"}]},
            "y": {"href": "b", "bands": [{"name": "whatever", "eo:common_name": "red"}]},
            "visual": {"href": "c", "eo:bands": [{"name": "red", "common_name": "red"}]},
            "preview": {"href": "d", "roles": ["thumbnail"], "eo:bands": [{"common_name": "green"}]},
            "WVP": {"href": "e"},
            "B10": {"href": "f"},
        }
    )

    assert {band: asset.href for band, asset in found.items()} == {"B8A": "a", "B04": "b"}


def test_bands_of_one_file(tmp_path: Path) -> None:
    write_tiff(tmp_path / "stack.tif", count=3)
    stack = {
        "href": "stack.tif",
        "eo:bands": [{"name": "B08"}, {"name": "SCL"}, {"name": "B04"}],
        "raster:bands": [{"scale": 0.0001, "offset": 0}, {}, {"scale": 0.0001, "offset": -0.1}],
    }

    (scene,) = open_scenes(write_item(tmp_path, {"data": stack}))

    assert (scene.bands["B08"].band_index, scene.bands["B04"].band_index) == (1, 3)
    assert (scene.bands["B08"].offset, scene.bands["B04"].offset) == (0, -0.1)
    assert scene.scl is not None
    assert scene.scl.band_index == 2


@pytest.mark.parametrize(
    ("href", "sentence"),
    [
        ("https://example.com/a/B04.tif", "points to https://example.com"),
        ("s3://bucket/B04.tif", "points to s3://bucket"),
        ("file:///etc/B04.tif", "points to file://"),
        ("/etc/B04.tif", "outside the item's own folder"),
        ("../B04.tif", "outside the item's own folder"),
        ("%2e%2e/B04.tif", "outside the item's own folder"),
        ("..\\B04.tif", "outside the item's own folder"),
        ("C:\\B04.tif", "outside the item's own folder"),
        ("/vsicurl/http://x/B04.tif", "outside the item's own folder"),
        ("", "no href"),
    ],
)
def test_files_elsewhere_are_refused(tmp_path: Path, href: str, sentence: str) -> None:
    plain_item(tmp_path / "in")
    write_tiff(tmp_path / "B04.tif")
    assets = {"red": {"href": href}, "nir": {"href": "B08.tif"}, "scl": {"href": "SCL.tif"}}

    with pytest.raises(UnreadableSceneError, match="band B04, asset 'red'") as caught:
        open_scenes(write_item(tmp_path / "in", assets))
    assert sentence in str(caught.value)
    assert "download the assets beside the item" in str(caught.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = plain_item(tmp_path / "in")
    outside = write_tiff(tmp_path / "outside.tif")
    (tmp_path / "in/B04.tif").unlink()
    (tmp_path / "in/B04.tif").symlink_to(outside)

    with pytest.raises(UnreadableSceneError, match="outside the item's own folder"):
        open_scenes(path)


def test_hrefs_below_the_folder_and_with_escapes(tmp_path: Path) -> None:
    path = tmp_path / "item.json"

    assert resolve_href(path, "./data/B04.tif") == tmp_path / "data/B04.tif"
    assert resolve_href(path, "my%20data/B04.tif") == tmp_path / "my data/B04.tif"
    assert resolve_href(path, "a/../B04.tif") == tmp_path / "B04.tif"


def test_other_bands_may_be_elsewhere_or_absent(tmp_path: Path) -> None:
    path = plain_item(tmp_path)
    item = json.loads(path.read_text())
    item["assets"] |= {"blue": {"href": "https://example.com/B02.tif"}, "green": {"href": "B03.tif"}}
    path.write_text(json.dumps(item))

    (scene,) = open_scenes(path)

    assert set(scene.bands) == {"B04", "B08"}
    assert any("2 bands are left out" in warning for warning in scene.warnings)


@pytest.mark.parametrize("key", ["red", "nir"])
def test_red_and_near_infrared_are_needed(tmp_path: Path, key: str) -> None:
    path = plain_item(tmp_path)
    item = json.loads(path.read_text())
    del item["assets"][key]
    path.write_text(json.dumps(item))

    with pytest.raises(UnreadableSceneError, match="no asset holds band"):
        open_scenes(path)


def test_an_item_without_classification_is_warned_of(tmp_path: Path) -> None:
    path = plain_item(tmp_path)
    item = json.loads(path.read_text())
    del item["assets"]["scl"]
    path.write_text(json.dumps(item))

    (scene,) = open_scenes(path)

    assert scene.scl is None
    assert any("clouds are not masked" in warning for warning in scene.warnings)


@pytest.mark.parametrize("file", ["B04.tif", "SCL.tif"])
def test_files_missing_empty_or_cut(tmp_path: Path, file: str) -> None:
    path = plain_item(tmp_path)
    target = tmp_path / file
    content = target.read_bytes()

    target.write_bytes(content[:-200])
    with pytest.raises(UnreadableSceneError, match="cut short"):
        open_scenes(path)
    target.write_bytes(b"")
    with pytest.raises(UnreadableSceneError, match="it is empty"):
        open_scenes(path)
    target.unlink()
    with pytest.raises(UnreadableSceneError, match="it is missing"):
        open_scenes(path)


def test_formats_that_point_elsewhere_are_refused(tmp_path: Path) -> None:
    path = plain_item(tmp_path)
    (tmp_path / "B04.tif").write_text(
        '<VRTDataset rasterXSize="40" rasterYSize="40"><VRTRasterBand dataType="UInt16"/></VRTDataset>'
    )

    with pytest.raises(UnreadableSceneError, match="neither a GeoTIFF nor a JPEG 2000"):
        open_scenes(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epsg": 3857}, "UTM zone"),
        ({"epsg": 32631}, "EPSG:32631"),
        ({"x_min_m": 344140.0}, "from 344140"),
        ({"size": 20, "resolution_m": 20}, "20 m"),
    ],
)
def test_bands_on_other_ground_are_refused(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    path = plain_item(tmp_path)
    write_tiff(tmp_path / "B08.tif", **change)

    with pytest.raises(UnreadableSceneError, match="B08") as caught:
        open_scenes(path)
    assert sentence in str(caught.value)


def test_tile_and_zone_must_agree(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSceneError, match="tile 31TCG lies in EPSG:32631"):
        open_scenes(plain_item(tmp_path, {"grid:code": "MGRS-31TCG"}))


@pytest.mark.parametrize(
    "properties",
    [
        {"grid:code": None, "s2:mgrs_tile": "30TUM"},
        {"grid:code": None, "mgrs:utm_zone": 30, "mgrs:latitude_band": "T", "mgrs:grid_square": "UM"},
        {"grid:code": None, "s2:product_uri": "S2A_MSIL2A_20230616T110621_N0509_R137_T30TUM_20230616T1.SAFE"},
        {"grid:code": None},
    ],
)
def test_the_tile_is_found(tmp_path: Path, properties: dict[str, Any]) -> None:
    assert open_scenes(plain_item(tmp_path, properties))[0].tile == "30TUM"


def test_an_item_without_tile_or_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSceneError, match="which tile"):
        open_scenes(plain_item(tmp_path, {"grid:code": None}, item_id="x"))
    with pytest.raises(UnreadableSceneError, match="when it was taken"):
        open_scenes(plain_item(tmp_path, {"datetime": None}))
    with pytest.raises(UnreadableSceneError, match="a time was expected"):
        open_scenes(plain_item(tmp_path, {"datetime": "yesterday"}))


def test_other_satellites_and_levels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUploadError, match="planet-1"):
        open_scenes(plain_item(tmp_path, {"platform": "planet-1", "constellation": None}))
    with pytest.raises(BadUploadError, match="Level-1C"):
        open_scenes(plain_item(tmp_path, {"processing:level": "L1C"}))
    with pytest.raises(BadUploadError, match="Level-1C"):
        open_scenes(plain_item(tmp_path, {"s2:product_type": "S2MSI1C"}))


@pytest.mark.parametrize("document", ["{", "[]", '{"type": "Feature"}', "null", "[" * 100_000])
def test_what_is_no_item_is_refused(tmp_path: Path, document: str) -> None:
    (tmp_path / "x.json").write_text(document)

    assert not looks_like_scene(tmp_path / "x.json")
    with pytest.raises(BadUploadError):
        open_scenes(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("stated", "baseline", "offset"),
    [("05.09", "05.09", -0.1), (5.09, "05.09", -0.1), ("5.09", "05.09", -0.1), (5.1, "05.10", -0.1),
     (4, "04.00", -0.1), ("02.14", "02.14", 0.0), (2.14, "02.14", 0.0), ("2.10.1", None, 0.0)],
)  # fmt: skip
def test_a_baseline_may_be_a_number(
    tmp_path: Path, stated: object, baseline: str | None, offset: float
) -> None:
    (scene,) = open_scenes(plain_item(tmp_path, {"s2:processing_baseline": stated}))

    assert (scene.baseline, scene.bands["B04"].offset) == (baseline, offset)
    # What was not understood, or taken for granted, is said.
    assert bool(scene.warnings) == (baseline is None or offset != 0)


def test_the_item_of_the_copernicus_service(tmp_path: Path) -> None:
    """Its names of bands and datastrip, scale and offset of the asset, the aerosol map at its coarsest."""
    scaled = {"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0, "proj:code": "EPSG:32630"}
    stated = {"bands": [{"name": "B04", "eo:common_name": "red"}], **scaled}
    aerosol = {"raster:scale": 0.002, "raster:offset": 0, "nodata": 0}
    plain_item(tmp_path)
    write_tiff(tmp_path / "AOT.tif", 100, size=20, resolution_m=20)
    path = write_item(
        tmp_path,
        {
            "B04_10m": {"href": "B04.tif", **stated}, "B08_10m": {"href": "B08.tif", **scaled},
            "SCL_20m": {"href": "SCL.tif", "nodata": 0}, "AOT_10m": {"href": "s3://eodata/AOT.jp2"},
            "AOT_20m": {"href": "AOT.tif", **aerosol},
        },
        {
            "processing:version": "05.10",
            "eopf:datastrip_id": "S2A_OPER_MSI_L2A_DS_2APS_20230616T150000_S20230616T110626_N05.10",
        },
    )  # fmt: skip

    (scene,) = open_scenes(path)

    assert scene.acquisition_key == "s2/30TUM/20230616T110626"
    assert (scene.baseline, scene.warnings) == ("05.10", [])
    assert {(band.scale, band.offset) for band in scene.bands.values()} == {(0.0001, -0.1)}
    assert scene.aot is not None
    assert (scene.aot.scale, scene.aot.offset, scene.aot.nodata) == (0.002, 0.0, 0.0)
    assert scene.aot.grid.resolution_m == 20


@pytest.mark.parametrize(
    ("asset", "said"),
    [({"href": "https://example.org/AOT.tif"}, "points to https"), ({"href": "AOT.tif"}, "extent")],
)
def test_an_aerosol_map_that_cannot_be_used_is_warned_of(
    tmp_path: Path, asset: dict[str, Any], said: str
) -> None:
    path = plain_item(tmp_path, {"s2:processing_baseline": "02.14"})
    write_tiff(tmp_path / "AOT.tif", 100, size=5, resolution_m=20)
    item = json.loads(path.read_text())
    item["assets"]["aot"] = asset
    path.write_text(json.dumps(item))

    (scene,) = open_scenes(path)

    assert scene.aot is None
    assert [said in warning for warning in scene.warnings] == [True]


def test_jpeg_2000_assets(tmp_path: Path) -> None:
    path = plain_item(tmp_path)
    grid = open_scenes(path)[0].grid
    (tmp_path / "B04.tif").unlink()
    write_jp2(tmp_path / "B04.tif", np.full(grid.shape, 1234, np.uint16), grid)

    band = open_scenes(path)[0].bands["B04"]

    with rasterio.open(band.uri) as dataset:
        assert dataset.read(1)[0, 0] == 1234
    (tmp_path / "B04.tif").write_bytes((tmp_path / "B04.tif").read_bytes()[:-2])
    with pytest.raises(UnreadableSceneError, match="cut short"):
        open_scenes(path)


def test_real_field_near_valladolid(shared: Path) -> None:
    items = sorted((shared / "data/valladolid-2019/scenes").glob("*/*.json"))

    scenes = [scene for item in items for scene in open_scenes(item)]

    assert len(scenes) == 33
    assert len({scene.acquisition_key for scene in scenes}) == 33
    assert {(scene.tile, scene.grid.shape, scene.platform) for scene in scenes} == {("30TUM", (57, 56), "S2")}
    assert all(scene.warnings == [] for scene in scenes)
    assert all(scene.bands["B08"].offset == 0 for scene in scenes)
    with rasterio.open(scenes[0].bands["B04"].uri) as dataset:
        assert dataset.shape == scenes[0].grid.shape


REAL = [
    "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json",
    "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531_raster_ext.json",
    "S2A_28QCH_20200714_0_L2A.json",
]


@pytest.mark.parametrize("name", REAL)
def test_real_items_whose_files_are_in_the_cloud_are_refused(shared: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copyfile(shared / "data/catalogue-responses/stac-items/tests/data" / name, path)

    assert looks_like_scene(path)
    with pytest.raises(UnreadableSceneError, match="points to https://"):
        open_scenes(path)


@pytest.mark.parametrize(
    ("name", "tile", "epsg", "key", "baseline"),
    [
        (REAL[0], "06VVN", 32606, "20190629T212530", "02.12"),
        (REAL[1], "06VVN", 32606, "20190629T212530", "02.12"),
        (REAL[2], "28QCH", 32628, "20200714T115552", "02.14"),
    ],
)
def test_real_items_with_their_files_beside_them(
    shared: Path, tmp_path: Path, name: str, tile: str, epsg: int, key: str, baseline: str
) -> None:
    item = json.loads((shared / "data/catalogue-responses/stac-items/tests/data" / name).read_text())
    bands = find_bands(item["assets"])
    for band, asset in bands.items():
        file = Path(asset.href).name
        item["assets"][asset.key]["href"] = file
        coarse = int(asset.asset.get("gsd", 10)) if band not in ("B02", "B03", "B04", "B08") else 10
        coarse = {"B05": 20, "B06": 20, "B07": 20, "B8A": 20, "B11": 20, "B12": 20, "SCL": 20}.get(
            band, coarse
        )
        write_tiff(tmp_path / file, size=120 // coarse * 10 // 10, resolution_m=coarse, epsg=epsg)
    path = tmp_path / name
    path.write_text(json.dumps(item))

    (scene,) = open_scenes(path)

    assert (scene.tile, scene.grid.epsg, scene.baseline) == (tile, epsg, baseline)
    assert scene.acquisition_key == f"s2/{tile}/{key}"
    assert {"B02", "B03", "B04", "B08", "B8A", "B12"} <= set(scene.bands)
    assert all((band.scale, band.offset) == (0.0001, 0.0) for band in scene.bands.values())
    assert scene.scl is not None
    assert scene.footprint_wkt is not None
