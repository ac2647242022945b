"""Previews: size, values, missing pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.rasters.decoding.preview import read_preview
from tests.rasters.conftest import WriteBand, make_grid


@pytest.mark.parametrize("suffix", [".tif", ".jp2"])
def test_preview_is_small_and_physical(write_band: WriteBand, suffix: str) -> None:
    grid = make_grid(700, 1000)
    rows, cols = np.mgrid[:700, :1000]
    values = (1000 + 2 * rows + 3 * cols).astype(np.uint16)
    values[:, 600:] = 0
    red = write_band("B04", values, grid, suffix=suffix)
    nir = write_band("B08", (values * 2).astype(np.uint16), grid, suffix=suffix)
    image, place = read_preview([red, nir], 128)
    assert image.shape == (2, 88, 125)
    assert image.dtype == np.float32
    assert (place.resolution_m, place.shape, place.epsg) == (80.0, (88, 125), 32630)
    assert (place.x_min_m, place.y_max_m) == (grid.x_min_m, grid.y_max_m)
    expected = values[4::8, 4::8] * 1e-4 - 0.1
    np.testing.assert_allclose(image[0, :87, :70], expected[:87, :70], atol=0.005)
    assert np.isnan(image[:, :, 80:]).all()


def test_small_bands_come_as_they_are(write_band: WriteBand) -> None:
    grid = make_grid(57, 56)
    values = np.random.default_rng(1).integers(1, 9000, grid.shape).astype(np.uint16)
    image, place = read_preview([write_band("B04", values, grid)], 100)
    assert place == grid
    np.testing.assert_allclose(image[0], values * 1e-4 - 0.1, atol=1e-6)


def test_coarser_band_on_the_same_extent(write_band: WriteBand) -> None:
    grid = make_grid(80, 60)
    band = write_band("B04", np.full(grid.shape, 2000, np.uint16), grid)
    scl = write_band("SCL", np.full((40, 30), 4, np.uint8), grid.at_resolution(20))
    image, _ = read_preview([band, scl], 100)
    assert (image[1] == 4).all()
    with pytest.raises(ValueError, match="another extent"):
        read_preview([band, replace(scl, grid=make_grid(20, 30, 20.0))], 100)
    with pytest.raises(ValueError, match="no band"):
        read_preview([], 100)
    with pytest.raises(UnreadableSceneError, match=r"gone\.tif"):
        read_preview([replace(band, uri="gone.tif")], 100)
