"""Directions and weights against their formulas; distance to clouds against the original's filter."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.processors.l3a.direction import COEFFICIENTS, model, nadir_factor
from sen4cap_core.processors.l3a.weights import date_weight, sensor_weight
from sen4cap_core.rasters.masks.cloud_distance import discrete_gaussian, distance_weight, gaussian_weight
from sen4cap_core.scenes.acquisition.angles import AngleGrid, SceneAngles
from sen4cap_core.scenes.sentinel2.s2_metadata import read_tile_metadata


def one_direction(
    ts: float, ps: float, tv: float, pv: float, kv: float, kr: float, original: bool = False
) -> float:
    phi = ps - pv
    delta = math.sqrt(
        max(math.tan(ts) ** 2 + math.tan(tv) ** 2 - 2 * math.tan(ts) * math.tan(tv) * math.cos(phi), 0.0)
    )
    m = 1 / math.cos(ts) + 1 / math.cos(tv)
    cos_xi = math.cos(ts) * math.cos(tv) + math.sin(ts) * math.sin(tv) * math.cos(phi)
    xi = math.acos(max(-1.0, min(1.0, cos_xi)))
    cos_t = math.sqrt(delta**2 + (math.tan(ts) * math.tan(tv) * math.sin(phi)) ** 2) / m
    t = math.acos(max(-1.0, min(1.0, cos_t)))
    rough = m / math.pi * (t - math.sin(t) * math.cos(t) - math.pi)
    rough += (1 + cos_xi) / (2 * math.cos(ts) * math.cos(tv))
    volume = 4 / (3 * math.pi) / (math.cos(ts) + math.cos(tv))
    volume *= (math.pi / 2 - xi) * math.cos(xi) + math.sin(xi)
    volume = volume * (1 + 1 / (1 + xi / math.radians(1.5))) - 1 / 3
    return 1 + kv * rough + kr * volume if original else 1 + kv * volume + kr * rough


@pytest.mark.parametrize("original", [False, True])
def test_the_model_is_the_published_one_or_the_originals_with_its_kernels_exchanged(original: bool) -> None:
    rng = np.random.default_rng(1)
    ts, tv = rng.uniform(0.2, 1.2, 200), rng.uniform(0, 0.25, 200)
    ps, pv = rng.uniform(0, 2 * np.pi, 200), rng.uniform(0, 2 * np.pi, 200)
    ours = model(ts, ps, tv, pv, 0.7, 0.15, original=original)
    theirs = [one_direction(*angles, 0.7, 0.15, original) for angles in zip(ts, ps, tv, pv, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_view_from_the_zenith_needs_no_correction_and_gaps_take_their_neighbours() -> None:
    shape = (23, 23)
    sun = AngleGrid(np.full(shape, 40, np.float32), np.full(shape, 150, np.float32), 5000, 5000)
    zenith, azimuth = np.zeros(shape, np.float32), np.full(shape, 100, np.float32)
    zenith[:, 12:] = 8.0
    zenith[20:] = azimuth[20:] = np.nan
    angles = SceneAngles(300000, 4600020, sun, {"B04": {1: AngleGrid(zenith, azimuth, 5000, 5000)}})
    field = nadir_factor(angles, "B04")
    assert field is not None
    # The azimuth of a vertical view means nothing.
    np.testing.assert_allclose(field.values[:20, :12], 1.0, atol=1e-6)
    kv, kr = COEFFICIENTS["B04"]
    seen = [math.radians(a) for a in (40, 150, 8, 100)]
    above = [math.radians(a) for a in (40, 0, 0, 0)]
    expected = one_direction(*above, kv, kr) / one_direction(*seen, kv, kr)
    np.testing.assert_allclose(field.values[:20, 12:], expected, rtol=1e-6)
    assert abs(expected - 1) > 0.005
    np.testing.assert_array_equal(field.values[20:], np.broadcast_to(field.values[19], (3, 23)))
    assert nadir_factor(angles, "B08") is None
    assert nadir_factor(None, "B04") is None
    assert nadir_factor(angles, "B01") is None


@pytest.mark.parametrize("sun_deg", [20, 45, 60, 75])
@pytest.mark.parametrize("band", ["B02", "B08", "B11"])
def test_ten_degrees_off_the_zenith_are_a_matter_of_some_percent(band: str, sun_deg: int) -> None:
    """From one edge of the swath to the other reflectance changes by some percent, not by a multiple."""
    relative = np.deg2rad(np.arange(0.0, 360.0, 15.0))
    sun, view = np.full_like(relative, math.radians(sun_deg)), np.full_like(relative, math.radians(10))
    zero = np.zeros_like(relative)
    factor = model(sun, zero, zero, zero, *COEFFICIENTS[band]) / model(
        sun, zero, view, relative, *COEFFICIENTS[band]
    )
    most = 0.1 if sun_deg <= 45 else 0.3
    assert (np.abs(factor - 1) < most).all()
    assert np.abs(factor - 1).max() > 0.02


def test_a_sun_near_the_horizon_takes_the_factor_of_its_neighbours() -> None:
    zenith = np.full((4, 4), 60, np.float32)
    zenith[:, 3] = 86
    sun = AngleGrid(zenith, np.full((4, 4), 150, np.float32), 5000, 5000)
    seen = AngleGrid(np.full((4, 4), 8, np.float32), np.full((4, 4), 100, np.float32), 5000, 5000)
    angles = SceneAngles(0.0, 0.0, sun=sun, view={"B02": {1: seen}})

    field, original = nadir_factor(angles, "B02"), nadir_factor(angles, "B02", original=True)

    assert field is not None
    assert original is not None
    np.testing.assert_array_equal(field.values[:, 3], field.values[:, 2])
    assert (original.values[:, 3] != original.values[:, 2]).all()


@pytest.mark.parametrize("low_sun", ["S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126"])
def test_a_real_product_of_a_sun_13_degrees_high(shared: Path, low_sun: str) -> None:
    folder = shared / f"data/s2-safe-metadata/tests/data-files/{low_sun}.SAFE"
    (metadata,) = folder.glob("GRANULE/*/MTD_TL.xml")
    angles = read_tile_metadata(metadata.read_bytes(), metadata.name).angles

    fields = [nadir_factor(angles, band) for band in COEFFICIENTS]

    assert all(field is not None and 0.7 < field.values.min() < field.values.max() < 1.6 for field in fields)


def test_a_date_counts_less_the_further_it_is() -> None:
    assert date_weight(0, 25, 0.5) == 1.0
    assert date_weight(-10, 25, 0.5) == pytest.approx(0.8)
    assert date_weight(25, 25, 0.5) == 0.5
    assert date_weight(0, 0, 0.5) == 1.0
    # The original divides whole numbers.
    assert [date_weight(d, 25, 0.5, original=True) for d in (-24, 10, 25)] == [1.0, 1.0, 0.5]
    with pytest.raises(ValueError, match="26 days"):
        date_weight(26, 25, 0.5)
    assert (sensor_weight("s2-l2a"), sensor_weight("landsat-l2")) == (1.0, 0.33)


def test_the_discrete_gaussian_has_its_sum_and_variance() -> None:
    for variance in (4.0, 100.0):
        kernel = discrete_gaussian(variance)
        assert kernel.sum() == pytest.approx(1.0)
        at = np.arange(len(kernel)) - len(kernel) // 2
        # A hundredth of it is cut off, from the tails.
        assert 0.85 * variance < (kernel * at**2).sum() < variance
        np.testing.assert_array_equal(kernel, kernel[::-1])


def test_distance_weighs_as_the_originals_filter_does_at_a_straight_edge() -> None:
    cell = 6
    cloudy = np.zeros((60 * cell, 120 * cell), bool)
    cloudy[:, : 40 * cell] = True
    ours, original = distance_weight(cloudy, cell, 2.0, 10.0), gaussian_weight(cloudy, cell, 2.0, 10.0)
    # Half a cell from the edge, five cells, and far away.
    assert ours[30, 40] == pytest.approx(0.6 * 0.52, abs=0.01)
    np.testing.assert_allclose(ours[:, 40:], original[:, 40:], atol=0.035)
    assert (ours[:, :40] == 0).all()
    assert ours[30, 119] == pytest.approx(1.0, abs=1e-6)
    # A lone cell keeps its distance by ours; the original's filter hardly sees it.
    lone = np.zeros_like(cloudy)
    lone[30 * cell : 31 * cell, 60 * cell : 61 * cell] = True
    assert distance_weight(lone, cell, 2.0, 10.0)[30, 61] < 0.4
    assert gaussian_weight(lone, cell, 2.0, 10.0)[30, 61] > 0.9
    clear = distance_weight(np.zeros_like(cloudy), cell, 2.0, 10.0)
    assert (clear == 1).all()


def test_distance_is_euclidean() -> None:
    from scipy.special import ndtr

    cell = 4
    cloudy = np.zeros((40 * cell, 40 * cell), bool)
    cells = [(5, 7), (30, 12), (18, 33)]
    for r, c in cells:
        # Just more than half of the cell.
        cloudy[r * cell : r * cell + 3, c * cell : (c + 1) * cell] = True
    rows, cols = np.mgrid[0:40, 0:40]
    nearest = np.min([np.hypot(rows - r, cols - c) for r, c in cells], axis=0) - 0.5
    expected = np.where(nearest < 0, 0.0, ndtr(nearest / 2) * ndtr(nearest / 10))
    np.testing.assert_allclose(distance_weight(cloudy, cell, 2.0, 10.0), expected, atol=1e-6)
