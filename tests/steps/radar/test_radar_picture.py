"""What the quicklook of a radar product draws: always on one scale, so that dates can be compared."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.steps.radar.picture import shown_as


def test_coherence_is_grey_from_nothing_to_one() -> None:
    image = np.array([[0.2, np.nan]], np.float32)

    pixels, ramp = shown_as("coherence", {"vv": image})

    assert pixels is image
    assert ramp is not None
    assert (ramp.name, ramp.low, ramp.high, ramp.is_grey) == ("coherence VV", 0.0, 1.0, True)


def test_one_polarisation_is_grey_in_decibel_on_its_own_scale() -> None:
    pixels, ramp = shown_as("sigma0", {"vh": np.array([[0.01, np.nan]], np.float32)})

    assert pixels[0, 0] == pytest.approx(-20.0)
    assert np.isnan(pixels[0, 1])
    assert ramp is not None
    assert (ramp.name, ramp.low, ramp.high) == ("VH dB", -27.0, -9.0)


def test_two_polarisations_are_three_channels() -> None:
    vv, vh = np.full((1, 1), 0.1, np.float32), np.full((1, 1), 0.01, np.float32)

    pixels, ramp = shown_as("sigma0", {"vv": vv, "vh": vh})

    # -10, -20 and -10 dB on scales from -20 to -2, -27 to -9 and -14 to -2 dB.
    assert ramp is None
    assert pixels[:, 0, 0] == pytest.approx([10 / 18, 7 / 18, 4 / 12])
