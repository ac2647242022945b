from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import geopandas
import pystac
import pytest
import shapely

from sen4cap_core.products import stac
from sen4cap_core.products.footprint import bbox_of, grid_footprint, union_bbox
from sen4cap_core.products.geoparquet import write_geoparquet
from sen4cap_core.rasters.grids.grid import Grid

GRID = Grid(32630, 300_000.0, 4_700_040.0, 10.0, 10980, 10980)
SEEN = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)
NDVI = stac.Band("ndvi", "NDVI", "int16", scale=0.0001, nodata=-32768)


def origin(*inputs: stac.Input) -> stac.Origin:
    return stac.Origin(
        software_version="0.1.0",
        lineage="NDVI of clear land pixels.",
        inputs=inputs,
        content_key="0" * 64,
        level="L3",
        expression="(B08 - B04) / (B08 + B04)",
    )


def raster(folder: Path, *inputs: stac.Input, **changes: Any) -> pystac.Item:
    asset = folder / "site one" / "ndvi.tif"
    asset.parent.mkdir(parents=True, exist_ok=True)
    asset.write_bytes(b"pixels")
    facts: dict[str, Any] = {
        "collection": "sen4cap-l3b-ndvi",
        "item_id": "an-item",
        "asset": asset,
        "grid": GRID,
        "tile": "30TUM",
        "acquired_at": SEEN,
        "bands": [NDVI],
        "origin": origin(*inputs),
        "platform": "S2A",
        "cloud_cover_percent": 12.5,
    }
    return stac.raster_item(**{**facts, **changes})


def written(item: pystac.Item, path: Path) -> dict[str, Any]:
    return json.loads(stac.write_item(item, path).read_text())


def test_a_raster_item_has_the_fields_of_stac_1_1(tmp_path: Path) -> None:
    item = written(raster(tmp_path), tmp_path / "site one" / "an-item.json")

    assert item["type"] == "Feature"
    assert item["stac_version"] == "1.1.0"
    assert item["id"] == "an-item"
    assert item["collection"] == "sen4cap-l3b-ndvi"
    properties = item["properties"]
    assert properties["datetime"] == "2019-06-16T11:06:21Z"
    assert properties["proj:code"] == "EPSG:32630"
    assert properties["proj:shape"] == [10980, 10980]
    assert properties["proj:transform"] == [10.0, 0.0, 300_000.0, 0.0, -10.0, 4_700_040.0]
    assert properties["grid:code"] == "MGRS-30TUM"
    assert properties["eo:cloud_cover"] == 12.5
    assert properties["platform"] == "sentinel-2a"
    assert raster(tmp_path, platform="L8").properties["platform"] == "landsat-8"
    assert properties["processing:level"] == "L3"
    assert properties["processing:software"] == {"sen4cap": "0.1.0"}
    assert properties["processing:lineage"] == "NDVI of clear land pixels."
    assert not any(key.startswith(("eo:bands", "raster:bands", "proj:epsg")) for key in properties)


def test_its_asset_says_how_to_read_the_numbers_and_what_file_it_is(tmp_path: Path) -> None:
    item = written(raster(tmp_path), tmp_path / "site one" / "an-item.json")

    asset = item["assets"]["data"]
    assert asset["href"] == "ndvi.tif"
    assert asset["type"].endswith("profile=cloud-optimized")
    assert asset["file:size"] == 6
    assert asset["file:checksum"] == "1220" + hashlib.sha256(b"pixels").hexdigest()
    (band,) = asset["bands"]
    assert (band["raster:scale"], band["raster:offset"], band["nodata"]) == (0.0001, 0.0, -32768)
    assert band["data_type"] == "int16"


def test_each_prefix_in_use_has_its_extension(tmp_path: Path) -> None:
    item = written(raster(tmp_path), tmp_path / "site one" / "an-item.json")

    asset = item["assets"]["data"]
    names = [*item["properties"], *asset, *asset["bands"][0]]
    prefixes = {name.split(":")[0] for name in names if ":" in name} - {"sen4cap"}
    declared = {url.split("/")[3] for url in item["stac_extensions"]}
    assert {"proj" if name == "projection" else name for name in declared} == prefixes


def test_inputs_are_linked_relative_where_they_are_files(tmp_path: Path) -> None:
    inputs = (
        stac.Input(str(tmp_path / "uploads" / "S2A 100%.SAFE.zip"), "S2A", "application/zip"),
        stac.Input("https://example.org/items/S2B", "S2B"),
    )

    item = written(raster(tmp_path, *inputs), tmp_path / "site one" / "an-item.json")

    links = [link for link in item["links"] if link["rel"] == "derived_from"]
    assert [link["href"] for link in links] == [
        "../uploads/S2A%20100%25.SAFE.zip",
        "https://example.org/items/S2B",
    ]
    assert [link["title"] for link in links] == ["S2A", "S2B"]


def test_pystac_reads_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "site one" / "an-item.json"
    written(raster(tmp_path, stac.Input("/archive/a.SAFE", "a")), path)

    item = pystac.Item.from_file(str(path))

    assert item.datetime == SEEN
    assert item.ext.proj.code == "EPSG:32630"
    assert item.ext.grid.code == "MGRS-30TUM"
    assert Path(item.assets["data"].get_absolute_href() or "").read_bytes() == b"pixels"
    assert shapely.geometry.shape(item.geometry).is_valid


def test_writing_the_same_item_again_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "site one" / "an-item.json"
    stac.write_item(raster(tmp_path, created=datetime(2019, 7, 1, tzinfo=UTC)), path)
    before = path.stat().st_mtime_ns

    stac.write_item(raster(tmp_path, created=datetime(2020, 7, 1, tzinfo=UTC)), path)

    assert path.stat().st_mtime_ns == before


def test_a_changed_item_keeps_when_it_was_created(tmp_path: Path) -> None:
    path = tmp_path / "site one" / "an-item.json"
    stac.write_item(raster(tmp_path, created=datetime(2019, 7, 1, tzinfo=UTC)), path)

    item = written(raster(tmp_path, cloud_cover_percent=50.0), path)

    assert item["properties"]["created"] == "2019-07-01T00:00:00Z"
    assert item["properties"]["updated"] > "2019-07-01T00:00:00Z"
    assert item["properties"]["eo:cloud_cover"] == 50.0


def test_a_raster_that_does_not_exist_or_an_absurd_cloud_cover_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        raster(tmp_path, asset=tmp_path / "none.tif")
    with pytest.raises(ValueError, match="cloud cover"):
        raster(tmp_path, cloud_cover_percent=100.5)


def test_a_table_item_lists_columns_rows_and_copies(tmp_path: Path) -> None:
    parcels = geopandas.GeoDataFrame(
        {"NewID": [1, 2], "Ori_id": ["01", "02"]},
        geometry=[shapely.box(0, 40, 1, 41), shapely.box(1, 41, 2, 42)],
        crs="EPSG:4326",
    )
    parquet = write_geoparquet(parcels, tmp_path / "mowing.parquet")
    copy = tmp_path / "mowing.gpkg"
    copy.write_bytes(b"gpkg")

    item = written(
        stac.table_item(
            collection="sen4cap-l4b-mowing",
            item_id="table",
            parquet=parquet,
            footprint=shapely.box(0, 40, 2, 42),
            start=date(2019, 1, 1),
            end=date(2019, 6, 16),
            origin=origin(),
            column_texts={"NewID": "Number of the parcel"},
            others={"geopackage": (copy, stac.GEOPACKAGE, "GeoPackage")},
        ),
        tmp_path / "table.json",
    )

    properties = item["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2019-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2019-06-16T23:59:59Z"
    assert properties["table:row_count"] == 2
    assert properties["table:primary_geometry"] == "geometry"
    assert [c["name"] for c in properties["table:columns"]] == ["NewID", "Ori_id", "geometry", "bbox"]
    assert properties["table:columns"][0]["description"] == "Number of the parcel"
    assert properties["proj:code"] == "EPSG:4326"
    assert item["assets"]["geopackage"]["href"] == "mowing.gpkg"
    assert item["bbox"] == [0.0, 40.0, 2.0, 42.0]


def test_a_footprint_follows_the_bent_edges_of_its_grid() -> None:
    outline = grid_footprint(GRID)

    assert outline.exterior.is_ccw
    assert len(outline.exterior.coords) == 33
    corners = geopandas.GeoSeries([shapely.box(*GRID.bounds_m)], crs=32630).to_crs(4326).iloc[0]
    assert 0.0005 < outline.hausdorff_distance(corners) < 0.01


def test_a_grid_across_the_180th_meridian_is_split() -> None:
    grid = Grid(32701, 99_960.0, 8_000_020.0, 10.0, 10980, 10980)  # tile 01KAB, Fiji side

    outline = grid_footprint(grid)

    west, _, east, _ = bbox_of(outline)
    assert outline.geom_type == "MultiPolygon"
    assert outline.is_valid
    assert 179 < west < 180
    assert -180 < east < -179
    assert union_bbox([bbox_of(outline), [0.0, 0.0, 1.0, 1.0]])[::2] == [-180.0, 180.0]
