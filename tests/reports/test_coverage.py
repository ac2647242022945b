from __future__ import annotations

from datetime import UTC, datetime

from sen4cap_core.reports.pages.coverage import Coverage, ParcelCount, coverage_markdown

PNG = b"\x89PNG\r\n\x1a\nrest"
SCENE = Coverage(
    product_id="S2A_MSIL2A_20190616T110621",
    site="navarra",
    tile="30TUM",
    acquired_at=datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC),
    clear_fraction=0.8765,
    data_fraction=1.0,
    parcels=[ParcelCount("2019", 900, 1000)],
    seconds={"decode": 61.0, "write": 4.0},
    n_bytes={"NDVI raster": 12_300_000},
    warnings=["no scene classification"],
    links={"STAC item": "http://127.0.0.1:8080/item.json"},
)


def test_the_page_of_a_scene_gives_its_figures_with_units() -> None:
    page = coverage_markdown(SCENE, {"Quicklook": PNG})

    assert page.startswith(
        "## 30TUM on 2019-06-16\n\n![Quicklook of 30TUM on 2019-06-16](data:image/png;base64,"
    )
    assert "S2A\\_MSIL2A\\_20190616T110621" in page
    assert "| **Acquired** | 2019-06-16 11:06\u202fUTC |" in page
    assert "| **Clear** | 87.6\u202f% of the pixels with data |" in page
    assert "| **Parcels 2019** | 900 of 1\u202f000 (90.0\u202f%) observed |" in page
    assert "| **Sum** | **1\u202fmin 05\u202fs** |" in page
    assert "| NDVI raster | 12.3\u202fMB |" in page
    assert "- no scene classification" in page
    assert "- [STAC item](http://127.0.0.1:8080/item.json)" in page


def test_without_declarations_the_page_says_they_are_awaited() -> None:
    bare = Coverage("x", "navarra", "30TUM", SCENE.acquired_at, clear_fraction=None, data_fraction=0.5)

    page = coverage_markdown(bare)

    assert "no declarations yet" in page
    assert "Clear" not in page
    assert "| **Data** | 50.0\u202f% of the grid |" in page
    assert "![" not in page
    assert "### Time" not in page


def test_a_file_is_named_where_a_browser_may_not_follow() -> None:
    page = coverage_markdown(
        Coverage("x", "s", "30TUM", SCENE.acquired_at, 1.0, 1.0, links={"Table": "file:///data/a%20b.gpkg"})
    )

    assert "- Table: /data/a b.gpkg" in page
