"""Reading blocks of band files from several threads, and saying which file is broken when one is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.decoding.tiff_tiles import TiffTiles, tiff_tiles
from sen4cap_core.rasters.decoding.zipped import inflate, last_bytes

BLOCK_CACHE_MB = 64
"""GDAL keeps decoded blocks; each block is read once, so by default it would only hold 5 % of the memory."""

_TOLERANCE_PX = 1e-6
"""GDAL moves pixels between zones by an approximation; 0 would be exact, but rasterio fails over it."""
_JPEG2000_END = b"\xff\xd9"


_OPTIONS = {
    "GDAL_CACHEMAX": BLOCK_CACHE_MB,
    "GDAL_NUM_THREADS": "1",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}
"""Our threads do the decoding, one block each."""


@contextmanager
def decode_environment() -> Iterator[None]:
    """GDAL settings of a pass, for the calling thread."""
    with rasterio.Env(**_OPTIONS):
        yield


def enter_decode_environment() -> None:
    """GDAL settings of a pass for a thread that only decodes, until it ends.

    Settings made in a thread other than the main one do not reach the threads it starts.
    """
    rasterio.Env(**_OPTIONS).__enter__()


def unreadable(source: BandSource, what: object) -> UnreadableSceneError:
    """Name the band file and what to do about it."""
    return UnreadableSceneError(
        Path(source.uri),
        f"band {source.name} cannot be read: {what}",
        expected="a complete raster file",
        remedy="The file is probably truncated or damaged. Copy or download the product again and drop it.",
    )


class BandFiles:
    """Datasets of a pass: each thread opens its own handle of each file; all are closed together."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[Any] = []
        self._inflated: dict[str, MemoryFile | None] = {}
        self._tiles: dict[tuple[str, int], TiffTiles | None] = {}

    def dataset(self, source: BandSource) -> Any:
        """Handle of the calling thread.

        Raises
        ------
        UnreadableSceneError
            When the file cannot be opened, ends early, or has another size than the source says.
        """
        handles: dict[Any, Any] = self._local.__dict__.setdefault("handles", {})
        key = (source.uri, source.warped_from and source.grid)
        if key not in handles:
            dataset = open_band(source, self._readable_uri(source))
            opened = [dataset]
            if source.warped_from is not None:
                opened.insert(0, _warped(source, dataset))
            handles[key] = opened[0]
            with self._lock:
                self._opened += opened
        return handles[key]

    def _readable_uri(self, source: BandSource) -> str:
        """Check a file once and inflate it once, whichever thread comes first."""
        with self._lock:
            if source.uri not in self._inflated:
                try:
                    self._inflated[source.uri] = inflate(source.uri)
                except OSError as error:
                    raise unreadable(source, error) from error
                _check_end(source, self._inflated[source.uri])
            inflated = self._inflated[source.uri]
        return source.uri if inflated is None else inflated.name

    def prepare(self, source: BandSource) -> tuple[int, int]:
        """Open a band in the calling thread; return the (rows, columns) that are decoded together.

        Where its tiles need no GDAL no other thread opens the file: that takes as long as decoding a tile.
        """
        self._tiles_of(source)
        return decode_side(self.dataset(source), source.band_index)

    def read(self, source: BandSource, block: Block) -> NDArray[Any]:
        """Decode one block of a band, as stored.

        Raises
        ------
        UnreadableSceneError
            When the file cannot be opened or decoded.
        """
        tiles = self._tiles_of(source)
        decoded = tiles.read(block) if tiles is not None else None
        if decoded is not None:
            return decoded
        dataset = self.dataset(source)
        try:
            values: NDArray[Any] = dataset.read(source.band_index, window=block.window)
        except (RasterioError, OSError) as error:
            raise unreadable(source, error.__cause__ or error) from error
        return values

    def _tiles_of(self, source: BandSource) -> TiffTiles | None:
        """Tiles of a band that need no GDAL; looked up once, by whichever thread comes first."""
        if source.warped_from is not None:
            return None
        key = (source.uri, source.band_index)
        if key not in self._tiles:
            dataset = self.dataset(source)
            with self._lock:
                if key not in self._tiles:
                    self._tiles[key] = tiff_tiles(source.uri, dataset, source.band_index)
        return self._tiles[key]

    def close(self) -> None:
        """Close all handles."""
        for tiles in self._tiles.values():
            if tiles is not None:
                tiles.close()
        self._tiles.clear()
        for dataset in self._opened:
            dataset.close()
        self._opened.clear()
        for inflated in self._inflated.values():
            if inflated is not None:
                inflated.close()
        self._inflated.clear()


def open_band(source: BandSource, uri: str | None = None) -> Any:
    """Open a band file (or ``uri`` in its stead) and check that it has the size its source says.

    Raises
    ------
    UnreadableSceneError
        When it cannot be opened or has another size than the grid of the source.
    """
    try:
        dataset = rasterio.open(uri or source.uri, sharing=False)
    except (RasterioError, OSError) as error:
        raise unreadable(source, error) from error
    own = source.warped_from or source.grid
    if (dataset.height, dataset.width) != own.shape:
        size = f"{dataset.width} x {dataset.height}"
        dataset.close()
        raise unreadable(source, f"it has {size} pixels, expected {own.width} x {own.height}")
    return dataset


def _warped(source: BandSource, dataset: Any) -> Any:
    """Show a file on the grid of its source, the nearest pixel for each, with next to no approximation."""
    assert source.warped_from is not None
    grid = source.grid
    try:
        return WarpedVRT(
            dataset,
            src_crs=f"EPSG:{source.warped_from.epsg}",
            crs=f"EPSG:{grid.epsg}",
            transform=grid.transform,
            width=grid.width,
            height=grid.height,
            src_nodata=source.nodata,
            nodata=source.nodata if source.outside is None else source.outside,
            resampling=Resampling.nearest,
            tolerance=_TOLERANCE_PX,
        )
    except (RasterioError, OSError) as error:
        dataset.close()
        raise unreadable(source, error) from error


def _check_end(source: BandSource, inflated: MemoryFile | None) -> None:
    """A JPEG 2000 file ends with its end-of-codestream marker; GDAL would notice only at the missing tile."""
    if not source.uri.lower().endswith((".jp2", ".j2k")):
        return
    try:
        if inflated is None:
            end = last_bytes(source.uri, 2)
        else:
            content = inflated.getbuffer()
            end = bytes(content[-2:]), len(content)
    except OSError as error:
        raise unreadable(source, error) from error
    if end is not None and end[0] != _JPEG2000_END:
        raise unreadable(source, f"the file ends after {end[1]} bytes without an end-of-codestream marker")


def decode_side(dataset: Any, band_index: int) -> tuple[int, int]:
    """(rows, columns) that are decoded together."""
    height, width = dataset.block_shapes[band_index - 1]
    return int(height), int(width)


def as_classes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Class codes as uint8; NaN and codes beyond 255 become 0 (no data)."""
    if values.dtype == np.uint8:
        return values
    with np.errstate(invalid="ignore"):
        whole = np.nan_to_num(values.astype(np.float64), nan=0.0)
    return np.where((whole >= 0) & (whole <= 255), np.rint(whole), 0).astype(np.uint8)
