"""What the bytes of a TIFF say."""

from __future__ import annotations

import struct


def directories(content: bytes) -> list[dict[int, tuple[int, ...]]]:
    """Numbers of each TIFF directory in the order they are chained, with its own place under key 0."""
    sizes = {2: "s", 3: "H", 4: "I", 12: "d"}
    found = []
    (at,) = struct.unpack_from("<I", content, 4)
    while at:
        tags: dict[int, tuple[int, ...]] = {0: (at,)}
        (n,) = struct.unpack_from("<H", content, at)
        for index in range(n):
            number, kind, count = struct.unpack_from("<HHI", content, at + 2 + 12 * index)
            if kind == 2:
                continue
            code = f"<{count}{sizes[kind]}"
            place = at + 2 + 12 * index + 8
            if struct.calcsize(code) > 4:
                (place,) = struct.unpack_from("<I", content, place)
            tags[number] = struct.unpack_from(code, content, place)
        assert list(tags)[1:] == sorted(list(tags)[1:]), "TIFF wants tags in ascending order"
        found.append(tags)
        (at,) = struct.unpack_from("<I", content, at + 2 + 12 * n)
    return found
