"""The radar kernels against plain NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from pyproj import Transformer
from scipy.interpolate import RegularGridInterpolator

from sen4cap_core.kernels.radar.geometry import earth_fixed, orbit_state
from sen4cap_core.kernels.radar.lut import lut_at, lut_row
from sen4cap_core.kernels.radar.phase import cos_sin
from sen4cap_core.kernels.radar.ramp import deramp_and_calibrate, ramp_turns
from sen4cap_core.kernels.radar.resample import geocode_burst
from sen4cap_core.kernels.radar.taps import weigh_samples
from sen4cap_core.kernels.radar.windows import burst_cells, coherence_cells, power_cells
from sen4cap_core.sentinel1.geocode import doubled, kaiser_sinc

RANDOM = np.random.default_rng(5)
NO_FRINGES = np.empty((0, 0))


def speckle(shape: tuple[int, int]) -> np.ndarray:
    return (RANDOM.standard_normal(shape) + 1j * RANDOM.standard_normal(shape)).astype(np.complex64)


def test_earth_fixed_is_that_of_proj() -> None:
    to_ecef = Transformer.from_crs(4979, 4978, always_xy=True)
    out = np.empty(3)
    for lon, lat, height in ((12.5, 42.0, 300.0), (-179.9, -75.0, -20.0), (0.0, 0.0, 0.0)):
        earth_fixed(lon, lat, height, out)
        assert np.allclose(out, to_ecef.transform(lon, lat, height), atol=1e-6)


def test_orbit_state_is_polynomial_and_its_derivatives() -> None:
    coefficients = RANDOM.standard_normal((3, 7))
    state = np.empty(9)
    orbit_state(coefficients, 60.0, 17.0, state)

    for axis in range(3):
        series = np.polynomial.Polynomial(coefficients[axis], domain=[-60, 60], window=[-1, 1])
        expected = [series(17.0), series.deriv()(17.0), series.deriv(2)(17.0)]
        assert np.allclose(state[axis::3], expected, rtol=1e-12)


def test_lut_is_bilinear_and_ends_at_its_edge() -> None:
    values = RANDOM.random((4, 5)).astype(np.float32)
    steps = np.array([-10.0, 7.0, 5.0, 40.0])
    twin = RegularGridInterpolator((steps[0] + 7.0 * np.arange(4), steps[2] + 40.0 * np.arange(5)), values)

    for line, sample in ((-3.3, 60.0), (10.9, 164.9), (-10.0, 5.0)):
        assert lut_at(values, steps, line, sample) == pytest.approx(float(twin((line, sample))), rel=1e-6)
    assert lut_at(values, steps, -100.0, 1e6) == pytest.approx(values[0, -1])
    row = np.empty(300)
    lut_row(values, steps, 3.3, -20, row)
    assert np.allclose(row, [lut_at(values, steps, 3.3, c - 20.0) for c in range(300)], rtol=1e-12)


def test_cosine_and_sine_are_those_of_the_library() -> None:
    turns = np.concatenate([RANDOM.uniform(-3e7, 3e7, 2000), np.arange(-8, 9) / 4, [1e-12, 0.25 + 1e-9]])
    found = np.array([cos_sin(t) for t in turns])
    angle = 2.0 * np.pi * np.remainder(turns, 1.0)

    assert np.abs(found - np.column_stack([np.cos(angle), np.sin(angle)])).max() < 2e-9


RAMP = np.array(
    [-0.2, 2e-3, 5.3e-3, 1.55e-8, 7590.0, 5.3e-3, -2328.0, 4.5e5, -7.9e7, 5.3e-3, -10.0, -9981.0, 0.0, 0.004]
)


def ramp_phase(line: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Phase of the ramp, as the published definition has it."""
    eta, tau = RAMP[0] + line * RAMP[1], RAMP[2] + sample * RAMP[3]
    rate = np.polynomial.polynomial.polyval(tau - RAMP[5], RAMP[6:9])
    centroid = np.polynomial.polynomial.polyval(tau - RAMP[9], RAMP[10:13])
    sweep = rate * RAMP[4] / (rate - RAMP[4])
    since = eta - (-centroid / rate - RAMP[13])
    return np.pi * sweep * since**2 + 2 * np.pi * centroid * since


def turns_of(first_sample: int, n: int) -> np.ndarray:
    turns = np.empty((3, n))
    ramp_turns(RAMP, first_sample, turns)
    return turns


def test_ramp_is_a_polynomial_along_track_and_linear_between_samples() -> None:
    line, sample = np.meshgrid(np.arange(0.0, 1500.0, 99.7), np.arange(900.0, 909.0), indexing="ij")
    constant, slope, bend = turns_of(900, 9)
    eta = RAMP[0] + line * RAMP[1]
    turns = constant + eta * (slope + eta * bend)

    assert np.allclose(2 * np.pi * turns, ramp_phase(line, sample), atol=1e-8)
    between = 0.5 * (turns[:, :-1] + turns[:, 1:])
    assert np.allclose(2 * np.pi * between, ramp_phase(line[:, :-1], sample[:, :-1] + 0.5), atol=1e-6)


def test_ramp_sweeps_the_doppler_frequency() -> None:
    line, sample = np.meshgrid(np.arange(0.0, 200.0, 0.5), [0.0, 900.0], indexing="ij")
    frequency = np.diff(ramp_phase(line, sample), axis=0) / (2 * np.pi * 0.5 * RAMP[1])
    # k_t = k_a k_s / (k_a - k_s), at both ranges.
    for column, tau in enumerate((5.3e-3, 5.3e-3 + 900 * 1.55e-8)):
        rate = -2328.0 + 4.5e5 * (tau - 5.3e-3) - 7.9e7 * (tau - 5.3e-3) ** 2
        sweep = np.diff(frequency[:, column]) / (0.5 * RAMP[1])
        assert np.allclose(sweep, rate * 7590.0 / (rate - 7590.0), rtol=1e-4)


def test_deramping_and_calibration() -> None:
    one = speckle((6, 9))
    numbers = np.stack([one, 1j * one[::-1]])
    luts, steps = np.full((2, 2, 2), 4.0, np.float32), np.array([0.0, 10.0, 0.0, 40.0])
    luts[1] = 5.0
    out = numbers.copy()
    deramp_and_calibrate(out, 20, 3, RAMP, turns_of(3, 9), luts, steps, 0.0, 0, 6)

    phase = ramp_phase(20.0 + np.arange(6)[:, None], 3.0 + np.arange(9)[None, :])
    for found, given, gain in zip(out, numbers, (4.0, 5.0), strict=True):
        assert np.allclose(found, given * np.exp(-1j * phase) / gain, atol=1e-6)


def test_taps_are_a_weighed_sum() -> None:
    random = np.random.default_rng(1)
    images = random.standard_normal((2, 30, 80)).astype(np.float32).view(np.complex64)
    lines, samples = (random.standard_normal((9, 8)).astype(np.float32) for _ in range(2))
    twice = np.repeat(samples, 2, axis=1)

    @njit
    def weigh(n: int, y: int, x: int, p: int, q: int) -> complex:
        return weigh_samples(
            images, np.uintp(n), np.uintp(y), np.uintp(x), lines, np.uintp(p), twice, np.uintp(q)
        )

    for n, y, x, p, q in ((0, 0, 0, 0, 8), (1, 22, 32, 8, 3), (1, 7, 11, 4, 0)):
        expected = lines[p].astype(float) @ images[n, y : y + 8, x : x + 8] @ samples[q].astype(float)
        assert weigh(n, y, x, p, q) == pytest.approx(expected, rel=1e-4)


def test_resampling_is_interpolation_with_the_phases_put_right() -> None:
    # A band-limited image, moved by a fraction of a sample in both directions.
    spectrum = np.zeros((64, 64), complex)
    spectrum[:20, :20] = speckle((20, 20))
    spectrum = np.roll(spectrum, (-10, -10), (0, 1))
    image = np.fft.ifft2(spectrum).astype(np.complex64)
    # A second polarisation, which is what the first is, turned and half as strong.
    images = np.stack([image, 0.5j * image])
    line, sample = 0.3, 0.4
    turn = np.exp(2j * np.pi * (line * np.fft.fftfreq(64)[:, None] + sample * np.fft.fftfreq(64)[None, :]))
    moved = np.fft.ifft2(spectrum * turn)
    rows, columns = 4, 3
    # Nodes such that sample centres fall on line 20 + r + 0.3 and sample 30 + c + 0.4.
    place = np.array([7.0, 2e-3, 850_000.0, 0.75])
    time_nodes = 7.0 + 2e-3 * (20 - 0.5 + line + 2.0 * np.arange(rows + 1)[:, None] + np.zeros(columns + 1))
    range_nodes = 30 - 0.5 + sample + 4.0 * np.arange(columns + 1)[None, :] + np.zeros((rows + 1, 1))
    range_nodes = 850_000.0 + 0.75 * range_nodes
    first, last = np.full(64, 2, np.int32), np.full(64, 61, np.int32)
    out = np.empty((2, 2 * rows, 4 * columns), np.complex64)
    weights = kaiser_sinc(5.0), doubled(3.5)
    turns = turns_of(0, 65)
    nodes = time_nodes, range_nodes, place
    geocode_burst(images, 0, 0, RAMP, turns, *nodes, 0.055, first, last, *weights, 0, rows, out)

    y, x = np.arange(2 * rows), np.arange(4 * columns)
    ramp = ramp_phase(20 + y[:, None] + line, 30 + x[None, :] + sample)
    distance = 850_000.0 + 0.75 * (30 + sample + x[None, :])
    expected = moved[20 + y][:, 30 + x] * np.exp(1j * (ramp + 4 * np.pi * distance / 0.055))
    scale = np.abs(expected).mean()
    assert np.abs(out[0] - expected).max() < 0.04 * scale
    assert np.allclose(out[1], 0.5j * out[0], atol=1e-6 * scale)

    # Nothing is made of samples that are not valid, or of places that are not known.
    first[23:] = -1
    time_nodes[0, 0] = np.nan
    geocode_burst(images, 0, 0, RAMP, turns, *nodes, 0.055, first, last, *weights, 0, rows, out)
    assert np.isnan(out).all()


def test_coherence_and_power_of_windows() -> None:
    one, other = speckle((20, 40)), speckle((20, 40))
    other += one
    one[0:4, 0:8] = complex(np.nan, np.nan)
    out, power = np.empty((10, 10), np.float32), np.empty((10, 10), np.float32)
    coherence_cells(one, other, NO_FRINGES, 0.055, 56, 0, 10, out)
    power_cells(one, 4, power)

    for r, c in ((4, 5), (0, 0), (1, 1), (9, 9), (5, 2)):
        top, left = max(2 * r - 2, 0), max(4 * c - 6, 0)
        a = one[top : 2 * r + 5, left : 4 * c + 10].astype(complex)
        b = other[top : 2 * r + 5, left : 4 * c + 10].astype(complex)
        both = np.isfinite(a)
        expected = abs((a * b.conj())[both].sum()) / np.sqrt(
            (abs(a[both]) ** 2).sum() * (abs(b[both]) ** 2).sum()
        )
        if both.sum() >= 56:
            assert out[r, c] == pytest.approx(expected, rel=1e-5)
        else:
            assert np.isnan(out[r, c])
        cell = one[2 * r : 2 * r + 2, 4 * c : 4 * c + 4]
        seen = np.isfinite(cell)
        mean = (np.abs(cell[seen]) ** 2).mean() if seen.sum() >= 4 else np.nan
        assert power[r, c] == pytest.approx(mean, rel=1e-5, nan_ok=True)


def test_fringes_kept_are_those_of_the_ranges() -> None:
    one = speckle((20, 40))
    difference = 0.004 * np.arange(11)[None, :] + np.zeros((11, 1))
    # The second pass differs by exactly the phase of the range: what is left in takes it out again.
    centres = np.repeat(difference[0, :-1], 4) + 0.004 * (np.tile(np.arange(4), 10) + 0.5) / 4
    other = (one * np.exp(1j * 4 * np.pi / 0.055 * -centres)[None, :]).astype(np.complex64)
    without, kept = np.empty((10, 10), np.float32), np.empty((10, 10), np.float32)
    coherence_cells(one, other, NO_FRINGES, 0.055, 56, 0, 10, without)
    coherence_cells(one, other, difference, 0.055, 56, 0, 10, kept)

    assert np.allclose(kept[1:-1, 1:-1], 1.0, atol=1e-4)
    assert without[5, 5] < 0.9


def test_noise_flattening_and_depth_are_those_of_the_middle_of_a_cell() -> None:
    rows, columns = 5, 4
    place = np.array([7.0, 2e-3, 850_000.0, 2.5])
    time_nodes = 7.0 + 2e-3 * (12.0 * np.arange(rows + 1)[:, None] + np.arange(columns + 1)[None, :])
    range_nodes = 850_000.0 + 2.5 * (9.0 * np.arange(columns + 1)[None, :] + np.zeros((rows + 1, 1)))
    time_nodes[0, 0] = np.nan
    noise, gamma = (RANDOM.uniform(1, 2, (9, 3)).astype(np.float32) for _ in range(2))
    steps = np.array([0.0, 10.0, 0.0, 40.0])
    area = RANDOM.uniform(0.5, 2, (rows, columns)).astype(np.float32)
    found_noise, found_gamma, depth = np.empty_like(area), area.copy(), np.empty_like(area)
    ends, metres = np.array([3.0, 50.0, 4.0, 30.0]), np.array([14.0, 2.3])
    burst_cells(
        time_nodes, range_nodes, place, ends, metres, noise, gamma, steps, 20.0, 0, rows,
        found_noise, found_gamma, depth,
    )  # fmt: skip

    for r, c in np.ndindex(rows, columns):
        line, sample = 12.0 * (r + 0.5) + c + 0.5, 9.0 * (c + 0.5)
        if (r, c) == (0, 0):
            assert np.isnan([found_noise[r, c], found_gamma[r, c], depth[r, c]]).all()
            continue
        table = RegularGridInterpolator((10.0 * np.arange(9), 40.0 * np.arange(3)), noise)
        assert found_noise[r, c] == pytest.approx(float(table((line + 20, sample))), rel=1e-6)
        table = RegularGridInterpolator((10.0 * np.arange(9), 40.0 * np.arange(3)), gamma)
        assert found_gamma[r, c] == pytest.approx(float(table((line + 20, sample))) / area[r, c], rel=1e-6)
        expected = min(14 * (line - 3), 14 * (50 - line), 2.3 * (sample - 4), 2.3 * (30 - sample))
        assert depth[r, c] == pytest.approx(expected if expected > 0 else np.nan, rel=1e-6, nan_ok=True)
