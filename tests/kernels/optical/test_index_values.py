"""Spectral indices beside the cases that Orfeo ToolBox checks its own formulas with."""

from __future__ import annotations

import math

import pytest

from sen4cap_core.kernels.optical import indices
from sen4cap_core.kernels.optical.indices import index_value


@pytest.mark.parametrize(
    ("formula", "first", "second", "third", "expected"),
    [
        # Near infrared 2, red 1 unless said otherwise; the values of otbVegetationIndicesTest and its kin.
        (indices.NORMALISED_DIFFERENCE, 2, 1, 0, 0.3333333),
        (indices.RATIO, 1, 2, 0, 0.5),
        (indices.SAVI, 2, 1, 0, 0.42857142857),
        (indices.TSAVI, 2, 1, 0, 0.1111463957),
        (indices.MSAVI, 2, 1, 0, 0.4402985075),
        (indices.MSAVI_2, 2, 1, 0, 0.4384471872),
        (indices.IPVI, 2, 1, 0, 0.6666666667),
        (indices.LAI_NDVI_LOG, 2, 1, 0, 0.4930511672),
        (indices.LAI_LINEAR, 2, 1, 0, 6.61),
        # Water and soil indices of blue 1, green 2, red 3, near infrared 4, short-wave infrared 5.
        (indices.NORMALISED_DIFFERENCE, 4, 5, 0, -0.1111111111),
        (indices.NORMALISED_DIFFERENCE, 2, 5, 0, -0.4285714286),
        (indices.BRIGHTNESS, 3, 2, 0, 2.549509757),
        (indices.BRIGHTNESS_2, 3, 2, 4, 3.109126351),
    ],
)
def test_values_of_orfeo_toolbox(
    formula: int, first: float, second: float, third: float, expected: float
) -> None:
    assert index_value(formula, float(first), float(second), float(third)) == pytest.approx(
        expected, abs=1e-7
    )


def test_gemi_is_that_of_its_authors() -> None:
    # Orfeo ToolBox divides the whole by 1 - red; the published index only its last term.
    nir, red = 0.4, 0.05
    eta = (2 * (nir**2 - red**2) + 1.5 * nir + 0.5 * red) / (nir + red + 0.5)
    expected = eta * (1 - 0.25 * eta) - (red - 0.125) / (1 - red)
    assert index_value(indices.GEMI, nir, red, 0.0) == pytest.approx(expected, abs=1e-9)


def test_leaf_area_by_ndvi_rises_from_soil_to_the_densest_canopy() -> None:
    def leaves(ndvi: float) -> float:
        return float(index_value(indices.LAI_NDVI_LOG, 1 + ndvi, 1 - ndvi, 0.0))

    assert [leaves(ndvi) for ndvi in (-0.2, 0.05, 0.1)] == pytest.approx([0, 0, 0], abs=1e-9)
    assert 0 < leaves(0.3) < leaves(0.6) < leaves(0.85) < 6
    assert math.isnan(leaves(0.9))
