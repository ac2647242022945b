from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow
import pystac
import pytest
import shapely
from pystac.errors import STACValidationError
from pystac.validation import validate_dict

from sen4cap_core.products import catalog, naming, stac
from sen4cap_core.products.geoparquet import write_table
from sen4cap_core.rasters.grids.grid import Grid

FIRST = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)
GRID = Grid(32630, 300_000.0, 4_700_040.0, 10.0, 300, 300)
LEAF = f"sites/navarra/collections/{naming.L3B_NDVI}/2019/30TUM/catalog.json"
ORIGIN = stac.Origin("0.1.0", "NDVI.", (), "0" * 64, "L3")


def publish(
    root: Path,
    *,
    days: int = 0,
    tile: str = "30TUM",
    site: str = "navarra",
    grid: Grid = GRID,
    variable: str = "ndvi",
) -> Path:
    seen = FIRST + timedelta(days=days)
    asset = root / naming.l3b_path(site, 2019, tile, seen, variable, "0a1b2c3d")
    asset.parent.mkdir(parents=True, exist_ok=True)
    asset.write_bytes(b"pixels")
    item = stac.raster_item(
        collection=naming.l3b_collection(variable),
        item_id=asset.stem,
        asset=asset,
        grid=grid,
        tile=tile,
        acquired_at=seen,
        bands=[stac.Band("ndvi", "NDVI", "int16", 0.0001)],
        origin=ORIGIN,
    )
    return catalog.publish_item(root, item, asset.with_suffix(".json"))


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*.json")
    }


def test_a_browser_gets_from_the_root_to_each_item_and_back(tmp_path: Path) -> None:
    published = {publish(tmp_path, days=d, tile=t) for d in (0, 5) for t in ("30TUM", "30TVM")}

    root = pystac.Catalog.from_file(str(tmp_path / "catalog.json"))

    items = list(root.get_items(recursive=True))
    assert {Path(item.get_self_href() or "") for item in items} == published
    for item in items:
        assert item.get_collection() is not None
        assert item.get_collection().id == naming.L3B_NDVI  # type: ignore[union-attr]
        assert item.get_parent() is not None
        assert Path(item.assets["data"].get_absolute_href() or "").is_file()


def test_site_then_collection_then_item_each_once(tmp_path: Path) -> None:
    for site in ("navarra", "polder"):
        publish(tmp_path, site=site)
        publish(tmp_path, site=site, variable="lai")

    root = pystac.Catalog.from_file(str(tmp_path / "catalog.json"))

    assert [site.title for site in root.get_children()] == ["navarra", "polder"]
    for site in root.get_children():
        collections = list(site.get_children())
        assert [one.id for one in collections] == ["sen4cap-l3b-lai", "sen4cap-l3b-ndvi"]
        for one in collections:
            (item,) = one.get_items(recursive=True)
            assert item.collection_id == one.id


def test_a_copy_elsewhere_opens_as_well(tmp_path: Path) -> None:
    publish(tmp_path / "first")
    (tmp_path / "first").rename(tmp_path / "second")

    (item,) = pystac.Catalog.from_file(str(tmp_path / "second/catalog.json")).get_items(recursive=True)
    assert Path(item.assets["data"].get_absolute_href() or "").is_file()
    for path in (tmp_path / "second").rglob("*.json"):
        hrefs = [link["href"] for link in json.loads(path.read_text())["links"]]
        assert not [href for href in hrefs if href.startswith("/") or ":" in href]


def test_every_file_is_valid_stac(tmp_path: Path) -> None:
    """Against the schemas of STAC itself, which pystac brings; those of the extensions are on the network."""
    publish(tmp_path)

    files = sorted(tmp_path.rglob("*.json"))
    assert len(files) == 5
    for path in files:
        validate_dict(json.loads(path.read_text()), extensions=[])

    broken = json.loads(files[0].read_text())
    del broken["description"]
    with pytest.raises(STACValidationError):
        validate_dict(broken, extensions=[])


def test_the_collection_spans_its_items(tmp_path: Path) -> None:
    east = Grid(32630, 400_000.0, 4_700_040.0, 10.0, 300, 300)
    publish(tmp_path, days=9, grid=east)
    publish(tmp_path, days=0)
    publish(tmp_path, days=4)

    collection = pystac.Collection.from_file(
        str(tmp_path / "sites/navarra/collections" / naming.L3B_NDVI / "collection.json")
    )

    (west_edge, _, east_edge, _), *_ = collection.extent.spatial.bboxes
    assert (round(west_edge, 2), round(east_edge, 2)) == (-5.43, -4.18)
    assert collection.extent.temporal.intervals == [[FIRST, FIRST + timedelta(days=9)]]
    assert collection.title == "NDVI (L3B)"


def test_publishing_again_changes_no_file(tmp_path: Path) -> None:
    publish(tmp_path)
    publish(tmp_path, days=5)
    before = snapshot(tmp_path)

    publish(tmp_path)

    assert snapshot(tmp_path) == before


def test_items_published_at_the_same_time_are_all_entered(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda day: publish(tmp_path, days=day), range(24)))

    leaf = json.loads((tmp_path / LEAF).read_text())
    links = [link["href"] for link in leaf["links"] if link["rel"] == "item"]
    assert len(links) == 24
    assert links == sorted(links)


def test_an_item_without_a_place_does_not_narrow_the_collection(tmp_path: Path) -> None:
    folder = tmp_path / naming.l4b_folder("navarra", 2019, "summer")
    table = write_table(pyarrow.table({"NewID": [1]}), folder / "a.parquet")

    def publish_table(name: str, footprint: shapely.Geometry) -> list[float]:
        item = stac.table_item(
            collection=naming.L4B_MOWING,
            item_id=name,
            parquet=table,
            footprint=footprint,
            start=date(2019, 1, 1),
            end=date(2019, 6, 16),
            origin=ORIGIN,
        )
        catalog.publish_item(tmp_path, item, folder / f"{name}.json")
        path = tmp_path / "sites/navarra/collections" / naming.L4B_MOWING / "collection.json"
        return list(pystac.Collection.from_file(str(path)).extent.spatial.bboxes[0])

    assert publish_table("a", shapely.Polygon()) == [-180, -90, 180, 90]
    assert json.loads((folder / "a.json").read_text())["geometry"] is None
    assert publish_table("b", shapely.box(0, 40, 1, 41)) == [0, 40, 1, 41]
    assert publish_table("c", shapely.Polygon()) == [0, 40, 1, 41]
    assert len(list(pystac.Catalog.from_file(str(tmp_path / "catalog.json")).get_items(recursive=True))) == 3


def test_rebuilding_gives_the_same_catalogue_and_forgets_what_is_gone(tmp_path: Path) -> None:
    kept = publish(tmp_path)
    gone = publish(tmp_path, days=5, tile="30TVM")
    full = {name: content for name, (content, _) in snapshot(tmp_path).items()}

    assert catalog.rebuild_catalog(tmp_path) == 2
    assert {name: content for name, (content, _) in snapshot(tmp_path).items()} == full

    gone.unlink()
    assert catalog.rebuild_catalog(tmp_path) == 1
    root = pystac.Catalog.from_file(str(tmp_path / "catalog.json"))
    assert [Path(item.get_self_href() or "") for item in root.get_items(recursive=True)] == [kept]


def test_rebuilding_brings_items_of_another_layout_into_this_one(tmp_path: Path) -> None:
    path = publish(tmp_path)
    right = path.read_text()
    item = json.loads(right)
    item["links"] = [link for link in item["links"] if link["rel"] == "derived_from"]
    item["links"].append({"rel": "parent", "href": "../catalog.json"})
    path.write_text(json.dumps(item))

    assert catalog.rebuild_catalog(tmp_path) == 1

    assert json.loads(path.read_text()) == json.loads(right)


def test_removed_items_leave_no_link(tmp_path: Path) -> None:
    kept = publish(tmp_path)
    gone = publish(tmp_path, days=5)

    assert catalog.remove_items(tmp_path, [gone, tmp_path / gone.name]) == 1

    assert not gone.exists()
    root = pystac.Catalog.from_file(str(tmp_path / "catalog.json"))
    assert [Path(item.get_self_href() or "") for item in root.get_items(recursive=True)] == [kept]


def test_rebuilding_with_nothing_left_leaves_an_empty_root(tmp_path: Path) -> None:
    publish(tmp_path).unlink()

    assert catalog.rebuild_catalog(tmp_path) == 0
    assert not list(pystac.Catalog.from_file(str(tmp_path / "catalog.json")).get_children())


def test_an_item_elsewhere_or_of_an_unknown_collection_is_refused(tmp_path: Path) -> None:
    asset = tmp_path / "a.tif"
    asset.write_bytes(b"pixels")

    def item(collection: str) -> pystac.Item:
        return stac.raster_item(
            collection=collection, item_id="a", asset=asset, grid=GRID, tile="30TUM", acquired_at=FIRST,
            bands=[stac.Band("ndvi", "NDVI", "int16")], origin=ORIGIN,
        )  # fmt: skip

    with pytest.raises(ValueError, match="not below sites"):
        catalog.publish_item(tmp_path, item(naming.L3B_NDVI), tmp_path / "a.json")
    with pytest.raises(ValueError, match="unknown collection"):
        catalog.publish_item(tmp_path, item("other"), tmp_path / "sites/a/2019/l3b/30TUM/a.json")
    assert not (tmp_path / "catalog.json").exists()
