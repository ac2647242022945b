"""Minimum, maximum, median and percentiles, from site.yaml to the marker database."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from sqlalchemy import select
from steps.conftest import SITE, Desk
from steps.radar.test_radar_way import backscatter
from steps.radar.test_radar_way import run as run_radar

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made.products import observation_files
from sen4cap_core.db.models import DeclarationSet, Site
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.parcels.labels import load_labels
from sen4cap_core.steps.products.export_markers import export_markers
from sen4cap_core.steps.scenes.extract_parcels import extract_parcels

pytestmark = pytest.mark.service

QUARTERS = {"min": 0, "max": 100, "median": 50, "p25": 25, "p75": 75}
ALL = ["p75", "minmax", "median", "p25"]


def ask(desk: Desk, statistics: list[str]) -> None:
    with desk.context.session() as session:
        site_rows.set_config(session, session.scalars(select(Site)).one(), {"statistics": statistics})


def current_set(desk: Desk) -> int:
    with desk.context.session() as session:
        return session.scalars(select(DeclarationSet.id).where(DeclarationSet.valid_to.is_(None))).one()


def sets_of(desk: Desk, group: str) -> list[Path]:
    start, end = datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
    with desk.context.session() as session:
        files = observation_files(session, current_set(desk), group, start, end)
    return [desk.context.settings.data / file.path for file in files]


def pixels_of(desk: Desk, image: np.ndarray, resolution_m: int) -> list[np.ndarray]:
    """The values of each parcel's pixels, on the labels' grid whose corner is that of the tile."""
    pattern = f"sites/{SITE}/2019/labels/set-{current_set(desk)}/*_{resolution_m}m_*.npz"
    (path,) = desk.context.settings.data.glob(pattern)
    labels = load_labels(path)
    tile = tile_grid("30TUM")
    row = round((tile.y_max_m - labels.grid.y_max_m) / resolution_m)
    col = round((labels.grid.x_min_m - tile.x_min_m) / resolution_m)
    found: list[list[float]] = [[] for _ in labels.new_ids]
    for r, first, last, p in zip(labels.rows, labels.first, labels.last, labels.parcel, strict=True):
        found[p] += image[r + row, first + col : last + col + 1].tolist()
    return [np.array(values)[~np.isnan(values)] for values in found]


def assert_percentiles(path: Path, variable: str, pixels: list[np.ndarray]) -> None:
    table = pq.read_table(path)
    assert table[f"{variable}_n_valid"].to_pylist() == [len(own) for own in pixels]
    for ending, percent in QUARTERS.items():
        expected = [np.percentile(own, percent) for own in pixels]
        np.testing.assert_allclose(table[f"{variable}_{ending}"].to_numpy(), expected, rtol=2e-6)


def test_asked_for_later_is_what_asked_for_at_once_is(desk) -> None:
    ndvi = np.random.default_rng(4).uniform(0.1, 0.9, (120, 120))
    desk.declare(n=3)
    done = desk.process(desk.scene(3, ndvi=ndvi))
    (plain,) = sets_of(desk, "ndvi")
    assert not [name for name in pq.read_schema(plain).names if name.endswith(tuple(QUARTERS))]
    with pytest.raises(NothingToDoError):
        extract_parcels(desk.context, current_set(desk))

    ask(desk, ALL)
    backfill = extract_parcels(desk.context, current_set(desk))
    assert (backfill.n_scenes, backfill.n_from_raster) == (1, 1)
    desk.process(desk.scene(5, ndvi=ndvi))
    later, at_once = sets_of(desk, "ndvi")
    assert pq.read_table(later).equals(pq.read_table(at_once))
    usual = pq.read_schema(plain).names
    assert pq.read_table(later, columns=usual).equals(pq.read_table(plain))
    with rasterio.open(done.rasters["ndvi"]) as dataset:
        image = np.where(dataset.read(1) == -32_768, np.nan, dataset.read(1) / 10_000)
    assert_percentiles(later, "ndvi", pixels_of(desk, image, 10))

    # A new version of the declarations keeps the rows of the parcels that stay, with all columns.
    desk.declare(n=4)
    backfill = extract_parcels(desk.context, current_set(desk))
    assert (backfill.n_carried_over, backfill.n_values, backfill.unreadable) == (6, 2, [])
    for path in sets_of(desk, "ndvi"):
        assert_percentiles(path, "ndvi", pixels_of(desk, image, 10))

    mdb1 = export_markers(desk.context, SITE, date(2019, 1, 1), date(2019, 12, 31), ["MDB1"]).files["MDB1"]
    wide = pq.read_table(mdb1.with_suffix(".parquet"))
    assert {name.split("_")[1] for name in wide.column_names[1:]} == {"mean", "stdev", "valid", *QUARTERS}
    observed = pq.read_table(sets_of(desk, "ndvi")[0])["ndvi_p25"].to_numpy()
    np.testing.assert_allclose(wide["20190603_p25_NDVI"].to_numpy(), observed * 1000, rtol=1e-6)

    # Switched off, what is there stays, and nothing is to be done.
    ask(desk, [])
    with pytest.raises(NothingToDoError):
        extract_parcels(desk.context, current_set(desk))


def test_radar_has_them_too(desk) -> None:
    rng = np.random.default_rng(5)
    vv, vh = (rng.uniform(0.1, 0.5, (60, 60)).astype(np.float32) for _ in range(2))
    vv[6, 6] = 0.0
    desk.declare()
    ask(desk, ["median"])
    main = backscatter(desk.folder, vv, vh)
    run_radar(desk, main)
    (path,) = sets_of(desk, "backscatter")
    names = pq.read_schema(path).names
    assert [n for n in names if n.endswith(tuple(QUARTERS))] == [
        f"{name}_median" for name in ("vv", "vh", "vv_db", "vh_db", "vh_vv")
    ]
    ask(desk, ALL)
    # What retention gave up keeps what was observed of it, until it is there again.
    away = main.rename(main.with_suffix(".away"))
    assert len(extract_parcels(desk.context, current_set(desk)).unreadable) == 1
    assert sets_of(desk, "backscatter") == [path]
    away.rename(main)
    extract_parcels(desk.context, current_set(desk))
    (path,) = sets_of(desk, "backscatter")
    power = {
        name: np.where(image > 0, image.astype(float) ** 2, np.nan)
        for name, image in (("vv", vv), ("vh", vh))
    }
    images = {**power, "vv_db": 10 * np.log10(power["vv"]), "vh_vv": power["vh"] / power["vv"]}
    for variable, image in images.items():
        assert_percentiles(path, variable, pixels_of(desk, image, 20))
    mdb1 = export_markers(desk.context, SITE, date(2019, 1, 1), date(2019, 12, 31), ["MDB1"]).files["MDB1"]
    wide = pq.read_table(mdb1.with_suffix(".parquet"))
    observed = pq.read_table(path)["vv_db_max"].to_numpy()
    np.testing.assert_allclose(wide["20190404_max_AMP_VV_154"].to_numpy(), observed)
