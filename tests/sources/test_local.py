"""An archive on this machine: found by where it keeps things, never touched."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from sen4cap_core.sources.local import LocalSource
from sen4cap_core.sources.offers import Query, SourceAwayError, SourceError

S2 = "S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM_20190616T143132.SAFE"
L1C = "S2A_MSIL1C_20190616T110621_N0207_R137_T30TUM_20190616T121212.SAFE"
SLC = "S1A_IW_SLC__1SDV_20190616T061132_20190616T061200_027698_032077_8B7C.SAFE"
LANDSAT = "LC08_L2SP_202031_20190616_20200828_02_T1.tar"


def query(*satellites: str, tiles: tuple[str, ...] = ()) -> Query:
    return Query(satellites, "POINT (0 0)", date(2019, 6, 15), date(2019, 6, 17), tiles)


def lay(root: Path, place: str) -> Path:
    path = root / place
    path.mkdir(parents=True)
    return path


def snapshot(root: Path) -> list[tuple[str, float]]:
    return sorted((str(p), p.stat().st_mtime) for p in root.rglob("*"))


@pytest.mark.parametrize(
    "place",
    ["Sentinel-2/MSI/L2A/2019/06/16", "2019/6/16", "2019/06/16", "30/T/UM", "."],
)
def test_known_places_are_found(tmp_path: Path, place: str) -> None:
    path = lay(tmp_path, f"{place}/{S2}")
    lay(tmp_path, f"{place}/{L1C}")
    before = snapshot(tmp_path)
    source = LocalSource("eodata", tmp_path)
    offers = list(source.search(query("S2", tiles=("30TUM",))))
    assert [(o.product_id, o.tile, o.baseline, o.form) for o in offers] == [
        (S2.removesuffix(".SAFE"), "30TUM", "02.12", "local")
    ]
    assert source.fetch(offers[0], tmp_path / "never", frozenset(), lambda _: None) == path
    assert snapshot(tmp_path) == before, "an archive is never altered"


def test_a_pattern_of_the_site_goes_before_known_places(tmp_path: Path) -> None:
    lay(tmp_path, f"2019/06/16/{S2}")
    lay(tmp_path, f"mirror/2019-06-16/{S2.replace('T30TUM', 'T31TCJ')}")
    offers = LocalSource("eodata", tmp_path, ("mirror/{year}-{month}-{day}/*",)).search(query("S2"))
    assert [offer.tile for offer in offers] == ["31TCJ"]


def test_radar_and_landsat(tmp_path: Path) -> None:
    lay(tmp_path, f"2019/06/16/{SLC}")
    (tmp_path / "2019/06/16" / LANDSAT).touch()
    offers = list(LocalSource("eodata", tmp_path).search(query("S1", "L8")))
    assert sorted(offer.sensor for offer in offers) == ["landsat-c2l2", "s1-slc"]
    assert "landsat-c2l2/LC82020312019167" in {offer.acquisition_key for offer in offers}


def test_an_archive_that_is_not_mounted_is_asked_later(tmp_path: Path) -> None:
    with pytest.raises(SourceAwayError, match="mounted"):
        list(LocalSource("eodata", tmp_path / "gone").search(query("S2")))


def test_a_product_that_vanished(tmp_path: Path) -> None:
    path = lay(tmp_path, S2)
    source = LocalSource("eodata", tmp_path)
    offer = next(iter(source.search(query("S2"))))
    os.rmdir(path)
    with pytest.raises(SourceError, match="not in the archive any more"):
        source.fetch(offer, tmp_path, frozenset(), lambda _: None)
