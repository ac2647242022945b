from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from pyproj import CRS

from sen4cap_core.products import catalog, naming, qgis_project, qgis_styles, stac
from sen4cap_core.products.composite_item import composite_item
from sen4cap_core.products.geoparquet import write_geoparquet
from sen4cap_core.products.qgis_project import write_project
from sen4cap_core.products.tables import write_geopackage
from sen4cap_core.rasters.grids.grid import Grid

SITE = "navarra"
GRID = Grid(32630, 600_000.0, 4_700_040.0, 10.0, 300, 300)
FIRST = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)
FIELDS = [shapely.box(600_100 + 300 * i, 4_699_000, 600_300 + 300 * i, 4_699_200) for i in range(3)]


def composite(root: Path) -> Path:
    """One band that is shown, and the counts, which are not."""
    place = root / naming.l3b_path(SITE, 2019, "30TXM", FIRST, "b04", "0a1b2c3d")
    rasters = {}
    for name in ("b04", "n_dates"):
        path = place.with_name(f"composite_{name}.tif")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"pixels")
        rasters[name] = (path, stac.Band(name, name, "int16", 0.0001))
    item = composite_item(
        item_id="composite", rasters=rasters, grid=GRID, tile="30TXM", at=FIRST, first=FIRST, last=FIRST,
        origin=stac.Origin("0.1.0", "Composite.", (), "0" * 64, "L3"), properties={},
    )  # fmt: skip
    return catalog.publish_item(root, item, place.with_name("composite.json"))


def test_of_a_composite_the_bands_are_shown(tmp_path: Path) -> None:
    root = ET.parse(write_project(tmp_path, SITE, [composite(tmp_path)])).getroot()
    ((group, leaf),) = layers_in_order(root)
    assert group.endswith("B04 30TXM")
    assert leaf.attrib["source"].endswith("composite_b04.tif")
    (renderer,) = root.iterfind("projectlayers/maplayer/pipe/rasterrenderer")
    assert (renderer.attrib["classificationMin"], renderer.attrib["classificationMax"]) == ("0", "0.5")


def raster(root: Path, collection: str = naming.L3B_NDVI, days: int = 0, tile: str = "30TXM") -> Path:
    seen = FIRST + timedelta(days=days)
    asset = root / naming.l3b_path(SITE, 2019, tile, seen, collection.rpartition("-")[2], "0a1b2c3d")
    asset.parent.mkdir(parents=True, exist_ok=True)
    asset.write_bytes(b"pixels")
    item = stac.raster_item(
        collection=collection, item_id=asset.stem, asset=asset, grid=GRID, tile=tile, acquired_at=seen,
        bands=[stac.Band("ndvi", "NDVI", "int16", 0.0001)],
        origin=stac.Origin("0.1.0", "NDVI.", (), "0" * 64, "L3"),
    )  # fmt: skip
    return catalog.publish_item(root, item, asset.with_suffix(".json"))


def table(root: Path, collection: str, layer: str, folder: str, **columns: list[object]) -> Path:
    place = root / "sites" / SITE / "2019" / folder
    frame = gpd.GeoDataFrame({"NewID": [1, 2, 3], **columns}, geometry=FIELDS, crs=GRID.epsg)
    stem = f"{collection}_{SITE}"
    parquet = write_geoparquet(frame, place / f"{stem}.parquet")
    others = {
        "geopackage": (write_geopackage(frame, place / f"{stem}.gpkg", layer), stac.GEOPACKAGE, "GeoPackage")
    }
    if collection == naming.L4A_CROP_TYPES:
        codes = place / "CropType_LUT.csv"
        codes.write_text("Ori_crop,CTnumL4A,CTL4A\n1,10,Wheat & rye\n2,20,Maize\n", encoding="utf-8")
        others["crop_codes"] = (codes, "text/csv", "Crop code table")
    item = stac.table_item(
        collection=collection,
        item_id=stem,
        parquet=parquet,
        footprint=shapely.box(-1.8, 42.4, -1.7, 42.5),
        start=date(2019, 1, 1),
        end=date(2019, 7, 1),
        origin=stac.Origin("0.1.0", "Made.", (), "0" * 64, "L4"),
        others=others,
        properties={"sen4cap:practice": "CC"} if collection == naming.L4C_PRACTICES else {},
    )
    return catalog.publish_item(root, item, place / f"{stem}.json")


@pytest.fixture
def everything(tmp_path: Path) -> list[Path]:
    return [
        *(raster(tmp_path, days=d) for d in (0, 5, 10)),
        raster(tmp_path, naming.l3b_collection("lai")),
        raster(tmp_path, naming.l3b_collection("gemi")),
        table(tmp_path, naming.L4B_MOWING, "mowing", "l4b/summer", mow_n=[0, 1, 2], compl=[1, 2, -1]),
        table(tmp_path, naming.L4C_PRACTICES, "practices", "l4c/CC", C_INDEX=["STRONG", "NR", "NA"]),
        table(
            tmp_path, naming.L4A_CROP_TYPES, "CropType", "l4a/summer", CT_pred_1=[10, 20, None],
            Doubtful=[0, 1, 0],
        ),
    ]  # fmt: skip


def layers_in_order(tree: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    for group in tree.iterfind("layer-tree-group/layer-tree-group"):
        for layer in group.iterfind("layer-tree-layer"):
            yield group.attrib["name"], layer


def test_every_layer_of_the_tree_is_there_and_reads_a_file_that_is_there(tmp_path, everything) -> None:
    path = write_project(tmp_path, SITE, everything)

    assert path == tmp_path / "sites/navarra/navarra.qgs"
    assert path.read_text().startswith("<!DOCTYPE qgis ")
    root = ET.parse(path).getroot()
    shown = list(layers_in_order(root))
    made = {layer.findtext("id"): layer for layer in root.iterfind("projectlayers/maplayer")}
    assert len(shown) == len(made) == 9
    for _, leaf in shown:
        layer = made[leaf.attrib["id"]]
        source = layer.findtext("datasource") or ""
        assert source == leaf.attrib["source"]
        assert source.startswith("./")
        assert (path.parent / source.partition("|")[0]).is_file()
        assert layer.findtext("srs/spatialrefsys/authid") == "EPSG:32630"
        assert CRS.from_wkt(layer.findtext("srs/spatialrefsys/wkt")).to_epsg() == 32630
    assert root.findtext("properties/Paths/Absolute") == "false"
    titles = list(dict.fromkeys(group for group, _ in shown))
    assert titles == [
        "Grassland mowing (L4B) 2019-01-01 to 2019-07-01",
        "Agricultural practices (L4C) CC 2019-01-01 to 2019-07-01",
        "Crop types (L4A) 2019-01-01 to 2019-07-01",
        "NDVI (L3B) 30TXM",
        "Leaf area index (L3B) 30TXM",
    ]


def test_the_newest_date_and_the_mowing_are_switched_on(tmp_path, everything) -> None:
    root = ET.parse(write_project(tmp_path, SITE, everything)).getroot()
    on = [leaf.attrib["name"] for _, leaf in layers_in_order(root) if leaf.attrib["checked"] == "Qt::Checked"]
    assert on == ["Times mown", "2019-06-26 30TXM"]


def test_the_map_shows_the_site(tmp_path, everything) -> None:
    root = ET.parse(write_project(tmp_path, SITE, everything)).getroot()
    box = root.find("mapcanvas/extent")
    x_min, y_min, x_max, y_max = (float(box.findtext(name)) for name in ("xmin", "ymin", "xmax", "ymax"))
    west, south, east, north = GRID.bounds_m
    assert x_min <= west < east <= x_max
    assert y_min <= south < north <= y_max
    assert root.findtext("mapcanvas/destinationsrs/spatialrefsys/authid") == "EPSG:32630"
    assert root.findtext("properties/SpatialRefSys/ProjectionsEnabled") == "1"
    assert CRS.from_wkt(root.findtext("mapcanvas/destinationsrs/spatialrefsys/wkt")).to_epsg() == 32630


def test_each_category_has_its_symbol_and_each_ramp_its_span(tmp_path, everything) -> None:
    root = ET.parse(write_project(tmp_path, SITE, everything)).getroot()
    renderers = list(root.iterfind("projectlayers/maplayer/renderer-v2"))
    assert {one.attrib["attr"] for one in renderers} == {
        "mow_n", "compl", "C_INDEX", "CT_pred_1", "Doubtful",
    }  # fmt: skip
    for one in renderers:
        symbols = [symbol.attrib["name"] for symbol in one.iterfind("symbols/symbol")]
        assert [entry.attrib["symbol"] for entry in one.iterfind("categories/category")] == symbols
        assert [entry.attrib["value"] for entry in one.iterfind("categories/category")][-1] == ""
        # Colours on the map are those of the legend, whatever raster lies below.
        assert {symbol.attrib["alpha"] for symbol in one.iterfind("symbols/symbol")} == {"1"}
    (crops,) = (one for one in renderers if one.attrib["attr"] == "CT_pred_1")
    labels = [entry.attrib["label"] for entry in crops.iterfind("categories/category")]
    assert labels == ["10 Wheat & rye", "20 Maize", "no answer"]
    for shader in root.iter("colorrampshader"):
        values = [float(item.attrib["value"]) for item in shader.iterfind("item")]
        assert values == sorted(values)
        assert (values[0], values[-1]) == (
            float(shader.attrib["minimumValue"]),
            float(shader.attrib["maximumValue"]),
        )


def test_only_the_newest_dates_are_shown(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(qgis_project, "MAX_DATES", 2)
    items = [raster(tmp_path, days=d) for d in range(4)]
    root = ET.parse(write_project(tmp_path, SITE, items)).getroot()
    names = [leaf.attrib["name"] for _, leaf in layers_in_order(root)]
    assert names == ["2019-06-19 30TXM", "2019-06-18 30TXM"]


def test_with_nothing_to_show_there_is_no_project(tmp_path) -> None:
    assert write_project(tmp_path, SITE, [raster(tmp_path, naming.l3b_collection("gemi"))]) is None
    assert not (tmp_path / "sites/navarra/navarra.qgs").exists()


def test_crops_next_to_each_other_in_number_differ_in_colour() -> None:
    entries = qgis_styles.crop_categories(dict.fromkeys(range(30), "")).entries
    assert len({entry.colour for entry in entries}) == 30
    for one, next_one in itertools.pairwise(entries):
        assert sum(abs(a - b) for a, b in zip(one.colour, next_one.colour, strict=True)) > 60
