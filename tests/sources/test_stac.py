"""STAC APIs on loopback: search in pages, bands fetched beside their item, accounts kept from strangers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.item_offers import as_offer
from sen4cap_core.sources.offers import NotUnderstoodError, Offer, Query, SourceAwayError, SourceError
from sen4cap_core.sources.stac import StacSource
from sen4cap_core.steps.sources.site import ALL_BANDS, bands_needed
from tests.sources.catalogue_server import Catalogue, serving

BANDS = frozenset({"B04", "B08"})
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
SQUARE = "POLYGON ((-4 42, -3 42, -3 43, -4 43, -4 42))"


def query(**changes: Any) -> Query:
    facts: dict[str, Any] = {
        "satellites": ("S2",),
        "footprint_wkt": SQUARE,
        "start": date(2019, 6, 1),
        "end": date(2019, 6, 30),
    }
    return Query(**{**facts, **changes})


def item(catalogue: Catalogue, day: int, *, cloud: float = 10.0, baseline: str = "0212") -> dict[str, Any]:
    """An item of one day whose files the catalogue has."""
    name = f"S2A_MSIL2A_201906{day:02d}T110621_N{baseline}_R137_T30TUM_201906{day:02d}T143132"
    assets = {}
    for key in ("red", "nir", "scl", "blue", "red-jp2", "thumbnail"):
        path = f"/files/{name}/{key}.tif"
        catalogue.files[path] = f"{name} {key}".encode() * 10
        kind = (
            "image/jp2" if key.endswith("jp2") else "image/tiff; application=geotiff; profile=cloud-optimized"
        )
        assets[key] = {"href": catalogue.url + path, "type": kind, "file:size": len(catalogue.files[path])}
    properties = {
        "datetime": f"2019-06-{day:02d}T11:06:21Z",
        "platform": "sentinel-2a",
        "eo:cloud_cover": cloud,
        "s2:processing_baseline": f"{baseline[:2]}.{baseline[2:]}",
        "s2:product_uri": name + ".SAFE",
        "grid:code": "MGRS-30TUM",
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "sentinel-2-l2a",
        "geometry": {"type": "Polygon", "coordinates": [[[-4, 42], [-3, 42], [-3, 43], [-4, 43], [-4, 42]]]},
        "bbox": [-4, 42, -3, 43],
        "properties": properties,
        "links": [],
        "assets": assets,
    }


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    catalogue = Catalogue()
    with serving(catalogue):
        catalogue.items = [item(catalogue, day, cloud=10.0 * day) for day in range(1, 8)]
        yield catalogue


def source(catalogue: Catalogue, **facts: Any) -> StacSource:
    return StacSource("loopback", catalogue.url, bands=BANDS, **facts)


def test_all_pages_are_searched_and_filtered(catalogue: Catalogue) -> None:
    assert [o.acquired_at.day for o in source(catalogue).search(query())] == list(range(1, 8))
    few = list(source(catalogue).search(query(max_cloud_percent=30.0, start=date(2019, 6, 2))))
    assert [o.acquired_at.day for o in few] == [2, 3]
    assert list(source(catalogue).search(query(tiles=("31TCJ",)))) == []
    assert list(source(catalogue).search(query(relative_orbits=(8,)))) == []
    assert sum("POST /search" in request for request in catalogue.requests) >= 4 * 4


def test_an_offer_says_what_it_is(catalogue: Catalogue) -> None:
    offer = next(iter(source(catalogue).search(query())))
    assert (offer.sensor, offer.tile, offer.relative_orbit, offer.baseline) == (
        "s2-l2a",
        "30TUM",
        137,
        "02.12",
    )
    assert offer.acquisition_key == "s2/30TUM/20190601T110621"
    assert sorted(asset.key for asset in offer.assets) == ["nir", "red", "scl"]
    assert offer.is_cog
    assert offer.size_bytes == sum(
        len(catalogue.files[a.href.removeprefix(catalogue.url)]) for a in offer.assets
    )


def test_only_the_wanted_bands_come_and_the_item_names_them(catalogue: Catalogue, tmp_path: Path) -> None:
    here = source(catalogue)
    offer = next(iter(here.search(query())))
    progress: list[int] = []
    path = here.fetch(offer, tmp_path, BANDS, progress.append)
    assert sorted(p.name for p in path.parent.iterdir()) == sorted(
        ["nir.tif", "red.tif", "scl.tif", f"{offer.offer_id}.json"]
    )
    local = json.loads(path.read_text())
    assert {key: asset["href"] for key, asset in local["assets"].items()} == {
        "red": "./red.tif",
        "nir": "./nir.tif",
        "scl": "./scl.tif",
    }
    assert progress[-1] == offer.size_bytes


def test_a_name_cannot_leave_the_folder(catalogue: Catalogue, tmp_path: Path) -> None:
    bad = {**item(catalogue, 9), "id": "../../etc/evil"}
    bad["assets"] = {"red": bad["assets"]["red"], "nir": bad["assets"]["nir"], "scl": bad["assets"]["scl"]}
    offer = as_offer("loopback", bad, BANDS)
    assert offer is not None
    path = source(catalogue).fetch(offer, tmp_path / "in", BANDS, lambda _: None)
    assert path.resolve().is_relative_to((tmp_path / "in").resolve())


def test_other_schemes_are_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    bad = item(catalogue, 9)
    bad["assets"]["red"]["href"] = "file:///etc/passwd"
    offer = as_offer("loopback", bad, BANDS)
    assert offer is not None
    with pytest.raises(SourceError, match="not over file"):
        source(catalogue).fetch(offer, tmp_path, BANDS, lambda _: None)


def test_an_account_reaches_its_provider_alone(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.password = "right"
    account = Account.model_validate(
        {"user": "me", "password": "right", "token_url": catalogue.url + "/token"}
    )
    mine = source(catalogue, account=account)
    offer = next(iter(mine.search(query())))
    assert mine.fetch(offer, tmp_path / "mine", BANDS, lambda _: None).is_file()
    # The catalogue at another host: its files get no token.
    stranger = StacSource(
        "other", "http://localhost:1", account=account.model_copy(update={"token_url": None})
    )
    with pytest.raises(SourceError, match="refuses the account"):
        stranger.fetch(offer, tmp_path / "other", BANDS, lambda _: None)


def test_addresses_are_signed_and_the_signature_is_not_shown(catalogue: Catalogue, tmp_path: Path) -> None:
    signing = source(catalogue, sign_url=catalogue.url + "/sign")
    offer = next(iter(signing.search(query())))
    assert signing.fetch(offer, tmp_path, BANDS, lambda _: None).is_file()
    catalogue.files.clear()
    with pytest.raises(SourceError, match="not there any more") as caught:
        signing.fetch(offer, tmp_path / "again", BANDS, lambda _: None)
    assert "signature" not in str(caught.value)


def test_a_catalogue_that_is_away_is_asked_later(catalogue: Catalogue) -> None:
    catalogue.down = True
    with pytest.raises(SourceAwayError):
        list(source(catalogue).search(query()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": None}, "without an id"),
        ({"assets": None}, "without properties or assets"),
        ({"properties": {"platform": "sentinel-2a"}}, "does not say when it was taken"),
        ({"properties": {"platform": "sentinel-2a", "datetime": "2019-99-99"}}, "does not say when"),
    ],
)
def test_an_item_that_is_none_takes_nothing_of_the_others_away(
    catalogue: Catalogue, change: dict[str, Any], said: str
) -> None:
    catalogue.items[2] |= change
    found = source(catalogue).search(query())
    assert [next(found).acquired_at.day for _ in range(6)] == [1, 2, 4, 5, 6, 7]
    with pytest.raises(NotUnderstoodError, match=f"1 of 7 items cannot be understood.*{said}"):
        next(found)


def test_numbers_that_are_none_are_left_out(catalogue: Catalogue) -> None:
    strange = item(catalogue, 3)
    strange["properties"]["sat:relative_orbit"] = float("inf")
    strange["assets"]["red"]["file:size"] = float("nan")
    offer = as_offer("loopback", strange, BANDS)
    assert offer is not None
    assert offer.relative_orbit in (None, 137)
    assert offer.size_bytes is None


def test_a_catalogue_without_our_collections_says_which_to_name(catalogue: Catalogue) -> None:
    catalogue.collections = ("modis",)
    with pytest.raises(SourceError, match="name the ones to search as `collections`"):
        list(source(catalogue).search(query()))


@pytest.mark.parametrize(
    ("file", "sensor", "tile", "key", "baseline"),
    [
        ("S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json", "s2-l2a", "06VVN",
         "s2/06VVN/20190629T212529", "02.12"),
        ("S2A_28QCH_20200714_0_L2A.json", "s2-l2a", "28QCH", "s2/28QCH/20200714T115221", "02.14"),
        ("LC08_L2SP_028030_20200114_20200824_02_T1_SR.json", "landsat-c2l2", None,
         "landsat-c2l2/LC80280302020014", None),
    ],
)  # fmt: skip
def test_recorded_items_of_public_catalogues(
    shared: Path, file: str, sensor: str, tile: str | None, key: str, baseline: str | None
) -> None:
    recorded = json.loads((shared / "data/catalogue-responses/stac-items/tests/data" / file).read_text())
    offer = as_offer("recorded", recorded, BANDS)
    assert offer is not None
    assert (offer.sensor, offer.tile, offer.acquisition_key, offer.baseline) == (sensor, tile, key, baseline)
    assert {"B04", "B08", "SCL"} <= {asset.key for asset in offer.assets} or sensor == "landsat-c2l2"
    assert offer.is_cog


def test_recorded_level_1c_is_no_offer(shared: Path) -> None:
    folder = shared / "data/catalogue-responses/eodag/tests/resources/provider_responses"
    recorded = json.loads((folder / "earth_search_search.json").read_text())
    assert [as_offer("recorded", one, BANDS) for one in recorded["features"]] == [None] * len(
        recorded["features"]
    )


def test_a_recorded_search_of_two_months(shared: Path) -> None:
    folder = shared / "data/catalogue-responses/stac-items/tests/data"
    recorded = json.loads((folder / "site2-2020_jun_jul-35MNM.geojson").read_text())
    offers = [as_offer("recorded", one, BANDS) for one in recorded["features"]]
    assert all(isinstance(offer, Offer) and offer.tile == "35MNM" for offer in offers)
    assert len({offer.acquisition_key for offer in offers if offer}) == len(offers)


def test_the_aerosol_map_is_fetched_at_its_coarsest_where_it_is_wanted() -> None:
    keys = ("B04_10m", "B08_10m", "SCL_20m", "AOT_10m", "AOT_60m", "AOT_20m")
    offered = {
        "id": "S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM_20190616T143132",
        "collection": "sentinel-2-l2a",
        "properties": {
            "datetime": "2019-06-16T11:06:21Z",
            "platform": "sentinel-2a",
            "eopf:datastrip_id": "S2A_OPER_MSI_L2A_DS_SGS__20190616T143132_S20190616T110626_N02.12",
        },
        "assets": {key: {"href": f"https://example.org/{key}.jp2", "type": "image/jp2"} for key in keys},
    }

    without, wanted = (as_offer("loopback", offered, bands) for bands in (BANDS, BANDS | {"AOT"}))

    assert without is not None
    assert wanted is not None
    assert [asset.key for asset in without.assets] == ["B04_10m", "B08_10m", "SCL_20m"]
    assert [asset.key for asset in wanted.assets] == ["B04_10m", "B08_10m", "SCL_20m", "AOT_60m"]
    # Two halves of a datatake are told apart by it.
    assert wanted.part == "20190616T110626"


@pytest.mark.parametrize(
    ("settings", "bands"),
    [
        ({}, {"B04", "B08"}),
        ({"cloud_screening": True}, {"B02", "B04", "B08"}),
        ({"processors": {"l3b": ["ndvi", "lai"]}}, ALL_BANDS),
        ({"processors": {"l4a": True}}, ALL_BANDS),
        ({"processors": {"l3a": True, "l4a": False}}, ALL_BANDS | {"AOT"}),
    ],
)
def test_what_is_fetched_is_what_the_site_reads(settings: dict[str, Any], bands: set[str]) -> None:
    processors = {"l4a": False} | settings.get("processors", {})
    config = SiteConfig.model_validate({**settings, "processors": processors})

    assert bands_needed(config) == bands
