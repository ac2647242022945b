"""What has changed in rejected/ goes back to its place; all else stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sen4cap_core.db.work.rejections import MovedFile
from sen4cap_core.inbox.taking_up import take_up


@pytest.fixture
def moved(tmp_path: Path) -> MovedFile:
    """A file of four bytes as it was when it was rejected."""
    path = tmp_path / "rejected/parcels-2.zip"
    path.parent.mkdir()
    path.write_bytes(b"half")
    path.with_name("parcels-2.zip.error.txt").write_text("cut short", encoding="utf-8")
    os.utime(path, ns=(7, 7))
    return MovedFile(str(path), str(tmp_path / "parcels.zip"), 4, 7)


@pytest.mark.parametrize("rounded_ns", [7, 0, 1_999_999_999])
def test_what_did_not_change_stays(moved: MovedFile, rounded_ns: int) -> None:
    os.utime(moved.path, ns=(rounded_ns, rounded_ns))
    assert take_up([moved]) == []
    assert Path(moved.path).exists()


@pytest.mark.parametrize("content", [b"half and half", b"hALF"])
def test_what_changed_goes_back_under_its_own_name(moved: MovedFile, content: bytes) -> None:
    Path(moved.path).write_bytes(content)
    assert take_up([moved]) == [Path(moved.dropped_as)]
    assert Path(moved.dropped_as).read_bytes() == content
    assert list(Path(moved.path).parent.iterdir()) == []


def test_another_file_in_its_place_is_left_alone(moved: MovedFile) -> None:
    Path(moved.path).write_bytes(b"half and half")
    Path(moved.dropped_as).write_bytes(b"another")
    assert take_up([moved]) == []
    assert Path(moved.dropped_as).read_bytes() == b"another"


def test_one_part_of_several_and_what_has_gone_are_left_alone(moved: MovedFile, tmp_path: Path) -> None:
    folder = tmp_path / "rejected/a.SAFE"
    folder.mkdir()
    of_several = MovedFile(moved.path, moved.dropped_as, 5, 3)
    gone = MovedFile(str(tmp_path / "gone"), str(tmp_path / "b"), 1, 1)
    assert take_up([of_several, MovedFile(str(folder), str(tmp_path / "a.SAFE"), 0, 1), gone]) == []
