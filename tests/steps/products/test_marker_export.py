"""From observations to the marker databases of a site."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from steps.conftest import SITE
from steps.practices.test_practice_way import season

from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.steps.products.export_markers import current_years, export_markers

pytestmark = pytest.mark.service
__all__ = ["season"]

START, END = date(2019, 1, 1), date(2019, 12, 31)


def test_everything_observed_is_in_the_marker_databases(season) -> None:
    done = export_markers(season.context, SITE, START, END)

    assert done.n_rows == {"MDB1": 2, "MDB2": 2, "MDB3": 2, "L4A": 2}
    mdb1, mdb2, mdb3 = (
        pyarrow.ipc.open_file(done.files[name]).read_all() for name in ("MDB1", "MDB2", "MDB3")
    )
    assert mdb1["20190104_mean_NDVI"].to_pylist() == [220.0, 220.0]
    assert mdb1["20190102_mean_AMP_VV_088"].to_pylist() == [-22.0, -22.0]
    assert mdb1["20190102_valid_pixels_cnt_COHE_VV_088"].to_pylist() == [50.0, 50.0]
    assert mdb2["20190102_mean_AMP_VVVH_088"].to_pylist() == [10.0, 10.0]
    assert {name[-3:] for name in mdb3.column_names[1:]} == {f"_M{i}" for i in range(1, 6)}
    assert pq.read_table(done.files["MDB1"].with_suffix(".parquet")).equals(mdb1)
    with pytest.raises(NothingToDoError, match="nothing new"):
        export_markers(season.context, SITE, START, END)


def test_a_part_of_the_year_and_some_databases_can_be_asked_for(season) -> None:
    done = export_markers(season.context, SITE, START, date(2019, 7, 31), ["MDB3", "MDB1"])
    assert set(done.files) == {"MDB1", "MDB3"}
    days = {name[:8] for name in pq.read_schema(done.files["MDB1"].with_suffix(".parquet")).names[1:]}
    assert max(days) <= "20190731"
    later = export_markers(season.context, SITE, START, END, ["MDB3"])
    assert later.n_columns["MDB3"] == 2 * done.n_columns["MDB3"]
    assert current_years(season.context) == [(SITE, START, END)]
    with pytest.raises(Sen4capError, match=f"'nowhere' is no site that is known here. There are: {SITE}"):
        export_markers(season.context, "nowhere", START, END)


def test_features_of_crop_types_are_a_marker_database_too(season) -> None:
    done = export_markers(season.context, SITE, START, date(2019, 7, 31), ["L4A"])
    table = pyarrow.ipc.open_file(done.files["L4A"]).read_all()
    assert table.schema.field("NewID").type == pa.int32()
    assert table.num_rows == 2
    assert done.n_columns["L4A"] == table.num_columns - 1 > 0
    assert {str(field.type) for field in list(table.schema)[1:]} == {"float"}
    assert all(column.null_count == 0 for column in table.columns)
