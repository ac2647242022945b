"""One real field near Valladolid, 2019: 33 Sentinel-2 dates dropped, one mowing answer out."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import netCDF4
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from sqlalchemy import select

from sen4cap_core.db.models import MowingResult, MowingRun, ObservationSet, SceneRow, Season, Site
from tests.e2e.system import System

pytestmark = pytest.mark.e2e

SITE = "valladolid"


@pytest.fixture(scope="module")
def through(system: System, shared: Path) -> Path:
    """The dropped folder once everything in it is answered; declarations come in the middle of it."""
    source = shared / "data" / "valladolid-2019"
    scenes = sorted((source / "scenes").iterdir())
    system.drop(source / "site.zip", f"{SITE}/site.zip")
    for scene in scenes[:20]:
        system.drop(scene, f"{SITE}/2019/scenes/{scene.name}")
    system.wait_until(lambda: system.progress(SITE).scenes_processed >= 5)
    system.drop(source / "declarations.zip", f"{SITE}/2019/declarations/declarations.zip")
    for scene in scenes[20:]:
        system.drop(scene, f"{SITE}/2019/scenes/{scene.name}")
    now = system.wait_quiet(SITE, scenes=33)
    assert (now.failures, now.rejections) == ((), ())
    return system.uploads / SITE


def test_ndvi_equals_what_was_published(system: System, through: Path, shared: Path) -> None:
    published = netCDF4.Dataset(shared / "data" / "valladolid-2019" / "ndvi-as-published.nc")
    name = next(n for n, v in published.variables.items() if v.ndim == 3)
    times = netCDF4.num2date(published["t"][:], published["t"].units, only_use_cftime_datetimes=False)
    expected = {
        f"{t:%Y%m%d}": np.ma.filled(published[name][i].astype(float), np.nan) for i, t in enumerate(times)
    }
    rasters = sorted((system.place.settings.data / "sites" / SITE).rglob("*ndvi*.tif"))

    compared = 0
    for raster in rasters:
        with rasterio.open(raster) as dataset:
            ours = dataset.read(1, masked=True).astype(float).filled(np.nan) * dataset.scales[0]
        theirs = expected[raster.parent.name]
        both = np.isfinite(ours) & np.isfinite(theirs)
        compared += int(both.sum())
        np.testing.assert_allclose(ours[both], theirs[both], atol=0.0005, rtol=0)

    assert len(rasters) == 33
    assert compared > 30_000


def test_parcel_means_equal_the_mean_over_pixel_centres(system: System, through: Path, shared: Path) -> None:
    field = gpd.read_file(shared / "data" / "valladolid-2019" / "declarations.zip").to_crs(32630)
    inner = field.geometry.iloc[0].buffer(-5)
    with system.context.session() as session:
        query = select(ObservationSet.path, SceneRow.acquired_at).join(
            SceneRow, SceneRow.id == ObservationSet.scene_id
        )
        sets = session.execute(query.where(_of_site())).all()
    rasters = {p.parent.name: p for p in (system.place.settings.data / "sites" / SITE).rglob("*ndvi*.tif")}

    assert len(sets) == 33
    for path, acquired_at in sets:
        row = pq.read_table(system.place.settings.data / path).to_pylist()[0]
        with rasterio.open(rasters[f"{acquired_at:%Y%m%d}"]) as dataset:
            values = dataset.read(1, masked=True).astype(float).filled(np.nan) * dataset.scales[0]
            rows, columns = np.indices(values.shape)
            x = dataset.bounds.left + 10 * (columns + 0.5)
            y = dataset.bounds.top - 10 * (rows + 0.5)
        inside = values[shapely.contains_xy(inner, x, y)]
        assert row["n_total"] == inside.size
        assert row["ndvi_n_valid"] == np.isfinite(inside).sum()
        if np.isfinite(inside).any():
            assert row["ndvi_mean"] == pytest.approx(np.nanmean(inside), abs=0.001)


def test_one_mowing_row_with_everything_considered(system: System, through: Path) -> None:
    with system.context.session() as session:
        run = session.scalars(
            select(MowingRun)
            .join(Season, Season.id == MowingRun.season_id)
            .join(Site, Site.id == Season.site_id)
            .where(Site.slug == SITE)
            .order_by(MowingRun.id.desc())
        ).first()
        assert run is not None
        rows = session.scalars(select(MowingResult).where(MowingResult.run_id == run.id)).all()
        assert run.as_of == datetime(2019, 12, 28, tzinfo=UTC).date()
        assert len(rows) == 1
        assert rows[0].proc == 1
        assert rows[0].n_observations > 20


def test_receipts_say_what_was_assumed(through: Path) -> None:
    receipt = json.loads((through / "2019" / "declarations" / "declarations.zip.receipt.json").read_text())
    warnings = " ".join(warning["text"] for warning in receipt["warnings"])

    assert receipt["stored"]["parcels"] == 1
    assert "no crop code table" in warnings
    assert len(list((through / "2019" / "scenes").glob("*.receipt.json"))) == 33


def test_runs_carry_names_and_tags_and_pages(system: System, through: Path) -> None:
    with system.context.session() as session:
        days = session.scalars(select(SceneRow.acquired_at).where(_of_site())).all()
    scenes, together = (
        [run for run in system.flow_runs(flow) if f"site:{SITE}" in run["tags"]]
        for flow in ("process-scene", "process-scenes")
    )
    alone = {run["name"] for run in scenes}
    # A machine that is behind takes scenes of a backlog together.
    more = [re.fullmatch(r"process-scenes 30TUM 2019-\d\d-\d\d and (\d+) more", r["name"]) for r in together]
    n_together = [1 + int(found[1]) for found in more if found]
    page = system.artifacts("mowing-valladolid-2019-2019")[0]["data"]
    chart = system.artifacts("ndvi-valladolid-2019-es-47-0001")[0]["data"]

    assert alone <= {f"process-scene 30TUM {day:%Y-%m-%d}" for day in days}
    assert len(days) == 33
    assert len(alone) + sum(n_together) >= len(days)
    assert len(n_together) == len(together)
    assert all({"season:2019", "tile:30TUM"} <= set(run["tags"]) for run in scenes)
    assert "ES-47-0001" in page
    assert "data:image/png;base64," in chart


def _of_site():  # type: ignore[no-untyped-def]
    return SceneRow.site_id.in_(select(Site.id).where(Site.slug == SITE))
