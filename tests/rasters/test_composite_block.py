"""A block of a composite: dates that wait for one another give what dates added in turn give."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.rasters.passes import composite_block
from sen4cap_core.rasters.passes.composite_block import DateBlock, make_composer
from sen4cap_core.rasters.passes.composite_dates import CompositePlan

BANDS = ("B02", "B04")
SHAPE = (37, 21)
"""Not a whole number of strips."""


def random_dates(seed: int, n_dates: int) -> list[DateBlock]:
    rng = np.random.default_rng(seed)
    return [
        DateBlock(
            rng.integers(-100, 9000, (len(BANDS), *SHAPE)).astype(np.int16),
            rng.choice(np.array([0, 1, 2, 4, 5, 255], np.uint8), SHAPE),
            rng.uniform(0.0, 0.9, SHAPE).astype(np.float32),
            rng.uniform(0.1, 1.0, SHAPE).astype(np.float32),
            0.3 + 0.1 * day,
            day * 1440,
            150 + day,
        )
        for day in range(n_dates)
    ]


@pytest.mark.parametrize("n_at_once", [1, 3, 7])
def test_dates_too_many_to_wait_give_the_same(n_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dates = random_dates(1, 7)
    composer = make_composer(CompositePlan("weighted", BANDS), SHAPE)

    def composed() -> dict[str, np.ndarray]:
        composer.begin()
        for one in dates:
            composer.add(one)
        return {name: values.copy() for name, values in composer.finish().items()}

    at_the_end = composed()
    size = dates[0].numbers.nbytes + dates[0].aot.nbytes + dates[0].cloud.nbytes
    monkeypatch.setattr(composite_block, "_MOST_WAITING_BYTES", n_at_once * size)
    in_parts = composed()
    assert (at_the_end["flags"] == 0).any()
    for name, values in at_the_end.items():
        np.testing.assert_array_equal(in_parts[name], values, err_msg=name)
    # The next block begins with nothing of this one, however it was made.
    monkeypatch.undo()
    for name, values in composed().items():
        np.testing.assert_array_equal(values, at_the_end[name], err_msg=name)
