"""Empty tables and spreadsheets are told as what they are, and not by the columns they lack."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sen4cap_core.declarations.tables.crop_codes import read_crop_codes
from sen4cap_core.declarations.tables.practice_tables import read_practice_table
from sen4cap_core.errors import BadUploadError

READERS = [read_crop_codes, read_practice_table]
Reader = Callable[[Path], object]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "this file is empty."),
        ("a.xlsx", b"", "this file is empty."),
        ("a.csv", b"\xef\xbb\xbf\r\n ;;\r\n", "this file has no text in it."),
        ("a.xlsx", b"a;b\n1;2\n", "this is no spreadsheet, though its name ends in .xlsx."),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheets are not read."),
    ],
)
def test_what_is_no_table_is_told_without_its_columns(
    tmp_path: Path, read: Reader, name: str, content: bytes, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadUploadError) as caught:
        read(path)
    assert (caught.value.what, caught.value.problems) == (told, [])


@pytest.mark.parametrize("read", READERS)
def test_a_spreadsheet_is_told_whatever_its_name(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(BadUploadError, match=r"spreadsheets are not read(.|\n)*save it as CSV"):
        read(path)
    with pytest.raises(BadUploadError, match="may be a spreadsheet with the name of a CSV, or a zip"):
        read(path.rename(tmp_path / "a.csv"))


@pytest.mark.parametrize("read", READERS)
def test_a_header_alone_lacks_its_columns_still(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "a.csv"
    path.write_text("one,two\n", encoding="utf-8")
    with pytest.raises(BadUploadError, match=r"is not complete|lacks FIELD_ID"):
        read(path)
