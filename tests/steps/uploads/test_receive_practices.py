"""Practice tables and their configuration, from the upload folder into the tables and back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from sen4cap_core.db.declared.declarations import current_config, current_set
from sen4cap_core.db.declared.practices import current_practices, load_practices, practices_in_force
from sen4cap_core.db.models import PracticeRow, PracticeSet, Site
from sen4cap_core.declarations.settings.l4c_config import restore_l4c_config
from sen4cap_core.declarations.tables.practice_rows import from_rows
from tests.steps.conftest import SITE, YEAR

pytestmark = pytest.mark.service

HEADER = "FIELD_ID,MAIN_CROP,VEG_START,H_START,H_END,PRACTICE,P_TYPE,P_START,P_END"
CONFIG = """[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]
OPTTHRVEGCYCLE=350
NDVIDW=300
NDVIUP=350
NDVISTEP=5
OPTTHRMIN=100
COHTHRBASE=0.05
COHTHRHIGH=0.15
COHTHRABS=0.75
AMPTHRMIN=0.1
[CC_TIME_SERIES_ANALYSIS_PARAMS]
CC_NDVIUP=500
CC_CATCHPERIODSTART="${YEAR}-07-15"
"""


def row(parcel: str, **changes: str) -> str:
    cells = {
        "parcel": parcel, "crop": "0233", "veg": "2019-03-01", "start": "2019-06-15", "end": "2019-09-30",
        "practice": "CatchCrop", "type": "CatchCrop_1", "p_start": "2019-10-15", "p_end": "NA",
    }  # fmt: skip
    return ",".join({**cells, **changes}.values())


@pytest.fixture
def table(desk, receive):
    """Drop a practice table made of rows."""

    def put(*rows: str, practice: str = "CC"):
        return receive(f"practices/{practice}/table.csv", "\n".join((HEADER, *rows, "")))

    return put


def test_a_table_is_stored_with_its_gaps_told(desk, context, table) -> None:
    desk.declare(n=2)
    answer = table(row("0002"), row("0001"), row("0001"), row("9999", start="2019-02-01"))

    assert answer.accepted
    assert answer.receipt["stored"]["rows"] == 4
    assert answer.receipt["stored"]["parcels not declared"] == 1
    assert answer.receipt["details"]["parcels not declared"] == [{"row": 5, "parcel": "9999"}]
    remarks = [(w["row"], w["text"]) for w in answer.receipt["warnings"] if w["row"]]
    assert remarks == [
        (4, "'0001' is already in row 3"),
        (5, "2019-02-01 lies before VEG_START 2019-03-01"),
    ]
    with context.session() as session:
        site = session.scalars(select(Site)).one()
        stored = current_practices(session, site.id, YEAR, "CC")
        declared = current_set(session, site.id, YEAR)
        rows = load_practices(session, stored.id, declared.id)
    assert rows[["ori_id", "row"]].values.tolist() == [["0001", 3], ["0001", 4], ["0002", 2]]
    assert rows.main_crop.tolist() == ["0233"] * 3
    assert rows.p_start.tolist() == [date(2019, 10, 15)] * 3
    assert rows.p_end.isna().all()
    assert rows.area_m2.astype(float).tolist() == pytest.approx([40_000.0] * 3, rel=1e-3)
    back = from_rows(rows, "NLD", YEAR, "stored")
    assert back.ids.to_pylist() == ["1", "1", "2"]
    assert back.columns["P_END"][0] == "NA"
    assert back.columns["COUNTRY"][0] == "NLD"
    assert back.columns["VEG_START"].days().tolist() == [17956] * 3


def test_the_next_table_replaces_the_one_before_and_practices_stand_side_by_side(context, table) -> None:
    first = table(row("0001"))
    second = table(row("0001"), row("0002"))
    table(row("0001", practice="NA", type="NA", p_start="NA"), practice="NA")

    assert first.receipt["stored"]["replaces an earlier table"] == "no"
    assert second.receipt["stored"]["replaces an earlier table"] == "yes"
    assert first.receipt["stored"]["parcels not declared"] == "not known yet"
    with context.session() as session:
        site = session.scalars(select(Site)).one()
        in_force = practices_in_force(session, site.id, YEAR)
        assert {practice: s.n_rows for practice, s in in_force.items()} == {"CC": 2, "NA": 1}
        assert len(session.scalars(select(PracticeSet)).all()) == 3
        former = session.scalars(select(PracticeSet).where(PracticeSet.valid_to.is_not(None))).one()
        assert session.scalars(select(PracticeRow.row).where(PracticeRow.set_id == former.id)).all() == [2]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"start": "15/06/2019"}, "row 2, column 'H_START': '15/06/2019' is no date"),
        ({"practice": "Fallow"}, "no row of this table is of the practice 'CatchCrop'"),
        ({"veg": "2015-03-01"}, "all vegetation starts (VEG_START) are of 2015"),
    ],
)
def test_tables_that_cannot_be_meant_are_rejected(context, table, changes: dict, told: str) -> None:
    answer = table(row("0001", **changes))
    assert not answer.accepted
    assert told in answer.receipt["error"]
    with context.session() as session:
        assert session.scalars(select(PracticeSet)).all() == []


def test_a_configuration_is_stored_and_comes_back(context, receive) -> None:
    answer = receive("l4c-config/S4C_L4C_Config_NLD.cfg", CONFIG)

    assert answer.accepted
    assert answer.receipt["stored"]["practices"] == ["NA", "CC", "FL", "NFC"]
    with context.session() as session:
        site = session.scalars(select(Site).where(Site.slug == SITE)).one()
        stored = current_config(session, site.id, YEAR, "l4c")
    config = restore_l4c_config(stored.values, YEAR, "stored")
    assert config.for_practice("CC").ndviup == 500
    assert config.for_practice("CC").catchperiodstart == date(2019, 7, 15)
    assert config.for_practice("FL").ndviup == 350
    assert "catchperiod" not in config.settings["CC"].named


def test_a_configuration_that_serves_no_practice_is_rejected(receive) -> None:
    answer = receive("l4c-config/a.cfg", CONFIG.replace("NDVISTEP=5\n", ""))
    assert not answer.accepted
    assert "NDVISTEP" in answer.receipt["error"]


def test_the_seven_real_configurations_go_in(shared: Path, receive) -> None:
    folder = shared / "data/maja-metadata-and-l4c-configs/sen2agri-processors/AgriculturalPractices"
    files = sorted((folder / "ConfigFiles").glob("*.cfg"))
    if len(files) != 7:
        pytest.skip("the seven real configurations are not there")
    for path in files:
        assert receive(f"l4c-config/{path.name}", path.read_text()).accepted
