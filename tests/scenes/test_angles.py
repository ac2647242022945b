"""Angle grids: real metadata of all baselines against a plain reading of the same text, and bad grids."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.scenes.acquisition.angle_xml import read_angle_grid, read_mean_angle
from sen4cap_core.scenes.acquisition.angles import AngleGrid, SceneAngles
from sen4cap_core.scenes.acquisition.s2_names import BAND_IDS
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.scenes.sentinel2.s2_metadata import read_tile_metadata
from sen4cap_core.simulation.optical.safe_product import tile_scene

FILES = {
    "esa_S2B_MSIL2A_20210122T133229": 13,
    "S2A_MSIL2A_20190212T192651": 13,
    "S2B_MSIL2A_20220413T150759": 13,
    "S2A_MSIL2A_20230821T221941": 13,
    "S2A_MSIL1C_20210908T042701": 13,
}


def find_metadata(shared: Path, start: str) -> Path:
    folder = shared / "data/s2-safe-metadata/tests/data-files"
    (path,) = folder.glob(f"{start}*/GRANULE/*/MTD_TL.xml")
    return path


def plain_grids(text: str) -> dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]:
    """Band and detector -> zenith and azimuth, by regular expressions."""
    found = {}
    block = r'<Viewing_Incidence_Angles_Grids bandId="(\d+)" detectorId="(\d+)">(.*?)</Viewing_Incidence'
    for band, detector, content in re.findall(block, text, re.DOTALL):
        rows = [np.array(row.split(), float) for row in re.findall(r"<VALUES>(.*?)</VALUES>", content)]
        half = len(rows) // 2
        found[BAND_IDS[band], int(detector)] = np.array(rows[:half]), np.array(rows[half:])
    return found


@pytest.mark.parametrize("start", FILES)
def test_grids_of_real_products(shared: Path, start: str) -> None:
    path = find_metadata(shared, start)
    expected = plain_grids(path.read_text())

    angles = read_tile_metadata(path.read_bytes(), path.name).angles

    assert len(angles.view) == FILES[start]
    assert {(b, d) for b, grids in angles.view.items() for d in grids} == set(expected)
    for (band, detector), (zenith, azimuth) in expected.items():
        grid = angles.view[band][detector]
        assert grid.zenith_deg.shape == (23, 23)
        np.testing.assert_allclose(grid.zenith_deg, zenith, rtol=1e-6)
        np.testing.assert_allclose(grid.azimuth_deg, azimuth, rtol=1e-6)
        assert (grid.row_step_m, grid.col_step_m) == (5000, 5000)
    assert angles.sun is not None
    assert angles.sun.zenith_deg.shape == (23, 23)
    assert np.isfinite(angles.sun.zenith_deg).all()
    assert angles.mean_sun is not None
    assert float(np.nanmean(angles.sun.zenith_deg)) == pytest.approx(angles.mean_sun.zenith_deg, abs=0.1)
    assert set(angles.mean_view) == set(BAND_IDS.values())


@pytest.mark.parametrize("start", FILES)
def test_the_mean_over_detectors_agrees_with_the_products_own_mean(shared: Path, start: str) -> None:
    path = find_metadata(shared, start)
    angles = read_tile_metadata(path.read_bytes(), path.name).angles

    mean = angles.view_over_detectors(["B04"])

    assert mean is not None
    stated = angles.mean_view["B04"]
    direction = np.nanmean(np.exp(1j * np.deg2rad(mean.azimuth_deg.astype(float))))
    turn = np.rad2deg(np.angle(direction * np.exp(-1j * np.deg2rad(stated.azimuth_deg))))
    if stated.zenith_deg > 5:  # near nadir the products state a plain mean of 2 and 358 degrees
        assert abs(turn) < 10  # detectors look alternately fore and aft
    assert float(np.nanmean(mean.zenith_deg)) == pytest.approx(stated.zenith_deg, abs=1)


def test_the_mean_of_azimuths_on_both_sides_of_north_is_north() -> None:
    def grid(zenith: float, azimuth: float) -> AngleGrid:
        full = np.array([[zenith, np.nan, np.nan]], np.float32)
        turned = np.array([[azimuth, np.nan, 10.0]], np.float32)
        return AngleGrid(full, turned, 5000, 5000)

    angles = SceneAngles(0, 0, view={"B04": {1: grid(4, 358), 2: grid(6, 4)}, "B08": {1: grid(8, 358)}})

    mean = angles.view_over_detectors(["B04"])
    both = angles.view_over_detectors(["B04", "B08", "B12"])

    assert mean is not None
    assert both is not None
    assert mean.azimuth_deg[0, 0] == pytest.approx(1, abs=1e-4)
    assert mean.zenith_deg[0, 0] == pytest.approx(5)
    assert both.zenith_deg[0, 0] == pytest.approx(6)
    assert np.isnan(mean.zenith_deg[0, 1:]).all()
    assert np.isnan(mean.azimuth_deg[0, 1:]).all()
    assert angles.view_over_detectors(["B12"]) is None


def test_a_scene_brings_its_angles(tmp_path: Path) -> None:
    (scene,) = open_scenes(tile_scene(tmp_path))

    assert scene.angles is not None
    assert scene.angles.sun is not None
    assert (scene.angles.x_min_m, scene.angles.y_max_m) == (scene.grid.x_min_m, scene.grid.y_max_m)
    assert list(scene.angles.view["B8A"]) == [6]


def grid_xml(zenith: str, azimuth: str, step: str = "5000") -> ElementTree.Element:
    parts = "".join(
        f"<{name}><COL_STEP>{step}</COL_STEP><ROW_STEP>{step}</ROW_STEP><Values_List>{rows}</Values_List></{name}>"
        for name, rows in (("Zenith", zenith), ("Azimuth", azimuth))
    )
    return ElementTree.fromstring(f"<Sun_Angles_Grid>{parts}</Sun_Angles_Grid>")


ROW = "<VALUES>1 2 NaN</VALUES>"


@pytest.mark.parametrize(
    ("zenith", "azimuth", "step", "said"),
    [
        ("<VALUES>1 x 3</VALUES>", ROW, "5000", "no number"),
        (f"{ROW}<VALUES>1 2</VALUES>", ROW, "5000", "different lengths"),
        ("", ROW, "5000", "missing"),
        (f"{ROW}{ROW}", ROW, "5000", "azimuth values"),
        (ROW, ROW, "0", "steps of 0"),
    ],
)
def test_bad_grids_are_named(zenith: str, azimuth: str, step: str, said: str) -> None:
    with pytest.raises(UnreadableSceneError, match=said):
        read_angle_grid(grid_xml(zenith, azimuth, step), "MTD_TL.xml")


def test_a_mean_of_nothing_is_none() -> None:
    text = "<M><ZENITH_ANGLE>NaN</ZENITH_ANGLE><AZIMUTH_ANGLE>NaN</AZIMUTH_ANGLE></M>"

    assert read_mean_angle(ElementTree.fromstring(text), "x") is None
