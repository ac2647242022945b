"""A row of tiles comes back as it was, from whichever thread, and its memory serves again."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sen4cap_core.rasters.writing.tile_rows import RowMemory, TileRow


def unframed(tile: memoryview) -> bytes:
    """Return a tile without its size and the repetition of its end, which must be right."""
    (size,) = struct.unpack_from("<I", tile)
    content, rest = bytes(tile[4 : 4 + size]), bytes(tile[4 + size :])
    repeated = content[-4:]
    assert rest == repeated + bytes(len(rest) - len(repeated))
    assert len(tile) % 16 == 0
    assert len(rest) < 20
    return content


def test_tiles_kept_by_several_threads_stay_as_they_were() -> None:
    rng = np.random.default_rng(1)
    contents = [rng.integers(0, 256, size, np.uint8) for size in (4, 5000, *rng.integers(4, 300_000, 40))]
    row = TileRow(len(contents), RowMemory())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(row.keep, range(len(contents)), contents))
    assert row.is_whole
    assert [unframed(tile) for tile in row.framed()] == [content.tobytes() for content in contents]
    assert row.sizes == [content.size for content in contents]
    assert row.n_framed_bytes == sum(len(tile) for tile in row.framed())


def test_a_row_is_whole_with_its_last_tile() -> None:
    row = TileRow(3, RowMemory())
    for col in (2, 0, 1):
        assert not row.is_whole
        row.keep(col, np.full(10, col, np.uint8))
    assert row.is_whole


def test_memory_that_was_let_go_serves_again() -> None:
    memory = RowMemory()
    first, second = TileRow(2, memory), TileRow(2, memory)
    for col in (0, 1):
        first.keep(col, np.full(1000, 1 + col, np.uint8))
    (held, _) = first.framed()
    address = np.frombuffer(held, np.uint8).ctypes.data
    first.let_go(77)
    assert (first.place, first.sizes) == (77, [1000, 1000])
    second.keep(1, np.full(500, 9, np.uint8))
    second.keep(0, np.full(20, 8, np.uint8))
    tiles = list(second.framed())
    assert [unframed(tile) for tile in tiles] == [b"\x08" * 20, b"\x09" * 500]
    assert np.frombuffer(tiles[1], np.uint8).ctypes.data == address


def test_tiles_that_cannot_be_compressed_have_room() -> None:
    memory = RowMemory()
    row = TileRow(2, memory)
    largest = np.full(512 * 512 * 2 + 512 * 512 * 2 // 256, 7, np.uint8)
    row.keep(0, largest)
    row.keep(1, largest)
    assert [unframed(tile) for tile in row.framed()] == [largest.tobytes()] * 2
