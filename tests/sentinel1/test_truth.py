"""The chain against simulated speckle of known coherence and backscatter."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln

from sen4cap_core.sentinel1.acquisition import BurstOnMap
from sen4cap_core.sentinel1.mosaic import match_bursts, merge_coherence, merge_power
from sen4cap_core.simulation.radar.radar_pair import STRIP_M, TRUE_COHERENCE
from tests.sentinel1.simulated_pair import VH_NOISE, Simulated

Passes = tuple[list[BurstOnMap], list[BurstOnMap]]


def expected_coherence(truth: float, looks: float) -> float:
    """Mean of the estimator for a true coherence and a number of independent looks (Touzi et al. 1999)."""
    k = np.arange(4000)
    terms = gammaln(1.5 + k) - gammaln(1.5) + 2 * (gammaln(looks + k) - gammaln(looks))
    terms += gammaln(looks + 0.5) - gammaln(looks + 0.5 + k) - 2 * gammaln(1 + k)
    terms += k * np.log(truth**2) if truth > 0 else np.where(k == 0, 0.0, -np.inf)
    scale = gammaln(looks) + gammaln(1.5) - gammaln(looks + 0.5) + looks * np.log1p(-(truth**2))
    return float(np.exp(terms + scale).sum())


def strips(scene: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Cells of each strip, away from its edges and from the edge of the scene."""
    wide = round(STRIP_M / 20)
    return [scene[10:-10, wide * n + 5 : wide * (n + 1) - 5] for n in range(len(TRUE_COHERENCE))]


@pytest.fixture(scope="module")
def coherence(simulated: Simulated, on_map: Passes) -> NDArray[np.float32]:
    matched = match_bursts(*on_map)
    assert len(matched) == 4

    return simulated.on_scene(merge_coherence(matched, simulated.grid, keep_fringes=False, threads=2))


def test_coherence_of_six_strips_is_the_estimators_expectation(
    simulated: Simulated, on_map: Passes, coherence: NDArray[np.float32]
) -> None:
    means = [float(np.nanmean(strip)) for strip in strips(coherence)]
    # Two polarisations of a pass are independent here: an incoherent pair that shows the estimator's bias.
    crossed = [(a, b) for a in on_map[0] for b in on_map[0] if a.polarisation > b.polarisation]
    incoherent = [(a, b) for a, b in crossed if (a.swath, a.since_node_s) == (b.swath, b.since_node_s)]
    bias = simulated.on_scene(merge_coherence(incoherent, simulated.grid, keep_fringes=False, threads=2))

    # Hills turn the ground towards the radar or away from it, so each strip has looks of its own.
    for truth, mean, cells in zip(TRUE_COHERENCE, means, strips(bias), strict=True):
        looks = brentq(lambda n, b=np.nanmean(cells): expected_coherence(0.0, n) - b, 2.0, 200.0)
        assert 20 < looks < 60
        assert mean == pytest.approx(expected_coherence(truth, looks), abs=0.01)


def test_bursts_and_swaths_join_without_gap_or_seam(
    simulated: Simulated, on_map: Passes, coherence: NDArray[np.float32]
) -> None:
    stable = strips(coherence)[4]
    inner = stable[30:-30]

    assert np.isfinite(inner).all()
    # No stretch of 200 m along the strip, joints included, differs by more than its scatter.
    rows = np.convolve(inner.mean(axis=1), np.full(10, 0.1), "valid")
    assert np.abs(rows - rows.mean()).max() < 0.04
    assert len({(burst.swath, burst.since_node_s) for burst in on_map[1]}) == 4


def test_fringes_left_in_lower_coherence_as_in_the_original(
    simulated: Simulated, on_map: Passes, coherence: NDArray[np.float32]
) -> None:
    kept = merge_coherence(match_bursts(*on_map), simulated.grid, keep_fringes=True, threads=2)
    ours, theirs = (np.nanmean(strips(part)[5]) for part in (coherence, simulated.on_scene(kept)))

    # A perpendicular baseline of about 100 m.
    assert 0.78 < theirs / ours < 0.92


def test_backscatter_is_that_of_the_ground(simulated: Simulated, on_map: Passes) -> None:
    bursts = [burst for burst in on_map[0] if burst.polarisation == "VV"]
    sigma0 = simulated.on_scene(merge_power(bursts, simulated.grid, "sigma0"))

    assert np.nanmean(sigma0) == pytest.approx(simulated.pair.ground.sigma0["VV"], rel=0.02)


def test_noise_is_taken_off(simulated: Simulated, on_map: Passes) -> None:
    bursts = [burst for burst in on_map[0] if burst.polarisation == "VH"]
    sigma0 = simulated.on_scene(merge_power(bursts, simulated.grid, "sigma0"))
    truth = simulated.pair.ground.sigma0["VH"]

    assert truth / VH_NOISE < 3
    assert np.nanmean(sigma0) == pytest.approx(truth, rel=0.02)


def test_two_passes_see_each_stable_cell_at_the_same_place(on_map: Passes) -> None:
    # Half a cell off, the speckle of a stable strip would not correlate any more.
    one, other = next(pair for pair in match_bursts(*on_map) if pair[0].swath == "IW2")
    box = one.data.box.meet(other.data.box)
    assert box is not None
    rows, columns = box.within(one.data.box)
    a = np.abs(one.data.samples[2 * rows.start : 2 * rows.stop, 4 * columns.start : 4 * columns.stop])
    rows, columns = box.within(other.data.box)
    b = np.abs(other.data.samples[2 * rows.start : 2 * rows.stop, 4 * columns.start : 4 * columns.stop])
    a, b = a[:, -240:-60], b[:, -240:-60]

    def likeness(dy: int, dx: int) -> float:
        shifted = np.roll(b, (dy, dx), (0, 1))
        both = np.isfinite(a) & np.isfinite(shifted)
        return float(np.corrcoef(a[both], shifted[both])[0, 1])

    assert likeness(0, 0) > 0.7
    assert likeness(0, 0) > max(likeness(1, 0), likeness(-1, 0), likeness(0, 1), likeness(0, -1))
