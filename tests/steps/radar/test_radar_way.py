"""From a dropped radar product to observations."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyproj import Transformer
from scenes.radar_products import cslc, write_radar, write_radar_item
from sqlalchemy import select
from steps.conftest import GRID, Desk, fields

from sen4cap_core.db.made.products import observation_files
from sen4cap_core.db.models import DeclarationSet, SceneRow, Site, Upload
from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.inbox.settle import completeness_of
from sen4cap_core.inbox.units import find_units
from sen4cap_core.observations.store import read_metadata
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.steps.radar.receive import receive_radar
from sen4cap_core.steps.scenes.extract_parcels import extract_parcels
from sen4cap_core.steps.scenes.ingest import ingest_scene
from sen4cap_core.steps.scenes.pictures import scene_quicklooks
from sen4cap_core.steps.scenes.process import process_scene

pytestmark = pytest.mark.service

CORNER = (GRID.x_min_m, GRID.y_max_m)
FIRST = "SEN4CAP_L2A_S7_V20190404T061041_20190329T061122"


def backscatter(folder: Path, vv: np.ndarray | float = 0.3, vh: np.ndarray | float = 0.1) -> Path:
    """Write amplitude of both polarisations under the original's names; return the main file."""
    write_radar(folder / f"{FIRST}_VH_154_AMP_30TUM.tif", vh, corner_m=CORNER)
    return write_radar(folder / f"{FIRST}_VV_154_AMP_30TUM.tif", vv, corner_m=CORNER)


def files_of(desk: Desk, group: str):
    with desk.context.session() as session:
        one = session.scalars(select(DeclarationSet).where(DeclarationSet.valid_to.is_(None))).one()
        return observation_files(
            session, one.id, group, datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
        )


def run(desk: Desk, path: Path):
    """Receive, ingest and process all scenes of a drop."""
    drop = desk.enter(path, "scene")
    taken = receive_radar(desk.context, drop)
    _, found = ingest_scene(desk.context, drop.upload_id)
    return taken, [process_scene(desk.context, one.scene_id) for one in found if "to be" in one.outcome]


def test_amplitude_becomes_power_decibel_and_ratio_of_each_parcel(desk) -> None:
    desk.declare()
    rng = np.random.default_rng(5)
    vv, vh = rng.uniform(0.2, 0.5, (60, 60)), rng.uniform(0.05, 0.2, (60, 60))
    vv[5, 5] = 0.0  # no data
    taken, (done,) = run(desk, backscatter(desk.folder, vv, vh))

    (file,) = files_of(desk, "backscatter")
    assert (file.relative_orbit, file.orbit_direction, file.tile) == (154, "descending", "30TUM")
    assert f"{file.acquired_at:%Y%m%dT%H%M%S}" == "20190404T061041"
    assert taken.stored["scale"] == ["amplitude"]
    table = pq.read_table(desk.context.settings.data / file.path)
    assert read_metadata(desk.context.settings.data / file.path)["backscatter_scale"] == "true_db"
    # 200 m fields less 10 m on each side, their corners off the 20 m grid by 55 m.
    for row, outline in zip(table.to_pylist(), fields().geometry, strict=True):
        inside = outline.buffer(-10.0)
        ys, xs = np.mgrid[0:60, 0:60]
        x, y = GRID.x_min_m + 20 * (xs + 0.5), GRID.y_max_m - 20 * (ys + 0.5)
        left, bottom, right, top = inside.bounds
        chosen = (x > left) & (x < right) & (y > bottom) & (y < top)
        good = chosen & (vv > 0)
        power_vv, power_vh = np.float32(vv) ** 2, np.float32(vh) ** 2
        assert row["n_total"] == chosen.sum()
        assert row["vv_n_valid"] == row["vv_db_n_valid"] == row["vh_vv_n_valid"] == good.sum()
        np.testing.assert_allclose(row["vv_mean"], power_vv[good].mean(), rtol=1e-5)
        np.testing.assert_allclose(row["vv_std"], power_vv[good].std(ddof=1), rtol=1e-4)
        np.testing.assert_allclose(row["vh_db_mean"], (10 * np.log10(power_vh[chosen])).mean(), rtol=1e-5)
        np.testing.assert_allclose(row["vh_vv_mean"], (power_vh[good] / power_vv[good]).mean(), rtol=1e-5)
    assert done.observed[0].n_observed == 4
    (picture,) = scene_quicklooks(desk.context, done).values()
    assert Image.open(BytesIO(picture)).size[0] >= 560
    with pytest.raises(NothingToDoError, match="complete"):
        process_scene(desk.context, done.subject.scene_id)


def test_late_declarations_get_the_earlier_radar_products_too(desk) -> None:
    drop = desk.enter(backscatter(desk.folder), "scene")
    _, (one,) = ingest_scene(desk.context, drop.upload_id)
    with pytest.raises(NothingToDoError, match="no declarations"):
        process_scene(desk.context, one.scene_id)
    taken = desk.declare()
    extract_parcels(desk.context, taken.stored["declaration set"])

    (file,) = files_of(desk, "backscatter")
    table = pq.read_table(desk.context.settings.data / file.path)
    np.testing.assert_allclose(table["vv_db_mean"].to_numpy(), 20 * np.log10(0.3), rtol=1e-5)
    with pytest.raises(NothingToDoError, match="every scene"):
        extract_parcels(desk.context, taken.stored["declaration set"])


def test_a_pair_keeps_both_dates_and_a_second_polarisation_joins_it(desk) -> None:
    desk.declare()
    name = FIRST + "_{}_154_COHE_30TUM.tif"
    main = write_radar(desk.folder / name.format("VV"), 0.6, corner_m=CORNER)
    _, (first,) = run(desk, main)
    write_radar(desk.folder / name.format("VH"), 0.4, corner_m=CORNER)
    with desk.context.session() as session:
        session.get_one(Upload, 2).sha256 = "changed"
    _, (second,) = run(desk, main)

    assert first.subject.scene_id == second.subject.scene_id
    (file,) = files_of(desk, "coherence")
    assert f"{file.pair_started_at:%Y%m%d}-{file.acquired_at:%Y%m%d}" == "20190329-20190404"
    table = pq.read_table(desk.context.settings.data / file.path)
    np.testing.assert_allclose(table["coh_vv_mean"].to_numpy(), 0.6, rtol=1e-6)
    np.testing.assert_allclose(table["coh_vh_mean"].to_numpy(), 0.4, rtol=1e-6)


def test_a_burst_of_another_zone_and_pixel_is_read_on_its_own_grid(desk) -> None:
    desk.declare()
    x, y = Transformer.from_crs(GRID.epsg, 32631, always_xy=True).transform(*CORNER)
    corner = (x - 3000 - (x - 3000) % 30, y + 3000 - (y + 3000) % 30)
    stem = "OPERA_L2_RTC-S1_T154-328985-IW2_20190404T061041Z_20230101T000000Z_S1A_30_v1.0"
    mask = np.zeros((300, 300))
    mask[:, 150:] = 1
    write_radar(desk.folder / f"{stem}_mask.tif", mask, epsg=32631, corner_m=corner, resolution_m=30,
                dtype="uint8", nodata=255)  # fmt: skip
    write_radar(desk.folder / f"{stem}_VH.tif", 0.01, epsg=32631, corner_m=corner, resolution_m=30, size=300)
    main = write_radar(
        desk.folder / f"{stem}_VV.tif", 0.05, epsg=32631, corner_m=corner, resolution_m=30, size=300
    )
    with desk.context.session() as session:
        session.get_one(Site, 1).tiles = ["30TUM"]
    run(desk, main)

    (file,) = files_of(desk, "backscatter")
    table = pq.read_table(desk.context.settings.data / file.path)
    assert file.relative_orbit == 154
    assert min(table["n_total"].to_pylist()) > 20
    np.testing.assert_allclose(table["vv_mean"].to_numpy(), 0.05, rtol=1e-6)
    np.testing.assert_allclose(table["vh_vv_mean"].to_numpy(), 0.2, rtol=1e-6)


def test_our_own_item_is_read_and_a_newer_delivery_supersedes(desk) -> None:
    desk.declare()
    for created, value in (("2019-05-01T00:00:00Z", 0.2), ("2019-06-01T00:00:00Z", 0.4)):
        folder = desk.folder / created[:7]
        write_radar(folder / "vv.tif", value, corner_m=CORNER)
        item = write_radar_item(
            folder,
            {"vv": "vv.tif"},
            {
                "start_datetime": "2019-03-29T06:11:22Z",
                "end_datetime": "2019-04-04T06:10:41Z",
                "datetime": "2019-04-04T06:10:41Z",
                "sat:relative_orbit": 154,
                "sat:orbit_state": "descending",
                "sar:polarizations": ["VV"],
                "sen4cap:quantity": "coherence",
                "sen4cap:scale": "coherence",
                "grid:code": "MGRS-30TUM",
                "processing:datetime": created,
            },
            item_id=f"made-{created[:7]}",
        )
        run(desk, item)

    with desk.context.session() as session:
        states = {row.product_id: row.state for row in session.scalars(select(SceneRow))}
    assert states == {"made-2019-05": "superseded", "made-2019-06": "processed"}
    (file,) = files_of(desk, "coherence")
    table = pq.read_table(desk.context.settings.data / file.path)
    np.testing.assert_allclose(table["coh_vv_mean"].to_numpy(), 0.4, rtol=1e-6)


def test_a_product_beside_the_site_is_refused(desk) -> None:
    with desk.context.session() as session:
        session.get_one(Site, 1).tiles = ["30TUM"]
    far = write_radar(
        desk.folder / f"{FIRST}_VV_154_AMP.tif", 0.3, corner_m=(CORNER[0] + 300_000, CORNER[1]), size=40
    )
    with pytest.raises(BadUploadError, match="none of the site's tiles"):
        receive_radar(desk.context, desk.enter(far, "scene"))


def test_the_upload_folder_sees_one_product_in_its_files(desk) -> None:
    folder = desk.place("x").parent.parent / "scenes"
    main = backscatter(folder)
    (folder / f"{FIRST}_VV_154_AMP_30TUM.mtd").write_text("<m><orbitType>ASCENDING</orbitType></m>")
    deep = folder / "delivery"
    other = write_radar(deep / "coh_VV_12Jun2019_18Jun2019.tif", 0.5, corner_m=CORNER)
    (deep / "coh_VV_12Jun2019_18Jun2019.png").write_bytes(b"picture")
    units = {unit.path: unit for unit in find_units(desk.context.settings.uploads_root, folder)}

    assert set(units) == {main, other}
    assert len(units[main].parts) == 3
    assert completeness_of(units[main]).is_complete
    content = other.read_bytes()
    other.write_bytes(content[: len(content) // 2])
    assert "cut short" in completeness_of(units[other]).lacking[0]
    taken = receive_radar(desk.context, desk.enter(main, "scene"))
    # The original's own metadata go before the time of day.
    assert taken.stored["orbit direction"] == "ascending"


def test_two_complex_bursts_become_coherence_of_parcels(desk) -> None:
    desk.declare()
    with desk.context.session() as session:
        session.get_one(Site, 1).tiles = ["30TUM"]
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((2, 140, 280)) + 1j * rng.standard_normal((2, 140, 280))
    folder = desk.folder / "bursts"
    cslc(folder, "20190329", a, corner_m=CORNER)
    later = cslc(folder, "20190404", 0.6 * a + 0.8 * b, corner_m=CORNER)
    run(desk, later)

    (file,) = files_of(desk, "coherence")
    table = pq.read_table(desk.context.settings.data / file.path)
    assert file.relative_orbit == 64
    # The expectation of the estimator with 112 looks is 0.603.
    np.testing.assert_allclose(table["coh_vv_mean"].to_numpy(), 0.603, atol=0.04)


def test_a_product_across_the_180th_meridian_is_entered_for_its_tile(desk) -> None:
    with desk.context.session() as session:
        session.get_one(Site, 1).tiles = ["01WCS"]
    tile = tile_grid("01WCS", 20)
    path = write_radar(
        desk.folder / f"{FIRST}_VV_154_AMP.tif", 0.3, epsg=tile.epsg, size=600, resolution_m=40,
        corner_m=(tile.x_min_m - 12_000, tile.y_max_m - 20_000),
    )  # fmt: skip
    drop = desk.enter(path, "scene")
    taken = receive_radar(desk.context, drop)
    _, (one,) = ingest_scene(desk.context, drop.upload_id)
    assert taken.stored["tiles"] == ["01WCS"] == [one.tile]


def test_the_original_half_decibel_is_a_named_switch(desk) -> None:
    desk.declare()
    with desk.context.session() as session:
        session.get_one(Site, 1).config = {"radar": {"compat": "sen4cap"}}
    run(desk, backscatter(desk.folder, 0.3, 0.1))

    (file,) = files_of(desk, "backscatter")
    path = desk.context.settings.data / file.path
    assert read_metadata(path)["backscatter_scale"] == "half_db"
    np.testing.assert_allclose(pq.read_table(path)["vv_db_mean"].to_numpy(), 10 * np.log10(0.3), rtol=1e-5)
    np.testing.assert_allclose(pq.read_table(path)["vv_mean"].to_numpy(), 0.09, rtol=1e-5)
