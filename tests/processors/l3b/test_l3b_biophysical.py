"""LAI, fAPAR and fCover of scenes of all kinds: which network, and that they do not depend on company."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from sen4cap_core.processors.l3b.biophysical import Biophysical, Inversion, inversion_of
from sen4cap_core.processors.l3b.items import pass_plan
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans, burn_labels
from sen4cap_core.rasters.passes.scene_pass import PassResult, run_pass
from sen4cap_core.scenes.acquisition.angles import AngleGrid, MeanAngle, SceneAngles
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.simulation.optical.safe_product import tile_scene

FINE = ("B02", "B03", "B04", "B08")
COARSE = ("B05", "B06", "B07", "B8A", "B11", "B12")
NAMES = ("ndvi", "lai", "fapar", "fcover", "b03", "b8a")


def write_scene(folder: Path, bands: tuple[str, ...] = (*FINE, *COARSE), **options: object) -> Scene:
    """Leaves over soil by pixel, so that most results lie within the limits of the networks."""
    rng = np.random.default_rng(4)
    leaves = rng.uniform(0, 1, (60, 60))
    soil = dict(
        zip((*FINE, *COARSE), (0.06, 0.09, 0.13, 0.22, 0.16, 0.19, 0.2, 0.23, 0.3, 0.25), strict=True)
    )
    green = dict(
        zip((*FINE, *COARSE), (0.02, 0.05, 0.03, 0.45, 0.09, 0.35, 0.43, 0.46, 0.2, 0.1), strict=True)
    )
    values = {}
    for band in bands:
        share = leaves if band in COARSE else np.kron(leaves, np.ones((2, 2)))
        values[band] = soil[band] + share * (green[band] - soil[band]) + rng.normal(0, 0.004, share.shape)
    return open_scenes(tile_scene(folder, reflectance=values, **options))[0]


def labels_on(grid: Grid) -> LabelSpans:
    left, top = grid.x_min_m, grid.y_max_m
    squares = [
        shapely.box(left + x, top - y - 230, left + x + 310, top - y) for x in (35, 505) for y in (45, 605)
    ]
    return burn_labels(squares, range(4), grid, -5.0)


def compute(scene: Scene, names: tuple[str, ...], folder: Path | None, threads: int = 2) -> PassResult:
    rasters = {n: folder / f"{n}.tif" for n in names if not n.startswith("b")} if folder else {}
    return run_pass(
        scene.bands,
        scene.masks,
        scene.grid,
        variables=pass_plan(names, scene).items,
        labels=labels_on(scene.grid),
        raster_paths=rasters,
        threads=threads,
    )


def test_one_by_one_equals_all_at_once(tmp_path: Path) -> None:
    scl = np.full((60, 60), 4)
    scl[10:20, 30:44] = 9
    scene = write_scene(tmp_path, scl=scl)
    together = compute(scene, NAMES, tmp_path / "all").observations
    for name in NAMES:
        alone = compute(scene, (name,), tmp_path / name if name[0] != "b" else None, threads=1).observations
        for part in ("n_valid", "total", "squares"):
            one, all_ = (getattr(sums.variables[name], part) for sums in (alone, together))
            np.testing.assert_array_equal(one, all_)
        if name[0] != "b":
            assert (tmp_path / name / f"{name}.tif").read_bytes() == (
                tmp_path / "all" / f"{name}.tif"
            ).read_bytes()
    with rasterio.open(tmp_path / "all/lai.tif") as dataset:
        lai = dataset.read(1)
        assert dataset.res == (20.0, 20.0)
        assert dataset.scales == (0.001,)
    assert (lai[scl == 9] == -32_768).all()
    assert (lai[scl == 4] != -32_768).mean() > 0.9
    # The parcels' counts are of 10 m pixels, whatever the size of the network's.
    assert together.variables["lai"].n_valid.max() <= together.n_total.max()


def test_without_rasters_the_networks_run_on_the_pixels_of_parcels_alone(tmp_path: Path) -> None:
    scene = write_scene(tmp_path)
    plan = pass_plan(("ndvi", "lai", "fapar", "fcover"), scene)
    labels = labels_on(scene.grid)
    alone = run_pass(
        scene.bands, scene.masks, scene.grid, variables=plan.items, labels=labels, raster_paths={}, threads=2
    ).observations  # fmt: skip
    touched = np.zeros((60, 60), bool)
    for row, first, last in zip(labels.rows, labels.first, labels.last, strict=True):
        touched[row // 2, first // 2 : last // 2 + 1] = True
    counts = [item.counts for item in plan.items if isinstance(item, Biophysical)]
    assert counts[0] is not None
    assert counts[0].computed() == touched.sum()
    everywhere = compute(scene, ("ndvi", "lai", "fapar", "fcover"), tmp_path / "out").observations
    for name in ("ndvi", "lai", "fapar", "fcover"):
        for part in ("n_valid", "total", "squares"):
            one, other = (getattr(sums.variables[name], part) for sums in (alone, everywhere))
            np.testing.assert_array_equal(one, other)


def test_a_block_without_clear_pixels_and_the_edge_of_the_swath(tmp_path: Path) -> None:
    scl = np.zeros((60, 60), int)
    scl[:, :6] = 5
    scene = write_scene(tmp_path, scl=scl)
    result = compute(scene, ("ndvi", "lai"), tmp_path / "out")
    assert result.data_fraction == 0.1
    with rasterio.open(tmp_path / "out/lai.tif") as dataset:
        lai = dataset.read(1)
    assert (lai[:, 6:] == -32_768).all()
    assert (lai[:, :6] != -32_768).mean() > 0.9


def test_old_and_new_baselines_of_the_same_ground_tell_the_same(tmp_path: Path) -> None:
    found = []
    for baseline in ("02.07", "04.00", "05.10"):
        compute(write_scene(tmp_path / baseline, baseline=baseline), ("lai", "fapar"), tmp_path / baseline)
        with rasterio.open(tmp_path / baseline / "lai.tif") as dataset:
            found.append(dataset.read(1).astype(int))
    assert np.abs(found[1] - found[0]).max() <= 1
    np.testing.assert_array_equal(found[1], found[2])


def chosen(scene: Scene) -> Inversion:
    inversion = inversion_of(scene)
    assert isinstance(inversion, Inversion)
    return inversion


@pytest.mark.parametrize(
    ("platform", "name", "note"),
    [("S2A", "S2A", None), ("S2B", "S2B", None), ("S2C", "S2A", "S2C uses the network of S2A")],
)
def test_the_network_of_the_platform(tmp_path: Path, platform: str, name: str, note: str | None) -> None:
    inversion = chosen(write_scene(tmp_path, platform=platform))
    assert inversion.network.name == name
    assert inversion.notes == ((note,) if note else ())
    assert inversion.method == f"network 3.0 {name}, 20 m, angles: sun grid, view grid"


def test_without_the_red_edge_the_network_of_three_bands_is_used_and_said(tmp_path: Path) -> None:
    scene = write_scene(tmp_path, bands=FINE, platform="S2B")
    inversion = chosen(scene)
    assert (inversion.network.name, inversion.resolution_m) == ("S2B 10 m", 10.0)
    assert "the network of three bands is used" in inversion.notes[0]
    compute(scene, ("lai",), tmp_path / "out")
    with rasterio.open(tmp_path / "out/lai.tif") as dataset:
        assert dataset.res == (10.0, 10.0)
        assert (dataset.read(1) != -32_768).mean() > 0.9


def test_what_cannot_be_made_says_why(tmp_path: Path) -> None:
    scene = write_scene(tmp_path, bands=("B04", "B08"))
    assert pass_plan(NAMES, scene).lacking["lai"].startswith("the product has no band B03")
    whole = write_scene(tmp_path / "whole")
    assert inversion_of(replace(whole, angles=None)) == "the product does not say where the sun stood"
    assert inversion_of(replace(whole, platform="X1")) == "there is no network for X1"


def test_landsat_has_a_network_of_its_own_bands(tmp_path: Path) -> None:
    scene = write_scene(tmp_path)
    bands = {name: scene.bands[name] for name in ("B02", "B03", "B04", "B08", "B11", "B12")}
    sun = SceneAngles(scene.grid.x_min_m, scene.grid.y_max_m, mean_sun=MeanAngle(35.0, 140.0))
    inversion = chosen(replace(scene, platform="L9", bands=bands, angles=sun))
    assert inversion.network.name == "Landsat 8"
    assert inversion.notes == (
        "L9 uses the network of Landsat 8",
        "the product states no view direction: the sensor is taken to look straight down",
    )


def test_angle_grids_without_a_number_give_way_to_the_mean_angles(tmp_path: Path) -> None:
    scene = write_scene(tmp_path)
    assert scene.angles is not None
    nothing = np.full((23, 23), np.nan, np.float32)
    empty = {band: {1: AngleGrid(nothing, nothing, 5000.0, 5000.0)} for band in scene.bands}
    inversion = chosen(replace(scene, angles=replace(scene.angles, view=empty)))
    assert inversion.cosines.view_source == "mean"
    assert "the mean angles of the tile are used" in inversion.notes[0]
    result = compute(replace(scene, angles=replace(scene.angles, view=empty)), ("lai",), None)
    assert result.observations is not None
    whole = compute(scene, ("lai",), None).observations
    # The mean of the simulated tile lies within some degrees of its corner.
    np.testing.assert_allclose(
        result.observations.variables["lai"].mean(), whole.variables["lai"].mean(), rtol=0.05
    )


def test_domain_flags_as_rasters_and_shares_of_parcels(tmp_path: Path) -> None:
    scl = np.full((60, 60), 4)
    scl[10:20, 30:44] = 9
    scene = write_scene(tmp_path, scl=scl)
    flags = ("input_domain", "lai_domain", "fapar_domain", "fcover_domain")
    plan = pass_plan(("lai", *flags), scene)
    result = run_pass(
        scene.bands,
        scene.masks,
        scene.grid,
        variables=plan.items,
        labels=labels_on(scene.grid),
        raster_paths={name: tmp_path / f"{name}.tif" for name in ("lai", *flags)},
        threads=2,
    )
    found, images = plan.found(), {}
    for name in ("lai", *flags):
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            images[name] = dataset.read(1).astype(int)
    clear = scl == 4
    for name in flags:
        assert set(np.unique(images[name][clear])) <= {0, 10_000}
        assert (images[name][~clear] == -32_768).all()
    share = 100 * (images["input_domain"][clear] == 10_000).mean()
    assert 0 < share < 100
    assert found["input_domain"]["sen4cap:outside_input_domain_percent"] == pytest.approx(share, abs=0.01)
    lai = images["lai"]
    beyond = images["lai_domain"] == 10_000
    assert (beyond[clear & (lai == -32_768)]).all(), "rejected"
    assert np.isin(lai[beyond], (-32_768, 0, 8000)).all(), "rejected or set to a limit"
    stated = found["lai_domain"]
    assert stated["sen4cap:set_to_limit_percent"] + stated["sen4cap:rejected_percent"] == pytest.approx(
        100 * beyond[clear].mean(), abs=0.02
    )
    sums = result.observations.variables["input_domain"]
    alone = compute(scene, ("input_domain",), None).observations.variables["input_domain"]
    np.testing.assert_array_equal(sums.total, alone.total)
    spans = labels_on(scene.grid)
    for parcel, mean in enumerate(sums.mean()):
        inside = np.zeros(scene.grid.shape, bool)
        for row, first, last, owner in zip(spans.rows, spans.first, spans.last, spans.parcel, strict=True):
            inside[row, first : last + 1] |= owner == parcel
        pixels = np.kron(images["input_domain"], np.ones((2, 2), int))[inside]
        assert mean == pytest.approx((pixels[pixels >= 0] == 10_000).mean(), abs=1e-6)
    # An agency's list: the flags of results that are not asked for themselves.
    only = pass_plan(("fapar_domain",), scene)
    assert [output.name for output in only.items[0].outputs] == ["fapar_domain"]
    assert "sen4cap:rejected_percent" in only.found()["fapar_domain"]
