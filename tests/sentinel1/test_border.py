"""Border noise of old detected products."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.kernels.radar.border import BLOCK, edge_lengths
from sen4cap_core.rasters.decoding.radar_image import open_radar_image, write_uint16
from sen4cap_core.sentinel1.border import MARGIN, find_borders, has_border_noise
from sen4cap_core.sentinel1.luts import Lut
from sen4cap_core.sentinel1.product import open_product
from tests.sentinel1.simulated_pair import Simulated

STEPS = np.array([0.0, 10.0, 0.0, 40.0])
LINES, SAMPLES = 1200, 1500
NOISE = 400.0
"""Power of the noise; the ground has ten times as much."""


def tables() -> tuple[Lut, Lut]:
    """Noise that grows towards far range; a calibration under which -28 dB is far below it."""
    noise = np.linspace(NOISE, 1.5 * NOISE, SAMPLES // 40 + 2, dtype=np.float32)
    lines = LINES // 10 + 2
    gain = np.full((lines, len(noise)), 300.0, np.float32)
    return Lut(np.tile(noise, (lines, 1)), STEPS), Lut(gain, STEPS)


def amplitudes(power: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.sqrt(power * random.gamma(4.4, 1 / 4.4, power.shape)).round()


def by_hand(row: np.ndarray, limit: np.ndarray, most: int) -> int:
    """Number of pixels at the start of a row, block by block."""
    passed, dark = 0, 0
    for start in range(0, len(row), BLOCK):
        block, bound = row[start : start + BLOCK], limit[start : start + BLOCK]
        if block.any():
            if (block**2).mean() > bound.mean():
                break
            dark += len(block)
            if dark > most:
                break
        passed += len(block)
    return passed


@pytest.mark.parametrize("from_end", [False, True])
def test_lengths_are_those_counted_by_hand(from_end: bool) -> None:
    random = np.random.default_rng(3)
    noise, calibration = tables()
    power = np.full((40, SAMPLES), 10 * NOISE)
    for row in range(40):
        power[row, : 20 * row] = 0.3 * NOISE
        power[row, : 8 * row] = 0.0
    image = amplitudes(power, random).astype(np.float32)
    out = np.empty(40, np.int32)
    turned = image[:, ::-1].copy() if from_end else image
    darkest = 10**-2.8
    edge_lengths(
        turned, 0, 0, from_end, noise.values, calibration.values, STEPS, darkest, 300, out
    )  # fmt: skip

    limit = np.interp(np.arange(SAMPLES), 40.0 * np.arange(noise.values.shape[1]), noise.values[0])
    limit = np.maximum(limit[::-1] if from_end else limit, darkest * 300.0**2)
    expected = [by_hand(row.astype(float), limit, 300) for row in image]
    assert out.tolist() == expected
    # Dark pixels end at 300 although the border goes on.
    assert expected[39] < 8 * 39 + 300 + 2 * BLOCK
    assert expected[0] == 0


def test_all_four_sides_of_an_image(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    noise, calibration = tables()
    power = np.full((LINES, SAMPLES), 10 * NOISE)
    # A slanting border at the left, a straight one at the right and at the top, none at the bottom.
    left = 100 + np.arange(LINES) // 10
    power[np.arange(SAMPLES)[None, :] < left[:, None]] = 0.3 * NOISE
    power[:, -60:] = 0.2 * NOISE
    power[:45] = 0.3 * NOISE
    # A pond inside, and one speckle brighter than anything at the border.
    power[500:600, 700:800] = 0.5 * NOISE
    image = amplitudes(power, random).astype(np.uint16)
    image[300, 4] = 60_000
    path = tmp_path / "grd.tiff"
    write_uint16(str(path), image)
    with open_radar_image(str(path), "grd.tiff", image.shape) as opened:
        borders = find_borders(opened, "grd.tiff", noise, calibration)

    seen = slice(60, None)
    assert (borders.left[seen] >= left[seen]).all()
    assert (borders.left[seen] < left[seen] + MARGIN + 2 * BLOCK).all()
    assert (borders.right[seen] >= 60).all()
    assert (borders.right[seen] <= 60 + MARGIN + BLOCK).all()
    middle = slice(300, -100)
    assert (borders.top[middle] >= 45).all()
    assert (borders.top[middle] <= 45 + MARGIN + BLOCK).all()
    assert (borders.bottom[middle] == 0).all()
    part = image[400:700, 0:900].astype(np.float32)
    borders.clear(part, 400, 0)
    assert (part[:, :140] == 0).all()
    # The pond stays.
    assert (part[150, 710:790] > 0).mean() > 0.9


def test_which_products_have_it(simulated: Simulated) -> None:
    product = replace(open_product(simulated.first), kind="GRD", ipf=None)

    assert product.start > datetime(2018, 3, 13, tzinfo=UTC)
    assert not has_border_noise(product)
    assert has_border_noise(replace(product, start=datetime(2018, 3, 12, tzinfo=UTC)))
    assert has_border_noise(replace(product, ipf=(2, 84)))
    # Of an old acquisition that was processed again.
    assert not has_border_noise(replace(product, start=datetime(2017, 5, 1, tzinfo=UTC), ipf=(3, 40)))
    assert not has_border_noise(replace(product, kind="SLC", ipf=(2, 84)))
