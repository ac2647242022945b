"""Rows of tiles go into the file while the raster is made, and the file is the COG it would be at the end."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from sen4cap_core.rasters.blockwise.blocks import Block, cut
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.writing import cog_file
from sen4cap_core.rasters.writing.cog import CogBuilder
from sen4cap_core.rasters.writing.new_file import NewFile
from tests.rasters.conftest import make_grid
from tests.rasters.tiff_bytes import directories

SHAPE = (4600, 700)
"""Nine rows of tiles, of which two hold the first fifth."""


def noise(rows: slice, size: int = 300) -> NDArray[np.int16]:
    """Noise in some rows, a smooth slope in the others."""
    image = np.empty(SHAPE, np.int16)
    image[:] = np.arange(SHAPE[0], dtype=np.int16)[:, None]
    image[rows] += np.random.default_rng(5).normal(0, size, image[rows].shape).astype(np.int16)
    return image


def begin(path: Path, filled: NDArray[np.float64] | None = None) -> CogBuilder:
    return CogBuilder(path, make_grid(*SHAPE), Quantisation(), description="NDVI", filled=filled)


def add(builder: CogBuilder, image: NDArray[np.int16], blocks: list[Block]) -> None:
    for block in blocks:
        builder.add(block, image[block.slices].copy())


def blocks() -> list[Block]:
    return cut(SHAPE, (512, 1024))


def written(folder: Path) -> int:
    """Bytes of what is there, by whatever name."""
    return sum(path.stat().st_size for path in folder.iterdir())


def spans(path: Path) -> list[tuple[int, int]]:
    """Begin and end of header and tiles in the order they are to lie."""
    levels = directories(path.read_bytes())
    first = min(min(level[324]) for level in levels) - 4
    tiles = [pair for level in reversed(levels) for pair in zip(level[324], level[325], strict=True)]
    return [(0, first), *((offset - 4, offset + size + 4) for offset, size in tiles)]


def check(path: Path, image: NDArray[np.int16]) -> list[int]:
    """Read a file, check the order of its bytes, and return the gaps between them of more than a few."""
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), image)
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        for level in range(len(dataset.overviews(1))):
            with rasterio.open(path, OVERVIEW_LEVEL=level) as overview:
                assert overview.read(1).shape == tuple(-(-n // 2 ** (level + 1)) for n in SHAPE)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    lie = spans(path)
    assert 0 <= path.stat().st_size - lie[-1][1] < 16
    assert {begin % 16 for begin, _ in lie} == {0}
    gaps = [begin - end for (_, end), (begin, _) in itertools.pairwise(lie)]
    assert min(gaps) >= 0, "smallest overview first, full resolution last, each in reading order"
    return [gap for gap in gaps if gap >= 16]


def test_rows_are_in_the_file_as_soon_as_they_are_there(tmp_path: Path) -> None:
    image = noise(slice(None))
    builder = begin(tmp_path / "a.tif")
    sizes, left = [], []
    for block in blocks():
        add(builder, image, [block])
        sizes.append(written(tmp_path))
        left.append(builder.n_bytes_left)
    assert sizes[0] == 0
    assert sizes == sorted(sizes)
    assert not (tmp_path / "a.tif").exists()
    builder.finish()
    gaps = check(tmp_path / "a.tif", image)
    size = (tmp_path / "a.tif").stat().st_size
    assert len(gaps) == 2, "behind the smaller overviews and behind the largest"
    assert sum(gaps) < 0.05 * size
    assert sizes[-1] == size, "what comes last goes before the rest"
    assert max(left) < 0.3 * size, "what is in the file is kept no more"
    assert left[-1] < 0.1 * size


def test_rows_wait_for_those_before_them(tmp_path: Path) -> None:
    image, in_order = noise(slice(None)), blocks()
    builder = begin(tmp_path / "a.tif")
    add(builder, image, in_order[:5] + in_order[6:])
    before = written(tmp_path)
    add(builder, image, in_order[5:6])
    assert written(tmp_path) > 1.3 * before
    builder.finish()
    check(tmp_path / "a.tif", image)


def test_where_the_room_is_too_small_the_file_is_written_once_more(tmp_path: Path) -> None:
    image = noise(slice(1100, None))
    builder = begin(tmp_path / "a.tif")
    add(builder, image, blocks())
    assert written(tmp_path) > 0
    builder.finish()
    assert check(tmp_path / "a.tif", image) == []


def test_where_the_room_is_too_large_the_rest_of_it_is_no_part_of_the_disk(tmp_path: Path) -> None:
    image = noise(slice(0, 1100))
    builder = begin(tmp_path / "a.tif")
    add(builder, image, blocks())
    builder.finish()
    gap = sum(check(tmp_path / "a.tif", image))
    status = (tmp_path / "a.tif").stat()
    assert gap > 0.2 * status.st_size
    assert 512 * status.st_blocks < status.st_size - 0.8 * gap


def test_what_is_known_to_be_empty_is_not_judged_by(tmp_path: Path) -> None:
    image, filled = noise(slice(None)), np.ones(SHAPE[0])
    image[:2000], filled[:2000] = -32_768, 0.0
    builder = begin(tmp_path / "a.tif", filled)
    add(builder, image, blocks()[:4])
    assert written(tmp_path) == 0
    add(builder, image, blocks()[4:])
    builder.finish()
    gaps = check(tmp_path / "a.tif", image)
    assert 0 < sum(gaps) < 0.06 * (tmp_path / "a.tif").stat().st_size


def test_an_empty_raster_is_a_file_too(tmp_path: Path) -> None:
    image = np.full(SHAPE, -32_768, np.int16)
    builder = begin(tmp_path / "a.tif", np.zeros(SHAPE[0]))
    add(builder, image, blocks())
    builder.finish()
    check(tmp_path / "a.tif", image)


@pytest.mark.parametrize("n_blocks", [2, 6, 9])
def test_a_raster_that_is_given_up_leaves_nothing(tmp_path: Path, n_blocks: int) -> None:
    image = noise(slice(None))
    builder = begin(tmp_path / "a.tif")
    add(builder, image, blocks()[:n_blocks])
    if n_blocks == 9:
        builder.finish()
        assert (tmp_path / "a.tif").exists()
    builder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_half_way_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise(slice(None))
    builder = begin(tmp_path / "a.tif")
    add(builder, image, blocks()[:5])

    def full(_file: NewFile, _at: int, _parts: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cog_file.NewFile, "write", full)
    with pytest.raises(OSError, match=r"cannot write a\.tif: No space left.* It needs [567] MB") as caught:
        add(builder, image, blocks()[5:])
    assert caught.value.errno == errno.ENOSPC
    builder.remove()
    assert list(tmp_path.iterdir()) == []
