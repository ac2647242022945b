"""Series matrices out of observation sets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sen4cap_core.clock import to_days
from sen4cap_core.observations.series import build_matrix
from sen4cap_core.observations.store import write_observations
from tests.observations.test_observation_store import make_sums

JUNE, JULY = date(2019, 6, 16), date(2019, 7, 1)


def test_matrix_of_two_days(tmp_path: Path) -> None:
    write_observations(
        tmp_path / "june.parquet", make_sums({1: [10, 30], 2: [40], 3: []}, {3: 5}), metadata={}
    )
    write_observations(tmp_path / "july.parquet", make_sums({2: [50]}), metadata={})
    sets = [(JULY, tmp_path / "july.parquet", "30TUM"), (JUNE, tmp_path / "june.parquet", "30TUM")]
    matrix = build_matrix(sets, "ndvi", np.array([3, 1, 2, 99], np.int32))
    assert matrix.parcels.tolist() == [3, 1, 2, 99]
    assert matrix.days.tolist() == [to_days(JUNE), to_days(JULY)]
    nan = np.nan
    expected = [[nan, nan], [0.002, nan], [0.004, 0.005], [nan, nan]]
    np.testing.assert_allclose(matrix.mean, expected, rtol=1e-6)
    assert matrix.n_valid.tolist() == [[0, 0], [2, 0], [1, 1], [0, 0]]
    assert (matrix.mean.dtype, matrix.n_valid.dtype, matrix.days.dtype) == (np.float32, np.int32, np.int32)
    assert matrix.mean.flags.c_contiguous


def test_parts_on_two_tiles_are_one_mean_over_all_pixels(tmp_path: Path) -> None:
    write_observations(tmp_path / "m.parquet", make_sums({1: [10], 2: [100], 3: [7]}), metadata={})
    write_observations(tmp_path / "n.parquet", make_sums({1: [20, 20], 2: [200], 3: []}), metadata={})
    sets = [(JUNE, tmp_path / "n.parquet", "30TUN"), (JUNE, tmp_path / "m.parquet", "30TUM")]
    for order in (sets, sets[::-1]):
        matrix = build_matrix(order, "ndvi", np.array([1, 2, 3], np.int32))
        np.testing.assert_allclose(matrix.mean[:, 0], [0.005 / 3, 0.015, 0.0007], rtol=1e-5)
        assert matrix.n_valid[:, 0].tolist() == [3, 2, 1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(["30TUM", "30TUN"]),
            st.dictionaries(st.integers(1, 5), st.lists(st.integers(-100, 100), max_size=3), max_size=5),
        ),
        min_size=1,
        max_size=6,
    ),
    random=st.randoms(use_true_random=False),
)
def test_order_of_sets_does_not_matter(tmp_path: Path, contents: list, random) -> None:
    sets = []
    for index, (day, tile, values) in enumerate(contents):
        path = tmp_path / f"{index}.parquet"
        write_observations(path, make_sums(values or {1: [0]}), metadata={})
        sets.append((date(2019, 6, 1 + day), path, tile))
    parcels = np.arange(1, 6, dtype=np.int32)
    straight = build_matrix(sets, "ndvi", parcels)
    random.shuffle(sets)
    shuffled = build_matrix(sets, "ndvi", parcels)
    for name in ("days", "mean", "n_valid"):
        np.testing.assert_array_equal(getattr(straight, name), getattr(shuffled, name))


def test_nothing_to_join(tmp_path: Path) -> None:
    empty = build_matrix([], "ndvi", np.array([1, 2], np.int32))
    assert empty.mean.shape == (2, 0)
    with pytest.raises(ValueError, match="asked for twice"):
        build_matrix([], "ndvi", np.array([1, 1], np.int32))
