"""Satellite products among tables are told by a glance, and so are parcels among scenes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.layout import Misplaced
from sen4cap_core.inbox.settle import completeness_of
from sen4cap_core.inbox.units import Unit, find_units
from sen4cap_core.inbox.wrong_kind import refuse_parcels, refuse_satellite_product, satellite_product

S1 = "S1A_IW_SLC__1SDV_20190606T060001_20190606T060028_027552_031BF6_1A2B.SAFE"
S2 = "S2A_MSIL2A_20190616T110621_N0500_R137_T30TUM_20230601T000000.SAFE"
MAJA = "SENTINEL2A_20190616-110621-123_L2A_T30TUM_C_V1-0"
LANDSAT = "LC08_L2SP_200030_20190616_20200828_02_T1"


def _file(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def _zip(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path


@pytest.mark.parametrize(
    ("name", "inside", "product"),
    [
        (S1, "manifest.safe", "Sentinel-1"),
        ("S1A_EW_GRDM_1SDH_20190606T060001.SAFE", "manifest.safe", "Sentinel-1"),
        (S2, "MTD_MSIL2A.xml", "Sentinel-2"),
        ("renamed", "MTD_MSIL2A.xml", "Sentinel-2"),
        (MAJA, f"{MAJA}_MTD_ALL.xml", "MAJA"),
        (LANDSAT, f"{LANDSAT}_MTL.txt", "Landsat"),
    ],
)
def test_a_product_in_a_folder_for_tables_is_one_upload(
    tmp_path: Path, name: str, inside: str, product: str
) -> None:
    folder = tmp_path / "nl/2019/declarations" / name
    for file in (inside, "IMG_DATA/a.jp2", "b.xml"):
        _file(folder / file)
    (unit,) = find_units(tmp_path)
    assert isinstance(unit, Unit)
    assert (unit.path, unit.parts) == (folder, (folder,))
    assert satellite_product(folder) == product
    with pytest.raises(BadUploadError, match=rf"this is a {product} product(.|\n)*into nl/2019/scenes"):
        refuse_satellite_product(folder, "declarations", "nl", 2019)
    refuse_satellite_product(folder, "scene", "nl", 2019)


def test_a_product_that_is_still_copied_among_tables_waits_for_its_rest(tmp_path: Path) -> None:
    _file(tmp_path / "nl/2019/declarations" / S2 / "INSPIRE.xml")
    (unit,) = find_units(tmp_path)
    assert isinstance(unit, Unit)
    assert completeness_of(unit).lacking


def test_other_folders_and_archives_are_looked_into_as_before(tmp_path: Path) -> None:
    parcels = _zip(tmp_path / "nl/2019/declarations/of-farms/parcels.zip", "parcels.shp")
    rows = _file(tmp_path / "nl/2019/declarations/of-farms/rows.parquet/part-0.parquet").parent
    assert {thing.path for thing in find_units(tmp_path)} == {parcels, rows}
    assert satellite_product(parcels) is None
    refuse_satellite_product(parcels, "declarations", "nl", 2019)


def test_an_archive_among_tables_is_told_by_what_it_holds(tmp_path: Path) -> None:
    assert satellite_product(_zip(tmp_path / "renamed.zip", f"{S2}/MTD_MSIL2A.xml")) == "Sentinel-2"
    assert satellite_product(_zip(tmp_path / S1.replace(".SAFE", ".zip"), "a")) == "Sentinel-1"
    hyp3 = "S1A_IW_20190606T060001_DVP_RTC30_G_gpunem_1A2B"
    packed = _zip(tmp_path / f"{hyp3}.zip", f"{hyp3}/{hyp3}_VV.tif", f"{hyp3}/{hyp3}_shape.shp")
    assert satellite_product(packed) == "radar"
    # Ready-made radar comes with its outline as a shapefile, and belongs into scenes.
    refuse_parcels(packed, "nl", 2019)


def test_what_is_no_zip_of_parcels_is_left_to_others(tmp_path: Path) -> None:
    refuse_parcels(_zip(tmp_path / "a.zip", "readme.txt", "__MACOSX/parcels.shp"), "nl", 2019)
    refuse_parcels(_file(tmp_path / "cut.zip"), "nl", 2019)
    refuse_parcels(_file(tmp_path / "item.json"), "nl", 2019)
    with pytest.raises(BadUploadError, match=r"a vector file \(p\.gpkg\)"):
        refuse_parcels(_zip(tmp_path / "b.zip", "deep\\p.gpkg"), "nl", 2019)


def test_a_loose_layer_among_scenes_is_told_where_it_belongs(tmp_path: Path) -> None:
    _file(tmp_path / "nl/2019/scenes/parcels.gpkg")
    (stray,) = find_units(tmp_path)
    assert isinstance(stray, Misplaced)
    assert stray.error.remedy == "move it, with all its parts, into declarations/ or strata/."
