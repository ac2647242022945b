"""SipHash-2-4 of many byte strings (Aumasson and Bernstein 2012)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_V0, _V1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_V2, _V3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_LAST = np.uint64(0xFF)


@kernel
def hash_bytes(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    key: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
) -> None:
    """Write one number for each byte string.

    Parameters
    ----------
    data : the strings one after the other
    starts : (strings + 1,), first byte of each
    key : (2,), sixteen bytes as two little-endian numbers
    hashes : (strings,), written
    """
    for text in range(hashes.size):
        at, end = starts[text], starts[text + 1]
        length = end - at
        v0, v1, v2, v3 = _V0 ^ key[0], _V1 ^ key[1], _V2 ^ key[0], _V3 ^ key[1]
        for _ in range(length // 8):
            word = np.uint64(0)
            for byte in range(8):
                word |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
            at += 8
            v3 ^= word
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0 ^= word
        word = np.uint64(length & 255) << np.uint64(56)
        for byte in range(end - at):
            word |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        v2 ^= _LAST
        for _ in range(4):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        hashes[text] = v0 ^ v1 ^ v2 ^ v3


@kernel
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0 += v1
    v1 = _turned(v1, np.uint64(13)) ^ v0
    v0 = _turned(v0, np.uint64(32))
    v2 += v3
    v3 = _turned(v3, np.uint64(16)) ^ v2
    v0 += v3
    v3 = _turned(v3, np.uint64(21)) ^ v0
    v2 += v1
    v1 = _turned(v1, np.uint64(17)) ^ v2
    v2 = _turned(v2, np.uint64(32))
    return v0, v1, v2, v3


@kernel
def _turned(number: np.uint64, bits: np.uint64) -> np.uint64:
    return (number << bits) | (number >> (np.uint64(64) - bits))
