"""Series made batch by batch of a sorted table against those of the same table in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from processors.l4c.fields import make_observations, write_observations

from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.processors.l4c import observations_in
from sen4cap_core.processors.l4c.series_assembly import Assembly
from sen4cap_core.tables.arrow_arrays import from_texts
from sen4cap_core.tables.parcels import ParcelTable

N = 12
PARTS = {
    "pair_at": ("pair_day", "ratio_db", "is_field"),
    "coherence_at": ("coherence_day", "coherence", "rise", "pair_days"),
    "ndvi_at": ("ndvi_day", "ndvi"),
}
"""Orbits are left out: they are numbered as they come."""


# A parcel has some 300 rows: several parcels in a batch, or several batches of a parcel.
@pytest.mark.parametrize(("original", "batch_rows"), [(False, 997), (True, 997), (False, 101), (True, 101)])
def test_a_sorted_table_gives_the_same_series_batch_by_batch(
    tmp_path: Path, original: bool, batch_rows: int
) -> None:
    rng = np.random.default_rng(4)
    rows = make_observations(rng, N)
    rows += rows[:500]
    # The first parcel of the list has no rows, the table has parcels the list does not know.
    ids = from_texts(["0", *(str(i) for i in range(2, N + 1))])
    parcels = ParcelTable(ids, ("",) * N, None, None, None)
    tables = {
        "sorted": sorted(rows, key=lambda row: row[0]),
        "by text": sorted(rows, key=lambda row: str(row[0])),
        "mixed": [rows[i] for i in rng.permutation(len(rows))],
    }
    made = []
    for name, table in tables.items():
        whole = pq.read_table(write_observations(tmp_path / f"{name}.parquet", table))
        pq.write_table(whole, tmp_path / f"{name}.parquet", row_group_size=batch_rows)
        made.append(
            observations_in.read_parcel_series(tmp_path / f"{name}.parquet", parcels, None, 15, original)
        )
    *one_pass, other = made
    assert other.place.tolist() == list(range(N))
    for found in one_pass:
        assert (found.last_day, found.n_foreign_rows) == (other.last_day, other.n_foreign_rows)
        assert found.n_foreign_rows > 0
        assert found.place[0] == -1
        assert sorted(found.place[1:]) == list(range(N - 1))
        for parcel in range(1, N):
            assert_same_parcel(found.series, found.place[parcel], other.series, parcel)


def assert_same_parcel(found: Series, one: int, wanted: Series, other: int) -> None:
    for kind, names in PARTS.items():
        ends = [getattr(series, kind) for series in (found, wanted)]
        for name in names:
            a, b = (
                getattr(series, name)[at[i] : at[i + 1]]
                for series, at, i in zip((found, wanted), ends, (one, other), strict=True)
            )
            # An array of the default method alone is empty in the original's.
            np.testing.assert_array_equal(a, b, name)
    assert found.is_usable[one] == wanted.is_usable[other]


def test_a_table_that_goes_back_is_not_taken_batch_by_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bool] = []
    add = Assembly.add

    def noted(self: Assembly, *words: object) -> bool:
        answers.append(add(self, *words))
        return answers[-1]

    monkeypatch.setattr(Assembly, "add", noted)
    rows = make_observations(np.random.default_rng(5), N)
    ids = ParcelTable(from_texts([str(i) for i in range(1, N + 1)]), ("",) * N, None, None, None)
    for table, is_taken in ((rows, True), (rows[::-1], True), ([*rows, rows[0]], False)):
        path = write_observations(tmp_path / "O.parquet", table)
        pq.write_table(pq.read_table(path), path, row_group_size=997)
        answers.clear()
        observations_in.read_parcel_series(path, ids, None, 15, False)
        assert all(answers) == is_taken
        assert len(answers) == -(-len(table) // 997)
