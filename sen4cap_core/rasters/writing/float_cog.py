"""Real-valued rasters as cloud-optimised GeoTIFFs: float32, NaN missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.rasters.grids.grid import Grid

TILE = 512


def write_float_cog(
    path: Path, grid: Grid, bands: Mapping[str, NDArray[np.float32]], *, digits: float | None = None
) -> None:
    """Write bands, by their names, as one COG that appears whole.

    Parameters
    ----------
    bands : float32 (rows, columns) of the grid's shape
    digits : keep this relative precision only (0.001 halves the size of noisy images); None: all bits

    Raises
    ------
    ValueError
        When a band has another shape than the grid, or there is none.
    OSError
        When the file cannot be written (disk full); nothing is left behind.
    """
    if not bands or any(image.shape != grid.shape for image in bands.values()):
        shapes = {name: image.shape for name, image in bands.items()}
        raise ValueError(f"bands of {shapes} on a grid of {grid.shape}")
    # Tiles without a value are not written: most of an image is outside of what the radar saw.
    with atomic_path(path) as temporary, rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=grid.width, height=grid.height, count=len(bands), dtype="float32",
            crs=f"EPSG:{grid.epsg}", transform=grid.transform, nodata=np.nan, tiled=True,
            blockxsize=TILE, blockysize=TILE, sparse_ok=True,
        ) as dataset:  # fmt: skip
            for index, name in enumerate(bands, start=1):
                dataset.set_band_description(index, name)
            for _, window in dataset.block_windows(1):
                part = np.stack([image[window.toslices()] for image in bands.values()])
                if np.isfinite(part).any():
                    dataset.write(part if digits is None else _rounded(part, digits), window=window)
        with memory.open() as dataset:
            rasterio.shutil.copy(
                dataset, temporary, driver="COG", compress="DEFLATE", predictor="FLOATING_POINT",
                level=6, overview_resampling="AVERAGE", blocksize=TILE, sparse_ok=True,
            )  # fmt: skip


def _rounded(image: NDArray[np.float32], digits: float) -> NDArray[np.float32]:
    """Zero the low bits of the mantissa beyond a relative precision."""
    bits = max(0, int(np.floor(-np.log2(digits))))
    if bits >= 23:
        return image
    whole = np.ascontiguousarray(image, np.float32).view(np.uint32)
    half = np.uint32(1 << (22 - bits))
    mask = np.uint32(0xFFFFFFFF << (23 - bits) & 0xFFFFFFFF)
    rounded = ((whole + half) & mask).view(np.float32)
    return np.where(np.isfinite(image), rounded, image).astype(np.float32)
