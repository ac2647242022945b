"""Decoding the tiles of a local TIFF without GDAL, where they are of the plain kind that scenes come in.

Inflating is two thirds of what GDAL takes for a tile of a band; the rest is its undoing of the predictor,
which waits for the last sum at every pixel, and its copies. Here the sums go straight to where the pixels are
wanted.

Whatever is not plain (strips, other codecs, byte orders or numbers, absent tiles) and whatever does not come
out whole is left to GDAL, which reads it or says what is wrong with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import deflate
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.kernels.pixels.pyramid import undo_differences
from sen4cap_core.rasters.blockwise.blocks import Block

_CODECS = ("deflate", "zstd")
_DTYPES = ("uint8", "uint16", "int16")
_LITTLE_ENDIAN = (b"II*\0", b"II+\0")


class TiffTiles:
    """The tiles of one band of one file; shared by all threads of a pass."""

    def __init__(self, path: str, shape: tuple[int, int], side: int, layout: _Layout) -> None:
        """Open a file; its tiles of ``side`` pixels lie as ``layout`` says."""
        self._shape, self._side, self._layout = shape, side, layout
        self._handle = os.open(path, os.O_RDONLY)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def read(self, block: Block) -> NDArray[Any] | None:
        """Pixels of a block as stored, or None where GDAL is to read them.

        A block that does not begin at a tile, or ends within one, is GDAL's: it keeps what it decoded.
        """
        side, (height, width) = self._side, self._shape
        bottom, right = block.row + block.height, block.col + block.width
        whole = block.row % side == 0 and block.col % side == 0
        if not (whole and _ends(bottom, side, height) and _ends(right, side, width)):
            return None
        out = np.empty((block.height, block.width), self._layout.dtype)
        for top in range(0, block.height, side):
            for left in range(0, block.width, side):
                if not self._decode((block.row + top) // side, (block.col + left) // side, out, top, left):
                    return None
        return out

    def _decode(self, tile_row: int, tile_col: int, out: NDArray[Any], top: int, left: int) -> bool:
        """Write a tile, as far as it lies within ``out``, at its row and column there."""
        layout, side = self._layout, self._side
        offset, size = layout.places[tile_row, tile_col]
        if size == 0:
            return False
        whole = side * side * out.dtype.itemsize
        try:
            pixels = layout.decompress(os.pread(self._handle, int(size), int(offset)), whole)
        except (OSError, deflate.DeflateError):
            return False
        if len(pixels) != whole:
            return False
        numbers = np.frombuffer(pixels, layout.unsigned).reshape(side, side)
        if layout.has_differences:
            undo_differences(numbers, top, left, out.view(layout.unsigned))
        else:
            part = out[top : top + side, left : left + side]
            part[:] = numbers.view(layout.dtype)[: part.shape[0], : part.shape[1]]
        return True


class _Layout:
    """Where the tiles of a band lie and how they are packed."""

    def __init__(self, codec: str, dtype: str, has_differences: bool, places: NDArray[np.int64]) -> None:
        self.dtype = np.dtype(dtype)
        self.unsigned = np.dtype(f"u{self.dtype.itemsize}")
        self.has_differences = has_differences
        self.places = places
        """(tile rows, tile columns, 2): offset and size in bytes; size 0 for a tile that is not there."""
        self.decompress: Callable[[bytes, int], Any] = (
            deflate.zlib_decompress if codec == "deflate" else _unpack
        )


def _unpack(content: bytes, n_bytes: int) -> pa.Buffer:
    return pa.Codec("zstd").decompress(content, n_bytes)


def _ends(end: int, side: int, length: int) -> bool:
    return end % side == 0 or end == length


def tiff_tiles(path: str, dataset: Any, band_index: int) -> TiffTiles | None:
    """Tiles of a band that can be decoded here, or None.

    Parameters
    ----------
    path : of a file on this machine; anything else GDAL can open gives None
    dataset : the file, opened by rasterio
    """
    layout = _layout(path, dataset, band_index)
    if layout is None:
        return None
    try:
        return TiffTiles(path, dataset.shape, int(dataset.block_shapes[band_index - 1][0]), layout)
    except OSError:
        return None


def _layout(path: str, dataset: Any, band_index: int) -> _Layout | None:
    if dataset.driver != "GTiff" or not dataset.profile.get("tiled") or not _is_little_endian(path):
        return None
    rows, cols = (int(n) for n in dataset.block_shapes[band_index - 1])
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    codec, dtype = structure.get("COMPRESSION", "").lower(), dataset.dtypes[band_index - 1]
    alone = dataset.count == 1 or structure.get("INTERLEAVE") == "BAND"
    number_size = dataset.tags(band_index, ns="IMAGE_STRUCTURE").get("NBITS")
    predictor = structure.get("PREDICTOR", "1")
    plain = rows == cols and codec in _CODECS and dtype in _DTYPES and predictor in ("1", "2")
    if not (plain and alone and number_size is None):
        return None
    down, across = -(-dataset.height // rows), -(-dataset.width // cols)
    places = np.zeros((down, across, 2), np.int64)
    for row in range(down):
        for col in range(across):
            for k, what in enumerate(("OFFSET", "SIZE")):
                item = dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=band_index)
                places[row, col, k] = int(item or 0)
    return _Layout(codec, dtype, predictor == "2", places)


def _is_little_endian(path: str) -> bool:
    try:
        with open(path, "rb") as handle:
            return handle.read(4) in _LITTLE_ENDIAN
    except OSError:
        return False
