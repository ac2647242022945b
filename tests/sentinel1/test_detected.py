"""Detected products (GRD): geometry against published annotations, backscatter against simulated truth."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray

from sen4cap_core.errors import NothingToDoError, UnreadableSceneError
from sen4cap_core.rasters.decoding.radar_image import write_uint16
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.sentinel1.acquisition import Terrain, acquisition_orbit
from sen4cap_core.sentinel1.annotation import SPEED_OF_LIGHT_M_S, Annotation, read_annotation
from sen4cap_core.sentinel1.detected import detected_backscatter, detected_samples, plan_detected
from sen4cap_core.sentinel1.geometry import Nodes
from sen4cap_core.sentinel1.orbit import fit_orbit
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.simulation.radar.radar_detected import write_grd
from sen4cap_core.simulation.radar.radar_pair import RadarPair, small_pair
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
from tests.sentinel1.simulated_pair import GRID_HEIGHT_M, VH_NOISE, outline_deg

REAL = "s1-grd-metadata/tests/data/S1A_IW_GRDH_1SDV_20200708T182643_20200708T182708_033367_03DDAA_9550.zip"


def samples_of_grid(annotation: Annotation) -> NDArray[np.float64]:
    """Samples at which we put the points of the geolocation grid, from their times and slant ranges."""
    grid = annotation.grid
    first, last = min(grid.azimuth_time), max(grid.azimuth_time)
    orbit = fit_orbit(annotation.state_vectors, first, last, source="annotation", name=annotation.name)
    times = np.array([[orbit.seconds(moment) for moment in grid.azimuth_time]])
    ranges = grid.range_time_s[None, :] * SPEED_OF_LIGHT_M_S / 2.0
    return detected_samples(Nodes(times, ranges), annotation, orbit, 1)[0]


def test_ground_range_of_a_published_grid(shared: Path) -> None:
    with zipfile.ZipFile(shared / "data" / REAL) as archive:
        names = [n for n in archive.namelist() if "/annotation/s1a" in n and n.endswith(".xml")]
        assert len(names) == 2
        for name in names:
            annotation = read_annotation(archive.read(name), name)
            off = samples_of_grid(annotation) - annotation.grid.pixel
            assert len(annotation.ground_ranges) == 28
            # Within 2 m, across 250 km: the polynomials are those of the mean terrain height near their time.
            assert np.abs(off).max() < 0.2


@pytest.fixture(scope="module")
def pair() -> RadarPair:
    return small_pair(noise={"VH": VH_NOISE})


@pytest.fixture(scope="module")
def folder(pair: RadarPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product as a folder, and the elevation model."""
    folder = tmp_path_factory.mktemp("grd")
    radar = SimulatedRadar(pair.ground, seed=11)
    write_grd(folder, radar, pair.first, ["VV", "VH"], GRID_HEIGHT_M)
    radar.write_dem(folder / "dem.tif")
    return folder


@pytest.fixture
def product(folder: Path) -> Path:
    return next(folder.glob("*.SAFE"))


def backscatter(pair: RadarPair, product: Path, dem: Path) -> dict[str, NDArray[np.float32]]:
    """Backscatter on the cells of the scene."""
    opened = open_product(product)
    grid = tile_grid(pair.tile, 20)
    parcels = np.array([outline_deg(pair.ground.grid)], object)
    box = plan_detected(opened, grid, parcels)
    annotation = opened.annotation(opened.swaths[0])
    found = detected_backscatter(opened, box, acquisition_orbit(opened, annotation, None), Terrain((dem,)), 2)
    row = round((grid.y_max_m - pair.ground.grid.y_max_m) / 20) - box.row
    column = round((pair.ground.grid.x_min_m - grid.x_min_m) / 20) - box.column
    cells = slice(row, row + pair.ground.grid.height), slice(column, column + pair.ground.grid.width)
    return {pol: values[cells] for pol, values in found.items()}


@pytest.fixture(scope="module")
def seen(pair: RadarPair, folder: Path) -> dict[str, NDArray[np.float32]]:
    """Backscatter of the product as it is."""
    return backscatter(pair, next(folder.glob("*.SAFE")), folder / "dem.tif")


def test_points_of_the_simulated_grid(product: Path) -> None:
    opened = open_product(product)

    for swath in opened.swaths:
        annotation = opened.annotation(swath)
        assert np.abs(samples_of_grid(annotation) - annotation.grid.pixel).max() < 0.02


def test_backscatter_is_that_of_the_ground(pair: RadarPair, seen: dict[str, NDArray[np.float32]]) -> None:
    for pol, truth in pair.ground.sigma0.items():
        inner = seen[pol][20:-20, 20:-20]
        assert np.isfinite(inner).all()
        assert float(inner.mean()) == pytest.approx(truth, rel=0.02)


def test_a_zip_gives_the_same(
    pair: RadarPair, folder: Path, product: Path, seen: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / product.name), "zip", folder, product.name))

    theirs = backscatter(pair, packed, folder / "dem.tif")

    np.testing.assert_array_equal(seen["VV"], theirs["VV"])


def test_what_was_not_seen_has_no_value(
    pair: RadarPair, folder: Path, product: Path, seen: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    nowhere = tmp_path / "dem.tif"
    shutil.copy(folder / "dem.tif", nowhere)
    with rasterio.open(nowhere, "r+") as model:
        heights = model.read(1)
        heights[: heights.shape[0] // 2] = model.nodata
        model.write(heights, 1)
    half = backscatter(pair, product, nowhere)["VV"]

    assert np.isnan(half[:100]).all()
    np.testing.assert_allclose(half[-100:], seen["VV"][-100:], rtol=1e-5)


def test_a_parcel_elsewhere(product: Path, pair: RadarPair) -> None:
    far = np.array([shapely.box(13.9, 41.0, 13.91, 41.01)], object)

    with pytest.raises(NothingToDoError, match="sees no parcel on this tile"):
        plan_detected(open_product(product), tile_grid(pair.tile, 20), far)


def test_truncated_measurement(pair: RadarPair, folder: Path, product: Path, tmp_path: Path) -> None:
    copy = tmp_path / product.name
    shutil.copytree(product, copy)
    path = next(copy.glob("measurement/*-vv-*"))
    path.write_bytes(path.read_bytes()[:20_000])

    with pytest.raises(UnreadableSceneError, match=r"cannot be (read|opened)"):
        backscatter(pair, copy, folder / "dem.tif")


def test_conversion_to_ground_range_is_needed(product: Path, tmp_path: Path) -> None:
    text = next(product.glob("annotation/*-vv-*.xml")).read_text()
    start, end = text.index("<coordinateConversion>"), text.index("<geolocationGrid>")

    with pytest.raises(UnreadableSceneError, match="conversion from slant to ground range is missing"):
        read_annotation((text[:start] + text[end:]).encode(), "grd.xml")


def test_border_noise_of_an_old_product_is_masked(
    pair: RadarPair, folder: Path, product: Path, seen: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    copy = tmp_path / product.name
    shutil.copytree(product, copy)
    for path in copy.glob("measurement/*.tiff"):
        with rasterio.open(path) as image:
            values = image.read(1)
        values[:, : values.shape[1] // 4] = 3
        write_uint16(str(path), values)
    new = backscatter(pair, copy, folder / "dem.tif")
    manifest = copy / "manifest.safe"
    manifest.write_text(manifest.read_text().replace('version="003.40"', 'version="002.84"'))
    old = backscatter(pair, copy, folder / "dem.tif")

    for pol, before in seen.items():
        masked = np.isnan(old[pol]) & np.isfinite(before)
        assert 0.1 < masked.mean() < 0.4
        # All that was noise is masked; what is left is as it was.
        dark = np.isfinite(new[pol]) & (new[pol] < 0.02 * before)
        assert dark.mean() > 0.1
        assert masked[dark].all()
        # But for cells that the border cuts: half of them is enough.
        kept = np.isfinite(old[pol])
        assert (old[pol][kept] == before[kept]).mean() > 0.98
        assert float(old[pol][kept].mean()) == pytest.approx(float(before[kept].mean()), rel=0.01)


def test_the_cloud_optimised_form_is_read_as_well(product: Path, tmp_path: Path) -> None:
    copy = tmp_path / product.name.replace(".SAFE", "_COG.SAFE")
    shutil.copytree(product, copy)
    for path in [p for p in copy.rglob("*-grd-*") if p.is_file()]:
        path.rename(path.with_name(f"{path.stem}-cog{path.suffix}"))
    opened = open_product(copy)

    assert opened.name == product.stem
    assert [swath.polarisation for swath in opened.swaths] == ["VH", "VV"]
    assert all(swath.measurement.endswith("-cog.tiff") for swath in opened.swaths)
