"""A whole simulated season."""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.l4b_file import read_l4b_config
from sen4cap_core.declarations.sites.site import read_site_config
from sen4cap_core.declarations.tables.crop_codes import read_crop_codes
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.simulation.land.burning import burn
from sen4cap_core.simulation.land.crops import CROPS, GRASSLAND_CODES
from sen4cap_core.simulation.season import Season, SeasonTruth, area_grid, simulate_season


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SeasonTruth]:
    home = tmp_path_factory.mktemp("home")
    out = home / "uploads" / "demo"
    return out, simulate_season(out, seed=3, size_m=1500, n_dates=4, declarations_epsg=3857)


def files_of(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def reflectance(band: BandSource) -> NDArray[np.float64]:
    with rasterio.open(band.uri) as dataset:
        numbers = dataset.read(1)
    return np.where(numbers == band.nodata, np.nan, numbers * band.scale + band.offset)


def test_the_upload_folder_has_its_layout(season: tuple[Path, SeasonTruth]) -> None:
    out, truth = season

    assert sorted(p.name for p in out.iterdir()) == ["2019", "site.yaml", "site.zip"]
    assert sorted(p.name for p in (out / "2019").iterdir()) == [
        "crop-codes", "declarations", "l4b-config", "scenes",
    ]  # fmt: skip
    assert sorted((out / "2019/scenes").iterdir()) == sorted(truth.scenes)
    assert [p.name for p in out.parent.iterdir()] == ["demo"]
    assert sorted(p.name for p in (out.parents[1] / "truth").iterdir()) == [
        "mowings.csv", "parcels.csv", "passes.csv",
    ]  # fmt: skip


def test_the_uploads_are_accepted_by_their_readers(season: tuple[Path, SeasonTruth]) -> None:
    out, truth = season

    site = read_site_config(out / "site.yaml")
    codes = read_crop_codes(out / "2019/crop-codes/crop-codes-2019.csv")
    config = read_l4b_config(out / "2019/l4b-config/S4C_L4B_Config_2019.cfg")

    assert site.seasons[0].start == date(2019, 3, 1)
    assert site.seasons[0].year == truth.year == 2019
    assert {crop.code for crop in CROPS} == set(codes.codes)
    assert {period.crop_code for period in config.compliance} == set(GRASSLAND_CODES)


def test_declarations_are_the_fields(season: tuple[Path, SeasonTruth]) -> None:
    out, truth = season
    (path,) = (out / "2019/declarations").iterdir()
    table = geopandas.read_file(path)
    extent = geopandas.read_file(out / "site.zip")

    assert table.crs.to_epsg() == 3857
    assert table["PARCELA"].tolist() == truth.parcels["parcel_id"].tolist()
    assert table["PARCELA"].is_unique
    assert table["COD_CULT"].tolist() == truth.parcels["crop_code"].tolist()
    assert (table["COD_CULT"].str.len() == 3).all()  # leading zeros are there
    assert table["MUNICIPIO"][0] == "Villaverde de la Peña"
    back = table.to_crs(truth.grid.epsg).geometry
    assert shapely.hausdorff_distance(back.values, truth.parcels.geometry.values).max() < 0.01
    assert extent.geometry[0].contains(back.union_all())
    n_holdings = table["EXPLOT"].nunique()
    assert 3 <= n_holdings < len(table) / 2


def test_truth_tables(season: tuple[Path, SeasonTruth]) -> None:
    out, truth = season
    folder = out.parents[1] / "truth"
    with (folder / "parcels.csv").open() as file:
        parcels = list(csv.DictReader(file))
    with (folder / "mowings.csv").open() as file:
        mowings = list(csv.DictReader(file))

    assert len(parcels) == len(truth.parcels)
    counted = {row["parcel_id"]: 0 for row in parcels}
    for row in mowings:
        counted[row["parcel_id"]] += 1
    assert {row["parcel_id"]: int(row["n_mowings"]) for row in parcels} == counted
    assert sum(counted.values()) == len(truth.mowings) > 10


def test_every_scene_opens_with_all_bands(season: tuple[Path, SeasonTruth]) -> None:
    _, truth = season
    for path, one in zip(truth.scenes, truth.passes, strict=True):
        (scene,) = open_scenes(path)
        assert scene.acquired_at.date() == one.at.date()
        assert scene.grid == truth.grid
        assert len(scene.bands) == 12
        assert scene.scl is not None
        assert scene.warnings == []


@pytest.mark.parametrize("baseline", ["02.12", "05.10"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_parcel_ndvi_of_a_clear_scene_is_the_true_one(tmp_path: Path, baseline: str, as_zip: bool) -> None:
    season = Season(seed=3, size_m=1500, baseline=baseline, bands="10m-only-ndvi")
    one = min(season.passes, key=lambda p: (p.cloud_cover, p.haze, p.relative_orbit != 137))
    assert one.cloud_cover == 0

    (scene,) = open_scenes(season.write_scene(one, tmp_path, as_zip=as_zip))
    red, near = reflectance(scene.bands["B04"]), reflectance(scene.bands["B08"])
    ndvi = (near - red) / (near + red)
    inner = shapely.buffer(season.truth.parcels.geometry.values, -25)
    labels = burn(inner, season.grid)
    true = season.ndvi_on(one.at.date())
    counts = np.bincount(labels[labels >= 0], minlength=len(true))
    means = np.bincount(labels[labels >= 0], ndvi[labels >= 0], len(true)) / np.maximum(counts, 1)
    large = counts >= 20

    assert large.sum() > 20
    difference = means[large] - true[large]
    # Haze lowers NDVI a little, texture moves it; the crops are hundreds of times farther apart.
    assert np.abs(difference).max() < 0.06
    assert -0.03 < difference.mean() < 0.01
    assert set(scene.bands) == {"B02", "B03", "B04", "B08"}


def test_both_baselines_have_the_same_reflectance() -> None:
    old = Season(seed=3, size_m=1020, baseline="02.12", n_dates=3)
    new = Season(seed=3, size_m=1020, baseline="05.10", n_dates=3)
    for one in old.passes:
        a, b = old.images(one), new.images(one)
        assert a.keys() == b.keys()
        for band in set(a) - {"SCL", "TCI"}:
            first, second = a[band].astype(int), b[band].astype(int)
            assert np.array_equal(first == 0, second == 0)
            # Where the old product cannot store what is below zero, the new one can.
            assert np.abs(np.maximum(first, 1) - np.maximum(second - 1000, 1))[first > 0].max() <= 1, band
        assert np.array_equal(a["SCL"], b["SCL"])


def test_classes_follow_clouds_shadows_and_ground() -> None:
    season = Season(seed=4, size_m=3000, bands="10m-only-ndvi", n_dates=None)
    cloudy = min(season.passes, key=lambda p: (abs(p.cloud_cover - 0.3), p.relative_orbit))
    images = season.images(cloudy)
    scl = images["SCL"]
    shares = np.bincount(scl.ravel(), minlength=12) / scl.size
    blue = images["B02"][::2, ::2].astype(float)

    assert shares[[8, 9, 10]].sum() == pytest.approx(cloudy.cloud_cover, abs=0.12)
    assert shares[3] > 0.01
    assert shares[[4, 5]].sum() > 0.2
    assert np.median(blue[scl == 9]) > 1.5 * np.median(blue[scl == 4])
    assert np.median(images["B08"][::2, ::2][scl == 3]) < np.median(images["B08"][::2, ::2][scl == 4])
    assert (scl == 6).any()


def test_the_edge_of_the_swath_has_no_data() -> None:
    season = Season(seed=4, size_m=1200, bands="all", n_dates=None)
    one = next(p for p in season.passes if p.relative_orbit == 94)
    images = season.images(one)

    empty = images["SCL"] == 0
    assert 0 < empty.mean() < 0.2
    for band in ("B04", "B08"):
        assert np.array_equal(images[band] == 0, empty.repeat(2, 0).repeat(2, 1))
    for band in ("B11", "B8A"):
        assert np.array_equal(images[band] == 0, empty)
    assert not images["TCI"][:, 2 * empty.shape[0] - 1, -1].any()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    arguments = {"size_m": 1020, "n_dates": 2, "as_zip": True}
    for name, seed in (("a", 9), ("b", 9), ("c", 10)):
        simulate_season(tmp_path / name / "site", seed=seed, **arguments)  # type: ignore[arg-type]

    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert files_of(tmp_path / "a").keys() != files_of(tmp_path / "c").keys()


def test_fewer_parcels_may_be_declared(tmp_path: Path) -> None:
    every, some = Season(seed=1, size_m=2000), Season(seed=1, size_m=2000, max_parcels=20)

    assert len(some.truth.parcels) == 20 < len(every.truth.parcels)
    assert {one.unit for one in some.truth.mowings} <= set(some.truth.parcels["unit"])
    one = every.passes[0]
    assert np.array_equal(every.images(one)["B04"], some.images(one)["B04"])


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[float] = []
    simulate_season(tmp_path / "x", size_m=1000, n_dates=2, bands="10m-only-ndvi", progress=told.append)

    assert told == [0.5, 1.0]


@pytest.mark.parametrize("size_m", [1000, 2999, 109_800])
def test_areas_lie_on_the_tile(size_m: float) -> None:
    grid, whole = area_grid("30TUM", size_m), tile_grid("30TUM")

    assert grid.width * 10 == pytest.approx(size_m, abs=30)
    assert (grid.x_min_m - whole.x_min_m) % 60 == 0
    assert (whole.y_max_m - grid.y_max_m) % 60 == 0
    assert grid.bounds_m[2] <= whole.bounds_m[2]
    assert (grid == whole) == (size_m == 109_800)


@pytest.mark.parametrize("size_m", [900, 120_000])
def test_areas_too_small_or_too_large_are_refused(size_m: float) -> None:
    with pytest.raises(ValueError, match="size_m"):
        area_grid("30TUM", size_m)
