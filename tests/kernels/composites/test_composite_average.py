"""The weighted average against float64 NumPy, in any order of dates; the original's against its rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.kernels.composites.average import MISSING, add_date, finish_average, total_weight
from sen4cap_core.kernels.composites.original import ORIGINAL_MISSING, update_original

LAND, WATER, SNOW, CLOUD, SATURATED, NO_DATA = 0, 1, 3, 4, 5, 255
CODES = (LAND, LAND, LAND, WATER, SNOW, CLOUD, CLOUD, SATURATED, NO_DATA)
SHAPE = (5, 7)


@dataclass
class Dates:
    """A random stack: bands, status, weights and instants of each date."""

    numbers: np.ndarray
    status: np.ndarray
    weight: np.ndarray
    minute: np.ndarray

    def __len__(self) -> int:
        return len(self.minute)


def random_dates(seed: int, n_dates: int, n_bands: int = 3) -> Dates:
    rng = np.random.default_rng(seed)
    # Few different numbers, so that ties happen.
    numbers = rng.choice(np.array([-150, 0, 300, 301, 2500, 9000], np.int16), (n_dates, n_bands, *SHAPE))
    numbers[rng.random(numbers.shape) < 0.15] = MISSING
    status = rng.choice(np.array(CODES, np.uint8), (n_dates, *SHAPE))
    weight = rng.integers(1, 10_001, (n_dates, *SHAPE)).astype(np.int32)
    minute = rng.choice(np.arange(-36_000, 36_000, 7), n_dates, replace=False)
    return Dates(numbers, status, weight, minute)


def empty_sums(n_bands: int, n_rows: int) -> list[np.ndarray]:
    cube, plane = (n_bands, n_rows, SHAPE[1]), (n_rows, SHAPE[1])
    return [
        np.zeros(cube, np.int64), np.zeros(cube, np.int32), np.zeros(plane, np.int32),
        np.zeros(plane, np.int64), np.full(cube, MISSING), np.full(plane, 255, np.uint8),
        np.zeros(plane, np.int32),
    ]  # fmt: skip


def composed(dates: Dates, order: np.ndarray, blue: int, by_strips: bool = False) -> list[np.ndarray]:
    """Of sums of the whole block, or of some rows at a time."""
    n_bands, n_rows = dates.numbers.shape[1], SHAPE[0]
    out = [np.empty((n_bands, *SHAPE), np.int16), np.empty(SHAPE, np.int16), np.empty(SHAPE, np.int16)]
    out.append(np.empty(SHAPE, np.uint8))
    whole = empty_sums(n_bands, n_rows)
    for top, bottom in ((0, 2), (2, n_rows)):
        # A strip may have more rows than are filled.
        first, sums = (top, empty_sums(n_bands, n_rows)) if by_strips else (0, whole)
        for d in order:
            weight = dates.weight[d][top:bottom]
            date = (dates.numbers[d], dates.status[d], weight, int(dates.minute[d]))
            add_date(*date, blue, top, bottom, first, *sums)
        if by_strips:
            finish_average(top, bottom, first, *sums, *out)
    if not by_strips:
        finish_average(0, n_rows, 0, *whole, *out)
    return out


def twin(dates: Dates, blue: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All dates at once, float64; ranks in place of updates."""
    numbers = np.where(dates.numbers == MISSING, np.nan, dates.numbers.astype(float))
    seen = ~np.isnan(numbers).all(axis=1) & (dates.status != NO_DATA)
    clear = seen & np.isin(dates.status, (LAND, SATURATED))
    w = np.where(clear, dates.weight, 0).astype(float)
    each = w[:, None] * ~np.isnan(numbers)
    with np.errstate(invalid="ignore"):
        mean = np.nansum(each * np.nan_to_num(numbers), axis=0) / each.sum(axis=0)
        minute = (w * dates.minute[:, None, None]).sum(axis=0) / w.sum(axis=0)
    flags = np.full(SHAPE, NO_DATA)
    for r, c in np.ndindex(SHAPE):
        if clear[:, r, c].any():
            flags[r, c] = LAND
            continue
        candidates = []
        for d in np.nonzero(seen[:, r, c])[0]:
            brightness = numbers[d, blue, r, c] if blue >= 0 else 0.0
            brightness = np.inf if np.isnan(brightness) else brightness
            if dates.status[d, r, c] == CLOUD:
                candidates.append((1, brightness, dates.minute[d], d))
            else:
                candidates.append((0, 0.0, -dates.minute[d], d))
        if candidates:
            best = min(candidates)[-1]
            flags[r, c], minute[r, c] = dates.status[best, r, c], dates.minute[best]
            mean[:, r, c] = numbers[best, :, r, c]
    return mean, w.sum(axis=0), minute, flags


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.sampled_from([-1, 0, 2]))
def test_one_by_one_in_any_order_equals_all_at_once(seed: int, n_dates: int, blue: int) -> None:
    dates = random_dates(seed, n_dates)
    in_order = composed(dates, np.argsort(dates.minute), blue)
    late = composed(dates, np.random.default_rng(seed).permutation(n_dates), blue, by_strips=True)
    for one, other in zip(in_order, late, strict=True):
        np.testing.assert_array_equal(one, other)

    numbers, weight, day, flags = in_order
    mean, total, minute, expected_flags = twin(dates, blue)
    np.testing.assert_array_equal(flags, expected_flags)
    np.testing.assert_array_equal(numbers == MISSING, np.isnan(mean))
    found = numbers != MISSING
    np.testing.assert_allclose(numbers[found], mean[found], atol=0.5 + 1e-6)
    np.testing.assert_allclose(weight, total / 10.0, atol=1.0)
    known = flags != NO_DATA
    np.testing.assert_array_equal(day[known], np.floor(np.floor(minute[known] + 1e-9) / 1440))
    assert (day[~known] == MISSING).all()


def test_weights_are_those_of_the_specification() -> None:
    aot = np.array([[-0.1, 0.0, 0.4, 0.799, 0.8, 2.0, np.nan]], np.float32)
    out = np.empty(aot.shape, np.int32)
    total_weight(aot, np.ones_like(aot), 1.0, 0.33, 1.0, 0.8, out)
    a = np.clip(np.nan_to_num(aot.astype(float), nan=0.8), 0, 0.8)
    np.testing.assert_array_equal(out, np.rint((0.33 + 0.67 * (1 - a / 0.8)) * 10_000))
    total_weight(aot, np.full_like(aot, 0.5), 0.6, 0.33, 1.0, 0.8, out)
    np.testing.assert_allclose(out, (0.33 + 0.67 * (1 - a / 0.8)) * 3000, atol=0.5)
    total_weight(aot, np.zeros_like(aot), 1.0, 0.33, 1.0, 0.8, out)
    assert (out == 1).all()


def original_pixel(state: dict, values: np.ndarray, code: int, weight: float, day: int, blue: int) -> None:
    """One pixel and date of the original, written down rule by rule; values x 10 000, below 0 missing."""
    bands = range(len(values))
    if code in (LAND, SATURATED, NO_DATA):
        if (values < 0).all():
            return
        for b in bands:
            if values[b] < 0:
                continue
            if state["R"][b] == ORIGINAL_MISSING:
                state["R"][b], state["W"][b], state["D"][b] = values[b], int(weight * 1000), day
                continue
            w_before = max(state["W"][b], 0) / 1000
            both = w_before + weight
            if both > 0:
                mean = (w_before * state["R"][b] / 10_000 + weight * values[b] / 10_000) / both
                state["R"][b] = int(mean * 10_000 + 1e-9)
                state["D"][b] = int((w_before * max(state["D"][b], 0) + weight * day) / both + 1e-9)
                state["W"][b] = int(both * 1000 + 1e-9)
        state["F"] = LAND
    elif code == CLOUD:
        fresh = state["F"] == NO_DATA
        old = state["R"][blue]
        darker = values[blue] >= 0 and (old == ORIGINAL_MISSING or values[blue] < old)
        if fresh or (state["F"] == CLOUD and darker):
            state["R"][:] = np.where(values >= 0, values, ORIGINAL_MISSING)
            state["W"][:], state["D"][:] = 0, day
            state["F"] = CLOUD if (values >= 0).any() else NO_DATA
        elif state["F"] == CLOUD:
            state["W"][:] = 0
        elif state["F"] == LAND:
            fill = (state["R"] == ORIGINAL_MISSING) & (values >= 0)
            state["R"][fill] = values[fill]
    else:
        free = state["W"] <= 0
        state["R"][free & (values >= 0)] = values[free & (values >= 0)]
        hole = ~free & (state["R"] == ORIGINAL_MISSING) & (values >= 0)
        state["R"][hole], state["W"][hole] = values[hole], ORIGINAL_MISSING
        state["W"][free], state["D"][free] = 0, day
        state["F"] = code if free.all() else LAND


def test_the_original_update_follows_its_rules_pixel_by_pixel() -> None:
    rng = np.random.default_rng(5)
    dates = random_dates(9, 12)
    cube = (3, *SHAPE)
    average, weights, days = (np.full(cube, ORIGINAL_MISSING, np.int16) for _ in range(3))
    flags = np.full(SHAPE, 255, np.uint8)
    twins = {
        pixel: {**{k: np.full(3, ORIGINAL_MISSING) for k in "RWD"}, "F": NO_DATA}
        for pixel in np.ndindex(SHAPE)
    }
    for d in range(len(dates)):
        numbers = np.where(dates.numbers[d] < 0, -32768, dates.numbers[d]).astype(np.int16)
        weight = rng.choice([0.0, 0.21, 0.5, 0.873], SHAPE)
        update_original(numbers, dates.status[d], weight, 100 + d, 0, average, weights, days, flags)
        for (r, c), state in twins.items():
            values = numbers[:, r, c].astype(int)
            original_pixel(state, values, int(dates.status[d, r, c]), weight[r, c], 100 + d, 0)
    for (r, c), state in twins.items():
        assert flags[r, c] == state["F"]
        for ours, key in ((average, "R"), (weights, "W"), (days, "D")):
            assert ours[:, r, c].tolist() == state[key].tolist()
