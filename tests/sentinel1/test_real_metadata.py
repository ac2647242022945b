"""Annotation, calibration and noise of published products, against the numbers in the files themselves."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.kernels.radar.lut import lut_at
from sen4cap_core.sentinel1.annotation import read_annotation
from sen4cap_core.sentinel1.geometry import burst_outline_deg
from sen4cap_core.sentinel1.luts import read_calibration, read_noise
from sen4cap_core.sentinel1.orbit import describe_orbit_file, fit_orbit, read_orbit_file
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.sentinel1.tops import burst_ramp

SLC = "s1-slc-metadata/tests/data/S1A_IW_SLC__1SDV_20200511T135117_20200511T135144_032518_03C421_7768.zip"
GRD = "s1-grd-metadata/tests/data/S1A_IW_GRDH_1SDV_20200708T182643_20200708T182708_033367_03DDAA_9550.zip"
ALL = sorted({SLC, GRD, *(
    "s1-slc-metadata/tests/data/" + name
    for name in (
        "S1A_IW_SLC__1SDV_20221016T015043_20221016T015111_045461_056FC0_6681.zip",
        "S1A_IW_SLC__1SDV_20230108T135249_20230108T135316_046693_0598D3_BA76.zip",
    )
)})  # fmt: skip


def annotations(archive: zipfile.ZipFile) -> list[str]:
    return [n for n in archive.namelist() if "/annotation/s1a" in n and "__MACOSX" not in n]


def numbers(element: ElementTree.Element, name: str) -> np.ndarray:
    return np.array((element.findtext(name) or "").split(), float)


@pytest.mark.parametrize("path", ALL, ids=[path[-8:-4] for path in ALL])
def test_every_annotation_gives_orbit_bursts_and_ramps(shared: Path, path: str) -> None:
    with zipfile.ZipFile(shared / "data" / path) as archive:
        found = annotations(archive)
        assert found
        for name in found:
            annotation = read_annotation(archive.read(name), name)
            times = annotation.grid.azimuth_time
            orbit = fit_orbit(
                annotation.state_vectors, min(times), max(times), source="annotation", name=name
            )
            # Velocities, which the fit does not see, are those of the positions.
            assert orbit.velocity_residual_m_s < 0.01
            assert len(annotation.bursts) == (9 if annotation.product_type == "SLC" else 0)
            for burst in annotation.bursts:
                ramp = burst_ramp(annotation, burst, orbit)
                # Steering and FM rates of all three swaths.
                assert 4000 < ramp[4] < 9000
                assert -2600 < ramp[6] < -2000
                ring = burst_outline_deg(annotation, burst)
                assert 0.1 < np.ptp(ring[:, 1]) < 1.0


@pytest.mark.parametrize("path", [SLC, GRD], ids=["SLC", "GRD"])
def test_tables_hold_the_published_numbers(shared: Path, path: str) -> None:
    with zipfile.ZipFile(shared / "data" / path) as archive:
        name = next(n for n in annotations(archive) if "-vv-" in n)
        folder, stem = name.rsplit("/", 1)[0], name.rsplit("/", 1)[1].removesuffix(".xml")
        annotation = read_annotation(archive.read(name), name)
        shape = annotation.n_lines, annotation.n_samples
        calibration = archive.read(f"{folder}/calibration/calibration-{stem}.xml")
        noise = archive.read(f"{folder}/calibration/noise-{stem}.xml")
    tables = read_calibration(calibration, "calibration.xml", *shape, ("sigma0", "beta0", "gamma0"))
    vectors = ElementTree.fromstring(calibration).findall(".//calibrationVector")
    elements = {"sigma0": "sigmaNought", "beta0": "betaNought", "gamma0": "gamma"}
    for vector in vectors[2:-2:5]:
        line, pixels = float(vector.findtext("line") or 0), numbers(vector, "pixel")
        for quantity, element in elements.items():
            table, published = tables[quantity], numbers(vector, element)
            for k in range(0, len(pixels), 97):
                found = lut_at(table.values, table.steps, line, pixels[k])
                assert found == pytest.approx(published[k], rel=1e-3)

    table = read_noise(noise, "noise.xml", *shape)
    tree = ElementTree.fromstring(noise)
    blocks = tree.findall(".//noiseAzimuthVector")
    assert blocks
    checked = 0
    for vector in tree.findall(".//noiseRangeVector"):
        line, pixels = float(vector.findtext("line") or 0), numbers(vector, "pixel")
        published = numbers(vector, "noiseRangeLut")
        for k in range(3, len(pixels) - 3, 61):
            block = _block_of(blocks, line, pixels[k])
            # Along track the noise is as a comb, whose published steps are not at the table's lines.
            if block is None or published[k] == 0 or not 0 < line < shape[0] - 1:
                continue
            factor = np.interp(line, numbers(block, "line"), numbers(block, "noiseAzimuthLut"))
            found = lut_at(table.values, table.steps, line, pixels[k])
            assert found == pytest.approx(published[k] * factor, rel=0.05)
            checked += 1
    assert checked > 20


def _block_of(blocks: list[ElementTree.Element], line: float, pixel: float) -> ElementTree.Element | None:
    """The block of azimuth noise around a place, away from its edges."""
    for block in blocks:
        if block.find("firstRangeSample") is None:
            return block
        left, right, top, bottom = (
            float(block.findtext(name) or 0)
            for name in ("firstRangeSample", "lastRangeSample", "firstAzimuthLine", "lastAzimuthLine")
        )
        if left + 40 < pixel < right - 40 and top + 10 < line < bottom - 10:
            return block
    return None


@pytest.mark.parametrize("path", ALL, ids=[path[-8:-4] for path in ALL])
def test_a_product_without_its_images_says_which_is_missing(shared: Path, path: str) -> None:
    with pytest.raises(
        UnreadableSceneError, match=r"(measurement/.*\.tiff is missing or empty|annotation of)"
    ):
        open_product(shared / "data" / path)


def test_real_orbit_files_speak_of_their_span(shared: Path) -> None:
    files = sorted((shared / "data/s1-slc-metadata/tests/data/orbits").glob("*.EOF"))
    assert len(files) == 2
    for path in files:
        about = describe_orbit_file(path)
        middle = about.start + (about.stop - about.start) / 2
        vectors = read_orbit_file(path, "S1A", middle, middle)
        fit = fit_orbit(vectors, middle, middle, source=about.kind, name=path.name)
        assert about.kind == "RESORB"
        assert fit.velocity_residual_m_s < 1e-3
