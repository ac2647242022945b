"""Private tags of a TIFF that GDAL does not show: SNAP keeps a product's whole metadata in one."""

from __future__ import annotations

import struct
from collections.abc import Callable

SNAP_METADATA = 65000
"""Tag of the DIMAP document that SNAP's GeoTIFF writers put into the file."""
_MAX_TEXT_BYTES = 64 * 1024**2
_MAX_TAGS = 4096
_ASCII = 2


def text_tag(peek: Callable[[int, int], bytes | None], tag: int) -> bytes | None:
    """Return the text under a tag of a TIFF's first image, None where there is none or it cannot be reached.

    Parameters
    ----------
    peek : bytes of the file by offset and length; None where reaching them means reading all before them

    Source: TIFF revision 6.0, section 2; the BigTIFF layout of libtiff.
    """
    head = peek(0, 16)
    if head is None or len(head) < 16 or head[:2] not in (b"II", b"MM"):
        return None
    order = "<" if head[:2] == b"II" else ">"
    is_big = struct.unpack(f"{order}H", head[2:4])[0] == 43
    word, count_code, entry_bytes = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    word_bytes, count_bytes = struct.calcsize(f"<{word}"), struct.calcsize(f"<{count_code}")
    (first,) = struct.unpack(f"{order}{word}", head[8:16] if is_big else head[4:8])
    counted = peek(first, count_bytes)
    if counted is None or len(counted) < count_bytes:
        return None
    n_tags = min(struct.unpack(f"{order}{count_code}", counted)[0], _MAX_TAGS)
    entries = peek(first + count_bytes, n_tags * entry_bytes) or b""
    for start in range(0, len(entries) - entry_bytes + 1, entry_bytes):
        found, kind, length = struct.unpack(f"{order}HH{word}", entries[start : start + 4 + word_bytes])
        if found != tag or kind != _ASCII or length > _MAX_TEXT_BYTES:
            continue
        place = entries[start + 4 + word_bytes : start + entry_bytes]
        if length <= word_bytes:
            return place[:length].rstrip(b"\0")
        text = peek(struct.unpack(f"{order}{word}", place)[0], length)
        return text.rstrip(b"\0") if text is not None and len(text) == length else None
    return None
