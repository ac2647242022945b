"""Products that are incomplete, damaged, or have less than was hoped for."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer

from sen4cap_core.errors import BadUploadError, NothingToDoError, UnreadableSceneError
from sen4cap_core.rasters.decoding.elevation import write_elevation
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid, tiles_of_extent
from sen4cap_core.scenes.acquisition.footprints import split_at_antimeridian
from sen4cap_core.sentinel1.acquisition import (
    Terrain,
    acquisition_orbit,
    geocode_bursts,
    parcels_met,
    plan_bursts,
)
from sen4cap_core.sentinel1.box import box_around
from sen4cap_core.sentinel1.geometry import burst_outline_deg
from sen4cap_core.sentinel1.luts import read_noise
from sen4cap_core.sentinel1.product import is_product, open_product, unwrapped
from sen4cap_core.simulation.radar.radar_pair import rolling_ground, small_pair
from sen4cap_core.simulation.radar.radar_product import write_slc
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
from tests.sentinel1.simulated_pair import Simulated


@pytest.fixture
def product(simulated: Simulated, tmp_path: Path) -> Path:
    """A copy of a product to be damaged."""
    copy = tmp_path / simulated.first.name
    shutil.copytree(simulated.first, copy)
    return copy


def test_product_is_known_by_its_name() -> None:
    assert is_product(Path("S1C_IW_SLC__1SDV_20250511T135117_20250511T135144_002518_03C421_7768.SAFE.zip"))
    assert is_product(Path("S1A_IW_GRDH_1SSV_20200708T182643_20200708T182708_033367_03DDAA_9550.SAFE"))
    assert not is_product(Path("S1A_EW_GRDM_1SDH_20200708T182643_20200708T182708_033367_03DDAA_9550.SAFE"))
    assert not is_product(Path("S2A_MSIL2A_20190616T105031_N0212_R051_T31TCJ_20190616T135219.SAFE"))


def test_single_polarisation_is_enough(simulated: Simulated) -> None:
    found = open_product(simulated.second)

    assert found.polarisations == ["VV"]
    assert (found.relative_orbit, found.direction, found.platform) == (117, "ascending", "S1A")
    assert {swath.swath for swath in found.swaths} == {"IW1", "IW2"}


def test_missing_annotation_of_a_swath(product: Path) -> None:
    next(product.glob("annotation/*iw2-slc-vv*.xml")).unlink()

    with pytest.raises(UnreadableSceneError, match="the annotation of IW2 VV is missing"):
        open_product(product)


def test_missing_measurement(product: Path) -> None:
    path = next(product.glob("measurement/*iw1-slc-vh*.tiff"))
    path.write_bytes(b"")

    with pytest.raises(UnreadableSceneError, match=r"measurement/.*iw1-slc-vh.*missing or empty"):
        open_product(product)


def test_horizontal_polarisation_alone_is_refused(product: Path) -> None:
    manifest = product / "manifest.safe"
    text = manifest.read_text()
    manifest.write_text(text.replace(">VV<", ">HH<").replace(">VH<", ">HV<"))

    with pytest.raises(UnreadableSceneError, match="it has HH and HV only"):
        open_product(product)


def test_truncated_measurement(simulated: Simulated, product: Path) -> None:
    for path in product.glob("measurement/*"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 3])
    opened = open_product(product)
    plans = plan_bursts(opened, simulated.grid, simulated.parcels)
    orbit = acquisition_orbit(opened, plans[0].annotation, None)

    with pytest.raises(UnreadableSceneError, match=r"cannot be (read|opened)"):
        list(geocode_bursts(opened, plans, orbit, Terrain((simulated.dem,)), 1))


def test_measurement_of_another_size(simulated: Simulated, product: Path) -> None:
    annotation = next(product.glob("annotation/*iw1-slc-vv*.xml"))
    text = annotation.read_text()
    annotation.write_text(text.replace("<numberOfLines>480<", "<numberOfLines>720<"))
    opened = open_product(product)
    plans = plan_bursts(opened, simulated.grid, simulated.parcels)
    orbit = acquisition_orbit(opened, plans[0].annotation, None)

    with pytest.raises(UnreadableSceneError, match="has 480 lines of 720 samples, its annotation says 720"):
        list(geocode_bursts(opened, plans[:1], orbit, Terrain((simulated.dem,)), 1))


def test_an_orbit_number_that_is_none_is_named(product: Path) -> None:
    manifest = product / "manifest.safe"
    text = manifest.read_text()
    manifest.write_text(re.sub(r"(relativeOrbitNumber[^>]*>)[^<]*", r"\1inf", text))

    with pytest.raises(UnreadableSceneError, match="relativeOrbitNumber is 'inf'"):
        open_product(product)


@pytest.mark.parametrize(
    ("pattern", "put", "said"),
    [
        (
            r"(<noiseAzimuthLut[^>]*>)[^<]*",
            r"\g<1>1.0 1.0 1.0",
            r"noiseAzimuthLut has 3 values for \d+ of line",
        ),
        (r"(<noiseRangeLut[^>]*>)[^<]*", r"\g<1>1.0", r"noiseRangeLut has 1 values for \d+ of pixel"),
        (r"(<noiseRangeLut[^>]*>)\S+", r"\g<1>nan", "noiseRangeLut holds numbers that are not finite"),
    ],
)
def test_noise_that_does_not_fit_itself_is_named(product: Path, pattern: str, put: str, said: str) -> None:
    path = next(product.glob("annotation/calibration/noise-*.xml"))
    content = re.sub(pattern, put, path.read_text(), count=1)

    with pytest.raises(UnreadableSceneError, match=said):
        read_noise(content.encode(), path.name, 480, 720)


def test_entities_in_an_annotation_are_refused(product: Path) -> None:
    path = next(product.glob("annotation/*iw1-slc-vv*.xml"))
    text = path.read_text()
    path.write_text(
        text.replace("<product>", '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><product>')
    )
    opened = open_product(product)

    with pytest.raises(BadUploadError, match="document type or entities"):
        opened.annotation(next(s for s in opened.swaths if s.polarisation == "VV"))


def test_no_parcel_below_the_scene(simulated: Simulated) -> None:
    far = np.array([shapely.box(13.9, 41.0, 13.91, 41.01)], object)

    with pytest.raises(NothingToDoError, match="no burst"):
        plan_bursts(open_product(simulated.first), simulated.grid, far)


def test_only_bursts_that_meet_a_parcel(simulated: Simulated) -> None:
    opened = open_product(simulated.first)
    corner = simulated.parcels[0].exterior.coords[0]
    small = np.array([shapely.Point(corner).buffer(0.002)], object)
    plans = plan_bursts(opened, simulated.grid, small)

    # The south-western corner: the near swath, the first burst.
    assert {(plan.swath, plan.burst.index) for plan in plans} == {("IW1", 0)}
    assert max(plans[0].box.shape) < 60


def test_bursts_outside_the_elevation_model_give_nothing(simulated: Simulated, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.tif"
    write_elevation(elsewhere, np.zeros((10, 10), np.float32), 3.0, 50.0, 0.001)
    opened = open_product(simulated.second)
    plans = plan_bursts(opened, simulated.grid, simulated.parcels)
    orbit = acquisition_orbit(opened, plans[0].annotation, None)

    assert list(geocode_bursts(opened, plans, orbit, Terrain((elsewhere,)), 1)) == []


def test_hole_in_the_elevation_model_is_a_hole_on_the_map(simulated: Simulated, tmp_path: Path) -> None:
    west, _, east, north = simulated.parcels[0].bounds
    heights = np.full((140, 140), -7.0, np.float32)
    heights[60:80, 60:80] = np.nan
    step = (east - west) / 100
    model = tmp_path / "polder.tif"
    write_elevation(model, heights, west - 0.015, north + 0.015, step)
    opened = open_product(simulated.second)
    plans = plan_bursts(opened, simulated.grid, simulated.parcels)
    terrain = Terrain((model,))

    for plan in plans:
        found = terrain.heights_m(plan.box)
        known = found[np.isfinite(found)]
        assert known.size
        # Land below the sea is land.
        assert np.allclose(known, -7.0)
    assert any(np.isnan(terrain.heights_m(plan.box)).any() for plan in plans)


def test_outline_across_the_antimeridian_does_not_jump() -> None:
    ring = shapely.Polygon([(179.5, 70), (-179.5, 70), (-179.5, 71), (179.5, 71)])

    assert unwrapped(ring).bounds == (179.5, 70.0, 180.5, 71.0)
    tile = tiles_of_extent(shapely.box(-179.9, 70.2, -179.6, 70.5))[0]
    assert box_around(unwrapped(ring), tile_grid(tile, 20)) is not None
    # Tiles, parcels and elevation models have longitudes on both sides.
    parts = split_at_antimeridian(unwrapped(ring))
    assert parts.bounds == (-180.0, 70.0, 180.0, 71.0)
    assert parts.area == pytest.approx(1.0)
    west, east = shapely.box(-179.9, 70.2, -179.6, 70.5), shapely.box(179.6, 70.2, 179.9, 70.5)
    assert parts.contains(west)
    assert parts.contains(east)
    tree = shapely.STRtree([west, east, shapely.box(0, 70, 1, 71)])
    assert parcels_met(tree, unwrapped(ring)).tolist() == [0, 1]


def test_parcels_on_both_sides_of_the_180th_meridian(tmp_path: Path) -> None:
    tile = "01WCT"
    grid = tile_grid(tile, 20)
    to_grid = Transformer.from_crs(4326, grid.epsg, always_xy=True)
    x, y = to_grid.transform(-180.0, 70.1)
    corner = round(x / 20) * 20.0 - 1200.0, round(y / 20) * 20.0 + 1200.0
    ground = replace(
        rolling_ground(tile), grid=Grid(grid.epsg, *corner, 20.0, 120, 120), m2_per_scatterer=2000.0
    )
    flight = small_pair(tile, ground=ground).first
    # Fields 400 m west and east of the meridian; in degrees they have other signs.
    fields = np.array(
        [shapely.box(x + dx - 100, y - 100, x + dx + 100, y + 100) for dx in (-400, 400)], object
    )
    parcels = shapely.transform(
        fields, lambda c: np.column_stack(to_grid.transform(c[:, 0], c[:, 1], direction="INVERSE"))
    )
    assert parcels[0].bounds[0] > 179.0
    assert parcels[1].bounds[2] < -179.0
    radar = SimulatedRadar(ground, seed=1)
    product = open_product(write_slc(tmp_path, radar, flight, ["VV"], 130.0))
    plans = plan_bursts(product, grid, parcels)
    orbit = acquisition_orbit(product, plans[0].annotation, None)
    seen = np.zeros(grid.shape, bool)
    for burst in geocode_bursts(product, plans, orbit, Terrain((_flat_model(tmp_path, grid, corner),)), 1):
        seen[burst.data.box.slices] |= np.isfinite(burst.data.power())

    for field in fields:
        west, south, east, north = field.bounds
        rows = slice(int((grid.y_max_m - north) / 20), int((grid.y_max_m - south) / 20))
        columns = slice(int((west - grid.x_min_m) / 20), int((east - grid.x_min_m) / 20))
        assert seen[rows, columns].all()
    # The same of a pass that sees the eastern side first.
    turned = replace(plans[0].annotation.grid, lon_deg=-plans[0].annotation.grid.lon_deg)
    outline = burst_outline_deg(replace(plans[0].annotation, grid=turned), plans[0].burst)
    assert 179.0 < outline[:, 0].min() < 180.0 < outline[:, 0].max() < 181.0


def _flat_model(folder: Path, grid: Grid, corner: tuple[float, float]) -> Path:
    path = folder / "flat.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=300, height=300, count=1, dtype="float32",
        crs=f"EPSG:{grid.epsg}", transform=Affine(20, 0, corner[0] - 1800, 0, -20, corner[1] + 1800),
    ) as model:  # fmt: skip
        model.write(np.full((1, 300, 300), 130.0, np.float32))
    return path
