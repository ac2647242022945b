"""Observation sets on disk."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sen4cap_core import files
from sen4cap_core.errors import Sen4capError
from sen4cap_core.observations.store import (
    count_observed,
    read_means,
    read_metadata,
    read_observations,
    write_observations,
)
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.passes.sums import ParcelSums, VariableSums


def make_sums(values: dict[int, list[int]], n_total: dict[int, int] | None = None) -> ParcelSums:
    """Sums of stored NDVI values by parcel id."""
    ids = np.array(sorted(values), np.int32)
    pixels = [np.array(values[i], np.int64) for i in ids]
    variable = VariableSums(
        Quantisation(),
        np.array([len(p) for p in pixels], np.int64),
        np.array([p.sum() for p in pixels], np.int64),
        np.array([(p * p).sum() for p in pixels], np.int64),
    )
    totals = np.array([(n_total or {}).get(int(i), len(values[int(i)])) for i in ids], np.int64)
    return ParcelSums(ids, totals, {"ndvi": variable})


def test_columns_rows_and_types(tmp_path: Path) -> None:
    sums = make_sums({7: [5000, 6000, 7000], 3: [1234], 9: [], 11: []}, {9: 4, 11: 0})
    path = tmp_path / "sets/a.parquet"
    assert write_observations(path, sums, metadata={"scene": "S2A_x", "tile": "30TUM"}) == 3
    table = pq.read_table(path)
    assert {f.name: str(f.type) for f in table.schema} == {
        "parcel": "int32",
        "n_total": "int32",
        "ndvi_mean": "float",
        "ndvi_std": "float",
        "ndvi_n_valid": "int32",
    }
    assert table.column("parcel").to_pylist() == [3, 7, 9]
    assert table.column("n_total").to_pylist() == [1, 3, 4]
    assert table.column("ndvi_n_valid").to_pylist() == [1, 3, 0]
    np.testing.assert_allclose(table.column("ndvi_mean").to_numpy(), [0.1234, 0.6, np.nan], rtol=1e-6)
    np.testing.assert_allclose(table.column("ndvi_std").to_numpy(), [np.nan, 0.1, np.nan], rtol=1e-6)
    assert read_metadata(path) == {"scene": "S2A_x", "tile": "30TUM"}
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_reading_several_sets(tmp_path: Path) -> None:
    write_observations(tmp_path / "a.parquet", make_sums({1: [10], 2: [20], 3: [30]}), metadata={})
    write_observations(tmp_path / "b.parquet", make_sums({2: [200], 5: [500]}), metadata={"x": "y"})
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    table = read_observations(paths, "ndvi", np.array([5, 2], np.int32))
    assert table.column_names == ["source", "parcel", "n_total", "mean", "std", "n_valid"]
    assert table.column("source").to_pylist() == [0, 1, 1]
    assert table.column("parcel").to_pylist() == [2, 2, 5]
    np.testing.assert_allclose(table.column("mean").to_numpy(), [0.002, 0.02, 0.05], rtol=1e-6)
    assert read_observations(paths, "ndvi").num_rows == 5
    assert read_observations([], "ndvi").schema == read_observations(paths, "ndvi").schema
    assert read_observations(paths, "ndvi", np.array([], np.int32)).num_rows == 0
    ids, means, counts = read_means(paths[0], "ndvi")
    assert (ids.tolist(), counts.tolist()) == ([1, 2, 3], [1, 1, 1])
    assert means.dtype == np.float32


def test_unknown_variable_and_damaged_file_say_so(tmp_path: Path) -> None:
    write_observations(tmp_path / "a.parquet", make_sums({1: [10]}), metadata={})
    with pytest.raises(Sen4capError, match="no observations of 'lai'; the set holds ndvi"):
        read_observations([tmp_path / "a.parquet"], "lai")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(Sen4capError, match=r"b\.parquet: the observation set cannot be read"):
        read_observations([tmp_path / "b.parquet"], "ndvi")
    with pytest.raises(Sen4capError, match=r"c\.parquet"):
        read_metadata(tmp_path / "c.parquet")


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(OSError, match=r"No space left on device\. Make room") as caught:
        write_observations(tmp_path / "out/a.parquet", make_sums({1: [10]}), metadata={})
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.glob("out/*"))


def test_std_of_a_large_parcel_is_exact() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(9_990, 10_001, 2_000_000).astype(np.int64)
    sums = make_sums({1: pixels.tolist()})
    assert sums.variables["ndvi"].std()[0] == pytest.approx(pixels.std(ddof=1) / 10_000, rel=1e-6)
    assert sums.variables["ndvi"].mean()[0] == pytest.approx(pixels.mean() / 10_000, rel=1e-7)
    constant = make_sums({1: [7777] * 100_000})
    assert constant.variables["ndvi"].std()[0] == 0.0


def test_statistics_asked_for_are_columns_that_other_readers_do_not_see(tmp_path: Path) -> None:
    sums = make_sums({1: [10, 30], 4: [], 5: [7]}, {4: 2})
    orders = {"ndvi": {"min": np.array([0.001, np.nan, 0.0007], np.float32)}}
    path = tmp_path / "a.parquet"
    write_observations(path, ParcelSums(sums.new_ids, sums.n_total, sums.variables, orders), metadata={})
    assert str(pq.read_schema(path).field("ndvi_min").type) == "float"
    table = read_observations([path], "ndvi", statistics=["min"])
    assert table.column_names[-1] == "min"
    np.testing.assert_array_equal(table["min"].to_numpy(), orders["ndvi"]["min"])
    assert read_observations([], "ndvi", statistics=["min"]).schema == table.schema
    usual = read_observations([path], "ndvi")
    assert usual.to_pandas().equals(table.drop_columns(["min"]).to_pandas())
    assert count_observed(path) == (3, 2)
    with pytest.raises(Sen4capError, match="the set holds ndvi"):
        read_observations([path], "ndvi", statistics=["max"])
