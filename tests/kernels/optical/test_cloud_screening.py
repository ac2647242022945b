"""Cloud screening kernels against NumPy, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage

from sen4cap_core.kernels.optical.cloud_screening import (
    CLEAR,
    CLOUD,
    SHADOW,
    learn_clear,
    mark_clouds,
    mark_edges,
    mark_shadows,
    spread,
    usual_difference,
)

MISSING = -32768
SHAPE = (37, 41)


def fields(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    numbers = {
        name: rng.integers(200, 1500, SHAPE).astype(np.int16)
        for name in ("blue", "red", "old_blue", "old_red")
    }
    numbers |= {name: rng.integers(1000, 4000, SHAPE).astype(np.int16) for name in ("nir", "old_nir")}
    return {
        **numbers,
        "clear": (rng.random(SHAPE) < 0.8).astype(np.uint8),
        "old_day": np.where(rng.random(SHAPE) < 0.2, -1, rng.integers(17_900, 18_000, SHAPE)).astype(
            np.int32
        ),
        "haze": rng.normal(0, 60, SHAPE).astype(np.float32),
        "cirrus": np.where(rng.random(SHAPE) < 0.7, MISSING, rng.integers(0, 200, SHAPE)).astype(np.int16),
        "near": (rng.random(SHAPE) < 0.5).astype(np.uint8),
        "beside": (rng.random(SHAPE) < 0.2).astype(np.uint8),
        "marks": rng.choice(np.array([0, 0, 0, 1, 2], np.uint8), SHAPE),
    }


def test_usual_difference_is_a_median_of_cells() -> None:
    f = fields(1)
    out = np.empty((4, 5), np.float32)
    usual_difference(f["blue"], f["old_blue"], f["clear"], 10, 30, out)
    difference = np.where(f["clear"] == 1, f["blue"].astype(float) - f["old_blue"], np.nan)
    for i in range(4):
        for j in range(5):
            cell = difference[10 * i : 10 * i + 10, 10 * j : 10 * j + 10]
            values = np.sort(cell[~np.isnan(cell)])
            if len(values) < 30:
                assert np.isnan(out[i, j])
            else:
                # The lower of the middle two.
                assert out[i, j] == np.clip(values[(len(values) - 1) // 2], -1000, 1999)
    assert np.isfinite(out).any()


def test_clouds_are_what_brightens_the_blue_more_than_the_ground_can() -> None:
    f = fields(2)
    marks = np.zeros(SHAPE, np.uint8)
    mark_clouds(
        f["blue"], f["red"], f["cirrus"], f["clear"], f["old_blue"], f["old_red"], f["old_day"], f["haze"],
        18_010, 220.0, 4.0, 1.35, 120, 60, marks,
    )  # fmt: skip
    age = 18_010 - f["old_day"]
    known = (f["old_day"] >= 0) & (age <= 60)
    brighter = f["blue"].astype(float) - f["old_blue"] - f["haze"].astype(float)
    redder = f["red"].astype(float) - f["old_red"] - f["haze"].astype(float)
    expected = known & (brighter > 220 + 4 * age) & (redder <= 1.35 * brighter)
    expected |= f["cirrus"] >= 120
    np.testing.assert_array_equal(marks == CLOUD, expected & (f["clear"] == 1))
    assert 0.05 < (marks == CLOUD).mean() < 0.6


def test_a_shadow_lies_behind_a_cloud_seen_from_the_sun() -> None:
    f = fields(3)
    cloudy = np.zeros(SHAPE, np.uint8)
    cloudy[10:14, 20:24] = 1
    marks = f["marks"].copy()
    down, across, n_steps = -0.8, 0.6, 12
    mark_shadows(
        f["red"], f["nir"], f["clear"], cloudy, f["old_red"], f["old_nir"], f["old_day"], 18_010, 0.18, 400.0,
        down, across, n_steps, 60, marks,
    )  # fmt: skip
    reached = np.zeros(SHAPE, bool)
    for r, c in np.ndindex(SHAPE):
        for step in range(1, n_steps + 1):
            i, j = round(r + step * down), round(c + step * across)
            if not (0 <= i < SHAPE[0] and 0 <= j < SHAPE[1]):
                break
            reached[r, c] |= bool(cloudy[i, j])
    known = (f["old_day"] >= 0) & (18_010 - f["old_day"] <= 60)
    dark = f["nir"] < 0.82 * f["old_nir"].astype(float)
    dark &= f["red"].astype(float) - f["old_red"] <= 400
    expected = reached & known & dark & (f["clear"] == 1) & (f["marks"] == 0)
    np.testing.assert_array_equal((marks == SHADOW) & (f["marks"] == 0), expected)
    assert expected.sum() >= 5
    # The sun stands in the upper right: nothing above the cloud is shaded.
    assert not expected[:10].any()


def test_edges_need_a_small_change_near_a_great_one() -> None:
    f = fields(4)
    marks = f["marks"].copy()
    mark_edges(
        f["blue"], f["red"], f["nir"], f["clear"], f["near"], f["beside"], f["old_blue"], f["old_red"],
        f["old_nir"], f["old_day"], f["haze"], 18_010, 100.0, 1.35, 0.1, 50.0, 60, marks,
    )  # fmt: skip
    known = (f["old_day"] >= 0) & (18_010 - f["old_day"] <= 60)
    free = (f["clear"] == 1) & (f["near"] == 1) & (f["marks"] == 0)
    brighter = f["blue"].astype(float) - f["old_blue"] - f["haze"].astype(float)
    redder = f["red"].astype(float) - f["old_red"]
    bright = (brighter > 100) & (redder - f["haze"].astype(float) <= 1.35 * brighter)
    dark = (f["nir"] < 0.9 * f["old_nir"].astype(float)) & (redder <= 50)
    expected = f["marks"].copy()
    expected[free & known & dark] = SHADOW
    expected[free & known & bright] = CLOUD
    expected[free & ~known & (f["beside"] == 1)] = CLOUD
    np.testing.assert_array_equal(marks, expected)


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_spreading_is_a_square_dilation(radius: int) -> None:
    source = (np.random.default_rng(radius).random(SHAPE) < 0.01).astype(np.uint8)
    source[0, 0] = source[-1, -1] = 1
    out = np.empty(SHAPE, np.uint8)
    spread(source, radius, out)
    square = np.ones((2 * radius + 1, 2 * radius + 1), bool)
    np.testing.assert_array_equal(out == 1, scipy.ndimage.binary_dilation(source == 1, square))


def test_the_clear_sky_state_learns_what_is_clear() -> None:
    f = fields(5)
    rng = np.random.default_rng(6)
    bands = np.stack([f["blue"], f["red"], f["nir"]])
    reference = np.stack([f["old_blue"], f["old_red"], f["old_nir"]])
    day, refused = f["old_day"].copy(), rng.integers(0, 5, SHAPE).astype(np.uint8)
    was, was_day, was_refused = reference.copy(), day.copy(), refused.copy()
    learn_clear(bands, f["clear"], f["marks"], 18_010, 0.5, 4, reference, day, refused)
    for r, c in np.ndindex(SHAPE):
        if f["clear"][r, c] != 1:
            expected = (was[:, r, c].tolist(), was_day[r, c], was_refused[r, c])
        elif f["marks"][r, c] != CLEAR and was_refused[r, c] + 1 < 4:
            expected = (was[:, r, c].tolist(), was_day[r, c], was_refused[r, c] + 1)
        else:
            anew = was_day[r, c] < 0 or f["marks"][r, c] != CLEAR or bands[0, r, c] < was[0, r, c]
            half = np.rint((was[:, r, c].astype(float) + bands[:, r, c]) / 2).astype(int)
            expected = ((bands[:, r, c] if anew else half).tolist(), 18_010, 0)
        assert (reference[:, r, c].tolist(), day[r, c], refused[r, c]) == expected
