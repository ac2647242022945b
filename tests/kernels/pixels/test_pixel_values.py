"""Order statistics per parcel against NumPy's percentiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels.pixels.test_zonal import NODATA, random_image, spans_of

from sen4cap_core.kernels.pixels.values import order_statistics
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans
from sen4cap_core.rasters.parcels.pixel_values import STATISTICS, PixelValues

QUARTERS = {"min": 0, "max": 100, "median": 50, "p25": 25, "p75": 75}
N_PARCELS = 8


def labels_of(image: np.ndarray) -> LabelSpans:
    grid = Grid(32630, 300_000.0, 4_600_020.0, 10.0, image.shape[1], image.shape[0])
    total = np.bincount(image[image >= 0], minlength=N_PARCELS).astype(np.int64)
    return LabelSpans(grid, *spans_of(image), np.arange(N_PARCELS, dtype=np.int32), total)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), side=st.integers(1, 40), threads=st.integers(1, 3))
def test_blocks_in_any_order_give_numpys_percentiles(seed: int, side: int, threads: int) -> None:
    """Parcels 6 and 7 have no pixel; others may have one, or none that is valid."""
    image, values = random_image(seed, 31, 44)
    values[image == 5] = NODATA
    labels = labels_of(image)
    pixels = PixelValues(labels, {"ndvi": np.int16(NODATA)})
    corners = [(r, c) for r in range(0, 31, side) for c in range(0, 44, side)]
    for r, c in np.random.default_rng(seed).permutation(corners):
        spans = slice(*np.searchsorted(labels.rows, [r, r + side]))
        pixels.keep("ndvi", values[r : r + side, c : c + side], int(r), int(c), spans)
    found = pixels.statistics("ndvi", STATISTICS, steps_per_unit=10_000.0, threads=threads)
    assert found.keys() == QUARTERS.keys()
    for ending, percent in QUARTERS.items():
        for parcel in range(N_PARCELS):
            own = values[(image == parcel) & (values != NODATA)] / 10_000
            expected = np.percentile(own, percent) if own.size else np.nan
            assert found[ending][parcel] == pytest.approx(expected, abs=1e-7, nan_ok=True)


def test_real_values_and_coarse_pixels() -> None:
    """A coarse pixel counts once for each fine one it covers."""
    rng = np.random.default_rng(3)
    image, _ = random_image(4, 30, 42)
    labels = labels_of(image)
    coarse = rng.normal(-12, 3, (15, 21)).astype(np.float32)
    coarse[rng.random(coarse.shape) < 0.3] = np.nan
    pixels = PixelValues(labels, {"vv_db": np.float32(np.nan)})
    pixels.keep("vv_db", coarse, 0, 0, slice(0, labels.rows.size), zoom=2)
    found = pixels.statistics("vv_db", ["p25", "median"])
    assert found.keys() == {"p25", "median"}
    fine = np.repeat(np.repeat(coarse, 2, 0), 2, 1)
    for ending, values in found.items():
        expected = [np.nanpercentile(fine[image == p], QUARTERS[ending]) for p in range(6)]
        np.testing.assert_allclose(values[:6], expected, rtol=1e-6)
        assert np.isnan(values[6:]).all()


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ([7], [7, 7, 7, 7, 7]),
        ([4, 1], [1, 1.75, 2.5, 3.25, 4]),
        ([1, 1, 1, 1, 9], [1, 1, 1, 1, 9]),  # of distinct values the median were 5
        ([5, 1, 4, 2, 3], [1, 2, 3, 4, 5]),  # the original's median is 4
    ],
)
def test_by_hand(pixels: list[int], expected: list[float]) -> None:
    values = np.array([np.nan, *pixels, np.nan])
    out = np.zeros((1, 5))
    order_statistics(values, np.array([0, values.size]), out)
    assert out[0].tolist() == expected
