"""Whether a JPEG 2000 file is whole, told from its first kilobytes and its last two bytes."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
END_OF_CODESTREAM = b"\xff\xd9"
_EPSG = re.compile(rb'srsName="[^"]*EPSG:+(\d{4,6})"')
HEAD_BYTES = 16 * 1024
"""Enough for all boxes before the codestream; Sentinel-2 puts a GML box of about 2 kB there."""


@dataclass(frozen=True)
class Jp2Header:
    """What the boxes before the codestream say."""

    width: int
    height: int
    components: int
    codestream_end: int
    """Offset of the first byte after the codestream."""
    epsg: int | None = None
    """Coordinate system that its GML names, None where it names none by EPSG code."""


def read_header(head: bytes, size_bytes: int) -> Jp2Header:
    """Walk the boxes at the start of a JP2 file.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` of the file (or all of it).
    size_bytes : int
        Size of the whole file.

    Raises
    ------
    ValueError
        In words for a user: empty, not JPEG 2000, or shorter than its boxes announce.
    """
    if size_bytes == 0:
        raise ValueError("it is empty")
    if not head.startswith(SIGNATURE):
        raise ValueError("it is not a JPEG 2000 file (its signature is missing)")
    width = height = components = 0
    for kind, content, end in _boxes(head, 0, size_bytes):
        if end > size_bytes:
            raise ValueError(f"it is cut short: {size_bytes} bytes are there, at least {end} were written")
        if kind == b"jp2h":
            for inner, start, _ in _boxes(head, content, end):
                if inner == b"ihdr" and start + 10 <= len(head):
                    height, width, components = struct.unpack_from(">IIH", head, start)
        if kind == b"jp2c":
            if not width:
                raise ValueError("its image header is missing")
            return Jp2Header(width, height, components, end, _epsg(head[:content]))
    raise ValueError("it is cut short before the image data")


def _epsg(boxes: bytes) -> int | None:
    found = _EPSG.search(boxes)
    return int(found[1]) if found else None


def _boxes(head: bytes, start: int, stop: int) -> list[tuple[bytes, int, int]]:
    """List (type, offset of the content, end) of the boxes whose headers are in ``head``."""
    boxes = []
    position = start
    while position + 8 <= min(len(head), stop):
        length, kind = struct.unpack_from(">I4s", head, position)
        content = position + 8
        if length == 1 and position + 16 <= len(head):
            (length,) = struct.unpack_from(">Q", head, content)
            content += 8
        end = stop if length == 0 else position + length
        boxes.append((kind, content, end))
        if end <= position:
            break
        position = end
    return boxes
