"""How far each pixel of a scene is from its clouds, as a weight on a coarse grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.ndimage
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import ive, ndtr

from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.decoding.decode import BandFiles
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.on_grid import status_on
from sen4cap_core.rasters.masks.status import CLOUD, NO_DATA
from sen4cap_core.rasters.masks.status_masks import StatusMask

KERNEL_ERROR = 0.01
"""Part of a discrete Gaussian that may be cut off, as the original's filter has it."""
KERNEL_WIDTH = 801


def cloud_cover(
    files: BandFiles, masks: Sequence[StatusMask], grid: Grid, cell: int, *, no_data_too: bool
) -> NDArray[np.bool_]:
    """Which pixels of a grid are under cloud or its shadow, (rows, columns) filled up to whole cells.

    Parameters
    ----------
    cell : pixels of a coarse cell along each side
    no_data_too : pixels without data count as cloud, as in the original
    """
    rows, cols = (-(-n // cell) * cell for n in grid.shape)
    cloudy = np.zeros((rows, cols), bool)
    for top in range(0, grid.height, cell * 32):
        block = Block(top, 0, min(cell * 32, grid.height - top), grid.width)
        status = status_on(files, masks, grid, block)
        if status is not None:
            under = status == CLOUD
            if no_data_too:
                under |= status == NO_DATA
            cloudy[block.slices] = under
    return cloudy


def distance_weight(
    cloudy: NDArray[np.bool_], cell: int, sigma_small: float, sigma_large: float
) -> NDArray[np.float32]:
    """Weight by the distance to the nearest cell that is more than half cloud.

    The two Gaussians of the original, taken at a straight edge of cloud: with d cells from the edge
    Phi(d / small) * Phi(d / large), a quarter at the edge and nearly 1 far away. 0 under cloud.

    Returns
    -------
    float32 (coarse rows, coarse columns)
    """
    shape = (cloudy.shape[0] // cell, cell, cloudy.shape[1] // cell, cell)
    under = cloudy.reshape(shape).mean(axis=(1, 3)) > 0.5
    if not under.any():
        return np.ones(under.shape, np.float32)
    # Between centres; the edge lies half a cell before the centre of a cloudy one.
    distance = scipy.ndimage.distance_transform_edt(~under) - 0.5
    weight = ndtr(distance / sigma_small) * ndtr(distance / sigma_large)
    return np.where(under, 0.0, weight).astype(np.float32)


def gaussian_weight(
    cloudy: NDArray[np.bool_], cell: int, sigma_small: float, sigma_large: float
) -> NDArray[np.float32]:
    """Weight of the original: cloud reduced bicubically, smoothed by two discrete Gaussians.

    The sigmas are standard deviations in cells: the variance is their square.

    Returns
    -------
    float32 (coarse rows, coarse columns)
    """
    down_rows = _reduction(cloudy.shape[0], cell)
    down_cols = _reduction(cloudy.shape[1], cell)
    reduced = down_rows @ cloudy.astype(np.float32) @ down_cols.T
    under = (reduced > 0.5 + 1e-4).astype(np.float64)
    weight = np.ones(under.shape)
    for sigma in (sigma_small, sigma_large):
        kernel = discrete_gaussian(sigma**2)
        smooth = under
        for axis in (0, 1):
            smooth = scipy.ndimage.correlate1d(smooth, kernel, axis=axis, mode="nearest")
        weight *= np.maximum(1.0 - np.abs(smooth), 0.0)
    return weight.astype(np.float32)


def discrete_gaussian(variance: float) -> NDArray[np.float64]:
    """Discrete Gaussian of Lindeberg (1990), e^-t I_n(t), cut where 99 % of it are there; its sum is 1."""
    half = 0
    total = float(ive(0, variance))
    while total < 1.0 - KERNEL_ERROR and 2 * half + 1 < KERNEL_WIDTH:
        half += 1
        total += 2.0 * float(ive(half, variance))
    kernel: NDArray[np.float64] = ive(np.abs(np.arange(-half, half + 1)), variance)
    kernel /= kernel.sum()
    return kernel


def _reduction(n_fine: int, cell: int) -> scipy.sparse.csr_array:
    """Matrix that reduces a line by cubic convolution stretched to the cell; weights sum to 1."""
    n_coarse = n_fine // cell
    reach = 2 * cell
    centre = (np.arange(n_coarse) + 0.5) * cell - 0.5
    first = np.floor(centre).astype(np.int64) - reach + 1
    index = first[:, None] + np.arange(2 * reach)
    at = np.abs(index - centre[:, None]) / cell
    near = (1.5 * at - 2.5) * at * at + 1.0
    far = ((-0.5 * at + 2.5) * at - 4.0) * at + 2.0
    weight = np.where(at < 1.0, near, np.where(at < 2.0, far, 0.0))
    weight /= weight.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(n_coarse), index.shape[1])
    columns = np.clip(index, 0, n_fine - 1).ravel()
    values = weight.astype(np.float32).ravel()
    return scipy.sparse.csr_array((values, (rows, columns)), shape=(n_coarse, n_fine))
