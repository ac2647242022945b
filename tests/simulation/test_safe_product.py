"""Products written for tests."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.simulation.optical.acquisition import plan_acquisition, sun_angles_deg
from sen4cap_core.simulation.optical.safe_product import tile_scene, to_numbers, true_colour


def test_numbers_carry_the_offset_and_keep_zero_for_no_data() -> None:
    reflectance = np.array([np.nan, 0.0, 0.1234, -0.05, -0.2, 9.0])

    assert to_numbers(reflectance, 0).tolist() == [0, 1, 1234, 1, 1, 65534]
    assert to_numbers(reflectance, -1000).tolist() == [0, 1000, 2234, 500, 1, 65534]


def test_true_colour_is_black_only_without_data() -> None:
    numbers = np.array([[0, 1000, 2250, 3500, 9000]], np.uint16)

    picture = true_colour(numbers, numbers, numbers, -1000)

    assert picture.shape == (3, 1, 5)
    assert picture[0].tolist() == [[0, 1, 127, 255, 255]]


def test_files_are_where_published_products_have_them(tmp_path: Path) -> None:
    path = tile_scene(
        tmp_path, {"B02": 0.1, "B04": 0.1, "B08": 0.3, "B8A": 0.3, "B09": 0.3}, baseline="02.12"
    )
    granule = "GRANULE/L2A_T30TUM_A020742_20190616T110626"

    assert path.name == "S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM_20190616T140621.SAFE"
    assert sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()) == [
        f"{granule}/IMG_DATA/R10m/T30TUM_20190616T110621_B02_10m.jp2",
        f"{granule}/IMG_DATA/R10m/T30TUM_20190616T110621_B04_10m.jp2",
        f"{granule}/IMG_DATA/R10m/T30TUM_20190616T110621_B08_10m.jp2",
        f"{granule}/IMG_DATA/R20m/T30TUM_20190616T110621_B8A_20m.jp2",
        f"{granule}/IMG_DATA/R20m/T30TUM_20190616T110621_SCL_20m.jp2",
        f"{granule}/IMG_DATA/R60m/T30TUM_20190616T110621_B09_60m.jp2",
        f"{granule}/MTD_TL.xml",
        "MTD_MSIL2A.xml",
        "manifest.safe",
    ]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_manifest_lists_every_file_with_its_checksum(tmp_path: Path) -> None:
    path = tile_scene(tmp_path)
    root = ElementTree.parse(path / "manifest.safe").getroot()

    listed = {
        stream.find("fileLocation").attrib["href"].removeprefix("./"): (  # type: ignore[union-attr]
            int(stream.attrib["size"]),
            stream.findtext("checksum"),
        )
        for stream in root.iter("byteStream")
    }

    files = [p for p in path.rglob("*") if p.is_file() and p.name != "manifest.safe"]
    assert listed == {
        p.relative_to(path).as_posix(): (p.stat().st_size, hashlib.md5(p.read_bytes()).hexdigest())
        for p in files
    }


def test_the_metadata_have_the_structure_of_real_ones(shared: Path, tmp_path: Path) -> None:
    real = (
        shared
        / "data/s2-safe-metadata/tests/data-files"
        / ("S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE")
    )
    own = tile_scene(tmp_path, baseline="05.10")

    for name in ("MTD_MSIL2A.xml", "MTD_TL.xml"):
        (theirs,), (ours,) = real.rglob(name), own.rglob(name)
        assert _paths(ours) <= _paths(theirs), _paths(ours) - _paths(theirs)


def _paths(path: Path) -> set[str]:
    """All element paths of a document, without namespaces' versions."""
    found = set()

    def walk(element: ElementTree.Element, above: str) -> None:
        here = f"{above}/{element.tag.rsplit('}', 1)[-1]}"
        found.add(here)
        for child in element:
            walk(child, here)

    walk(ElementTree.parse(path).getroot(), "")
    return found


def test_a_zip_has_the_same_bytes_again(tmp_path: Path) -> None:
    first = tile_scene(tmp_path / "a", as_zip=True)
    second = tile_scene(tmp_path / "b", as_zip=True)

    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.testzip() is None
    assert first.name.endswith(".SAFE.zip")


def test_a_product_is_written_over_an_older_one(tmp_path: Path) -> None:
    tile_scene(tmp_path, {"B02": 0.1, "B04": 0.1, "B08": 0.3})
    path = tile_scene(tmp_path)

    assert len(list(path.rglob("*.jp2"))) == 3


def test_grid_and_baseline_are_checked() -> None:
    whole = tile_grid("30TUM")
    at = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)

    with pytest.raises(ValueError, match="multiples of 6"):
        plan_acquisition("30TUM", Grid(whole.epsg, 0.0, 0.0, 10.0, 100, 120), at)
    with pytest.raises(ValueError, match="baseline"):
        plan_acquisition("30TUM", whole, at, baseline="new")


@pytest.mark.parametrize(
    ("instant", "longitude", "latitude", "zenith", "azimuth"),
    [
        # Mean sun angles in the metadata of three real products, at the middle of the tile.
        (datetime(2019, 2, 12, 19, 33, 32, tzinfo=UTC), -139.36, -32.14, 32.707, 62.329),
        (datetime(2021, 1, 22, 13, 42, 50, tzinfo=UTC), -53.79, -37.50, 32.371, 64.950),
        (datetime(2023, 8, 21, 22, 20, 45, tzinfo=UTC), -179.9, -16.77, 38.417, 43.301),
    ],
)
def test_sun_angles(
    instant: datetime, longitude: float, latitude: float, zenith: float, azimuth: float
) -> None:
    found = sun_angles_deg(instant, longitude, latitude)

    assert found[0] == pytest.approx(zenith, abs=0.7)
    assert found[1] == pytest.approx(azimuth, abs=1.5)
