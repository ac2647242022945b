"""Whole composites of small products against NumPy over their decoded pixels."""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy.special import ndtr

from sen4cap_core.errors import NothingToDoError, UnreadableSceneError
from sen4cap_core.processors.l3a.dates import composed_date
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.passes.composite_block import FLAGS, outputs_of_plan
from sen4cap_core.rasters.passes.composite_dates import CompositePlan
from sen4cap_core.rasters.passes.composite_pass import run_composite
from sen4cap_core.rasters.writing.cog import CogBuilder
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.simulation.optical.safe_product import tile_scene

WHOLE = tile_grid("30TUM")
GRID = Grid(WHOLE.epsg, WHOLE.x_min_m, WHOLE.y_max_m, 10.0, 120, 120)
DAY = date(2019, 6, 16)
DAYS = (6, 11, 16, 26)
NAMES = ("B02", "B03", "B04", "B08")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Scene], list[dict[str, np.ndarray]]]:
    """Four scenes with clouds, and what was written into them: numbers x 10 000, SCL, AOT."""
    rng = np.random.default_rng(8)
    scenes, truth = [], []
    for i, day in enumerate(DAYS):
        bands = {name: rng.integers(100, 5000, (120, 120)) / 1e4 for name in NAMES}
        bands["B05"] = rng.integers(100, 5000, (60, 60)) / 1e4
        bands["B02"][3, 4] = np.nan
        scl = rng.choice(np.array([4, 5, 6, 9], np.uint8), (60, 60), p=[0.5, 0.3, 0.1, 0.1])
        # Two cells of 240 m wholly under cloud, and a corner that is never clear.
        scl[12 * i : 12 * i + 12, 12:24] = 9
        scl[-4:, -4:] = 8
        # Shadow of a cloud is as good as the cloud.
        scl[(scl == 9) & (np.indices(scl.shape).sum(0) % 3 == 0)] = 3
        aot = rng.uniform(0.05, 1.0, (20, 20)).round(3)
        folder = tmp_path_factory.mktemp("scenes")
        when = datetime(2019, 6, day, 11, 6, 21, tzinfo=UTC)
        path = tile_scene(folder, bands, scl, grid=GRID, acquired_at=when, aot=aot)
        scenes += open_scenes(path)
        truth.append({**bands, "SCL": scl, "AOT": aot})
    return scenes, truth


def compose(
    scenes: list[Scene], folder: Path, method: str, bands: tuple[str, ...], size_m: float = 10.0
) -> dict[str, np.ndarray]:
    plan = CompositePlan(method, bands)
    names = [o.name for o in outputs_of_plan(plan)] + ([FLAGS] if method.startswith("weighted") else [])
    paths = {name: folder / f"{name}.tif" for name in names}
    dates = [composed_date(s, DAY, days_before=25, days_after=25, method=method) for s in scenes]
    run_composite(dates, GRID.at_resolution(size_m), plan, paths, threads=2)
    found = {}
    for name, path in paths.items():
        with rasterio.open(path) as dataset:
            assert dataset.crs.to_epsg() == GRID.epsg
            assert dataset.transform == GRID.at_resolution(size_m).transform
            found[name] = dataset.read(1)
    return found


def stacks(truth: list[dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.stack([[one[name] * 1e4 for name in NAMES] for one in truth])
    scl = np.stack([one["SCL"] for one in truth]).repeat(2, 1).repeat(2, 2)
    return numbers, scl


def test_the_weighted_average(made, tmp_path: Path) -> None:
    scenes, truth = made
    # The directions of the simulated product are its own subject (tests/processors/l3a).
    bare = [_without_angles(scene) for scene in scenes]
    found = compose(bare, tmp_path, "weighted", NAMES)
    numbers, scl = stacks(truth)
    clear = np.isin(scl, (4, 5))
    weights = []
    for one, day in zip(truth, DAYS, strict=True):
        aot = one["AOT"].repeat(6, 0).repeat(6, 1)
        by_aot = 0.33 + 0.67 * (1 - np.minimum(aot, 0.8) / 0.8)
        weights.append(by_aot * (1 - abs(day - 16) / 25 * 0.5) * _cloud_weight(one["SCL"]))
    # Weights are whole ten-thousandths, and a clear pixel always counts.
    w = np.maximum(np.rint(np.stack(weights) * 1e4), 1) * clear
    with np.errstate(invalid="ignore"):
        mean = (np.nan_to_num(numbers) * w[:, None]).sum(0) / w.sum(0)
    seen = clear.any(0)
    assert 0.9 < seen.mean() < 1
    for index, name in enumerate(NAMES):
        here = seen & ~np.isnan(numbers[:, index]).any(0)
        np.testing.assert_allclose(found[name.lower()][here], mean[index][here], atol=1.01)
    np.testing.assert_allclose(found["weight"], w.sum(0) / 10, atol=1.01)
    assert found["b02"][3, 4] == -32768
    np.testing.assert_array_equal(found[FLAGS][seen], 0)
    # Never clear, never water: the darkest blue of the clouds stands in.
    corner = found[FLAGS][-8:, -8:]
    assert (corner == 4).all()
    darkest = numbers[:, 0, -8:, -8:].argmin(0)
    rows, cols = np.mgrid[112:120, 112:120]
    np.testing.assert_array_equal(found["b08"][-8:, -8:], np.rint(numbers[darkest, 3, rows, cols]))
    assert (found["weight"][-8:, -8:] == 0).all()
    # In any order of the dates the very same rasters.
    again = compose(bare[::-1], tmp_path / "late", "weighted", NAMES)
    for name, values in found.items():
        np.testing.assert_array_equal(values, again[name])


def _without_angles(scene: Scene) -> Scene:
    return replace(scene, angles=None)


def _keys(n_cells: int, n_pixels: int) -> np.ndarray:
    """Matrix of cubic convolution from the centres of cells of 24 pixels to those of the pixels."""
    matrix = np.zeros((n_pixels, n_cells))
    for pixel in range(n_pixels):
        at = (pixel + 0.5) / 24 - 0.5
        for node in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            d = abs(at - node)
            value = 1.5 * d**3 - 2.5 * d**2 + 1 if d < 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
            matrix[pixel, min(max(node, 0), n_cells - 1)] += value
    return matrix


def _cloud_weight(scl: np.ndarray) -> np.ndarray:
    """By the distance to cells that are more than half cloud, pair by pair."""
    cells = np.isin(scl, (3, 8, 9)).reshape(5, 12, 5, 12).mean((1, 3)) > 0.5
    centres = np.argwhere(cells)
    at = np.indices((5, 5)).reshape(2, -1).T
    nearest = np.sqrt(((at[:, None] - centres[None]) ** 2).sum(-1)).min(1).reshape(5, 5) - 0.5
    coarse = np.where(nearest < 0, 0.0, ndtr(nearest / 2) * ndtr(nearest / 10))
    return np.clip(_keys(5, 120) @ coarse @ _keys(5, 120).T, 0, 1)


def test_median_and_greenest(made, tmp_path: Path) -> None:
    scenes, truth = made
    bare = [_without_angles(scene) for scene in scenes]
    numbers, scl = stacks(truth)
    masked = np.where(np.isin(scl, (4, 5))[:, None], numbers, np.nan)
    seen = ~np.isnan(masked[:, 2]).all(0)

    median = compose(bare, tmp_path / "median", "median", ("B04", "B08"))
    for index, name in ((2, "b04"), (3, "b08")):
        expected = np.nanmedian(masked[:, index][:, seen], axis=0)
        np.testing.assert_array_equal(median[name][seen], np.floor(expected + 1e-6))
        assert (median[name][~seen] == -32768).all()
    np.testing.assert_array_equal(median["n_dates"], (~np.isnan(masked[:, 2])).sum(0))

    # B04 and B08 are read as helpers at the pixel size of the composite.
    green = compose(bare, tmp_path / "green", "max-ndvi", ("B03",))
    with np.errstate(invalid="ignore"):
        ndvi = np.rint((masked[:, 3] - masked[:, 2]) / (masked[:, 3] + masked[:, 2]) * 1e4)
    best = np.nanmax(ndvi[:, seen], axis=0)
    np.testing.assert_array_equal(green["ndvi"][seen], best)
    index = np.nanargmax(ndvi[:, seen], axis=0)
    rows, cols = np.nonzero(seen)
    np.testing.assert_array_equal(green["b03"][seen], np.rint(numbers[index, 1, rows, cols]))
    np.testing.assert_array_equal(green["day"][seen], np.array(DAYS)[index] - 16)


def test_twenty_metres_take_blue_at_twenty_metres(made, tmp_path: Path) -> None:
    scenes, truth = made
    found = compose([_without_angles(s) for s in scenes], tmp_path, "weighted", ("B05",), size_m=20.0)
    assert found["b05"].shape == (60, 60)
    never = (np.stack([one["SCL"] for one in truth]) >= 8).all(0)
    assert (found[FLAGS][never] == 4).all()
    values = np.stack([one["B05"] * 1e4 for one in truth])
    among = np.isclose(values, found["b05"], atol=0.6).any(0)
    assert among[never].all()


def test_the_originals_way_gives_weights_and_days_of_each_band(made, tmp_path: Path) -> None:
    scenes, truth = made
    found = compose([_without_angles(s) for s in scenes], tmp_path, "weighted-sen4cap", ("B04",))
    _, scl = stacks(truth)
    clear = np.isin(scl, (4, 5))
    assert set(found) == {"b04", "b04_weight", "b04_day", FLAGS}
    days = np.array([date(2019, 6, d).timetuple().tm_yday for d in DAYS])
    first, last = days[clear.argmax(0)], days[len(DAYS) - 1 - clear[::-1].argmax(0)]
    seen = clear.any(0) & (found["b04_weight"] > 0)
    assert seen.mean() > 0.9
    assert ((found["b04_day"] >= first) & (found["b04_day"] <= last))[seen].all()
    assert (found["b04_weight"][~clear.any(0)] <= 0).all()


def test_directions_change_clear_pixels(made, tmp_path: Path) -> None:
    scenes, _ = made
    assert scenes[0].angles is not None
    with_angles = compose(scenes, tmp_path / "with", "median", ("B08",))["b08"].astype(float)
    without = compose([_without_angles(s) for s in scenes], tmp_path / "without", "median", ("B08",))["b08"]
    seen = without > 1000
    ratio = with_angles[seen] / without[seen]
    assert 0.7 < ratio.min() < ratio.max() < 1.3
    assert abs(ratio.mean() - 1) > 0.002


def test_nothing_comes_of_nothing(made, tmp_path: Path) -> None:
    scenes, _ = made
    with pytest.raises(NothingToDoError, match="no acquisition"):
        run_composite([], GRID, CompositePlan("median", ("B04",)), {}, threads=1)
    cloudy = tile_scene(tmp_path, {"B04": 0.3, "B08": 0.3}, 9, grid=GRID)
    with pytest.raises(NothingToDoError, match="clear pixel"):
        compose(open_scenes(cloudy), tmp_path / "out", "median", ("B04",))
    assert not list((tmp_path / "out").glob("*.tif"))
    broken = tile_scene(tmp_path / "broken", {"B04": 0.3, "B08": 0.3}, 4, grid=GRID)
    (scene,) = open_scenes(broken)
    path = Path(scene.bands["B04"].uri)
    path.write_bytes(path.read_bytes()[:2000] + b"\0" * 200 + b"\xff\xd9")
    with pytest.raises(UnreadableSceneError, match="B04"):
        compose([scenes[0], scene], tmp_path / "out", "median", ("B04",))
    assert not list((tmp_path / "out").glob("*.tif"))


def test_a_raster_that_is_still_written_when_another_fails_is_not_left(
    made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, began, failed = CogBuilder.finish, threading.Event(), threading.Event()

    def one_fails(builder: CogBuilder) -> None:
        if builder.path.name == "b08.tif":
            assert began.wait(10)
            failed.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        began.set()
        assert failed.wait(10)
        # The error has long reached who waits for both.
        time.sleep(0.3)
        finish(builder)

    monkeypatch.setattr(CogBuilder, "finish", one_fails)
    with pytest.raises(OSError, match="No space left"):
        compose(made[0], tmp_path / "out", "median", ("B04", "B08"))
    assert began.is_set()
    assert not list((tmp_path / "out").glob("*"))
