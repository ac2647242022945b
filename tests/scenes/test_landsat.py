"""The Landsat reader, on small products of the simulator, whole and broken."""

from __future__ import annotations

import io
import re
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sen4cap_core.errors import BadUploadError, UnreadableSceneError, UnsafeArchiveError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import CLOUD, LAND, NO_DATA, SATURATED, SHADOW, SNOW, WATER
from sen4cap_core.rasters.writing.geotiff import write_geotiff
from sen4cap_core.scenes.completeness import check_completeness
from sen4cap_core.scenes.landsat.metadata import read_landsat_metadata
from sen4cap_core.scenes.landsat.product import pixel_table, saturation_table
from sen4cap_core.scenes.reading import looks_like_scene, open_scenes
from sen4cap_core.simulation.optical.landsat_product import landsat_scene

GRID = Grid(32630, 300_015.0, 4_699_995.0, 30.0, 50, 40)


@pytest.mark.parametrize("as_tar", [False, True])
def test_reflectance_is_what_was_written(tmp_path: Path, as_tar: bool) -> None:
    rng = np.random.default_rng(5)
    red, near = rng.uniform(0, 0.6, (2, *GRID.shape))
    red[:3] = np.nan

    path = landsat_scene(tmp_path, GRID, {4: red, 5: near, 6: 0.2}, as_tar=as_tar)
    assert looks_like_scene(path)
    assert check_completeness(path).is_complete
    (scene,) = open_scenes(path)

    assert (scene.sensor, scene.platform, scene.tile) == ("landsat-l2", "L8", "201031")
    assert scene.product_id == "LC08_L2SP_201031_20190617_20190629_02_T1"
    assert scene.acquired_at == datetime(2019, 6, 17, 10, 58, 3, 123456, tzinfo=UTC)
    assert scene.acquisition_key == "landsat/201031/L8/20190617"
    assert scene.grid == GRID
    assert set(scene.bands) == {"B04", "B08", "B11"}
    for name, values in (("B04", red), ("B08", near)):
        band = scene.bands[name]
        assert (band.scale, band.offset) == (2.75e-5, -0.2)
        with rasterio.open(band.uri) as dataset:
            numbers = dataset.read(1)
        shown = np.where(numbers == band.nodata, np.nan, numbers * band.scale + band.offset)
        np.testing.assert_allclose(shown, values, atol=1.4e-5)
    assert scene.angles is not None
    assert scene.angles.mean_sun is not None
    assert 20 < scene.angles.mean_sun.zenith_deg < 30
    assert scene.footprint_wkt is not None
    assert scene.warnings == []


def test_quality_bits() -> None:
    pixel, saturated = pixel_table(), saturation_table()
    rng = np.random.default_rng(1)

    for number in [0, 1, 21824, 22280, 23888, 30048, *rng.integers(0, 65536, 500)]:
        if number & 1:
            expected = NO_DATA
        elif number & 0b1110:
            expected = CLOUD
        elif number & 0b10000:
            expected = SHADOW
        elif number >> 7 & 1:
            expected = WATER
        elif number >> 5 & 1:
            expected = SNOW
        else:
            expected = LAND
        assert pixel[number] == expected, number
        assert saturated[number] == (SATURATED if number % 128 else LAND)
    # Values of the product guide: clear, cloud, cloud shadow, snow, water.
    assert [pixel[n] for n in (21824, 22280, 23888, 30048, 21952)] == [LAND, CLOUD, SHADOW, SNOW, WATER]


def test_all_three_forms_of_the_metadata_say_the_same(tmp_path: Path) -> None:
    path = landsat_scene(tmp_path, GRID)
    (file,) = path.glob("*_MTL.xml")
    xml = file.read_text()
    fields = re.findall(r"<(\w+)>([^<\n]+)</\1>|<(/?)(\w+)>", xml)
    lines = []
    for name, value, closes, group in fields:
        lines.append(f'{name} = "{value}"' if name else f"{'END_' if closes else ''}GROUP = {group}")

    from_xml = read_landsat_metadata(xml.encode(), file.name)
    from_text = read_landsat_metadata("\n".join(lines).encode(), file.with_suffix(".txt").name)

    assert from_xml == from_text
    assert from_xml.files == {4: f"{path.name}_SR_B4.TIF", 5: f"{path.name}_SR_B5.TIF"}


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = landsat_scene(tmp_path, GRID)
    (band,) = path.glob("*SR_B5.TIF")
    band.write_bytes(band.read_bytes()[:300])
    next(path.glob("*RADSAT*")).unlink()
    other = Grid(32630, GRID.x_min_m, GRID.y_max_m, 30.0, 40, 40)
    write_geotiff(next(path.glob("*QA_PIXEL*")), np.zeros(other.shape, np.uint16), other)

    with pytest.raises(UnreadableSceneError) as caught:
        open_scenes(path)

    said = str(caught.value)
    assert len(caught.value.problems) == 3
    assert "QA_RADSAT.TIF: it is missing" in said
    assert "it has 40 x 40 pixels, the metadata say 50 x 40" in said
    assert not check_completeness(path).is_usable


@pytest.mark.parametrize(
    ("pattern", "replacement", "said"),
    [
        ("<UTM_ZONE>30<", "<UTM_ZONE>31<", "it lies in UTM zone 30, the metadata say 31"),
        ("<UTM_ZONE>30<", "<UTM_ZONE><", "states no UTM_ZONE"),
        ("LANDSAT_8", "LANDSAT_7", "product of L7"),
        (">02<", ">01<", "collection 01"),
        (">L2SP<", ">L1TP<", "Level-1 product"),
        ("FILE_NAME_QUALITY_L1_PIXEL", "OTHER", "no QA_PIXEL"),
    ],
)
def test_metadata_that_cannot_be_right(tmp_path: Path, pattern: str, replacement: str, said: str) -> None:
    path = landsat_scene(tmp_path, GRID)
    (metadata,) = path.glob("*_MTL.xml")
    metadata.write_text(metadata.read_text().replace(pattern, replacement))

    with pytest.raises(BadUploadError, match=said):
        open_scenes(path)


def test_a_level_1_product_says_what_to_drop(tmp_path: Path) -> None:
    path = landsat_scene(tmp_path, GRID, level="L1TP")

    with pytest.raises(BadUploadError, match=r"LC08_L2SP_201031_20190617"):
        open_scenes(path)


def test_a_cut_tar_waits(tmp_path: Path) -> None:
    path = landsat_scene(tmp_path, GRID, as_tar=True)
    whole = path.read_bytes()
    for size in (len(whole) - tarfile.RECORDSIZE, len(whole) // 2, 700):
        path.write_bytes(whole[:size])
        assert looks_like_scene(path)
        assert not check_completeness(path).is_usable, size
        with pytest.raises(UnsafeArchiveError, match=r"cut short|complete"):
            open_scenes(path)


@pytest.mark.parametrize("kind", ["link", "outside", "twice"])
def test_an_unsafe_tar_is_refused(tmp_path: Path, kind: str) -> None:
    path = landsat_scene(tmp_path, GRID, as_tar=True)
    with tarfile.open(path, "a") as archive:
        entry = tarfile.TarInfo("../evil" if kind == "outside" else "more")
        if kind == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry, io.BytesIO())
        if kind == "twice":
            archive.addfile(entry, io.BytesIO())

    with pytest.raises(UnsafeArchiveError):
        open_scenes(path)
