"""Composites of reflectance as products of the service."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from sqlalchemy import select
from steps.conftest import GRID, SITE

from sen4cap_core.db.models import Product, ProductInput, Site
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.simulation.optical.landsat_product import CLEAR, landsat_scene
from sen4cap_core.steps.composites.optical import composite_optical
from sen4cap_core.steps.composites.product import composite_quicklook
from sen4cap_core.steps.shared.context import Context

DAY = date(2019, 6, 16)
BANDS = {"B02": 0.04, "B03": 0.06, "B04": 0.05, "B08": 0.30, "B05": 0.10}
NARROW = {**BANDS, "B8A": 0.30}


def drop(
    desk, day: int, month: int = 6, level: float = 1.0, scl: int | np.ndarray = 4, shown: dict = BANDS
) -> int:
    """Process a scene with all bands times a level; return its id."""
    bands = {name: level * value for name, value in shown.items()}
    return desk.process(desk.scene(day, month, reflectance=bands, scl=scl, aot=0.1)).subject.scene_id


@pytest.mark.service
def test_a_composite_is_a_product_with_lineage(desk) -> None:
    half = np.full((60, 60), 4, np.uint8)
    half[:30] = 9
    # Never clear: in the shadow of a cloud on two dates.
    clear, half[:4, -4:] = np.full((60, 60), 4, np.uint8), 9
    clear[:4, -4:] = 3
    ids = [drop(desk, 6, scl=clear), drop(desk, 16, level=2.0, scl=half), drop(desk, 26, scl=clear)]
    drop(desk, 20, month=8, level=5.0)

    report = composite_optical(desk.context, SITE, DAY)

    by_size = {one.grid.resolution_m: one for one in report.made}
    assert {size: one.plan.bands for size, one in by_size.items()} == {
        10.0: ("B02", "B03", "B04", "B08"),
        20.0: ("B05",),
    }
    fine = by_size[10.0]
    with rasterio.open(fine.raster_path(desk.context, "b08")) as dataset:
        values = dataset.read(1) * dataset.scales[0]
    # Where the second date is cloudy the others decide; elsewhere it counts, less for the cloud nearby.
    level = values / values[0, 0]
    assert values[0, 0] == pytest.approx(0.30, rel=0.1)
    assert 1.15 < level[-1, -1] < 1.4
    with rasterio.open(fine.raster_path(desk.context, "flags")) as dataset:
        flags = dataset.read(1)
    assert (flags[:8, -8:] == 4).all()
    assert (flags == 4).sum() == 64
    item = json.loads(fine.item_path(desk.context).read_text())
    assert item["properties"]["start_datetime"].startswith("2019-06-06")
    assert item["properties"]["end_datetime"].startswith("2019-06-26")
    assert set(item["assets"]) == {"b02", "b03", "b04", "b08", "weight", "day", "flags"}
    names = {key: asset["bands"][0].get("eo:common_name") for key, asset in item["assets"].items()}
    assert names == {"b02": "blue", "b03": "green", "b04": "red", "b08": "nir"} | dict.fromkeys(
        ("weight", "day", "flags")
    )
    assert any("/eo/" in schema for schema in item["stac_extensions"])
    assert sum(link["rel"] == "derived_from" for link in item["links"]) == 3
    with desk.context.session() as session:
        products = session.scalars(select(Product).where(Product.kind == "sen4cap-l3a-composite")).all()
        assert len(products) == 2
        of_first = select(ProductInput.ref).where(ProductInput.product_id == products[0].id)
        refs = session.scalars(of_first).all()
    assert sorted(refs) == sorted(f"scene:{number}" for number in ids)
    assert composite_quicklook(desk.context, fine).startswith(b"\x89PNG")
    assert composite_quicklook(desk.context, by_size[20.0]).startswith(b"\x89PNG")

    # The same work is there already; a late scene makes another composite.
    with pytest.raises(NothingToDoError, match=r"nothing new of .*: the same scenes .*-10m_.*-20m_"):
        composite_optical(desk.context, SITE, DAY)
    drop(desk, 11)
    late = composite_optical(desk.context, SITE, DAY, bands=["B04"])
    assert late.made[0].result is not None
    assert len(late.made[0].members) == 4


@pytest.mark.service
@pytest.mark.parametrize("zone", [32630, 32629])
def test_landsat_of_another_zone_joins_the_tile(desk, zone: int) -> None:
    """Each pixel takes the one of Landsat, 15 m off the tile's grid, that holds its centre."""
    drop(desk, 6, level=1.0, shown=NARROW)
    drop(desk, 26, level=3.0, shown=NARROW)
    to_own = Transformer.from_crs(GRID.epsg, zone, always_xy=True)
    left, _, _, top = to_own.transform_bounds(*GRID.bounds_m, 20)
    grid = Grid(zone, left // 30 * 30 - 75.0, top // 30 * 30 + 45.0, 30.0, 60, 60)
    # Ends within the tile: its eastern part is Sentinel-2's alone.
    grid = replace(grid, width=25)
    rng = np.random.default_rng(6)
    near = rng.uniform(0.4, 0.8, grid.shape)
    quality = rng.choice([CLEAR, CLEAR, 8], grid.shape)
    shown = {2: 0.05, 3: 0.07, 4: 0.06, 5: near}
    desk.process(landsat_scene(desk.folder / "landsat", grid, shown, quality))

    report = composite_optical(desk.context, SITE, DAY, method="median", bands=["B08", "B8A"])

    assert [(one.tile, len(one.members)) for one in report.made] == [("30TUM", 3)] * len(report.made)
    by_band = {one.plan.bands[0]: one for one in report.made}
    assert set(by_band) == {"B08", "B8A"}
    for band, one in by_band.items():
        size = one.grid.resolution_m
        rows, cols = np.indices(one.grid.shape)
        x, y = to_own.transform(GRID.x_min_m + (cols + 0.5) * size, GRID.y_max_m - (rows + 0.5) * size)
        own_row = np.floor((grid.y_max_m - y) / 30).astype(int)
        own_col = np.floor((x - grid.x_min_m) / 30).astype(int)
        inside = (own_row >= 0) & (own_row < grid.height) & (own_col >= 0) & (own_col < grid.width)
        assert 0.2 < inside.mean() < 0.9
        at = np.where(inside, own_row, 0), np.where(inside, own_col, 0)
        clear = inside & (quality[at] == CLEAR)
        with rasterio.open(one.raster_path(desk.context, band.lower())) as dataset:
            values = dataset.read(1) * dataset.scales[0]
        with rasterio.open(one.raster_path(desk.context, "n_dates")) as dataset:
            n_dates = dataset.read(1)
        there = np.round(near, 4)[at]
        np.testing.assert_array_equal(n_dates, 2 + clear)
        # Landsat's value lies between the two of Sentinel-2, whose mean stands where it is not clear.
        assert np.ptp(values[~clear]) < 0.02
        assert values[~clear][0] == pytest.approx(0.6, rel=0.1)
        np.testing.assert_allclose(values[clear], there[clear], atol=2e-4)
    # Its own path and row has no composite besides.
    with pytest.raises(NothingToDoError, match="no processed scene"):
        composite_optical(desk.context, SITE, DAY, tile="201031")


@pytest.mark.service
def test_a_site_without_enough_scenes_is_skipped_with_its_reason(desk) -> None:
    with pytest.raises(NothingToDoError, match="no processed scene in the period"):
        composite_optical(desk.context, SITE, DAY)
    drop(desk, 6)
    with pytest.raises(NothingToDoError, match=r"30TUM: 1 usable scenes .* 2 are needed"):
        composite_optical(desk.context, SITE, DAY)
    gone = desk.scene(16)
    desk.process(gone)
    for path in gone.rglob("*B08_10m.jp2"):
        path.unlink()
    with pytest.raises(NothingToDoError, match="B08"):
        composite_optical(desk.context, SITE, DAY)
    with pytest.raises(NothingToDoError, match="no processed scene"):
        composite_optical(desk.context, SITE, DAY + timedelta(days=100))
    with pytest.raises(Sen4capError, match=f"'nowhere' is no site that is known here. There are: {SITE}"):
        composite_optical(desk.context, "nowhere", DAY)
    with pytest.raises(ValueError, match="no such method"):
        composite_optical(desk.context, SITE, DAY, method="mean")
    with pytest.raises(ValueError, match="no such band: B10"):
        composite_optical(desk.context, SITE, DAY, bands=["B10"])
    with desk.context.session() as session:
        session.scalars(select(Site)).one().enabled = False
    with pytest.raises(NothingToDoError, match="is paused"):
        composite_optical(desk.context, SITE, DAY)


@pytest.mark.service
def test_the_flow_shows_pictures_and_skips_with_reasons(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import composite_optical as module

    shown: dict[str, str] = {}
    titles: list[str] = []

    def with_title(context: Context, title: str) -> Context:
        titles.append(title)
        return context

    monkeypatch.setattr(module, "step_context", lambda: desk.context)
    monkeypatch.setattr(module, "with_progress", with_title)
    monkeypatch.setattr(module, "get_run_logger", lambda: logging.getLogger("flow"))
    monkeypatch.setattr(module, "show", lambda key, page, text: shown.update({key: page}))
    monkeypatch.setattr(module, "skipped", str)
    assert "no site.yaml names l3a" in module.composite_optical.fn()
    assert "no processed scene in the period" in module.composite_optical.fn(site=SITE, synthesis_date=DAY)
    assert not shown

    drop(desk, 6)
    drop(desk, 16)
    with desk.context.session() as session:
        session.scalars(select(Site)).one().config = {"processors": {"l3a": {"enabled": True}}}
    answer = module.composite_optical.fn(synthesis_date=DAY, bands=["B04", "B08"], method="median")
    assert len(answer[SITE]["made"]) == 1
    assert titles[-1] == f"composites of reflectance of {SITE}"
    (page,) = shown.values()
    assert "30TUM, 10 m" in page
    assert "data:image/png" in page
    again = module.composite_optical.fn(synthesis_date=DAY, bands=["B04", "B08"], method="median")
    assert again.startswith(f"nothing new of {SITE} for {DAY}: ")
    wider = module.composite_optical.fn(
        synthesis_date=DAY, bands=["B04", "B05", "B08", "B12"], method="median"
    )
    assert (len(wider[SITE]["made"]), wider[SITE]["there_before"]) == (1, 1)
    (page,) = shown.values()
    assert "B04 B08 (a band is kept in the finest pixels it comes in: 10 m)" in page
    assert "**Bands of 20 m** | B05 (in the composite of 20 m)" in page
    assert "**Bands that none of the scenes has** | B12" in page
    assert "Blocks" not in page
