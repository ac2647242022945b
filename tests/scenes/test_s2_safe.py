"""The .SAFE reader, on small products written by the simulator."""

from __future__ import annotations

import re
import shutil
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sen4cap_core.errors import UnreadableSceneError, UnsafeArchiveError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.scenes.reading import looks_like_scene, open_scenes
from sen4cap_core.simulation.optical.safe_product import tile_scene


def physical(band: BandSource) -> NDArray[np.float64]:
    """Read a band as its description says; NaN where it has no data."""
    with rasterio.open(band.uri) as dataset:
        numbers = dataset.read(band.band_index)
        assert dataset.shape == band.grid.shape
        assert dataset.transform == band.grid.transform
        assert dataset.crs.to_epsg() == band.grid.epsg
    return np.where(numbers == band.nodata, np.nan, numbers * band.scale + band.offset)


def image(folder: Path, band: str) -> Path:
    (path,) = folder.rglob(f"*_{band}_*m.jp2")
    return path


@pytest.mark.parametrize("baseline", ["02.12", "03.01", "04.00", "05.10"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_reflectance_is_what_was_written(tmp_path: Path, baseline: str, as_zip: bool) -> None:
    rng = np.random.default_rng(1)
    red = rng.uniform(0.0002, 0.6, (120, 120)).round(4)
    near = rng.uniform(0.0002, 0.9, (120, 120)).round(4)
    red[:10], near[:, :7] = np.nan, np.nan
    scl = rng.integers(0, 12, (60, 60))

    path = tile_scene(tmp_path, {"B04": red, "B08": near}, scl, baseline=baseline, as_zip=as_zip)
    (scene,) = open_scenes(path)

    assert scene.format == ("safe-zip" if as_zip else "safe")
    assert scene.path == path
    assert np.allclose(physical(scene.bands["B04"]), red, rtol=0, atol=1e-9, equal_nan=True)
    assert np.allclose(physical(scene.bands["B08"]), near, rtol=0, atol=1e-9, equal_nan=True)
    assert scene.scl is not None
    assert np.array_equal(np.nan_to_num(physical(scene.scl)), scl)
    assert scene.baseline == baseline
    assert scene.warnings == []


def test_negative_reflectance_survives_since_baseline_04(tmp_path: Path) -> None:
    (scene,) = open_scenes(tile_scene(tmp_path, {"B04": -0.02, "B08": 0.3}, baseline="05.10"))

    assert physical(scene.bands["B04"])[0, 0] == pytest.approx(-0.02)


def test_facts_of_a_scene(tmp_path: Path) -> None:
    at = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)
    (scene,) = open_scenes(tile_scene(tmp_path, acquired_at=at, platform="S2B", relative_orbit=94))

    assert scene.product_id.startswith("S2B_MSIL2A_20190616T110621_N0510_R094_T30TUM_")
    assert (scene.sensor, scene.platform, scene.tile, scene.relative_orbit) == ("s2-l2a", "S2B", "30TUM", 94)
    assert scene.acquisition_key == "s2/30TUM/20190616T110626"
    assert at < scene.acquired_at < at + timedelta(minutes=1)
    assert scene.generated_at is not None
    assert scene.generated_at.tzinfo is not None
    assert scene.grid.width == 120
    assert scene.sun_zenith_deg == pytest.approx(24.7, abs=1)
    assert scene.sun_azimuth_deg == pytest.approx(134.6, abs=3)
    assert scene.footprint_wkt is not None
    assert scene.footprint_wkt.startswith("POLYGON ((-5.4")


def test_a_newer_baseline_has_the_same_key_and_another_datastrip_has_not(tmp_path: Path) -> None:
    at = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)
    (old,) = open_scenes(tile_scene(tmp_path, baseline="02.12", acquired_at=at))
    (new,) = open_scenes(tile_scene(tmp_path, baseline="05.10", acquired_at=at, as_zip=True))
    (other,) = open_scenes(tile_scene(tmp_path, baseline="05.10", acquired_at=at + timedelta(seconds=25)))

    assert old.acquisition_key == new.acquisition_key != other.acquisition_key
    assert old.product_id != new.product_id


def test_a_renamed_product_keeps_its_id(tmp_path: Path) -> None:
    (scene,) = open_scenes(tile_scene(tmp_path, name="copy of my scene", as_zip=True))

    assert scene.product_id.startswith("S2A_MSIL2A_20190616T110621")


@pytest.mark.parametrize("prefix", ["", "download/", "a/b/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_layouts(tmp_path: Path, prefix: str, method: int) -> None:
    folder = tile_scene(tmp_path, {"B04": 0.07, "B08": 0.4})
    archive = tmp_path / "product {1} with spaces.zip"
    inside = "" if prefix == "" else f"{prefix}{folder.name}/"
    with zipfile.ZipFile(archive, "w", method) as target:
        for path in folder.rglob("*"):
            target.write(path, inside + path.relative_to(folder).as_posix())

    assert looks_like_scene(archive)
    (scene,) = open_scenes(archive)

    assert physical(scene.bands["B04"])[5, 5] == pytest.approx(0.07)
    assert scene.bands["B08"].uri.startswith("/vsizip/")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([folder.name, archive.name])


def test_two_products_in_one_zip_are_two_scenes(tmp_path: Path) -> None:
    first = tile_scene(tmp_path / "p")
    second = tile_scene(tmp_path / "p", acquired_at=datetime(2019, 6, 21, 11, 6, 21, tzinfo=UTC))
    archive = shutil.make_archive(str(tmp_path / "both"), "zip", tmp_path / "p")

    scenes = open_scenes(Path(archive))

    assert {scene.product_id for scene in scenes} == {first.stem, second.stem}


def test_two_granules_are_two_scenes(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    (granule,) = (folder / "GRANULE").iterdir()
    other = granule.with_name(granule.name.replace("T30TUM", "T30TUN"))
    shutil.copytree(granule, other)
    for path in [*other.rglob("*30TUM*.jp2")]:
        path.rename(path.with_name(path.name.replace("30TUM", "30TUN")))
    metadata = other / "MTD_TL.xml"
    metadata.write_text(metadata.read_text().replace("30TUM", "30TUN"))
    product = folder / "MTD_MSIL2A.xml"
    text = product.read_text()
    start, end = text.index("<Granule "), text.index("</Granule>") + len("</Granule>")
    block = text[start:end]
    product.write_text(text.replace(block, block + block.replace("30TUM", "30TUN")))

    scenes = open_scenes(folder)

    assert [scene.tile for scene in scenes] == ["30TUM", "30TUN"]
    assert len({scene.acquisition_key for scene in scenes}) == 2
    assert all("30TUN" in band.uri for band in scenes[1].bands.values())


@pytest.mark.parametrize("band", ["B04", "B08", "SCL"])
def test_a_missing_band_is_named(tmp_path: Path, band: str) -> None:
    folder = tile_scene(tmp_path)
    image(folder, band).unlink()

    with pytest.raises(UnreadableSceneError, match=f"band {band}, GRANULE/.*: it is missing") as caught:
        open_scenes(folder)
    assert "What to do" in str(caught.value)


def test_all_bad_images_are_named_at_once(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    image(folder, "B04").unlink()
    image(folder, "B08").write_bytes(b"")

    with pytest.raises(UnreadableSceneError) as caught:
        open_scenes(folder)
    assert [str(problem)[:8] for problem in caught.value.problems] == ["band B04", "band B08"]


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 0.999))
def test_an_image_cut_anywhere_is_found(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    noise = np.random.default_rng(3).uniform(0, 1, (120, 120))
    folder = tile_scene(tmp_path_factory.mktemp("cut"), {"B04": noise, "B08": 0.3})
    path = image(folder, "B04")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(UnreadableSceneError, match=r"band B04.*(cut short|empty|signature)"):
        open_scenes(folder)


def test_an_image_filled_up_with_zeros_is_found(tmp_path: Path) -> None:
    """As a download that reserves its space first leaves it."""
    folder = tile_scene(tmp_path)
    path = image(folder, "B08")
    content = path.read_bytes()
    path.write_bytes(content[:300] + bytes(len(content) - 300))

    with pytest.raises(UnreadableSceneError, match="band B08"):
        open_scenes(folder)


def test_an_image_packed_when_it_was_cut_is_found_inside_a_zip(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path / "p")
    path = image(folder, "B04")
    path.write_bytes(path.read_bytes()[:-20])
    archive = shutil.make_archive(str(tmp_path / "x.SAFE"), "zip", tmp_path / "p")

    with pytest.raises(UnreadableSceneError, match=r"band B04.*cut short"):
        open_scenes(Path(archive))


def test_a_zip_cut_short_is_refused(tmp_path: Path) -> None:
    path = tile_scene(tmp_path, as_zip=True)
    path.write_bytes(path.read_bytes()[:-500])

    with pytest.raises(UnsafeArchiveError, match="cut short"):
        open_scenes(path)


def test_an_image_of_another_size_is_found(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    other = tile_scene(
        tmp_path / "other", {"B04": 0.1, "B08": 0.1}, grid=open_scenes(folder)[0].grid.at_resolution(10)
    )
    shutil.copy(image(other, "SCL"), image(folder, "B04"))

    with pytest.raises(UnreadableSceneError, match="60 x 60 pixels"):
        open_scenes(folder)


@pytest.mark.parametrize(
    ("written", "altered", "said"),
    [
        ("EPSG:32630", "EPSG:32631", r"it lies in EPSG:32630, MTD_TL\.xml says EPSG:32631"),
        ("EPSG:32630", "EPSG:4326", "EPSG:4326"),
        (r"<ULY>\d+</ULY>", "<ULY>5700000</ULY>", "places tile 30TUM at 300000, 5700000 in EPSG:32630"),
    ],
)
def test_a_wrong_coordinate_system_or_place_in_the_metadata_is_refused(
    tmp_path: Path, written: str, altered: str, said: str
) -> None:
    folder = tile_scene(tmp_path)
    (granule,) = folder.rglob("MTD_TL.xml")
    text = granule.read_text()
    changed = re.sub(written, altered, text)
    assert changed != text
    granule.write_text(changed)

    with pytest.raises(UnreadableSceneError, match=said):
        open_scenes(folder)


def test_a_zone_that_metadata_and_images_share_must_be_that_of_the_tile(tmp_path: Path) -> None:
    """All of a product in the zone beside that of its tile, as after a wrong projection."""
    beside = replace(open_scenes(tile_scene(tmp_path / "right"))[0].grid, epsg=32631)
    folder = tile_scene(tmp_path / "wrong", grid=beside)

    with pytest.raises(UnreadableSceneError, match="places tile 30TUM in EPSG:32631, it lies in EPSG:32630"):
        open_scenes(folder)


def test_metadata_missing_or_broken(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    (granule,) = folder.rglob("MTD_TL.xml")
    text = granule.read_text()

    granule.unlink()
    with pytest.raises(UnreadableSceneError, match=r"MTD_TL\.xml is missing"):
        open_scenes(folder)
    granule.write_text(text.replace("<SENSING_TIME", "<X").replace("</SENSING_TIME", "</X"))
    with pytest.raises(UnreadableSceneError, match="SENSING_TIME"):
        open_scenes(folder)
    granule.write_text(text.replace("<ULX>", "<ULX>x"))
    with pytest.raises(UnreadableSceneError, match="ULX"):
        open_scenes(folder)
    (folder / "MTD_MSIL2A.xml").unlink()
    with pytest.raises(UnreadableSceneError, match=r"holds no MTD_MSIL2A\.xml"):
        open_scenes(folder)


def test_metadata_cannot_point_outside_the_product(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    product = folder / "MTD_MSIL2A.xml"
    text = product.read_text()
    secret = tmp_path / "secret_B04_10m.jp2"
    shutil.copy(image(folder, "B04"), secret)
    listed = next(line for line in text.splitlines() if "_B04_10m" in line)
    product.write_text(text.replace(listed, "<IMAGE_FILE>GRANULE/../../secret_B04_10m</IMAGE_FILE>"))

    with pytest.raises(UnreadableSceneError, match="outside the product's own folder"):
        open_scenes(folder)


def test_offset_missing_in_a_new_baseline_is_warned_of(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path, baseline="05.10")
    product = folder / "MTD_MSIL2A.xml"
    text = product.read_text()
    start, end = text.index("<BOA_ADD_OFFSET_VALUES_LIST>"), text.index("</BOA_ADD_OFFSET_VALUES_LIST>")
    product.write_text(text[:start] + text[end + len("</BOA_ADD_OFFSET_VALUES_LIST>") :])

    (scene,) = open_scenes(folder)

    assert scene.bands["B04"].offset == 0
    assert any("no BOA_ADD_OFFSET" in warning for warning in scene.warnings)


def test_a_product_without_classification_is_warned_of(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    product = folder / "MTD_MSIL2A.xml"
    lines = [line for line in product.read_text().splitlines() if "_SCL_" not in line]
    product.write_text("\n".join(lines))

    (scene,) = open_scenes(folder)

    assert scene.scl is None
    assert any("clouds are not masked" in warning for warning in scene.warnings)


def test_the_aerosol_map_is_read_and_a_damaged_one_is_warned_of(tmp_path: Path) -> None:
    path = tile_scene(tmp_path, aot=0.125)
    (scene,) = open_scenes(path)
    assert scene.aot is not None
    assert scene.aot.grid == scene.grid.at_resolution(60)
    with rasterio.open(scene.aot.uri) as dataset:
        values = dataset.read(1) * scene.aot.scale
    np.testing.assert_allclose(values, 0.125)
    assert not scene.warnings
    image = Path(scene.aot.uri)
    image.write_bytes(image.read_bytes()[:-40])
    (scene,) = open_scenes(path)
    assert scene.aot is None
    assert "aerosol map" in scene.warnings[0]
    image.unlink()
    (scene,) = open_scenes(path)
    assert scene.aot is None
