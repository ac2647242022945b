"""Wide marker tables against plain Python."""

from __future__ import annotations

import struct
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.processors.markers.columns import ORDER_METRICS, VARIABLES, column_name
from sen4cap_core.processors.markers.wide import WideTable, practice_markers, ratio_table
from sen4cap_core.products.marker_files import write_markers
from sen4cap_core.rasters.parcels.pixel_values import STATISTICS

DAY = date(2019, 5, 12)


def test_columns_are_called_as_in_the_original() -> None:
    markers = {name: marker for group in VARIABLES.values() for name, marker in group.items()}
    assert column_name(DAY, "mean", markers["ndvi"], 94, "30TUM") == "20190512_mean_NDVI"
    assert column_name(DAY, "stdev", markers["coh_vv"], 8, "30TUM") == "20190512_stdev_COHE_VV_008"
    assert column_name(DAY, "valid_pixels_cnt", markers["b8a"], None, "30TUM") == (
        "20190512_valid_pixels_cnt_L2A_30TUM_B8A"
    )


def test_what_site_yaml_may_ask_for_is_what_a_pass_finds_and_mdb1_names() -> None:
    assert set(SiteConfig(statistics=tuple(STATISTICS)).statistics) == set(STATISTICS)
    assert {ending for endings in STATISTICS.values() for ending in endings} == set(ORDER_METRICS)
    assert SiteConfig().statistics == ()
    with pytest.raises(ValidationError, match="minmax"):
        SiteConfig.model_validate({"statistics": ["min"]})


def test_the_set_with_more_pixels_stays_whatever_the_order() -> None:
    rng = np.random.default_rng(2)
    ids = np.sort(rng.choice(500, 200, replace=False)).astype(np.int32)
    sets = []
    for _ in range(5):
        chosen = np.sort(rng.choice(600, 150, replace=False)).astype(np.int32)
        values = rng.normal(0, 1, 150).astype(np.float32)
        values[rng.random(150) < 0.2] = np.nan
        values[rng.random(150) < 0.1] = 0.0
        # Distinct, so that the answer does not hang on a tie.
        sets.append((chosen, values, rng.permutation(150).astype(np.int32) * 7 + len(sets) + 1))
    expected: dict[int, tuple[int, float]] = {}
    for chosen, values, counts in sets:
        for parcel, value, n in zip(chosen.tolist(), values.tolist(), counts.tolist(), strict=True):
            if not np.isnan(value) and n > expected.get(parcel, (0, 0.0))[0]:
                expected[parcel] = (n, value)
    for order in (sets, sets[::-1]):
        table = WideTable(ids)
        for chosen, values, counts in order:
            table.put("x", chosen, values, counts, 10.0)
        got = table.to_arrow()["x"].to_pylist()
        for parcel, value in zip(ids.tolist(), got, strict=True):
            known = expected.get(parcel)
            assert (value is None) == (known is None)
            if known is not None and value is not None:
                assert value == np.float32(np.float32(known[1]) * np.float32(10))


def test_ratios_are_differences_and_empty_parcels_are_left_out() -> None:
    nothing = None
    mdb1 = pa.table(
        {
            "NewID": pa.array([1, 2, 3], pa.int32()),
            "20190512_mean_AMP_VV_088": pa.array([-5.0, -6.0, nothing], pa.float32()),
            "20190512_mean_AMP_VH_088": pa.array([-8.0, nothing, -9.0], pa.float32()),
            "20190512_valid_pixels_cnt_AMP_VV_088": pa.array([4.0, 4.0, 4.0], pa.float32()),
            "20190513_mean_AMP_VV_139": pa.array([-5.0, -6.0, -7.0], pa.float32()),
            "20190512_mean_NDVI": pa.array([0.0, 0.0, 0.0], pa.float32()),
        }
    )
    table = ratio_table(mdb1)
    assert table.column_names == ["NewID", "20190512_mean_AMP_VVVH_088"]
    assert table.to_pylist() == [{"NewID": 1, "20190512_mean_AMP_VVVH_088": 3.0}]


def test_practice_markers_have_the_original_codes_and_keep_earlier_days() -> None:
    markers = np.array([[1, 0, -1, -2, -3], [0, 0, 0, 0, 0]], np.int8)
    first = practice_markers(np.array([2, 5], np.int32), markers, "20190601", None)
    codes = {"20190601_M1": 1, "20190601_M2": 0, "20190601_M3": -1, "20190601_M4": -3, "20190601_M5": -2}
    assert first.to_pylist()[0] == {"NewID": 2, **codes}
    second = practice_markers(np.array([2, 9], np.int32), markers, "20190701", first)
    assert second.column_names[1:] == [f"2019{m}01_M{i}" for m in ("06", "07") for i in range(1, 6)]
    assert second["20190601_M1"].to_pylist() == [1, -1]
    assert second.schema.field("20190701_M5").type == pa.int8()


def test_files_say_which_batch_holds_which_parcel(tmp_path: Path) -> None:
    n = 25_001
    table = pa.table({"NewID": pa.array(range(3, 3 + n), pa.int32()), "x": pa.array([0.5] * n, pa.float32())})
    ipc, index, parquet = write_markers(table, tmp_path, "SEN4CAP_MDB1")
    triples = list(struct.iter_unpack(">iii", index.read_bytes()))
    assert triples == [(0, 3, 10_002), (1, 10_003, 20_002), (2, 20_003, 25_003)]
    with pa.memory_map(str(ipc)) as source:
        reader = pa.ipc.open_file(source)
        assert [reader.get_batch(i)["NewID"][0].as_py() for i in range(3)] == [3, 10_003, 20_003]
    assert pq.read_table(parquet).equals(table)
