"""Columns of text as one JSON object for each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_QUOTE, _BACKSLASH, _COMMA, _BLANK, _OPEN, _CLOSE = 34, 92, 44, 32, 123, 125
_FIRST_PLAIN = 32
"""Bytes below are control characters."""


def _short_escapes() -> NDArray[np.uint8]:
    """Return the letter that stands for each byte after a backslash, 0 where there is none."""
    letters = np.zeros(256, np.uint8)
    for character, letter in (("\\", "\\"), ('"', '"'), ("\n", "n"), ("\r", "r"), ("\t", "t"), ("\f", "f"),
                              ("\b", "b")):  # fmt: skip
        letters[ord(character)] = ord(letter)
    return letters


SHORT_ESCAPES = _short_escapes()
_HEXADECIMAL = np.frombuffer(b"0123456789abcdef", np.uint8).copy()


@kernel
def measure_objects(
    data: NDArray[np.uint8],
    firsts: NDArray[np.int64],
    ends: NDArray[np.int64],
    key_starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> None:
    """Write how many bytes the object of each row takes; parameters as those of `write_objects`."""
    for row in range(sizes.size):
        size, members = 2, 0
        for column in range(firsts.shape[0]):
            if firsts[column, row] < 0:
                continue
            members += 1
            size += key_starts[column + 1] - key_starts[column] + 2
            for at in range(firsts[column, row], ends[column, row]):
                byte = data[at]
                if byte >= _FIRST_PLAIN:
                    size += 2 if SHORT_ESCAPES[byte] else 1
                elif byte > 0:
                    size += 2 if SHORT_ESCAPES[byte] else 6
        sizes[row] = size + 2 * max(members - 1, 0)


@kernel
def write_objects(
    data: NDArray[np.uint8],
    firsts: NDArray[np.int64],
    ends: NDArray[np.int64],
    keys: NDArray[np.uint8],
    key_starts: NDArray[np.int64],
    starts: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write the objects, one after the other; zero characters are left out.

    Parameters
    ----------
    data : UTF-8 of all values
    firsts, ends : (columns, rows), first byte of each value and the one after its last; below 0 where the
        object has no such member
    keys : UTF-8 of the names, each as it stands before its value, quotes, colon and blank included
    key_starts : (columns + 1,), first byte of each
    starts : (rows + 1,), first byte of each object in ``out``
    out : written
    """
    for row in range(starts.size - 1):
        to = starts[row]
        out[to] = _OPEN
        to += 1
        members = 0
        for column in range(firsts.shape[0]):
            if firsts[column, row] < 0:
                continue
            if members:
                out[to], out[to + 1] = _COMMA, _BLANK
                to += 2
            members += 1
            for at in range(key_starts[column], key_starts[column + 1]):
                out[to] = keys[at]
                to += 1
            out[to] = _QUOTE
            to += 1
            for at in range(firsts[column, row], ends[column, row]):
                byte = data[at]
                letter = SHORT_ESCAPES[byte]
                if letter:
                    out[to], out[to + 1] = _BACKSLASH, letter
                    to += 2
                elif byte >= _FIRST_PLAIN:
                    out[to] = byte
                    to += 1
                elif byte > 0:
                    out[to], out[to + 1], out[to + 2], out[to + 3] = _BACKSLASH, 117, 48, 48
                    out[to + 4], out[to + 5] = _HEXADECIMAL[byte >> 4], _HEXADECIMAL[byte & 15]
                    to += 6
            out[to] = _QUOTE
            to += 1
        out[to] = _CLOSE
