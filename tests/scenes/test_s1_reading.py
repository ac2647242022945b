"""Ready-made radar products of every kind, whole and broken."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from scenes.radar_products import UTM, X_MIN_M, Y_MAX_M, cslc, write_radar, write_radar_item

from sen4cap_core.errors import BadUploadError, UnreadableSceneError
from sen4cap_core.inbox.units import find_units
from sen4cap_core.kernels.radar.pairs import pair_coherence
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.passes.radar_sums import RadarInput, read_strips
from sen4cap_core.scenes.completeness import check_completeness
from sen4cap_core.scenes.files.tiff_tags import SNAP_METADATA
from sen4cap_core.scenes.radar.s1_cslc import find_pairs
from sen4cap_core.scenes.radar.s1_drops import find_radar_drops
from sen4cap_core.scenes.radar.s1_model import RadarDefaults
from sen4cap_core.scenes.radar.s1_reading import looks_like_radar, open_radar

HYP3 = "S1A_IW_20190404T061041_DVP_RTC30_G_gpunem_AB12"
BCK = "S1A_L2_BCK_20190404T061041_VV_154_30TUM.tif"


def test_a_zip_holds_a_product_with_its_mask(tmp_path: Path) -> None:
    for layer in ("VV", "VH", "ls_map", "inc_map"):
        write_radar(tmp_path / f"{HYP3}_{layer}.tif", 1.0, resolution_m=30)
    archive = tmp_path / f"{HYP3}.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in tmp_path.glob("*.tif"):
            target.write(path, f"{HYP3}/{path.name}")
        target.writestr(f"{HYP3}/README.md.txt", "about")

    assert looks_like_radar(archive)
    (scene,) = open_radar(archive)
    assert (scene.quantity, scene.polarisations, scene.format) == ("gamma0", ("vv", "vh"), "hyp3-rtc")
    assert scene.mask is not None
    assert scene.mask.valid == (1,)
    # Neither name nor archive say it: it follows from the satellite and the time.
    assert (scene.relative_orbit, scene.orbit_direction) == (139, "descending")
    with rasterio.open(scene.bands["vv"].source.uri) as dataset:
        assert dataset.read(1).max() == 1.0


def test_a_scale_is_never_guessed(tmp_path: Path) -> None:
    path = write_radar(tmp_path / BCK, 0.3)
    with pytest.raises(UnreadableSceneError, match="backscatter_quantity") as refusal:
        open_radar(path, RadarDefaults(backscatter_scale="amplitude"))
    assert "site.yaml" in refusal.value.text()
    sigma0: dict[str, Any] = {"backscatter_quantity": "sigma0"}
    with pytest.raises(UnreadableSceneError, match="backscatter_scale") as refusal:
        open_radar(path, RadarDefaults(**sigma0))
    assert "site.yaml" in refusal.value.text()
    (scene,) = open_radar(path, RadarDefaults("gamma0", "amplitude"))
    assert (scene.quantity, scene.bands["vv"].scale) == ("gamma0", "amplitude")

    whole = write_radar(tmp_path / "int" / BCK, 3000, dtype="uint16")
    with pytest.raises(UnreadableSceneError, match="backscatter_factor"):
        open_radar(whole, RadarDefaults(**sigma0, backscatter_scale="power"))
    (scene,) = open_radar(whole, RadarDefaults(**sigma0, backscatter_scale="power", backscatter_factor=1e-4))
    assert scene.bands["vv"].source.scale == 1e-4
    stated = write_radar(tmp_path / "stated" / BCK, 3000, dtype="uint16", scale=0.001)
    (scene,) = open_radar(stated, RadarDefaults(**sigma0, backscatter_scale="power"))
    assert scene.bands["vv"].source.scale == 0.001
    coherence = write_radar(tmp_path / "coh_VV_12Jun2019_18Jun2019.tif", 100, dtype="uint8")
    with pytest.raises(UnreadableSceneError, match="coherence_factor"):
        open_radar(coherence)


def test_orbits_that_names_do_not_say_are_read_beside_them(tmp_path: Path) -> None:
    rtc = write_radar(tmp_path / f"{HYP3}_VV.tif", 1.0, resolution_m=30)
    about = tmp_path / f"{HYP3}.README.md.txt"
    about.write_text(
        "The source granule used to generate the products contained in this folder is:\n"
        "S1A_IW_SLC__1SDV_20190404T061041_20190404T061108_026636_02FCA8_7768\n"
    )
    pair = "S1AA_20250406T022008_20250418T022008_VVP012_INT40_G_ueF_12E3"
    coherence = write_radar(tmp_path / "pair" / f"{pair}_corr.tif", 0.5, resolution_m=40)
    (tmp_path / "pair" / f"{pair}.txt").write_text(
        "Reference Granule: S1A_IW_SLC__1SDV_20250406T022008_20250406T022035_058630_07421F_93A7\n"
        "Reference Pass Direction: ASCENDING\nReference Orbit Number: 58630\n"
    )
    burst = "S1_136231_IW2_20200604_20200616_VV_INT20_12E3"
    alone = write_radar(tmp_path / "burst" / f"{burst}_corr.tif", 0.5)

    (scene,) = open_radar(rtc)
    assert (scene.relative_orbit, scene.orbit_direction) == ((26636 - 73) % 175 + 1, "descending")
    (scene,) = open_radar(coherence)
    assert (scene.relative_orbit, scene.orbit_direction) == ((58630 - 73) % 175 + 1, "ascending")
    (scene,) = open_radar(alone)
    assert (scene.relative_orbit, scene.orbit_direction) == (64, "descending")
    (drop,) = find_radar_drops(sorted(p for p in tmp_path.iterdir() if p.is_file()))
    assert (drop.main, drop.parts, drop.companions) == (rtc, (about,), ())
    # Bytes that are no text say nothing, and do no harm.
    about.write_bytes(bytes(range(256)))
    assert open_radar(rtc)[0].relative_orbit == (26636 - 73) % 175 + 1


def test_bands_of_one_file_are_told_by_their_names_or_by_the_site(tmp_path: Path) -> None:
    stack = np.stack([np.full((20, 20), 0.3), np.full((20, 20), 0.6)])
    name = "S1A_20190612T055555_046_CARD-COH12_X.tif"
    path = write_radar(tmp_path / name, stack, descriptions=("coh_VH", "coh_VV"))
    (scene,) = open_radar(path)
    assert {pol: band.source.band_index for pol, band in scene.bands.items()} == {"vh": 1, "vv": 2}
    assert scene.pair_started_at is not None
    assert (scene.acquired_at - scene.pair_started_at).days == 12
    nameless = write_radar(tmp_path / "b" / name, stack)
    with pytest.raises(UnreadableSceneError, match="band_order"):
        open_radar(nameless)
    (scene,) = open_radar(nameless, RadarDefaults(band_order=("vv", "vh")))
    assert scene.bands["vh"].source.band_index == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"epsg": 4326, "resolution_m": 0.0002, "corner_m": (-4.0, 42.0)}, "degrees"),
        ({"epsg": None}, "no coordinate system"),
        ({"epsg": 2249}, "no projection in metres"),
    ],
)
def test_projections_that_do_not_do_are_refused_with_what_to_do(tmp_path: Path, options, why) -> None:
    path = write_radar(
        tmp_path / "SEN4CAP_L2A_S7_V20200404T165041_20200329T165122_VH_146_AMP.tif", 0.3, **options
    )
    with pytest.raises(UnreadableSceneError, match=why):
        open_radar(path)


def test_the_original_projection_is_read_as_it_is(tmp_path: Path) -> None:
    name = "SEN4CAP_L2A_S7_V20200404T165041_20200329T165122_VV_146_COHE.tif"
    path = write_radar(tmp_path / name, 0.5, epsg=3035, corner_m=(3_200_000, 2_200_000))
    (scene,) = open_radar(path)
    assert (scene.grid.epsg, scene.tile) == (3035, None)
    assert scene.warnings == ["the product has VV only: what needs the other polarisation is left out."]
    assert scene.orbit_direction == "ascending"


def test_broken_files_are_waited_for_and_then_named(tmp_path: Path) -> None:
    name = "SEN4CAP_L2A_S7_V20200404T165041_20200329T165122_{}_146_AMP.tif"
    rng = np.random.default_rng(1)
    main = write_radar(tmp_path / name.format("VV"), rng.uniform(0.1, 1, (200, 200)))
    other = write_radar(tmp_path / name.format("VH"), rng.uniform(0.1, 1, (200, 200)))
    content = other.read_bytes()
    other.write_bytes(content[: len(content) // 3])
    assert "cut short" in check_completeness(main).lacking[0]
    with pytest.raises(UnreadableSceneError, match=r"VH_146_AMP\.tif: it is cut"):
        open_radar(main)
    other.write_bytes(b"")
    with pytest.raises(UnreadableSceneError, match="it is empty"):
        open_radar(main)
    other.write_bytes(b"<VRTDataset/>")
    with pytest.raises(UnreadableSceneError, match="not a GeoTIFF"):
        open_radar(main)
    write_radar(other, 0.1, size=100)
    with pytest.raises(UnreadableSceneError, match="another grid"):
        open_radar(main)


def test_a_pair_of_different_orbits_is_refused(tmp_path: Path) -> None:
    path = write_radar(tmp_path / "SEN4CAP_L2A_S7_V20200403T165841_20200329T165122_VV_146_COHE.tif", 0.5)
    assert looks_like_radar(path)
    (drop,) = find_radar_drops([path])
    assert drop.main == path
    with pytest.raises(UnreadableSceneError, match="different relative orbits"):
        open_radar(path)


PAIR = {
    "start_datetime": "2019-03-29T06:11:22Z", "end_datetime": "2019-04-04T06:10:41Z", "datetime": None,
    "sat:relative_orbit": 154, "sat:orbit_state": "descending", "sen4cap:quantity": "coherence",
}  # fmt: skip


def test_items(tmp_path: Path) -> None:
    write_radar(tmp_path / "vv.tif", 0.2)
    write_radar(tmp_path / "vh.tif", 0.1)
    hrefs = {"vv": "vv.tif", "vh": "vh.tif"}
    item = write_radar_item(tmp_path, hrefs, PAIR)
    assert looks_like_radar(item)
    (scene,) = open_radar(item)
    assert (scene.sensor, scene.relative_orbit, scene.orbit_direction) == ("s1-coherence", 154, "descending")

    pc = write_radar_item(
        tmp_path, hrefs, {"datetime": "2019-04-04T06:10:41Z", "sar:product_type": "RTC"},
        item_id="S1A_IW_GRDH_1SDV_20190404T061041_20190404T061106_026636_02FCA8_rtc",
        collection="sentinel-1-rtc",
    )  # fmt: skip
    (scene,) = open_radar(pc)
    assert (scene.quantity, scene.bands["vv"].scale, scene.platform) == ("gamma0", "power", "S1A")
    assert scene.relative_orbit == (26636 - 73) % 175 + 1

    own = write_radar_item(
        tmp_path, hrefs,
        {"datetime": "2019-04-04T06:10:41Z", "sen4cap:quantity": "sigma0", "sen4cap:scale": "dB"},
        item_id="own",
    )  # fmt: skip
    assert open_radar(own)[0].bands["vh"].scale == "db"


def test_items_that_a_site_explains(tmp_path: Path) -> None:
    write_radar(tmp_path / "vv.tif", 0.2)
    item = write_radar_item(tmp_path, {"vv": "vv.tif"}, {"datetime": "2019-04-04T06:10:41Z"})
    with pytest.raises(UnreadableSceneError, match="backscatter_quantity: gamma0"):
        open_radar(item)
    (scene,) = open_radar(item, RadarDefaults("gamma0", "db"))
    assert (scene.quantity, scene.bands["vv"].scale) == ("gamma0", "db")
    # What the site says of backscatter is not said of coherence.
    pair = write_radar_item(tmp_path, {"coh_vv": "vv.tif"}, {**PAIR, "sen4cap:quantity": ""}, item_id="pair")
    assert open_radar(pair, RadarDefaults("gamma0", "db"))[0].quantity == "coherence"


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"datetime": "2019-04-04T06:10:41Z", "sar:polarizations": ["VV"]}, "what it holds"),
        ({"datetime": "2019-04-04T06:10:41Z", "sen4cap:quantity": "sigma0"}, "backscatter_scale"),
        ({"datetime": "2019-04-04T06:10:41Z", "sen4cap:quantity": "sigma0", "sen4cap:scale": "loud"}, "loud"),
        ({**PAIR, "start_datetime": None}, "of which pair"),
        ({**PAIR, "start_datetime": "2019-03-30T06:11:22Z"}, "different relative orbits"),
        ({**PAIR, "end_datetime": "soon"}, "not a time"),
    ],
)
def test_items_that_do_not_say_enough(tmp_path: Path, properties, why) -> None:
    write_radar(tmp_path / "vv.tif", 0.2)
    item = write_radar_item(tmp_path, {"vv": "vv.tif"}, properties)
    with pytest.raises(UnreadableSceneError, match=why):
        open_radar(item)


def test_orbits_that_nobody_says_are_asked_for(tmp_path: Path) -> None:
    path = write_radar(tmp_path / "coh_VV_12Jun2019_18Jun2019.tif", 0.5)
    (scene,) = open_radar(path)
    assert (scene.relative_orbit, scene.orbit_direction) == (None, None)
    assert any("relative_orbits" in text and "site.yaml" in text for text in scene.warnings)
    assert any("orbit_directions" in text and "site.yaml" in text for text in scene.warnings)
    said = RadarDefaults(relative_orbits={"coh_V?_12Jun*": 46}, orbit_directions={46: "ascending"})
    (scene,) = open_radar(path, said)
    assert (scene.relative_orbit, scene.orbit_direction) == (46, "ascending")
    # CARD-COH names the satellite and the second of the earlier acquisition.
    card = write_radar(
        tmp_path / "S1B_20210512T053432_CARD-COH6_X.tif", 0.5, descriptions=("coh_VV",), corner_m=(4e5, 4.7e6)
    )
    (scene,) = open_radar(card)
    assert (scene.relative_orbit, scene.orbit_direction) == (66, "descending")


def with_text_tag(path: Path, text: bytes, *, is_big: bool) -> None:
    """Append a directory to a TIFF that has one more tag, as SNAP's writers leave it."""
    content = bytearray(path.read_bytes())
    start, count, entry, offset = (8, "<Q", 20, "<Q") if is_big else (4, "<H", 12, "<I")
    first = struct.unpack_from(offset, content, start)[0]
    number = struct.unpack_from(count, content, first)[0]
    size = struct.calcsize(count)
    tags = bytes(content[first + size : first + size + number * entry])
    place = len(content)
    content += text + b"\0"
    own = struct.pack("<HH" + offset[1] * 2, SNAP_METADATA, 2, len(text) + 1, place)
    struct.pack_into(offset, content, start, len(content))
    content += struct.pack(count, number + 1) + tags + own + struct.pack(offset, 0)
    path.write_bytes(content)


@pytest.mark.parametrize("is_big", [False, True])
def test_orbits_that_snap_wrote_into_a_geotiff(tmp_path: Path, is_big: bool) -> None:
    path = tmp_path / "S1_Stack_coh_VH_29Mar2019_04Apr2019.tif"
    options = {"BIGTIFF": "YES" if is_big else "NO"}
    with rasterio.open(
        path, "w", driver="GTiff", width=30, height=30, count=1, dtype="float32", crs=f"EPSG:{UTM}",
        transform=Affine(20, 0, X_MIN_M, 0, -20, Y_MAX_M), **options,
    ) as dataset:  # fmt: skip
        dataset.write(np.full((1, 30, 30), 0.4, np.float32))
    facts = '<MDATTR name="MISSION">SENTINEL-1B</MDATTR><MDATTR name="PASS">DESCENDING</MDATTR>'
    facts += '<MDATTR name="ABS_ORBIT">26867</MDATTR><MDATTR name="ABS_ORBIT">37763</MDATTR>'
    with_text_tag(path, f"<Dimap_Document>{facts}</Dimap_Document>".encode(), is_big=is_big)
    (scene,) = open_radar(path)
    assert (scene.relative_orbit, scene.orbit_direction) == (66, "descending")
    assert rasterio.open(path).read(1).mean() == pytest.approx(0.4)
    # Stored in a zip it is reached as well; packed, the site says it.
    for how, orbit in ((zipfile.ZIP_STORED, 66), (zipfile.ZIP_DEFLATED, 154)):
        archive = tmp_path / f"{how}.zip"
        with zipfile.ZipFile(archive, "w", how) as target:
            target.write(path, path.name)
        (scene,) = open_radar(archive, RadarDefaults(relative_orbits={"*": 154}))
        assert scene.relative_orbit == orbit
    with_text_tag(path, b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', is_big=is_big)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"<Dimap_Document>", b"<Bimap_Document>"))
    with pytest.raises(BadUploadError):
        open_radar(path)


def dimap(folder: Path, bands: dict[str, float], attributes: dict[str, str], name: str = "product") -> Path:
    """Write a DIMAP product of 30 x 30 pixels."""
    data = folder / f"{name}.data"
    data.mkdir(parents=True)
    infos = ""
    for index, (band, value) in enumerate(bands.items()):
        with rasterio.open(
            data / f"{band}.img", "w", driver="ENVI", width=30, height=30, count=1, dtype="float32",
            crs=f"EPSG:{UTM}", transform=Affine(20, 0, X_MIN_M, 0, -20, Y_MAX_M),
        ) as dataset:  # fmt: skip
            dataset.write(np.full((1, 30, 30), value, np.float32))
        infos += (
            f"<Spectral_Band_Info><BAND_INDEX>{index}</BAND_INDEX><BAND_NAME>{band}</BAND_NAME>"
            "<DATA_TYPE>float32</DATA_TYPE><SCALING_FACTOR>1.0</SCALING_FACTOR>"
            "<NO_DATA_VALUE_USED>true</NO_DATA_VALUE_USED><NO_DATA_VALUE>0.0</NO_DATA_VALUE>"
            "</Spectral_Band_Info>"
        )
    texts = "".join(f'<MDATTR name="{key}">{value}</MDATTR>' for key, value in attributes.items())
    path = folder / f"{name}.dim"
    path.write_text(
        "<Dimap_Document><Raster_Dimensions><NCOLS>30</NCOLS><NROWS>30</NROWS></Raster_Dimensions>"
        f"<Image_Interpretation>{infos}</Image_Interpretation><Dataset_Sources>{texts}</Dataset_Sources>"
        "</Dimap_Document>"
    )
    return path


ABSTRACT = {"MISSION": "SENTINEL-1A", "PASS": "DESCENDING", "REL_ORBIT": "154",
            "first_line_time": "04-APR-2019 06:10:41.123456"}  # fmt: skip


def test_dimap_products(tmp_path: Path) -> None:
    path = dimap(
        tmp_path, {"Gamma0_VV": 0.2, "Gamma0_VH": 0.1, "Gamma0_VV_db": -7.0, "incidence": 35}, ABSTRACT
    )
    assert looks_like_radar(path)
    assert check_completeness(path).is_complete
    (scene,) = open_radar(path)
    assert (scene.quantity, scene.polarisations, scene.platform) == ("gamma0", ("vv", "vh"), "S1A")
    assert (scene.relative_orbit, scene.orbit_direction) == (154, "descending")
    assert scene.bands["vv"].scale == "power"
    assert scene.bands["vv"].source.nodata == 0.0
    (drop,) = find_radar_drops(sorted(tmp_path.iterdir()))
    assert (drop.main, drop.parts) == (path, (tmp_path / "product.data",))

    image = tmp_path / "product.data" / "Gamma0_VH.img"
    image.write_bytes(image.read_bytes()[:1000])
    assert "Gamma0_VH.img: it is cut short" in check_completeness(path).lacking[0]
    with pytest.raises(UnreadableSceneError, match="cut short"):
        open_radar(path)


def test_dimap_products_in_a_zip(tmp_path: Path) -> None:
    name = "S1A_IW_GRDH_1SDV_20190404T061041_20190404T061106_026636_02FCA8_7768_CARD_BS"
    dimap(tmp_path, {"Gamma0_VV": 0.2, "Gamma0_VH": 0.1}, ABSTRACT, name)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    archive = tmp_path / f"{name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in files:
            target.write(path, f"{name}/{path.relative_to(tmp_path)}")

    assert looks_like_radar(archive)
    assert check_completeness(archive).is_complete
    (scene,) = open_radar(archive)
    assert (scene.product_id, scene.path, scene.polarisations) == (name, archive, ("vv", "vh"))
    assert (scene.relative_orbit, scene.orbit_direction) == (154, "descending")
    inputs = {pol: RadarInput(band.source, band.scale) for pol, band in scene.bands.items()}
    block, values = next(iter(read_strips(inputs, None, Block(0, 0, 30, 30))))
    assert (block.height, values["vv"].mean(), values["vh"].mean()) == (
        30,
        pytest.approx(0.2),
        pytest.approx(0.1),
    )

    # The upload folder sees one drop in the zip, and one in a folder.
    scenes = tmp_path / "uploads" / "nl" / "2019" / "scenes"
    loose = dimap(scenes / name, {"Gamma0_VV": 0.2}, ABSTRACT, name)
    packed = scenes / archive.name
    packed.write_bytes(archive.read_bytes())
    assert {unit.path for unit in find_units(tmp_path / "uploads")} == {loose, packed}

    with zipfile.ZipFile(archive, "w") as target:
        for path in files:
            content = path.read_bytes()
            target.writestr(
                f"{name}/{path.relative_to(tmp_path)}", content[:1000] if "VH" in path.name else content
            )
    with pytest.raises(UnreadableSceneError, match=r"Gamma0_VH\.img: it is cut short"):
        open_radar(archive)
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("x/y.dim", "<a/>")
        target.writestr("x/y.data/Gamma0_VV.img", b"")
    with pytest.raises(BadUploadError, match="no band in it is calibrated"):
        open_radar(archive)


def test_dimap_coherence_takes_its_dates_from_the_band(tmp_path: Path) -> None:
    path = dimap(tmp_path, {"coh_VH_29Mar2019_04Apr2019": 0.4}, ABSTRACT)
    (scene,) = open_radar(path)
    assert scene.sensor == "s1-coherence"
    assert f"{scene.pair_started_at:%Y-%m-%d} {scene.acquired_at:%Y-%m-%d}" == "2019-03-29 2019-04-04"
    with pytest.raises(BadUploadError, match="no band in it is calibrated"):
        open_radar(dimap(tmp_path, {"Intensity_VV": 1.0}, ABSTRACT, "raw"))


def test_two_complex_bursts_are_a_pair(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 80, 160)) + 1j * rng.standard_normal((2, 80, 160))
    earlier = cslc(tmp_path, "20190329", a)
    later = cslc(tmp_path, "20190404", 0.8 * a + 0.6 * b)
    (drop,) = find_radar_drops([earlier, later])
    assert (drop.main, drop.parts) == (later, (earlier,))
    (scene,) = open_radar(later)
    assert scene.grid.shape == (40, 40)
    assert (scene.grid.x_min_m, scene.grid.y_max_m) == (X_MIN_M, Y_MAX_M)
    assert scene.relative_orbit == 64
    assert scene.pair is not None
    assert (scene.pair.cells, scene.pair.window) == ((2, 4), (7, 16))

    out = np.empty((40, 40), np.float32)
    first, second = a.astype(np.complex64), (0.8 * a + 0.6 * b).astype(np.complex64)
    pair_coherence(first, second, 0, 2, 4, 7, 16, out)
    # 112 independent samples: hardly biased.
    assert abs(np.nanmean(out) - 0.8) < 0.01
    rows, columns = slice(20 - 3, 20 + 4), slice(40 - 6, 40 + 10)
    x, y = first[rows, columns], second[rows, columns]
    want = abs((x * y.conj()).sum()) / np.sqrt((abs(x) ** 2).sum() * (abs(y) ** 2).sum())
    np.testing.assert_allclose(out[10, 10], want, rtol=1e-5)

    with pytest.raises(BadUploadError, match="no earlier acquisition"):
        open_radar(earlier)
    later.write_bytes(later.read_bytes()[:2000])
    with pytest.raises(UnreadableSceneError, match="OPERA file cannot be read"):
        open_radar(later)


def test_pairs_are_of_one_burst_and_at_most_twelve_days() -> None:
    name = "OPERA_L2_CSLC-S1_{}_{}T140000Z_{}Z_S1A_VV_v0.1.h5".format
    burst, made = "T064-135518-IW1", "20230101T000000"
    names = [
        name(burst, "20190101", made), name(burst, "20190113", made), name(burst, "20190218", made),
        name(burst, "20190113", "20240101T000000"), name("T064-135518-IW2", "20190119", made),
    ]  # fmt: skip
    assert find_pairs(names) == [(names[3], names[0])]


def test_other_files_are_no_radar(tmp_path: Path) -> None:
    assert not looks_like_radar(write_radar(tmp_path / "map.tif", 1.0))
    (tmp_path / "x.json").write_text(json.dumps({"type": "Feature"}))
    assert not looks_like_radar(tmp_path / "x.json")
    (tmp_path / "x.zip").write_bytes(b"PK")
    assert not looks_like_radar(tmp_path / "x.zip")
    with pytest.raises(BadUploadError):
        open_radar(tmp_path / "map.tif")
