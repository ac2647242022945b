"""The bytes of a cloud-optimised GeoTIFF with one int16 band: header, directories, order of the tiles.

Directories come first, then the tiles of the smallest overview, of the next larger and so on, the full
resolution last. Each tile is preceded by its size and followed by its last four bytes again, and the text
after the header says so: readers that know the convention (GDAL's COG layout) fetch a tile with one
request.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.variables import Quantisation

TILE_SIDE = 512

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


def assemble(
    levels: Sequence[Sequence[bytes | memoryview]],
    grid: Grid,
    quantisation: Quantisation,
    description: str,
    tags: Mapping[str, str],
) -> Iterator[bytes | memoryview]:
    """Yield the parts of the file in order.

    Parameters
    ----------
    levels : compressed tiles of each level in reading order, full resolution first, as ``level_shapes``

    Raises
    ------
    ValueError
        When the file would be larger than 4 GiB, which this layout cannot address.
    """
    shapes = level_shapes(grid.shape)
    common = [_directory_tags(shape, index > 0, quantisation) for index, shape in enumerate(shapes)]
    common[0] += _georeference_tags(grid) + _metadata_tags(quantisation, description, tags)
    start = 8 + len(_GHOST)
    start += start % 2
    sizes = [_directory_bytes(t, len(tiles)) for t, tiles in zip(common, levels, strict=True)]
    position = start + sum(sizes)
    offsets: list[list[int]] = [[] for _ in levels]
    for index in range(len(levels) - 1, -1, -1):
        for tile in levels[index]:
            offsets[index].append(position + 4)
            position += len(tile) + 8
    if position > _MAX_BYTES:
        raise ValueError(f"a raster of {position / 1e9:.1f} GB does not fit a classic TIFF (4 GB)")

    yield (struct.pack("<2sHI", b"II", 42, start) + _GHOST).ljust(start, b"\0")
    at = start
    for index, tiles in enumerate(levels):
        following = at + sizes[index] if index + 1 < len(levels) else 0
        places = [_tag(324, _LONG, *offsets[index]), _tag(325, _LONG, *(len(tile) for tile in tiles))]
        yield _directory(common[index] + places, at, following)
        at += sizes[index]
    for index in range(len(levels) - 1, -1, -1):
        for tile in levels[index]:
            yield struct.pack("<I", len(tile))
            yield tile
            yield tile[-4:]


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
