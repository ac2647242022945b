"""From observations to mowings: one by one, all at once, late, twice, with other rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import pytest
from sqlalchemy import select

from sen4cap_core.db.models import Marker, MowingResult, MowingRun, Product
from sen4cap_core.db.mowing import found_mowings
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.simulation.uploads import write_crop_codes, write_l4b_config
from sen4cap_core.steps.detect_mowing import MowingAnswer, detect_mowing
from sen4cap_core.steps.receive_tables import receive_crop_codes, receive_l4b_config
from tests.steps.conftest import SITE

pytestmark = pytest.mark.service

SEASON = [
    (1, 5, 0.70),
    (11, 5, 0.74),
    (21, 5, 0.45),
    (31, 5, 0.52),
    (10, 6, 0.66),
    (20, 6, 0.72),
    (30, 6, 0.40),
    (10, 7, 0.50),
]
"""(day, month, NDVI): a mowing between 11 and 21 May, another between 20 and 30 June."""


def drop(desk, entries) -> None:
    for day, month, ndvi in entries:
        desk.process(desk.scene(day, month, ndvi=ndvi))


def facts(answer: MowingAnswer) -> list[tuple]:
    events = answer.events
    return list(zip(events["NewID"], events["start"], events["end"], events["confidence"], strict=True))


def test_mowings_are_found_with_their_dates(desk) -> None:
    desk.declare(n=2)
    drop(desk, SEASON)

    answer = detect_mowing(desk.context, 1)

    with desk.context.session() as session:
        found = found_mowings(session, SITE)
    assert found.judged == {"0001", "0002"}
    assert [(s, e) for p, s, e in found.events if p == "0001"] == [
        (date(2019, 5, 11), date(2019, 5, 21)),
        (date(2019, 6, 20), date(2019, 6, 30)),
    ]
    assert answer.as_of == date(2019, 7, 10)


def test_scene_by_scene_equals_all_at_once_and_late_equals_in_order(desk) -> None:
    desk.declare(n=2)
    steps = []
    for entry in SEASON:
        drop(desk, [entry])
        steps.append(detect_mowing(desk.context, 1))
    one_by_one = facts(steps[-1])

    state = next(desk.context.settings.data.rglob("state.npz"))
    state.unlink()
    drop(desk, [(15, 7, 0.55)])
    whole = detect_mowing(desk.context, 1)

    assert [step.is_incremental for step in steps] == [False] + [True] * (len(SEASON) - 1)
    assert not whole.is_incremental
    assert facts(whole) == one_by_one

    drop(desk, [(16, 5, 0.73)])
    late = detect_mowing(desk.context, 1)
    assert not late.is_incremental
    assert {str(start)[:10] for _, start, _, _ in facts(late)} == {"2019-05-16", "2019-06-20"}


def test_nothing_new_is_not_an_evaluation(desk) -> None:
    desk.declare(n=1)
    drop(desk, SEASON[:3])
    detect_mowing(desk.context, 1)

    with pytest.raises(NothingToDoError, match="nothing new"):
        detect_mowing(desk.context, 1)


@pytest.mark.parametrize("missing", ["declarations", "observations"])
def test_without_input_there_is_no_answer(desk, missing: str) -> None:
    if missing == "observations":
        desk.declare(n=1)
    else:
        drop(desk, SEASON[:1])

    with pytest.raises(NothingToDoError, match=missing):
        detect_mowing(desk.context, 1)


def test_only_the_latest_run_keeps_rows_and_tables_say_the_same(desk) -> None:
    desk.declare(n=2)
    drop(desk, SEASON[:4])
    detect_mowing(desk.context, 1)
    drop(desk, SEASON[4:])
    answer = detect_mowing(desk.context, 1)

    with desk.context.session() as session:
        runs = session.scalars(select(MowingRun).order_by(MowingRun.id)).all()
        results = session.scalars(select(MowingResult)).all()
        markers = session.scalars(select(Marker)).all()
        products = session.scalars(select(Product).where(Product.kind == "sen4cap-l4b-mowing")).all()
    assert len(runs) == len(products) == 2
    assert {row.run_id for row in results} == {runs[-1].id}
    assert len(markers) == 4
    table = gpd.read_parquet(answer.files["GeoParquet"])
    assert sorted(table["mow_n"]) == [2, 2]
    assert gpd.read_file(answer.files["GeoPackage"])["m1_dstart"].tolist() == ["2019-05-11 10:30:00"] * 2


def test_a_configuration_and_its_compliance_periods_are_used(desk, tmp_path: Path) -> None:
    desk.declare(n=1, crop="265")
    drop(desk, SEASON)
    before = detect_mowing(desk.context, 1)
    codes, config = tmp_path / "codes.csv", tmp_path / "grass.cfg"
    write_crop_codes(codes)
    write_l4b_config(config, 2019)
    receive_crop_codes(desk.context, desk.enter(codes, "crop-codes"))
    receive_l4b_config(desk.context, desk.enter(config, "l4b-config"))

    after = detect_mowing(desk.context, 1)

    assert before.table["compl"].tolist() == [-1]
    assert after.table["compl"].tolist() == [1]
    assert not after.is_incremental


def test_a_parcel_that_cannot_be_judged_says_why(desk) -> None:
    desk.declare(n=1, side_m=9.0)
    drop(desk, SEASON[:3])

    answer = detect_mowing(desk.context, 1)

    assert answer.table["proc"].tolist() == [0]
    assert "too small" in answer.table["reason"][0]
