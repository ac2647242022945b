"""The bytes of a cloud-optimised GeoTIFF with one int16 band: header, directories, order of the tiles.

Directories come first, then the tiles of the smallest overview, of the next larger and so on, the full
resolution last. Each tile is preceded by its size and followed by its last four bytes again (then by up to
15 zeros), and the text after the header says so: readers that know the convention (GDAL's COG layout) fetch
a tile with one request.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.grids.grid import Grid

TILE_SIDE = 512
LEADER_BYTES = 4
"""The size before a tile."""
_TRAILER_BYTES = 4
_ALIGNMENT = 16
"""Of what stands before a tile: the system takes half the time to copy what lies evenly."""

_ZSTD = 50_000
_SHORT, _LONG, _DOUBLE, _ASCII = 3, 4, 12, 2
_FORMATS = {_SHORT: "H", _LONG: "I", _DOUBLE: "d"}
_CONVENTIONS = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
_GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_CONVENTIONS) + _CONVENTIONS
_MAX_BYTES = 2**32 - 1

Tag = tuple[int, int, bytes, int]
"""(number, type, encoded values, count)"""


def level_shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """(rows, columns) of the full resolution and of each overview, down to one tile."""
    shapes = [shape]
    while max(shapes[-1]) > TILE_SIDE:
        rows, cols = shapes[-1]
        shapes.append((-(-rows // 2), -(-cols // 2)))
    return shapes


def tiles_across(shape: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of tiles that cover an image."""
    return -(-shape[0] // TILE_SIDE), -(-shape[1] // TILE_SIDE)


class CogLayout:
    """Where everything lies in one file. Levels go from the full resolution to the smallest overview."""

    def __init__(
        self, grid: Grid, quantisation: Quantisation, description: str, tags: Mapping[str, str]
    ) -> None:
        self.shapes = level_shapes(grid.shape)
        self._tags = [
            _directory_tags(shape, index > 0, quantisation) for index, shape in enumerate(self.shapes)
        ]
        self._tags[0] += _georeference_tags(grid) + _metadata_tags(quantisation, description, tags)
        self._start = _even(8 + len(_GHOST))
        n_tiles = [rows * cols for rows, cols in (tiles_across(shape) for shape in self.shapes)]
        self._sizes = [_directory_bytes(t, n) for t, n in zip(self._tags, n_tiles, strict=True)]

    @property
    def n_header_bytes(self) -> int:
        """Of all directories, after which the tiles may lie."""
        return aligned(self._start + sum(self._sizes))

    def header(self, offsets: Sequence[Sequence[int]], sizes: Sequence[Sequence[int]]) -> Iterator[bytes]:
        """Yield what the file begins with.

        Parameters
        ----------
        offsets, sizes : of the tiles of each level in reading order, bytes

        Raises
        ------
        ValueError
            When the file would be larger than 4 GiB, which this layout cannot address.
        """
        end = max(max(level) for level in offsets) + max(max(level) for level in sizes)
        if end > _MAX_BYTES:
            raise ValueError(f"a raster of {end / 1e9:.1f} GB does not fit a classic TIFF (4 GB)")
        yield (struct.pack("<2sHI", b"II", 42, self._start) + _GHOST).ljust(self._start, b"\0")
        at = self._start
        for index, own in enumerate(self._tags):
            following = at + self._sizes[index] if index + 1 < len(self._tags) else 0
            places = [_tag(324, _LONG, *offsets[index]), _tag(325, _LONG, *sizes[index])]
            yield _directory(own + places, at, following)
            at += self._sizes[index]
        yield bytes(self.n_header_bytes - at)


def framed_bytes(n_bytes: int) -> int:
    """Size of a tile with what stands before and behind it."""
    return aligned(LEADER_BYTES + n_bytes + _TRAILER_BYTES)


def frame(tile: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Put a tile between its size and its last four bytes.

    Parameters
    ----------
    tile : uint8 (bytes,)
    out : uint8 (``framed_bytes``,)
    """
    end = LEADER_BYTES + tile.size
    out[:LEADER_BYTES] = np.frombuffer(struct.pack("<I", tile.size), np.uint8)
    out[LEADER_BYTES:end] = tile
    out[end : end + _TRAILER_BYTES] = tile[-_TRAILER_BYTES:]
    out[end + _TRAILER_BYTES :] = 0


def aligned(size: int) -> int:
    """Round a place or size in the file up, so that tiles lie evenly."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _directory_tags(shape: tuple[int, int], is_overview: bool, quantisation: Quantisation) -> list[Tag]:
    return [
        _tag(254, _LONG, int(is_overview)),
        _tag(256, _LONG, shape[1]),
        _tag(257, _LONG, shape[0]),
        _tag(258, _SHORT, 16),
        _tag(259, _SHORT, _ZSTD),
        _tag(262, _SHORT, 1),  # black is zero
        _tag(277, _SHORT, 1),
        _tag(284, _SHORT, 1),
        _tag(317, _SHORT, 2),  # horizontal differences
        _tag(322, _SHORT, TILE_SIDE),
        _tag(323, _SHORT, TILE_SIDE),
        _tag(339, _SHORT, 2),  # signed integers
        _text_tag(42_113, str(quantisation.nodata)),
    ]


def _georeference_tags(grid: Grid) -> list[Tag]:
    geo_keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, grid.epsg)  # projected, pixel is area
    return [
        _tag(33_550, _DOUBLE, grid.resolution_m, grid.resolution_m, 0.0),
        _tag(33_922, _DOUBLE, 0.0, 0.0, 0.0, grid.x_min_m, grid.y_max_m, 0.0),
        _tag(34_735, _SHORT, *geo_keys),
    ]


def _metadata_tags(quantisation: Quantisation, description: str, tags: Mapping[str, str]) -> list[Tag]:
    items = [f'<Item name="{escape(key, _QUOTE)}">{_text(value)}</Item>' for key, value in tags.items()]
    band = (("DESCRIPTION", description), ("OFFSET", "0"), ("SCALE", repr(quantisation.scale)))
    items += [
        f'<Item name="{name}" sample="0" role="{name.lower()}">{_text(value)}</Item>' for name, value in band
    ]
    return [_text_tag(42_112, "<GDALMetadata>\n" + "\n".join(items) + "\n</GDALMetadata>\n")]


_QUOTE = {'"': "&quot;"}


def _text(value: str) -> str:
    """Escape twice: GDAL unescapes once more after it has parsed the XML."""
    return escape(escape(value))


def _tag(number: int, kind: int, *values: float) -> Tag:
    return number, kind, struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values), len(values)


def _text_tag(number: int, text: str) -> Tag:
    encoded = text.encode() + b"\0"
    return number, _ASCII, encoded, len(encoded)


def _directory_bytes(tags: Sequence[Tag], n_tiles: int) -> int:
    """Size of a directory with its two tile tables and all values that do not fit an entry."""
    outside = sum(_even(len(data)) for _, _, data, _ in tags if len(data) > 4)
    tables = 2 * 4 * n_tiles if n_tiles > 1 else 0
    return 2 + 12 * (len(tags) + 2) + 4 + outside + tables


def _directory(tags: Sequence[Tag], at: int, following: int) -> bytes:
    ordered = sorted(tags)
    outside_at = at + 2 + 12 * len(ordered) + 4
    entries, outside = [], []
    for number, kind, data, count in ordered:
        if len(data) > 4:
            entries.append(struct.pack("<HHII", number, kind, count, outside_at))
            outside.append(data.ljust(_even(len(data)), b"\0"))
            outside_at += _even(len(data))
        else:
            entries.append(struct.pack("<HHI", number, kind, count) + data.ljust(4, b"\0"))
    return b"".join([struct.pack("<H", len(ordered)), *entries, struct.pack("<I", following), *outside])


def _even(size: int) -> int:
    return size + size % 2
