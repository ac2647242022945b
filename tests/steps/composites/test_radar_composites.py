"""Radar composites of a season as rasters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scenes.radar_products import write_radar
from sqlalchemy import func, select
from steps.conftest import GRID

from sen4cap_core.db.models import Product, ProductInput, SceneRow
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.rasters.passes.radar_on_grid import read_on_grid
from sen4cap_core.rasters.passes.radar_sums import RadarInput
from sen4cap_core.scenes.radar.s1_reading import open_radar
from sen4cap_core.steps.composites.radar import composite_radar
from sen4cap_core.steps.scenes.ingest import ingest_scene

CORNER = (GRID.x_min_m, GRID.y_max_m)


@pytest.mark.service
def test_rasters_of_weeks_months_and_season(desk) -> None:
    rng = np.random.default_rng(3)
    images: dict[tuple[str, str], np.ndarray] = {}
    days = ["20190404", "20190410", "20190416", "20190422"]
    starts = ["20190329", *days]
    for start, day in zip(starts, days, strict=False):
        for pol in ("VH", "VV"):
            for kind in ("AMP", "COHE"):
                image = rng.uniform(0.1, 0.9, (60, 60)).astype(np.float32)
                image[7, 9] = 0.0 if day != "20190410" else image[7, 9]
                images[day, f"{pol}{kind}"] = image
                name = f"SEN4CAP_L2A_S7_V{day}T061041_{start}T061122_{pol}_154_{kind}_30TUM.tif"
                path = write_radar(desk.folder / name, image, corner_m=CORNER)
        for kind in ("AMP", "COHE"):
            drop = desk.enter(Path(str(path).replace("COHE", kind)), "scene")
            ingest_scene(desk.context, drop.upload_id)

    report = composite_radar(desk.context, 1)
    made = {Path(path).stem: desk.context.settings.data / path for path in report.made}

    def bands(name: str) -> dict[str, np.ndarray]:
        with rasterio.open(made[name]) as dataset:
            assert dataset.crs.to_epsg() == GRID.epsg
            assert tuple(dataset.transform)[:6] == (20, 0, CORNER[0], 0, -20, CORNER[1])
            return dict(zip(dataset.descriptions, dataset.read(), strict=True))

    def power(day: str, pol: str) -> np.ndarray:
        image = images[day, f"{pol}AMP"].astype(np.float64) ** 2
        return np.where(image > 0, image, np.nan)

    # Each acquisition is a week of its own.
    week = bands("SEN4CAP_L2A_PRD_S1_W201913_T30TUM_DESC_VV_BCK")["mean"]
    np.testing.assert_allclose(week, power("20190404", "VV"), rtol=2e-4)
    stack = np.stack([power(day, "VH") for day in days])
    month = bands("SEN4CAP_L2A_PRD_S1_M201903_T30TUM_DESC_VH_BCK")
    np.testing.assert_allclose(month["mean"], np.nanmean(stack, 0), rtol=2e-4)
    np.testing.assert_allclose(
        month["cvar"], np.nanstd(stack, 0) / np.nanmean(stack, 0), rtol=2e-3, atol=1e-6
    )
    quotient = np.nanmean([power(d, "VV") / power(d, "VH") for d in days], 0)
    ratio = bands("SEN4CAP_L2A_PRD_S1_M201903_T30TUM_DESC_RATIO_BCK")["mean"]
    np.testing.assert_allclose(ratio, quotient, rtol=3e-4)
    coherence = np.stack([np.where(images[d, "VVCOHE"] > 0, images[d, "VVCOHE"], np.nan) for d in days])
    lowest = bands("SEN4CAP_L2A_PRD_S1_M201904_T30TUM_VV_COHE")["min"]
    np.testing.assert_allclose(lowest, np.nanmin(coherence, 0), rtol=2e-4)
    season = bands("SEN4CAP_L2A_PRD_S1_S_T30TUM_VV_COHE")["stddev"]
    np.testing.assert_allclose(season, np.nanstd(coherence, 0), rtol=3e-3, atol=1e-5)

    item = json.loads(made["SEN4CAP_L2A_PRD_S1_S_T30TUM_VV_COHE"].with_suffix(".json").read_text())
    assert item["properties"]["start_datetime"] == "2019-04-04T06:10:41Z"
    with desk.context.session() as session:
        assert session.scalar(select(func.count()).select_from(Product)) == len(report.made)
        # Lineage by number, as that of all products.
        query = (
            select(ProductInput.ref)
            .join(Product, Product.id == ProductInput.product_id)
            .where(Product.path.endswith("W201913_T30TUM_DESC_VV_BCK.tif"))
        )
        (ref,) = session.scalars(query)
        source = session.get_one(SceneRow, int(ref.removeprefix("scene:")))
        assert (source.sensor, source.acquired_at.date().isoformat()) == ("s1-backscatter", "2019-04-04")
    with pytest.raises(NothingToDoError, match=r"nothing new: all \d+ radar composites"):
        composite_radar(desk.context, 1, tile="30TUM")


@pytest.mark.service
def test_nothing_comes_of_nothing(desk) -> None:
    with pytest.raises(NothingToDoError, match="no radar products"):
        composite_radar(desk.context, 1)
    with pytest.raises(Sen4capError, match=r"There is no season with the number 99. Known seasons: 1 \("):
        composite_radar(desk.context, 99)
    with pytest.raises(ValueError, match="no such period"):
        composite_radar(desk.context, 1, periods=["fortnight"])


def test_another_grid_is_interpolated_in_power(tmp_path: Path) -> None:
    # A ramp in power, given as decibel in another zone: bilinear in power gives the ramp back.
    from pyproj import Transformer

    x, y = Transformer.from_crs(GRID.epsg, 32631, always_xy=True).transform(*CORNER)
    columns = np.arange(120)[None].repeat(120, 0) * 0.002 + 0.01
    name = "S1A_IW_GRDH_1SDV_20220104T164312_20220104T164337_041314_04E951_3F2C_TC_Gamma0_VV_db.tif"
    path = write_radar(
        tmp_path / name, 10 * np.log10(columns), epsg=32631, corner_m=(x - 900, y + 900), resolution_m=30
    )
    (scene,) = open_radar(path)
    band = scene.bands["vv"]
    grid = GRID.at_resolution(20.0)
    values = read_on_grid(RadarInput(band.source, band.scale), None, grid)
    row, column = np.mgrid[0:60, 0:60]
    east, north = GRID.x_min_m + 20 * (column + 0.5), GRID.y_max_m - 20 * (row + 0.5)
    px, _ = Transformer.from_crs(GRID.epsg, 32631, always_xy=True).transform(east, north)
    want = 0.01 + 0.002 * ((px - (x - 900)) / 30 - 0.5)
    inside = np.isfinite(values)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(values[inside], want[inside], rtol=5e-3)
