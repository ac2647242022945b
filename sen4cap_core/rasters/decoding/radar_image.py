"""The measurement files of radar products: windows of complex or detected samples in radar geometry."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from sen4cap_core.errors import UnreadableSceneError

_REMEDY = "copy or download the product again; it may have been cut short."


@contextmanager
def open_radar_image(uri: str, name: str, shape: tuple[int, int]) -> Iterator[DatasetReader]:
    """Open a measurement file and check that it is as large as its annotation says.

    Raises
    ------
    UnreadableSceneError
        It cannot be opened, or has other lines and samples than ``shape``.
    """
    try:
        # Radar images have ground control points and no transform; GDAL would look for side files besides.
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), _radar_geometry():
            image = rasterio.open(uri)
    except RasterioIOError as error:
        raise UnreadableSceneError(name, f"it cannot be opened ({error}).", remedy=_REMEDY) from error
    with image:
        if image.shape != shape:
            raise UnreadableSceneError(
                name,
                f"it has {image.height} lines of {image.width} samples, its annotation says "
                f"{shape[0]} of {shape[1]}.",
                remedy=_REMEDY,
            )
        yield image


def read_samples(
    image: DatasetReader,
    name: str,
    line: int,
    sample: int,
    n_lines: int,
    n_samples: int,
    out: NDArray[np.complex64] | None = None,
) -> NDArray[Any]:
    """Read a window: complex64 of a complex image, float32 amplitudes of a detected one.

    ``out``: where the samples of a complex image are put.

    Raises
    ------
    UnreadableSceneError
        The file ends before the window does, or is damaged.
    """
    try:
        values = image.read(1, window=Window(sample, line, n_samples, n_lines), out=out)
    except RasterioIOError as error:
        raise UnreadableSceneError(
            name, f"lines {line} to {line + n_lines} cannot be read ({error}).", remedy=_REMEDY
        ) from error
    return np.asarray(values, np.complex64 if np.iscomplexobj(values) else np.float32)


def write_complex_int16(path: str, bursts: Sequence[NDArray[np.complex64]], lines_per_burst: int) -> None:
    """Write bursts below each other as radar products have them: complex 16-bit integers, uncompressed."""
    width = bursts[0].shape[1]
    # A strip per line, as the published files have it.
    with (
        _radar_geometry(),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=lines_per_burst * len(bursts),
            count=1,
            dtype="complex_int16",
            blockysize=1,
        ) as image,
    ):
        for number, samples in enumerate(bursts):
            window = Window(0, number * lines_per_burst, width, lines_per_burst)
            image.write(np.round(samples), 1, window=window)


def write_uint16(path: str, amplitudes: NDArray[np.uint16]) -> None:
    """Write amplitudes as detected radar products have them."""
    lines, width = amplitudes.shape
    with (
        _radar_geometry(),
        rasterio.open(
            path, "w", driver="GTiff", width=width, height=lines, count=1, dtype="uint16", blockysize=1
        ) as image,
    ):
        image.write(amplitudes, 1)


@contextmanager
def _radar_geometry() -> Iterator[None]:
    """Be silent about what is true of each radar image: it has no place on a map."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
