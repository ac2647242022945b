"""The MAJA reader: the metadata of a real Theia product, small products of the simulator, and broken ones."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.masks.status import CLOUD, LAND, SHADOW, SNOW, WATER
from sen4cap_core.rasters.writing.geotiff import write_geotiff
from sen4cap_core.scenes.completeness import check_completeness
from sen4cap_core.scenes.maja.metadata import FLAT, SURFACE, read_maja_metadata
from sen4cap_core.scenes.maja.product import clm_table, is_maja_name, mg2_table, relative_orbit
from sen4cap_core.scenes.reading import looks_like_scene, open_scenes
from sen4cap_core.simulation.optical.maja_product import maja_scene

REAL = "SENTINEL2A_20160928-105637-665_L2A_T31UDS_C_V1-0"


def physical(band: BandSource) -> NDArray[np.float64]:
    with rasterio.open(band.uri) as dataset:
        numbers = dataset.read(band.band_index)
        assert dataset.transform == band.grid.transform
    return np.where(numbers == band.nodata, np.nan, numbers * band.scale + band.offset)


def test_metadata_of_a_real_product(shared: Path) -> None:
    folder = shared / "data/maja-metadata-and-l4c-configs/sen2agri-processors/ProductReaders"
    path = folder / f"MACCSMetadata/test/MAJA/{REAL}_MTD_ALL.xml"

    metadata = read_maja_metadata(path.read_bytes(), path.name)

    assert (metadata.product_id, metadata.platform, metadata.tile) == (REAL, "S2A", "31UDS")
    assert metadata.acquired_at == datetime(2016, 9, 28, 10, 56, 37, 665000, tzinfo=UTC)
    assert (metadata.version, metadata.level, metadata.absolute_orbit) == ("1.0", "L2A", 6626)
    assert relative_orbit("S2A", 6626) == 51
    bands = {"B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"}
    assert set(metadata.reflectance[FLAT]) == set(metadata.reflectance[SURFACE]) == bands
    assert metadata.reflectance[FLAT]["B8A"] == f"{REAL}_FRE_B8A.tif"
    assert metadata.masks["MG2", "R1"] == f"MASKS/{REAL}_MG2_R1.tif"
    assert {kind for kind, _ in metadata.masks} == {"MG2", "SAT", "EDG", "CLM"}
    assert metadata.grids["R1"] == tile_grid("31UDS", 10)
    assert metadata.grids["R2"] == tile_grid("31UDS", 20)
    assert (metadata.quantification, metadata.nodata) == (10000, -10000)
    assert set(metadata.angles.view) == set(metadata.angles.mean_view) == bands
    # The same numbers by a regular expression.
    block = re.search(r'band_id="B2">\s*<Viewing_Inc.*?</Viewing_Incidence', path.read_text(), re.DOTALL)
    rows = re.findall(r"<VALUES>(.*?)</VALUES>", block.group())  # type: ignore[union-attr]
    plain = np.array([row.split() for row in rows], float)
    np.testing.assert_allclose(metadata.angles.view["B02"][1].zenith_deg, plain[:23], rtol=1e-6)
    np.testing.assert_allclose(metadata.angles.view["B02"][1].azimuth_deg, plain[23:], rtol=1e-6)


@pytest.mark.parametrize(
    ("platform", "absolute", "relative"),
    # The orbits of Sentinel-2 products whose names tell both.
    [
        ("S2A", 32448, 133),
        ("S2A", 42640, 29),
        ("S2B", 20270, 81),
        ("S2B", 26649, 25),
        ("S2C", 4011, 37),
        ("S2C", 5730, 40),
        ("S2D", 100, None),
    ],
)
def test_relative_orbits(platform: str, absolute: int, relative: int | None) -> None:
    assert relative_orbit(platform, absolute) == relative


@pytest.mark.parametrize("as_zip", [False, True])
def test_reflectance_and_masks_are_what_was_written(tmp_path: Path, as_zip: bool) -> None:
    rng = np.random.default_rng(2)
    red = rng.uniform(-0.01, 0.6, (120, 120)).round(4)
    near = rng.uniform(0, 0.9, (60, 60)).round(4)
    red[:5] = np.nan
    mg2 = rng.integers(0, 256, (120, 120))

    path = maja_scene(
        tmp_path,
        {"B04": red, "B08": 0.4, "B8A": near},
        {"MG2": mg2, "EDG": 0, "SAT": 0},
        relative_orbit=94,
        as_zip=as_zip,
    )
    assert looks_like_scene(path)
    assert check_completeness(path).is_complete
    (scene,) = open_scenes(path)

    assert scene.format == ("maja-zip" if as_zip else "maja")
    assert (scene.sensor, scene.platform, scene.tile, scene.relative_orbit) == ("s2-l2a", "S2A", "30TUM", 94)
    np.testing.assert_allclose(physical(scene.bands["B04"]), red, atol=1e-9)
    np.testing.assert_allclose(physical(scene.bands["B8A"]), near, atol=1e-9)
    assert scene.bands["B8A"].grid.resolution_m == 20
    assert [mask.source.name for mask in scene.masks] == ["EDG", "MG2", "SAT"]
    assert np.array_equal(physical(scene.masks[1].source), mg2)
    assert scene.angles is not None
    assert scene.angles.sun is not None
    assert scene.warnings == []


def test_the_aerosol_map_is_taken_at_its_coarsest_where_it_is_whole(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data/maja-metadata-and-l4c-configs/sen2agri-processors/ProductReaders"
    real = (folder / f"MACCSMetadata/test/MAJA/{REAL}_MTD_ALL.xml").read_bytes()
    metadata = read_maja_metadata(real, f"{REAL}_MTD_ALL.xml")
    assert metadata.aerosol == ("R2", f"{REAL}_ATB_R2.tif", 2)
    assert metadata.aot_quantification == 200

    path = maja_scene(tmp_path)
    (xml,) = path.glob("*_MTD_ALL.xml")
    name = f"{path.name}_ATB_R2.tif"
    image = (
        "<Image><Image_Properties><NATURE>Aerosol_Optical_Thickness</NATURE></Image_Properties>"
        f'<Image_File_List><IMAGE_FILE group_id="R2" band_number="2">{name}</IMAGE_FILE>'
        "</Image_File_List></Image>"
    )
    xml.write_text(xml.read_text().replace("<Image>", f"{image}<Image>", 1))
    (scene,) = open_scenes(path)
    assert scene.aot is None
    grid = scene.grid.at_resolution(20)
    with rasterio.open(
        path / name, "w", driver="GTiff", width=grid.width, height=grid.height, count=2, dtype="uint8",
        crs=f"EPSG:{grid.epsg}", transform=grid.transform,
    ) as dataset:  # fmt: skip
        dataset.write(np.full((2, *grid.shape), 40, np.uint8))
    (scene,) = open_scenes(path)
    assert scene.aot is not None
    assert (scene.aot.band_index, scene.aot.grid, scene.aot.scale) == (2, grid, 1 / 200)
    whole = (path / name).read_bytes()
    (path / name).write_bytes(whole[: len(whole) // 2])
    assert open_scenes(path)[0].aot is None


def test_the_geophysical_mask_is_read_as_cloud_before_shadow_before_water_before_snow() -> None:
    table = mg2_table()

    for number in range(256):
        names = {2: CLOUD, 8: SHADOW, 1: WATER, 4: SNOW}
        assert table[number] == next((status for bit, status in names.items() if number & bit), LAND)


def test_the_cloud_mask_tells_shadows_from_clouds() -> None:
    table = clm_table()

    # Bit 0 is the union; bit 1 all clouds, 5 and 6 shadows; what bit 0 leaves out (thinnest clouds) is land.
    assert [table[n] for n in (0, 1, 3, 1 + 32, 1 + 64, 3 + 32, 16, 32)] == [
        LAND, CLOUD, CLOUD, SHADOW, SHADOW, CLOUD, LAND, LAND,
    ]  # fmt: skip


def test_surface_reflectance_stands_in_for_flat(tmp_path: Path) -> None:
    (both,) = open_scenes(maja_scene(tmp_path / "a", {"B04": 0.05, "B08": 0.4}))
    (only,) = open_scenes(maja_scene(tmp_path / "b", {"B04": 0.05, "B08": 0.4}, natures=["SRE"]))

    assert physical(both.bands["B04"])[0, 0] == pytest.approx(0.05)
    assert physical(only.bands["B04"])[0, 0] == pytest.approx(0.06)
    assert "SRE is used" in only.warnings[0]


def test_without_mg2_the_cloud_mask_is_used_and_without_both_none(tmp_path: Path) -> None:
    (scene,) = open_scenes(maja_scene(tmp_path / "a", masks={"CLM": 3, "EDG": 0}))

    assert [mask.source.name for mask in scene.masks] == ["EDG", "CLM"]
    assert [scene.masks[1].table[n] for n in (0, 1, 2, 3)] == [LAND, CLOUD, LAND, CLOUD]
    assert any("no MG2 mask" in warning for warning in scene.warnings)
    with pytest.raises(UnreadableSceneError, match="neither the geophysical mask MG2"):
        open_scenes(maja_scene(tmp_path / "b", masks={"EDG": 0, "SAT": 0}))


def test_every_broken_file_is_named(tmp_path: Path) -> None:
    path = maja_scene(tmp_path, {"B03": 0.1, "B04": 0.1, "B08": 0.3})
    next(path.glob("MASKS/*MG2*")).unlink()
    (band,) = path.glob("*FRE_B3.tif")
    band.write_bytes(band.read_bytes()[: band.stat().st_size // 2])
    grid = tile_grid("30TUM")
    (other,) = path.glob("*FRE_B4.tif")
    small = type(grid)(grid.epsg, grid.x_min_m, grid.y_max_m, 10.0, 100, 120)
    write_geotiff(other, np.zeros(small.shape, np.int16), small)
    (moved,) = path.glob("*FRE_B8.tif")
    zone = type(grid)(32631, grid.x_min_m, grid.y_max_m, 10.0, 120, 120)
    write_geotiff(moved, np.zeros(zone.shape, np.int16), zone)

    answer = check_completeness(path)
    with pytest.raises(UnreadableSceneError) as caught:
        open_scenes(path)

    said = str(caught.value)
    assert len(caught.value.problems) == 4
    assert re.search(r"MG2.*it is missing", said)
    assert re.search(r"FRE_B3.tif: it (is cut short|cannot be opened)", said)
    assert "it has 100 x 120 pixels, the metadata say 120 x 120" in said
    assert "it lies in EPSG:32631, the metadata say EPSG:32630" in said
    assert any("MG2" in lacking for lacking in answer.lacking)


@pytest.mark.parametrize(
    ("pattern", "replacement", "said"),
    [
        (">32630<", ">32631<", "EPSG:32631"),
        (">32630<", ">UTM<", "no coordinate system"),
        (">SENTINEL2A<", ">VENUS<", "is of VENUS"),
        (">L2A<", ">L3A<", "level L3A"),
        ("<NROWS>120<", "<NROWS>-5<", "raster of -5 x 120"),
        ("T30TUM</GEO", "T31TUM</GEO", "tile 31TUM lies in EPSG:32631"),
        ("MASKS/SENT", "../../SENT", "outside the product's own folder"),
        ('band_id="B4">', 'band_id="B9">', "no image of band B04"),
    ],
)
def test_metadata_that_cannot_be_right(tmp_path: Path, pattern: str, replacement: str, said: str) -> None:
    path = maja_scene(tmp_path)
    (metadata,) = path.glob("*_MTD_ALL.xml")
    metadata.write_text(metadata.read_text().replace(pattern, replacement))

    with pytest.raises(BadUploadError, match=said):
        open_scenes(path)


def test_a_cut_zip_waits_and_a_renamed_folder_is_recognised(tmp_path: Path) -> None:
    archive = maja_scene(tmp_path / "zip", as_zip=True)
    archive.write_bytes(archive.read_bytes()[:-200])
    renamed = maja_scene(tmp_path / "folder").rename(tmp_path / "anything")

    assert looks_like_scene(archive)
    assert not check_completeness(archive).is_usable
    assert looks_like_scene(renamed)
    shutil.rmtree(renamed / "MASKS")
    assert not check_completeness(renamed).is_usable


LANDSAT = Grid(32630, 399960.0, 4600020.0, 30.0, 40, 20)


def test_landsat_of_maja(tmp_path: Path) -> None:
    bands = {"B03": 0.1, "B04": 0.05, "B08": 0.35, "B11": 0.2}
    masks = {"MG2": np.full(LANDSAT.shape, 2), "SAT": 0, "EDG": 0}
    path = maja_scene(tmp_path, bands, masks, tile="201031", platform="L8", grid=LANDSAT)
    assert path.name == "LANDSAT8-OLITIRS-XS_20190616-110646-000_L2A_201-031_C_V1-0"
    assert {"FRE_B5", "FRE_B6"} < {p.stem.partition("_V1-0_")[2] for p in path.glob("*.tif")}
    assert looks_like_scene(path)

    (scene,) = open_scenes(path)

    assert (scene.sensor, scene.platform, scene.tile, scene.format) == ("landsat-l2", "L8", "201031", "maja")
    assert scene.acquisition_key == "landsat/201031/L8/20190616"
    assert (scene.grid, scene.relative_orbit) == (LANDSAT, 201)
    for band, value in bands.items():
        np.testing.assert_allclose(physical(scene.bands[band]), value, atol=1e-6)
        assert scene.bands[band].grid == LANDSAT
    assert [mask.source.name for mask in scene.masks] == ["EDG", "MG2", "SAT"]
    assert scene.angles is not None
    assert set(scene.angles.view) == set(bands)


def test_landsat_on_tiles_of_sentinel_2(tmp_path: Path) -> None:
    """As Theia publishes it: ``LANDSAT8-OLITIRS-XS_..._L2A_T31TFJ_C_V2-2``."""
    name = "LANDSAT8-OLITIRS-XS_20210821-102351-515_L2A_T31TFJ_C_V2-2"
    path = maja_scene(tmp_path, tile="201031", platform="L8", grid=LANDSAT)
    (metadata,) = path.glob("*_MTD_ALL.xml")
    text = metadata.read_text().replace(">201-031<", ">T31TFJ<")
    assert read_maja_metadata(text.encode(), f"{name}_MTD_ALL.xml").tile == "31TFJ"
    assert is_maja_name(name)
