"""Nearest-neighbour look-up beside NumPy indexing."""

from __future__ import annotations

import numpy as np

from sen4cap_core.kernels.status import classify_nearest, take_nearest


def test_nearest_look_up() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 12, (5, 6)).astype(np.uint8)
    rows = np.array([-1, 0, 0, 1, 1, 4, 4], np.int32)
    cols = np.array([0, 0, 3, 5, 5, -1], np.int32)
    table = rng.permutation(256).astype(np.uint8)
    status = np.zeros((7, 6), np.uint8)
    histogram = np.zeros(256, np.int64)
    classify_nearest(classes, rows, cols, table, 255, status, histogram)
    inside = (rows[:, None] >= 0) & (cols[None, :] >= 0)
    expected = np.where(inside, table[classes[rows[:, None], cols[None, :]]], 255)
    np.testing.assert_array_equal(status, expected)
    np.testing.assert_array_equal(histogram, np.bincount(expected.ravel(), minlength=256))

    source = rng.integers(1, 9, (5, 6)).astype(np.uint16)
    out = np.zeros((7, 6), np.uint16)
    take_nearest(source, rows, cols, 0.0, out)
    np.testing.assert_array_equal(out, np.where(inside, source[rows[:, None], cols[None, :]], 0))
