"""Whatever is damaged of what people drop: it is read all the same, or refused with a reason."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from sen4cap_core.declarations.parcels.columns import read_column_mapping
from sen4cap_core.declarations.parcels.reading import read_declarations
from sen4cap_core.declarations.settings.l4b_file import read_l4b_config
from sen4cap_core.declarations.settings.l4c_config import read_l4c_config
from sen4cap_core.declarations.sites.site import read_site_config
from sen4cap_core.declarations.sites.site_extent import read_site_extent
from sen4cap_core.declarations.sites.strata import read_strata
from sen4cap_core.declarations.tables.crop_codes import COLUMNS, read_crop_codes
from sen4cap_core.declarations.tables.practice_tables import read_practice_table
from sen4cap_core.errors import Sen4capError
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.passes.scene_pass import run_pass
from sen4cap_core.scenes.completeness import check_completeness
from sen4cap_core.scenes.reading import looks_like_scene, open_scenes
from sen4cap_core.sentinel1.luts import read_calibration, read_noise
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.simulation.optical.landsat_product import landsat_scene
from sen4cap_core.simulation.optical.maja_product import maja_scene
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.simulation.radar.radar_pair import small_pair
from sen4cap_core.simulation.radar.radar_product import write_slc
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
from sen4cap_core.sources.item_offers import as_offer
from tests.damage import damage, damage_a_file, strange_json
from tests.scenes.stac_items import plain_item

N_DAMAGES = 60
UTM = 32630


def survives(damaged: Callable[[random.Random], str], use: Callable[[], object]) -> None:
    """Damage and use, again and again; both ends must come up: what is still read, what is refused."""
    n_read = n_refused = 0
    for seed in range(N_DAMAGES):
        what = damaged(random.Random(seed))
        try:
            use()
            n_read += 1
        except Sen4capError:
            n_refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, {what}: {type(error).__name__}: {error}") from error
    assert n_read > 0
    assert n_refused > 0


def safe(folder: Path) -> Path:
    rng = np.random.default_rng(1)
    red, near = rng.uniform(0, 0.6, (2, 120, 120))
    return tile_scene(folder, {"B04": red, "B08": near}, rng.integers(0, 12, (60, 60)))


def maja(folder: Path) -> Path:
    return maja_scene(folder, {"B04": 0.1, "B08": 0.4}, {"MG2": 0, "EDG": 0, "SAT": 0}, relative_orbit=94)


def landsat(folder: Path) -> Path:
    return landsat_scene(folder, Grid(UTM, 300_015.0, 4_699_995.0, 30.0, 50, 40), {4: 0.1, 5: 0.4})


def stac(folder: Path) -> Path:
    return plain_item(folder)


@pytest.mark.parametrize("write", [safe, maja, landsat, stac])
def test_scenes(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    whole, copy = tmp_path / "whole", tmp_path / "copy"
    scene = copy / write(whole).relative_to(whole)

    def damaged(rng: random.Random) -> str:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole, copy)
        return damage_a_file(copy, rng)

    def use() -> None:
        looks_like_scene(scene)
        if scene.exists():
            check_completeness(scene)
        for found in open_scenes(scene) if scene.exists() else []:
            if {"B04", "B08"} <= set(found.bands):
                run_pass(
                    found.bands, found.masks, found.grid, variables=[NDVI], labels=None,
                    raster_paths={"ndvi": tmp_path / "ndvi.tif"}, threads=1,
                )  # fmt: skip

    survives(damaged, use)


def _parcels(path: Path) -> Path:
    boxes = [shapely.box(x, 4_600_000, x + 80, 4_600_080) for x in range(300_000, 301_200, 100)]
    columns = {
        "id": [f"P{n}" for n in range(12)],
        "holding": ["H1", "H2"] * 6,
        "crop": ["101", "102", "103"] * 4,
    }
    frame = gpd.GeoDataFrame(columns, geometry=boxes, crs=UTM)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    return path


FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "site.yaml": (
        "name: Nederland\ncountry: NLD\nsatellites: [S1, S2]\n"
        "seasons: [{name: summer, start: 2018-10-01, mid: 2019-05-31, end: 2019-12-31}]\n"
        "processors: {l3b: [ndvi], l4b: {mowing_start: 2019-03-01}}\n"
        "sources: [{kind: stac, url: 'https://stac.example.org/v1', secret: copernicus}]\n",
        read_site_config,
    ),
    "declarations.yaml": (
        "parcel_id: pid\nholding_id: farm\ncrop_code: [crop, variety]\n",
        read_column_mapping,
    ),
    "crop-codes.csv": (
        ",".join(COLUMNS) + "\n0101,1,Winter wheat,1,10,Wheat,100,Cereals,1,1,0,0,0,0\n"
        "205,2,Meadow,3,20,Grass,200,Grassland,1,0,1,0,0,0\n",
        read_crop_codes,
    ),
    "practices.csv": (
        "FIELD_ID,MAIN_CROP,VEG_START,H_START,H_END,PRACTICE,P_TYPE,P_START,P_END\n"
        "31.001,233,2019-03-01,2019-06-15,2019-09-30,CatchCrop,CatchCrop_1,2019-10-15,NA\n",
        read_practice_table,
    ),
    "mowing.cfg": (
        "[GENERAL_CONFIG]\nCTNUM_FILTER = 87, 130\n"
        "[S1_processing]\npfa = 3.0e-7 ; older\npol_types = ['VH', 'VV']\n"
        "[S2_processing]\nhigh_abs_th = 0.72\n[compliancy]\ncrop_rule = 0\n"
        "crop_time_intervals = [('01/04/2019','31/07/2019')]\n",
        read_l4b_config,
    ),
    "practices.cfg": (
        "[COMMON]\n[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]\nOPTTHRVEGCYCLE=350\nNDVIDW=300\nCOHTHRBASE=0.05\n",
        lambda path: read_l4c_config(path, 2019),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_settings_and_tables(tmp_path: Path, name: str) -> None:
    text, read = FILES[name]
    path = tmp_path / name

    def damaged(rng: random.Random) -> str:
        path.write_text(text)
        return damage(path, rng)

    survives(damaged, lambda: read(path))


@pytest.mark.parametrize("name", ["parcels.gpkg", "parcels.geojson", "parcels.parquet"])
@pytest.mark.parametrize("read", [read_declarations, read_site_extent, read_strata])
def test_polygons(tmp_path: Path, name: str, read: Callable[[Path], object]) -> None:
    content = _parcels(tmp_path / name).read_bytes()
    path = tmp_path / "copy" / name
    path.parent.mkdir()

    def damaged(rng: random.Random) -> str:
        path.write_bytes(content)
        return damage(path, rng)

    survives(damaged, lambda: read(path))


@pytest.fixture(scope="module")
def radar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pair = small_pair()
    return write_slc(
        tmp_path_factory.mktemp("radar"), SimulatedRadar(pair.ground, seed=1), pair.first, ["VV"], 130.0
    )


def _annotation(product: Path) -> None:
    opened = open_product(product)
    opened.annotation(opened.swaths[0])


def _noise(product: Path) -> None:
    read_noise(next(product.rglob("noise-*.xml")).read_bytes(), "noise.xml", 480, 720)


def _calibration(product: Path) -> None:
    path = next(product.rglob("calibration-*.xml"))
    read_calibration(path.read_bytes(), "calibration.xml", 480, 720, ("sigma0",))


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        ("manifest.safe", _annotation),
        ("annotation/s1*.xml", _annotation),
        ("annotation/calibration/noise-*.xml", _noise),
        ("annotation/calibration/calibration-*.xml", _calibration),
    ],
)
def test_radar_metadata(radar: Path, tmp_path: Path, pattern: str, use: Callable[[Path], None]) -> None:
    product = tmp_path / radar.name
    shutil.copytree(radar, product)
    path = sorted(product.glob(pattern))[0]
    content = path.read_bytes()

    def damaged(rng: random.Random) -> str:
        path.write_bytes(content)
        return damage(path, rng)

    survives(damaged, lambda: use(product))


def test_answers_of_catalogues(tmp_path: Path) -> None:
    item = json.loads(plain_item(tmp_path).read_text()) | {"collection": "sentinel-2-l2a"}
    strange: dict[str, object] = {}

    def damaged(rng: random.Random) -> str:
        strange.clear()
        strange.update(strange_json(json.loads(json.dumps(item)), rng))
        return json.dumps(strange)

    survives(damaged, lambda: as_offer("catalogue", strange, frozenset({"B04", "B08"})))
