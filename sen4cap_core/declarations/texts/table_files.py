"""What can be said of a table before its header is read: that it is empty, a spreadsheet, or called one."""

from __future__ import annotations

from pathlib import Path

from sen4cap_core.errors import BadUploadError

_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
_MAGIC = (b"PK\3\4", b"\xd0\xcf\x11\xe0")
"""A zip, as newer spreadsheets are, and what older ones begin with."""
_HEAD_BYTES = 65536
_BLANK = b" \t\r\n,;\"'\0\xef\xbb\xbf\xfe\xff"
"""Blanks, separators of empty cells, and byte order marks."""
_REMEDY = "open it in the spreadsheet program and save it as CSV in UTF-8."


def refuse_no_table(path: Path) -> None:
    """Raise BadUploadError where a table file is empty, or is a spreadsheet by its name or its content."""
    with path.open("rb") as handle:
        head = handle.read(_HEAD_BYTES)
    is_whole = len(head) < _HEAD_BYTES
    if is_whole and not head.strip(_BLANK):
        raise BadUploadError(
            path,
            "this file is empty." if not head else "this file has no text in it.",
            expected="a table with a header and a row for each entry",
            remedy="export the table again; where a copy was cut short, copy it again.",
        )
    is_spreadsheet = head.startswith(_MAGIC)
    if path.suffix.lower() in _SPREADSHEETS:
        if is_spreadsheet:
            raise BadUploadError(path, "spreadsheets are not read.", expected="a CSV", remedy=_REMEDY)
        raise BadUploadError(
            path,
            f"this is no spreadsheet, though its name ends in {path.suffix}.",
            expected="a CSV, under the name of a CSV",
            remedy="where it is the table, separated by commas, semicolons or tabs, let it end in .csv; "
            "else save the table as CSV in UTF-8.",
        )
    if is_spreadsheet:
        what = "this file is not text; it may be a spreadsheet with the name of a CSV, or a zip."
        raise BadUploadError(path, what, expected="a CSV", remedy=_REMEDY)
