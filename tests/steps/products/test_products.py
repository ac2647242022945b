"""What was made can be listed, described, taken elsewhere."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path

import pystac
import pytest
from steps.conftest import SITE
from steps.products.test_marker_export import season

from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.products.export import export_items
from sen4cap_core.steps.products.export import export_products, find_products
from sen4cap_core.steps.products.export_markers import export_markers
from sen4cap_core.steps.products.page import gather_page, sites_to_show
from sen4cap_core.steps.products.show import describe_product

pytestmark = pytest.mark.service
__all__ = ["season"]


def test_products_are_listed_described_and_exported(desk, tmp_path: Path) -> None:
    context = desk.context
    desk.declare()
    first = desk.process(desk.scene(4))
    desk.process(desk.scene(9, ndvi=0.3))
    newer = desk.process(desk.scene(4, baseline="99.99"))
    root = context.settings.data

    found = find_products(context, SITE, kinds=["l3b-ndvi"])
    every = find_products(context, SITE, every_version=True)
    assert [one.start.day for one in found] == [4, 9]
    assert [one.is_current for one in every if one.scene_id == first.subject.scene_id] == [False]
    assert found[0].scene_id == newer.subject.scene_id
    assert [one.start.day for one in find_products(context, start=date(2019, 6, 5))] == [9]
    assert [one.start.day for one in find_products(context, end=date(2019, 6, 4))] == [4]

    text = describe_product(context, found[1].name)
    assert str(root / found[1].path) in text
    assert f"scene:{found[1].scene_id}" in text
    assert "in force   yes" in text
    assert "no: another version" in describe_product(context, str(every[0].id))

    done = export_products(context, found, tmp_path / "copy")
    assert (done.n_items, done.n_files) == (2, 2)
    items = list(pystac.Catalog.from_file(str(tmp_path / "copy/catalog.json")).get_items(recursive=True))
    assert len(items) == 2
    for item in items:
        copied = Path(item.assets["data"].get_absolute_href() or "")
        assert copied.read_bytes() == (root / copied.relative_to(tmp_path / "copy")).read_bytes()
        assert item.get_links("derived_from") == []
        assert len(item.properties["sen4cap:derived_from"]) == 1
    assert (tmp_path / f"copy/sites/{SITE}/{SITE}.qgs").is_file()
    assert export_products(context, found, tmp_path / "copy").n_bytes == 0

    export_products(context, found, tmp_path / "copy.zip")
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert archive.testzip() is None
        assert {"catalog.json", found[0].path, str(found[0].stac_path)} <= set(archive.namelist())
    assert not list(tmp_path.glob(".sen4cap-export-*"))

    assert sites_to_show(context) == [SITE]
    page = gather_page(context, SITE)
    assert sites_to_show(context) == []
    assert page.n_products == 2
    assert list(page.pictures) == ["30TUM 2019-06-09", "30TUM 2019-06-04"]
    assert page.project is not None
    assert [(kind.title, kind.n_items, str(kind.newest)) for kind in page.kinds] == [
        ("NDVI (L3B)", 2, "2019-06-09")
    ]

    (root / found[0].path).write_bytes(b"changed by hand")
    with pytest.raises(Sen4capError, match="checksum"):
        export_products(context, found, tmp_path / "other")
    (root / found[0].path).unlink()
    with pytest.raises(Sen4capError, match="is missing"):
        export_products(context, found, tmp_path / "other")
    assert "MISSING" in describe_product(context, str(found[0].id))


def test_what_cannot_be_found_says_what_there_is(desk, tmp_path: Path) -> None:
    context = desk.context
    with pytest.raises(Sen4capError, match="no site"):
        find_products(context, "nowhere")
    with pytest.raises(Sen4capError, match="l3b-ndvi, l3b-ndwi"):
        find_products(context, SITE, kinds=["ndvi"])
    with pytest.raises(Sen4capError, match="no product 'x'"):
        describe_product(context, "x")
    with pytest.raises(NothingToDoError):
        export_products(context, [], tmp_path / "copy")
    with pytest.raises(Sen4capError, match="outside of it"):
        export_items(context.settings.data, [], context.settings.data / "copy")


def test_marker_databases_are_products_with_lineage(season, tmp_path: Path) -> None:
    context = season.context
    export_markers(context, SITE, date(2019, 1, 1), date(2019, 7, 31), ["MDB1"])
    export_markers(context, SITE, date(2019, 1, 1), date(2019, 12, 31), ["MDB1"])

    every = find_products(context, SITE, kinds=["markers"], every_version=True)
    assert [one.is_current for one in every] == [False, True]
    item = json.loads((context.settings.data / str(every[1].stac_path)).read_text())
    assert item["properties"]["sen4cap:database"] == "MDB1"
    assert set(item["assets"]) == {"data", "arrow", "index"}
    assert "observations:" in describe_product(context, str(every[1].id))
