"""The NDVI kernel beside its NumPy twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sen4cap_core.kernels.optical.ndvi import ndvi_block

MISSING = -32_768


def ndvi_in_numpy(red, nir, status, red_cal, nir_cal) -> np.ndarray:
    """The same formula on whole arrays."""
    with np.errstate(all="ignore"):
        reflectance = [
            np.where(dn * s + o < 0, 0.0, dn.astype(np.float64) * s + o)
            for dn, (s, o, _) in ((red, red_cal), (nir, nir_cal))
        ]
        both = reflectance[0] + reflectance[1]
        valid = (status == 0) & (both > 1e-7) & (red != red_cal[2]) & (nir != nir_cal[2])
        index = np.rint((reflectance[1] - reflectance[0]) / both * 10_000)
    return np.where(valid, np.nan_to_num(index), MISSING).astype(np.int16)


def run(red, nir, status, red_cal, nir_cal) -> np.ndarray:
    out = np.zeros(red.shape, np.int16)
    ndvi_block(red, nir, status, *red_cal, *nir_cal, 10_000.0, MISSING, out)
    return out


@settings(max_examples=60, deadline=None)
@given(
    red=arrays(np.uint16, (4, 7), elements=st.integers(0, 12_000)),
    nir=arrays(np.uint16, (4, 7), elements=st.integers(0, 12_000)),
    status=arrays(np.uint8, (4, 7), elements=st.sampled_from([0, 0, 0, 1, 4, 255])),
    offset=st.sampled_from([0.0, -0.1]),
)
def test_equal_to_numpy(red, nir, status, offset: float) -> None:
    calibration = (1e-4, offset, 0.0)
    np.testing.assert_array_equal(
        run(red, nir, status, calibration, calibration),
        ndvi_in_numpy(red, nir, status, calibration, calibration),
    )


def test_floating_bands_with_nan_are_missing() -> None:
    red = np.array([[0.05, np.nan, 0.05, -0.02, 0.0, -0.1]], np.float32)
    nir = np.array([[0.45, 0.45, np.nan, 0.3, 0.0, -0.1]], np.float32)
    plain = (1.0, 0.0, np.nan)
    out = run(red, nir, np.zeros(red.shape, np.uint8), plain, plain)
    assert out[0].tolist() == [8000, MISSING, MISSING, 10_000, MISSING, MISSING]


@pytest.mark.parametrize(("red", "nir"), [(1000, 1000), (500, 900), (0, 0)])
def test_dark_pixels_of_new_baselines_have_no_index(red: int, nir: int) -> None:
    # With an offset of -1000 these reflectances are 0 or below.
    calibration = (1e-4, -0.1, 0.0)
    values = (np.array([[v]], np.uint16) for v in (red, nir))
    assert run(*values, np.zeros((1, 1), np.uint8), calibration, calibration)[0, 0] == MISSING


def test_index_stays_within_one() -> None:
    calibration = (1e-4, -0.1, 0.0)
    red, nir = np.array([[600, 9000]], np.uint16), np.array([[9000, 600]], np.uint16)
    assert run(red, nir, np.zeros((1, 2), np.uint8), calibration, calibration)[0].tolist() == [
        10_000,
        -10_000,
    ]
