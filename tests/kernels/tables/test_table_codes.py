"""Small kernels of table reading against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.kernels.mowing.matrix import combine_codes, take_numbers
from sen4cap_core.kernels.tables.bitmaps import filled


@pytest.mark.parametrize("offset", [0, 3, 8, 13])
def test_missing_values_are_filled_wherever_the_bitmap_begins(offset: int) -> None:
    rng = np.random.default_rng(offset)
    is_valid = rng.random(100) < 0.6
    bits = np.packbits(np.concatenate([np.ones(offset, bool), is_valid]), bitorder="little")
    values = np.arange(100, dtype=np.int32)
    expected = np.where(is_valid, values, -7)
    assert np.array_equal(filled(values, bits, offset, np.int32(-7)), expected)


@pytest.mark.parametrize("has_third", [False, True])
def test_combinations_are_numbered_and_counted(has_third: bool) -> None:
    rng = np.random.default_rng(1)
    first, second, third = (rng.integers(0, n, 500).astype(np.int32) for n in (2, 4, 3))
    third = third if has_third else np.empty(0, np.int32)
    counts = np.zeros(24, np.int64)
    codes = combine_codes(first, second, third, 4, 3, counts)
    expected = (first * 4 + second) * 3 + (third if has_third else 0)
    assert np.array_equal(codes, expected)
    assert np.array_equal(counts, np.bincount(expected, minlength=24))
    numbers = rng.integers(-1, 9, 24).astype(np.int8)
    assert np.array_equal(take_numbers(numbers, codes), numbers[expected])
