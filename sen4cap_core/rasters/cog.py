"""Cloud-optimised GeoTIFF: 512-pixel blocks, overviews by averaging, scale and no-data value in the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from sen4cap_core.files import atomic_path
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.variables import Quantisation

BLOCK_SIDE = 512


def write_cog(
    path: Path,
    values: NDArray[np.int16],
    grid: Grid,
    quantisation: Quantisation,
    *,
    threads: int,
    description: str,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write one band of stored int16 values; the file appears whole or not at all.

    Parameters
    ----------
    values : int16 (rows, columns), ``quantisation.nodata`` where missing

    Raises
    ------
    OSError
        When the disk is full (ENOSPC) or cannot be written, naming the file and the space needed.
    """
    # GDAL's own writes report a full disk late or only on closing; from memory the error is Python's, and
    # exact.
    with MemoryFile(ext=".tif") as memory:
        with memory.open(
            driver="COG",
            width=grid.width,
            height=grid.height,
            count=1,
            dtype="int16",
            crs=f"EPSG:{grid.epsg}",
            transform=grid.transform,
            nodata=quantisation.nodata,
            compress="ZSTD",
            predictor=2,
            level=1,
            blocksize=BLOCK_SIDE,
            overview_resampling="average",
            num_threads=threads,
        ) as dataset:
            dataset.write(values, 1)
            dataset.scales = (quantisation.scale,)
            dataset.offsets = (0.0,)
            dataset.set_band_description(1, description)
            if tags:
                dataset.update_tags(**tags)
        write_bytes(path, memory.getbuffer())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file that appears whole or not at all; the error says what is missing when it cannot."""
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise cannot_write(path, error, len(content)) from error


def cannot_write(path: Path, error: OSError, size_bytes: int) -> OSError:
    """Say which file could not be written and how much room it needs; keep the error number."""
    needed = max(1, -(-size_bytes // 1_000_000))
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OSError(
        error.errno or 0,
        f"cannot write {path.name}: {reason}. "
        f"It needs {needed} MB; make room in {path.parent} and run the job again",
        str(path),
    )
