"""Zip archives from outside."""

from __future__ import annotations

import stat
import struct
import warnings
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest

from sen4cap_core.archives import extract_zip, inspect_zip
from sen4cap_core.errors import UnsafeArchiveError


def make_zip(path: Path, members: list[tuple[str | ZipInfo, bytes]], method: int = ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(), ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore", UserWarning)  # zipfile warns of duplicate names
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_an_ordinary_zip_is_listed_and_unpacked(tmp_path: Path) -> None:
    path = make_zip(
        tmp_path / "a.zip", [("top.txt", b"1"), ("folder/", b""), ("folder/é.dbf", b"22"), (".hidden", b"")]
    )

    names = [entry.filename for entry in inspect_zip(path)]
    written = extract_zip(path, tmp_path / "out")

    assert names == ["top.txt", "folder/é.dbf", ".hidden"]
    assert [p.relative_to(tmp_path / "out").as_posix() for p in written] == names
    assert (tmp_path / "out/folder/é.dbf").read_bytes() == b"22"


def test_only_wanted_members_are_unpacked(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("a", b"1"), ("b", b"2")])

    extract_zip(path, tmp_path / "out", ["b"])

    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b"]
    with pytest.raises(UnsafeArchiveError, match="no file 'c'"):
        extract_zip(path, tmp_path / "out", ["c"])


def test_backslashes_of_windows_packers_are_folders(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("folder\\inner\\x.shp", b"1")])

    extract_zip(path, tmp_path / "out")

    assert (tmp_path / "out/folder/inner/x.shp").read_bytes() == b"1"


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "a\\..\\..\\evil", "\\\\host\\share", "C:\\evil",
     "C:evil", "a/..", "bell\x07"],
)  # fmt: skip
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = make_zip(tmp_path / "a.zip", [("good", b"1"), (name, b"x")])

    with pytest.raises(UnsafeArchiveError, match="outside its folder"):
        inspect_zip(path)
    with pytest.raises(UnsafeArchiveError):
        extract_zip(path, tmp_path / "in" / "out")
    assert {p.name for p in tmp_path.rglob("*")} <= {"a.zip", "in"}


@pytest.mark.parametrize(("kind", "word"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "special file")])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int, word: str) -> None:
    entry = ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    path = make_zip(tmp_path / "a.zip", [(entry, b"/etc/passwd")])

    with pytest.raises(UnsafeArchiveError, match=word):
        inspect_zip(path)


def test_a_link_already_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("sub/file", b"x")])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UnsafeArchiveError, match="outside its folder"):
        extract_zip(path, tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_bombs_are_refused_by_ratio_and_by_size(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", [("zeros", bytes(40_000_000))])

    with pytest.raises(UnsafeArchiveError, match="more than 200 times"):
        inspect_zip(bomb)
    with pytest.raises(UnsafeArchiveError, match=r"unpacks to 0\.0 GB"):
        inspect_zip(bomb, max_ratio=1e9, max_total_bytes=30_000_000)


def test_a_bomb_of_many_small_members_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "bomb.zip", [(f"{i}", bytes(1_000_000)) for i in range(30)])

    with pytest.raises(UnsafeArchiveError, match="this archive unpacks"):
        inspect_zip(path)
    with pytest.raises(UnsafeArchiveError, match="30 entries, more than the 20"):
        inspect_zip(path, max_files=20, max_ratio=1e9)


def test_small_members_may_be_packed_well(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("zeros", bytes(1_000_000))])

    assert len(inspect_zip(path)) == 1


@pytest.mark.parametrize("second", ["x/same", "x\\same", "X/SAME"])
def test_names_that_are_one_file_are_refused(tmp_path: Path, second: str) -> None:
    path = make_zip(tmp_path / "a.zip", [("x/same", b"1"), (second, b"2")])

    with pytest.raises(UnsafeArchiveError, match="twice"):
        inspect_zip(path)


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("secret", b"1")])
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    with pytest.raises(UnsafeArchiveError, match="encrypted"):
        inspect_zip(path)


def test_unknown_compression_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("x", b"1")])
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.find(b"PK\x01\x02") + 10, 98)
    path.write_bytes(content)

    with pytest.raises(UnsafeArchiveError, match="method 98"):
        inspect_zip(path)


@pytest.mark.parametrize("keep", [0, 1, 50, -1, -40])
def test_a_zip_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    path = make_zip(tmp_path / "a.zip", [("x", bytes(range(256)) * 40)], ZIP_STORED)
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(UnsafeArchiveError, match="was cut short" if keep else "is empty") as told:
        inspect_zip(path)
    assert "not a zip" not in str(told.value)


def test_what_never_was_a_zip_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_text("Parcels are in the other folder.", encoding="utf-8")
    with pytest.raises(UnsafeArchiveError, match="is no zip archive, whatever its name says"):
        inspect_zip(path)


def test_a_member_larger_than_announced_is_not_written(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("x", b"abcdef" * 1000)])
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.find(b"PK\x01\x02") + 24, 10)
    path.write_bytes(content)

    with pytest.raises(UnsafeArchiveError):
        extract_zip(path, tmp_path / "out")
    assert not [p for p in (tmp_path / "out").rglob("*") if p.is_file()]


def test_a_damaged_member_is_not_written(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", [("x", b"abcdef" * 1000)], ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(UnsafeArchiveError, match="damaged"):
        extract_zip(path, tmp_path / "out")
    assert not [p for p in (tmp_path / "out").rglob("*") if p.is_file()]


def test_an_absent_archive_is_no_bad_archive(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect_zip(tmp_path / "none.zip")
