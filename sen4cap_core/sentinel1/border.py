"""Where the image of an old detected product begins: border noise is found from VV and masked in both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from sen4cap_core.kernels.radar.border import edge_lengths
from sen4cap_core.rasters.decoding.radar_image import read_samples
from sen4cap_core.sentinel1.luts import Lut
from sen4cap_core.sentinel1.product import Product

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

CLEAN_IPF = (2, 90)
CLEAN_SINCE = datetime(2018, 3, 13, tzinfo=UTC)
"""The processor (IPF) that took over on this day leaves no noise at the border."""
DARKEST_SIGMA0 = 10.0**-2.8
"""-28 dB: thermal noise alone is brighter. Noise tables of the first years have another scale; this holds."""
MOST_DARK = 500
"""Pixels: 5 km. Published masks look no farther in; of a lake at the edge no more than this is lost."""
LINES_AT_ONCE = 256
SMOOTH = 41
"""Neighbouring lines agree on where the border ends; one that differs met a bright or dark spot."""
MARGIN = 16
"""Pixels: noise does not end at once."""


@dataclass(frozen=True)
class Borders:
    """Pixels without ground at the ends of lines and columns of an image."""

    left: NDArray[np.int32]
    """int32 (lines,), as many pixels at the start of each line"""
    right: NDArray[np.int32]
    top: NDArray[np.int32]
    """int32 (samples,), as many at the start of each column"""
    bottom: NDArray[np.int32]

    def clear(self, amplitudes: NDArray[np.float32], first_line: int, first_sample: int) -> None:
        """Set the border's pixels of a part of the image to 0, which is: not seen."""
        n_lines, n_samples = len(self.left), len(self.top)
        line = np.arange(first_line, first_line + amplitudes.shape[0], dtype=np.int32)
        sample = np.arange(first_sample, first_sample + amplitudes.shape[1], dtype=np.int32)
        amplitudes[sample[None, :] < self.left[line][:, None]] = 0.0
        amplitudes[sample[None, :] >= n_samples - self.right[line][:, None]] = 0.0
        amplitudes[line[:, None] < self.top[sample][None, :]] = 0.0
        amplitudes[line[:, None] >= n_lines - self.bottom[sample][None, :]] = 0.0


def has_border_noise(product: Product) -> bool:
    """Whether a product is detected and of a processor that left noise at its border."""
    if product.kind != "GRD":
        return False
    return product.start < CLEAN_SINCE if product.ipf is None else product.ipf < CLEAN_IPF


def find_borders(image: DatasetReader, name: str, noise: Lut, calibration: Lut) -> Borders:
    """Scan an image from all four sides.

    Parameters
    ----------
    noise, calibration : power of noise in digital numbers squared, and the table of sigma0

    Raises
    ------
    UnreadableSceneError
        The file is damaged.
    """
    n_lines, n_samples = image.shape
    left, right = np.empty(n_lines, np.int32), np.empty(n_lines, np.int32)
    tables = noise.values, calibration.values, noise.steps, DARKEST_SIGMA0, MOST_DARK
    for line in range(0, n_lines, LINES_AT_ONCE):
        n = min(LINES_AT_ONCE, n_lines - line)
        strip = read_samples(image, name, line, 0, n, n_samples)
        edge_lengths(strip, line, 0, False, *tables, left[line : line + n])
        edge_lengths(strip, line, 0, True, *tables, right[line : line + n])
    # Columns are the rows of the image turned over, and so are the tables.
    turned = (
        np.ascontiguousarray(noise.values.T),
        np.ascontiguousarray(calibration.values.T),
        np.roll(noise.steps, 2),
        DARKEST_SIGMA0,
        MOST_DARK,
    )
    top, bottom = np.empty(n_samples, np.int32), np.empty(n_samples, np.int32)
    deep = min(2 * MOST_DARK, n_lines)
    for first, from_end, out in ((0, False, top), (n_lines - deep, True, bottom)):
        strip = np.ascontiguousarray(read_samples(image, name, first, 0, deep, n_samples).T)
        edge_lengths(strip, 0, first, from_end, *turned, out)
    return Borders(_smooth(left), _smooth(right), _smooth(top), _smooth(bottom))


def _smooth(lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    smooth = median_filter(lengths, SMOOTH, mode="nearest")
    return np.asarray(np.where(smooth > 0, smooth + MARGIN, 0), np.int32)
