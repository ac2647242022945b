"""Pairs of boxes, against all pairs there are."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.declarations.shapes.geometry import _box_pairs


@pytest.mark.parametrize("seed", range(6))
def test_pairs_are_those_of_a_plain_comparison(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    low = np.round(rng.uniform(0, 50, (n, 2)), seed % 3)
    size = rng.choice([0.0, 1.0, 3.0, 45.0], (n, 2), p=[0.05, 0.5, 0.4, 0.05])
    boxes = np.column_stack([low, low + size])
    west, south, east, north = (boxes[:, k] for k in range(4))
    across = np.minimum(east[:, None], east) > np.maximum(west[:, None], west)
    up = np.minimum(north[:, None], north) > np.maximum(south[:, None], south)
    expected = np.argwhere(np.triu(across & up, k=1))

    pairs = _box_pairs(boxes)

    assert sorted(pairs.tolist()) == expected.tolist()
