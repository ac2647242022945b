"""Pages of products, retention and consistency say what they were given."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sen4cap_core.reports.pages.keeping import differences_markdown, retention_lines, retention_markdown
from sen4cap_core.reports.pages.products import ProductLine, products_markdown

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
LINE = ProductLine("NDVI (L3B)", 1200, date(2019, 6, 9), 3_000_000, {"NDVI": Path("sites/a b/x.tif")})
GOING = [("download", "processed", 10), ("download", "processed", 20), ("l3b", "old", 5)]


def page(address: str | None) -> str:
    return products_markdown(
        "polder", [LINE], {"30TUM": PNG}, catalogue=Path("/d/catalog.json"), project=None, address=address
    )


def test_files_are_paths_or_links_where_a_server_offers_them() -> None:
    assert "\n- NDVI: sites/a b/x.tif\n" in page(None)
    assert "(https://data.example/files/sites/a%20b/x.tif)" in page("https://data.example/files/")
    assert "1\u202f200" in page(None)
    assert "data:image/png;base64," in page(None)


def test_the_retention_report_adds_up_by_kind_and_reason() -> None:
    text = retention_markdown("polder", "0a1b2c3d", GOING, {"needed": 3}, is_done=False)
    assert "Nothing was deleted" in text
    assert "| download | 2 |" in text
    assert "| 3 | needed |" in text
    assert "These are gone" in retention_markdown("polder", "0a1b2c3d", GOING, {}, is_done=True)
    lines = retention_lines("polder", GOING, {"needed": 3})
    assert lines[0].startswith("polder: 3 products and downloads may go")
    assert lines[-1].endswith("3 stay: needed")


def test_differences_are_named() -> None:
    assert "agree" in differences_markdown({})
    assert "orphans: 1" in differences_markdown({"orphans": ["sites/x.tif"]})
