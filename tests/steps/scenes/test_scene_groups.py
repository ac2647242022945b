"""What a scene must give follows from the site's settings; what is asked for later is added to the rest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from sqlalchemy import select

from sen4cap_core.db.models import CropCode, Job, ObservationSet, Product, SceneRow, Site
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.rasters.decoding import decode
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.steps.acquisitions.subject import find_subject
from sen4cap_core.steps.scenes.extract_parcels import extract_parcels
from sen4cap_core.steps.scenes.pictures import scene_quicklooks
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.upkeep.reconcile import reconcile
from sen4cap_core.steps.uploads.site import receive_site_config
from tests.kernels.optical.test_biophysical import in_float64, limits
from tests.steps.conftest import GRID

pytestmark = pytest.mark.service

TEN = ("B02", "B03", "B04", "B08")
TWENTY = ("B05", "B06", "B07", "B8A", "B11", "B12")
EIGHT = ("B03", "B04", *TWENTY)


def reflectance(bands: tuple[str, ...] = (*TEN, *TWENTY)) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    return {b: rng.uniform(0.02, 0.5, (120, 120) if b in TEN else (60, 60)) for b in bands}


def settle(desk, text: str) -> None:
    path = desk.folder / f"site-{next(desk._numbers)}.yaml"
    path.write_text(text)
    receive_site_config(desk.context, desk.enter(path, "site-config"))


def groups(desk) -> dict[str, list[str]]:
    with desk.context.session() as session:
        return {row.group_name: row.variables for row in session.scalars(select(ObservationSet))}


def table(desk, group: str):
    with desk.context.session() as session:
        row = session.scalars(select(ObservationSet).where(ObservationSet.group_name == group)).one()
        return pq.read_table(desk.context.settings.data / row.path)


def kinds(desk) -> dict[str, Path]:
    with desk.context.session() as session:
        rows = session.scalars(select(Product))
        return {row.kind.removeprefix("sen4cap-l3b-"): desk.context.settings.data / row.path for row in rows}


@pytest.fixture
def read_bands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the bands of which a block was decoded."""
    seen: list[str] = []
    real = decode.BandFiles.read

    def read(self, source, block):
        seen.append(source.name)
        return real(self, source, block)

    monkeypatch.setattr(decode.BandFiles, "read", read)
    return seen


def test_ndvi_alone_where_no_crop_types_are_made(desk, read_bands) -> None:
    desk.declare()
    done = desk.process(desk.scene(16, reflectance=reflectance()))

    assert groups(desk) == {"ndvi": ["ndvi"]}
    assert list(kinds(desk)) == ["ndvi"]
    assert set(read_bands) == {"B04", "B08", "SCL"}
    assert done.made == ["ndvi"]


def test_ten_bands_where_crop_types_are_made_each_decoded_once(desk, read_bands) -> None:
    settle(desk, "processors: {l4a: true}")
    desk.declare()
    values = reflectance()
    desk.process(desk.scene(16, reflectance=values))

    assert groups(desk)["bands"] == ["b02", "b03", "b04", "b05", "b06", "b07", "b08", "b11", "b12", "b8a"]
    assert list(kinds(desk)) == ["ndvi"]
    assert sorted(read_bands) == sorted([*TEN, *TWENTY, "SCL"])
    bands = table(desk, "bands")
    # The first field: rows and columns 6..24 of 10 m pixels.
    inner = slice(6, 25)
    for band in (*TEN, *TWENTY):
        pixels = values[band] if band in TEN else np.kron(values[band], np.ones((2, 2)))
        pixels = np.rint(pixels[inner, inner] * 10_000) / 10_000
        mean, std = (bands[f"{band.lower()}_{part}"][0].as_py() for part in ("mean", "std"))
        np.testing.assert_allclose([mean, std], [pixels.mean(), pixels.std(ddof=1)], atol=1e-6)
        assert bands[f"{band.lower()}_n_valid"].to_pylist() == [19 * 19] * 4


def test_bands_are_added_to_processed_scenes_when_crop_codes_come(desk) -> None:
    desk.declare()
    desk.process(desk.scene(16, reflectance=reflectance()))
    raster = kinds(desk)["ndvi"]
    before = raster.stat().st_mtime_ns, table(desk, "ndvi")
    with desk.context.session() as session:
        session.add(
            CropCode(
                site_id=1, year=2019, ori_crop="265", ctnum=1, ct="a", lc=1, ctnum_l4a=1, ct_l4a="a",
                ctnum_div=1, ct_div="a", eaa=True, al=True, pgrass=False, tgrass=False, fallow=False,
                cwater=False,
            )
        )  # fmt: skip

    assert reconcile(desk.context).extractions == 1
    extract_parcels(desk.context, 1)

    assert set(groups(desk)) == {"ndvi", "bands"}
    assert (raster.stat().st_mtime_ns, table(desk, "ndvi")) == before


def test_indices_asked_for_later_are_made_for_processed_scenes(desk, read_bands) -> None:
    desk.declare()
    scene_id = desk.process(desk.scene(16, reflectance=reflectance())).subject.scene_id
    before = table(desk, "ndvi")
    settle(desk, "processors: {l3b: [ndvi, ndwi]}")
    with desk.context.session() as session:
        assert (
            session.scalars(select(Job.state).where(Job.key == f"process-scene/{scene_id}")).one()
            == "waiting"
        )
    read_bands.clear()
    process_scene(desk.context, scene_id)

    assert set(read_bands) == {"B08", "B11", "SCL"}
    assert sorted(kinds(desk)) == ["ndvi", "ndwi"]
    assert groups(desk) == {"ndvi": ["ndvi"], "indices": ["ndwi"]}

    settle(desk, "processors: {l3b: [ndvi, ndwi, brightness]}")
    read_bands.clear()
    process_scene(desk.context, scene_id)
    # The first index comes out of its own raster.
    assert set(read_bands) == {"B03", "B04", "SCL", "ndwi"}
    assert groups(desk)["indices"] == ["brightness", "ndwi"]
    assert table(desk, "ndvi").equals(before)
    with pytest.raises(NothingToDoError, match="complete"):
        process_scene(desk.context, scene_id)
    assert not reconcile(desk.context).rasters


def test_index_rasters_hold_the_formula(desk) -> None:
    settle(desk, "processors: {l3b: [ndwi, brightness]}")
    values = reflectance()
    desk.process(desk.scene(16, reflectance=values))

    stored = {b: np.rint(v * 10_000) / 10_000 for b, v in values.items()}
    fine = np.kron(stored["B11"], np.ones((2, 2)))
    expected = {
        "ndwi": (stored["B08"] - fine) / (stored["B08"] + fine),
        "brightness": np.sqrt((stored["B04"] ** 2 + stored["B03"] ** 2) / 2),
    }
    for name, path in kinds(desk).items():
        with rasterio.open(path) as dataset:
            np.testing.assert_allclose(dataset.read(1) * dataset.scales[0], expected[name], atol=5.1e-5)
    assert sorted(kinds(desk)) == ["brightness", "ndwi"]


def test_biophysical_variables_asked_for_later_leave_the_rest_alone(desk, read_bands) -> None:
    settle(desk, "processors: {l3b: [ndvi], l4a: {enabled: false}}")
    desk.declare()
    scene_id = desk.process(desk.scene(16, reflectance=reflectance())).subject.scene_id
    raster = kinds(desk)["ndvi"]
    before = raster.stat().st_mtime_ns, table(desk, "ndvi")
    settle(desk, "processors: {l3b: [ndvi, lai], l4a: {enabled: false}}")
    read_bands.clear()
    process_scene(desk.context, scene_id)
    assert sorted(read_bands) == sorted([*EIGHT, "SCL"])
    assert groups(desk) == {"ndvi": ["ndvi"], "biophysical": ["lai"]}
    alone = kinds(desk)["lai"].read_bytes(), table(desk, "biophysical")

    settle(desk, "processors: {l3b: [ndvi, lai, fapar, fcover], l4a: {enabled: false}}")
    process_scene(desk.context, scene_id)
    assert sorted(kinds(desk)) == ["fapar", "fcover", "lai", "ndvi"]
    assert (raster.stat().st_mtime_ns, table(desk, "ndvi")) == before
    together = table(desk, "biophysical")
    assert groups(desk)["biophysical"] == ["fapar", "fcover", "lai"]
    assert together.select(alone[1].column_names).equals(alone[1])
    assert kinds(desk)["lai"].read_bytes() == alone[0]
    assert find_subject(desk.context, scene_id).is_complete


def test_everything_at_once_reads_each_band_once(desk, read_bands) -> None:
    settle(desk, "processors: {l3b: [ndvi, lai, fapar, fcover], l4a: true}")
    desk.declare()
    done = desk.process(desk.scene(16, reflectance=reflectance()))
    assert sorted(read_bands) == sorted([*TEN, *TWENTY, "SCL"])
    assert sorted(done.made) == ["fapar", "fcover", "lai", "ndvi"]
    assert "Quicklook: LAI" in scene_quicklooks(desk.context, done)
    assert groups(desk)["biophysical"] == ["fapar", "fcover", "lai"]
    # A pixel that one network rejects may be kept by the others.
    counts = table(desk, "biophysical")
    assert all(0 < n <= 19 * 19 for n in counts.column("lai_n_valid").to_pylist())


def test_leaf_area_is_that_of_the_network_with_the_angles_of_the_granule(desk) -> None:
    settle(desk, "processors: {l3b: [lai], l4a: false}")
    values = reflectance()
    path = desk.scene(16, reflectance=values, platform="S2C")
    done = desk.process(path)

    (scene,) = open_scenes(path)
    assert scene.angles is not None
    view, sun = scene.angles.view_over_detectors(list(values)), scene.angles.sun
    # The scene lies within the first cell of the grid of angles; its nodes differ by a hundredth of a degree.
    zenith, azimuth = view.zenith_deg[0, 0], view.azimuth_deg[0, 0]
    cosines = np.cos(np.deg2rad([zenith, sun.zenith_deg[0, 0], sun.azimuth_deg[0, 0] - azimuth]))
    stored = {b: np.rint(values[b] * 10_000) / 10_000 for b in EIGHT}
    coarse = [
        v if v.shape == (60, 60) else v.reshape(60, 2, 60, 2).mean(axis=(1, 3)) for v in stored.values()
    ]
    inputs = np.hstack([np.stack(coarse, -1).reshape(-1, 8), np.tile(cosines, (3600, 1))])
    lai, _, rejected = limits("S2A", "lai", in_float64("S2A", "lai", inputs))
    with rasterio.open(kinds(desk)["lai"]) as dataset:
        found = dataset.read(1).ravel()
        assert dataset.shape == (60, 60)
    np.testing.assert_array_equal(found == -32_768, rejected)
    np.testing.assert_allclose(found[~rejected] / 1000, lai[~rejected], atol=5e-3)

    assert "S2C uses the network of S2A" in done.warnings
    item = json.loads(kinds(desk)["lai"].with_suffix(".json").read_text())["properties"]
    assert (item["sen4cap:network"], item["sen4cap:view_angles"]) == ("S2A", "grid")
    assert item["sen4cap:rejected_percent"] == round(100 * rejected.mean(), 2)
    assert "S2C uses the network of S2A" in item["processing:lineage"]


def test_bands_a_product_does_not_have_are_noted_and_not_asked_for_again(desk) -> None:
    settle(desk, "processors: {l4a: true, l3b: [ndvi, ndwi]}")
    desk.declare()
    done = desk.process(desk.scene(16))

    assert done.lacking["b11"] == "the product has no band B11"
    assert any("no ndwi" in warning for warning in done.warnings)
    assert groups(desk) == {"ndvi": ["ndvi"], "bands": ["b04", "b08"]}
    assert find_subject(desk.context, done.subject.scene_id).is_complete
    found = reconcile(desk.context)
    assert (found.rasters, found.extractions) == (0, 0)


def test_a_scene_under_cloud_is_skipped_with_its_reason(desk, read_bands) -> None:
    desk.declare()
    scene_id = desk.ingest(desk.scene(16, scl=9))
    with pytest.raises(NothingToDoError, match="no clear land pixel"):
        process_scene(desk.context, scene_id)

    with desk.context.session() as session:
        scene = session.get_one(SceneRow, scene_id)
        assert scene.state == "skipped"
        assert "cloud 100%" in scene.state_reason
        assert (scene.clear_fraction, scene.data_fraction) == (0.0, 1.0)
    assert set(read_bands) == {"SCL"}
    assert (groups(desk), kinds(desk)) == ({}, {})


def test_a_sensor_without_a_maker_is_refused(desk) -> None:
    scene_id = desk.ingest(desk.scene(16))
    with desk.context.session() as session:
        session.get_one(SceneRow, scene_id).sensor = "x1-unheard-of"
        assert session.get_one(Site, 1).enabled
    with pytest.raises(Sen4capError, match="x1-unheard-of"):
        process_scene(desk.context, scene_id)


def test_the_labels_grid_is_the_scene_grid() -> None:
    assert GRID.zoomed(2) == GRID.at_resolution(20)
    assert GRID.zoomed(7) is None
