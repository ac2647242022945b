"""From observations to mowings: one by one, all at once, late, twice, with other rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from sqlalchemy import delete, select

from sen4cap_core.db.made.mowing import found_mowings
from sen4cap_core.db.made.products import register_observations
from sen4cap_core.db.models import Marker, MowingResult, MowingRun, Product, SceneRow, Site
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.simulation.uploads import write_crop_codes, write_l4b_config, write_shapefile_zip
from sen4cap_core.steps.mowing.detect import AnswersStayError, MowingAnswer, detect_mowing
from sen4cap_core.steps.mowing.pictures import mowing_map, parcel_charts
from sen4cap_core.steps.mowing.request import MowingRequest
from sen4cap_core.steps.uploads.declarations import receive_declarations
from sen4cap_core.steps.uploads.tables import receive_crop_codes, receive_l4b_config
from tests.steps.conftest import SITE, fields

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
VARIABLES = {"ndvi": ("ndvi",), "coherence": ("coh_vh", "coh_vv")}


def drop(desk, entries) -> None:
    for day, month, ndvi in entries:
        desk.process(desk.scene(day, month, ndvi=ndvi))


def observe(
    desk, group: str, day: date, means: list[float], *, pair_days: int = 0, tile: str = "30TUM",
    pixels: list[int] | None = None, orbit: int = 88,
) -> None:  # fmt: skip
    """Enter an observation set of parcels 1, 2, ...; a parcel without pixels has no row."""
    pixels = pixels or [40] * len(means)
    rows = [i for i, n in enumerate(pixels) if n]
    path = f"sites/{SITE}/observations/set-1/{tile}/{day:%Y%m%d}/{group}-{orbit}-{pair_days}.parquet"
    columns = {
        "parcel": pa.array([i + 1 for i in rows], pa.int32()),
        "n_total": pa.array([pixels[i] for i in rows], pa.int32()),
    }
    for name in VARIABLES[group]:
        columns[f"{name}_mean"] = pa.array([means[i] for i in rows], pa.float32())
        columns[f"{name}_std"] = pa.array([0.1] * len(rows), pa.float32())
        counts = [0 if np.isnan(means[i]) else pixels[i] for i in rows]
        columns[f"{name}_n_valid"] = pa.array(counts, pa.int32())
    target = desk.context.settings.data / path
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), target)
    when = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    with desk.context.session() as session:
        site = session.scalars(select(Site).where(Site.slug == SITE)).one()
        scene = SceneRow(
            site_id=site.id, product_id=path, sensor="s2" if group == "ndvi" else "s1-coherence",
            platform="S", acquired_at=when, tile=tile, acquisition_key=path, format="test", path="nowhere",
            state="processed", relative_orbit=None if group == "ndvi" else orbit,
            pair_started_at=when - timedelta(days=pair_days) if pair_days else None,
        )  # fmt: skip
        session.add(scene)
        session.flush()
        register_observations(
            session,
            {
                "scene_id": scene.id, "declaration_set_id": 1, "group_name": group, "path": path,
                "n_rows": len(rows), "n_observed": len(rows), "source": "scene", "made_by": "test",
                "flow_run_id": None,
            },
        )  # fmt: skip


def ndvi_season(desk, means: list[tuple[date, list[float]]], **options) -> None:
    for day, values in means:
        observe(desk, "ndvi", day, values, **options)


def forget_runs(desk) -> None:
    with desk.context.session() as session:
        session.execute(delete(MowingRun))


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
        (date(2019, 5, 13), date(2019, 5, 21)),
        (date(2019, 6, 22), date(2019, 6, 30)),
    ]
    assert answer.as_of == date(2019, 7, 10)


def test_scene_by_scene_equals_all_at_once_and_late_equals_in_order(desk) -> None:
    desk.declare(n=2)
    days = [date(2019, month, day) for day, month, _ in SEASON]
    means = {day: [value, value - 0.05] for day, (_, _, value) in zip(days, SEASON, strict=True)}
    pairs = {date(2019, 3, 2) + timedelta(days=12 * i): 0.2 + 0.02 * (i % 2) for i in range(12)}
    late = (days[1], days[5], date(2019, 5, 13))
    one_by_one = None
    for day in sorted({*days, *pairs}):
        if day in late:
            continue
        if day in means:
            observe(desk, "ndvi", day, means[day])
        if day in pairs:
            rise = 0.5 if day == late[2] else 0.0
            observe(desk, "coherence", day, [pairs[day] + rise] * 2, pair_days=12)
        one_by_one = detect_mowing(desk.context, 1)
    assert one_by_one is not None
    forget_runs(desk)
    assert facts(detect_mowing(desk.context, 1)) == facts(one_by_one)

    for day in late[:2]:
        observe(desk, "ndvi", day, means[day])
    observe(desk, "coherence", late[2], [0.7] * 2, pair_days=12)
    after_late = detect_mowing(desk.context, 1)
    forget_runs(desk)
    assert facts(detect_mowing(desk.context, 1)) == facts(after_late)
    assert facts(after_late) != facts(one_by_one)


def test_coherence_dates_a_cut_in_a_long_gap_with_the_true_interval_of_its_pair(desk) -> None:
    """No clear image for 60 days: only radar sees the cut, and a pair of 12 days tells it to 12 days."""
    desk.declare(n=5)
    for day in (date(2019, 4, 1), date(2019, 4, 11), date(2019, 6, 10), date(2019, 6, 20)):
        observe(desk, "ndvi", day, [0.7] * 5)
    # Little noise, so that a rise stands out; it begins with the pair after the cut of parcel 1.
    for i in range(14):
        day = date(2019, 3, 1) + timedelta(days=12 * i)
        quiet = [0.25 + 0.01 * ((i * 7 + p * 3) % 5) for p in range(5)]
        if day in (date(2019, 5, 24), date(2019, 6, 5)):
            quiet[0] += 0.45
        observe(desk, "coherence", day, quiet, pair_days=12)
        # A longer pair that ends on the same day gives way to the shorter one.
        observe(desk, "coherence", day, [0.9] * 5, pair_days=24)

    answer = detect_mowing(desk.context, 1)

    (event,) = answer.events.itertuples()
    assert (event.NewID, event.missions) == (1, "S1")
    assert (event.start.date(), event.end.date()) == (date(2019, 4, 30), date(2019, 5, 12))
    assert answer.table["n_radar"].min() > 0
    assert answer.evaluation.radar


def test_without_radar_of_a_parcel_its_row_says_so(desk) -> None:
    desk.declare(n=2)
    ndvi_season(desk, [(date(2019, m, d), [v, v]) for d, m, v in SEASON])

    answer = detect_mowing(desk.context, 1)

    assert answer.table["n_radar"].tolist() == [0, 0]
    assert answer.table["no_radar"].tolist() == [1, 1]
    assert answer.table["gap_days"].tolist() == [10, 10]
    assert answer.table["mow_total"].tolist() == [2, 2]


def test_a_fall_that_the_whole_tile_shows_is_no_mowing_and_tiles_stay_apart(desk) -> None:
    """Tile 30TUM dries up; on 30TUN one parcel is cut at that time, the others are not."""
    desk.declare(n=30)
    dry = {date(2019, 6, 20): 0.55, date(2019, 6, 30): 0.5, date(2019, 7, 10): 0.5}
    for day in [date(2019, m, d) for d, m, _ in SEASON]:
        on_dry = [dry.get(day, 0.72)] * 15 + [np.nan] * 15
        fresh = [np.nan] * 15 + [dry.get(day, 0.72)] + [0.72] * 14
        observe(desk, "ndvi", day, on_dry, pixels=[40] * 15 + [0] * 15)
        observe(desk, "ndvi", day, fresh, pixels=[0] * 14 + [3] + [40] * 15, tile="30TUN")

    answer = detect_mowing(desk.context, 1)

    assert answer.table.loc[answer.table["mow_total"] > 0, "NewID"].tolist() == [16]


def test_the_original_takes_falls_and_fuses_radar(desk) -> None:
    desk.declare(n=2)
    ndvi_season(desk, [(date(2019, m, d), [v, v]) for d, m, v in SEASON])
    for i in range(20):
        observe(desk, "coherence", date(2019, 3, 1) + timedelta(days=6 * i), [0.2 + 0.01 * (i % 3)] * 2,
                pair_days=6)  # fmt: skip
    with desk.context.session() as session:
        session.get_one(Site, 1).config = {"processors": {"l4b": {"compat": "sen4cap"}}}

    answer = detect_mowing(desk.context, 1)

    assert answer.evaluation.method == "falls"
    assert str(answer.events["start"][0].date()) == "2019-05-11"


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
    assert gpd.read_file(answer.files["GeoPackage"])["m1_dstart"].tolist() == ["2019-05-13 10:30:00"] * 2


def test_five_mowings_are_all_kept_and_the_columns_show_the_four_surest(desk) -> None:
    desk.declare(n=1)
    low = [0.45, 0.40, 0.62, 0.42, 0.38]
    for i in range(35):
        after, day = i % 6, date(2019, 4, 1) + timedelta(days=5 * i)
        lowest = low[i // 6 - 1]
        observe(desk, "ndvi", day, [0.8 if i < 6 or i > 35 else lowest + (0.8 - lowest) * after / 6])

    answer = detect_mowing(desk.context, 1)

    events, row = answer.events, answer.table.iloc[0]
    assert (len(events), row["mow_n"], row["mow_total"]) == (5, 4, 5)
    weakest = events["confidence"].idxmin()
    assert weakest == 2
    kept = gpd.read_parquet(answer.files["GeoParquet"]).iloc[0]
    assert len(kept["all_dstart"]) == len(kept["all_dend"]) == 5
    slots = [str(row[f"m{n}_dstart"])[:10] for n in (1, 2, 3, 4)]
    assert slots == [f"{start:%Y-%m-%d}" for at, start in enumerate(events["start"]) if at != weakest]


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
    assert after.table["explanation"][0].startswith("mown 13–21 May 2019 (NDVI fell, confidence 0.9")
    assert "inside 1 April – 31 July: compliant; 8 clear dates, " in after.table["explanation"][0]
    assert after.news() == {}, "the mowings were known before the rules came"


def test_a_crop_code_table_leaves_arable_land_out_and_leads_to_a_new_evaluation(desk, tmp_path: Path) -> None:
    """Without a table the harvest of maize is a mowing, and the page says that nothing told it from grass."""
    table = fields(n=4)
    table["CROP_CODE"] = ["265", "265", "118", "9999"]
    path = tmp_path / "parcels.zip"
    write_shapefile_zip(path, table, "parcels")
    declared = receive_declarations(desk.context, desk.enter(path, "declarations"))
    ndvi_season(desk, [(date(2019, m, d), [v] * 4) for d, m, v in SEASON])
    before = detect_mowing(desk.context, 1)
    codes = tmp_path / "codes.csv"
    write_crop_codes(codes)
    taken = receive_crop_codes(desk.context, desk.enter(codes, "crop-codes"))

    after = detect_mowing(desk.context, 1)

    assert "mowing is looked for on all parcels" in declared.warnings[-1].text
    assert (before.table["mow_n"] > 0).all()
    assert before.looked_on == (
        "Mowing was looked for on all 4 parcels: there is no crop code table of this year that says which "
        "are grassland."
    )
    assert taken.stored["parcels of grassland"] == 2
    assert after.table["Ori_crop"].tolist() == ["265", "265"]
    assert after.looked_on == (
        "Mowing was looked for on 2 of 4 parcels: those of grassland by the crop code table, or with a "
        "mowing rule. Left out: 1 of other crops and 1 with crop codes that the table lacks."
    )
    with desk.context.session() as session:
        session.get_one(Site, 1).config = {"processors": {"l4b": {"compat": "sen4cap"}}}
    assert len(detect_mowing(desk.context, 1).table) == 4, "the original takes all parcels without a filter"


def test_without_grassland_nothing_is_evaluated_and_the_reason_names_the_table(desk, tmp_path: Path) -> None:
    desk.declare(n=2, crop="118")
    drop(desk, SEASON[:3])
    codes = tmp_path / "codes.csv"
    write_crop_codes(codes)
    receive_crop_codes(desk.context, desk.enter(codes, "crop-codes"))

    with pytest.raises(NothingToDoError, match=r"no parcel .* is grassland: .* 0 of 2 parcels"):
        detect_mowing(desk.context, 1)


def test_a_table_without_grassland_leaves_the_answers_in_force_and_says_so(
    desk, receive, tmp_path: Path
) -> None:
    desk.declare(n=2)
    drop(desk, SEASON[:4])
    answer = detect_mowing(desk.context, 1)
    codes = tmp_path / "codes.csv"
    write_crop_codes(codes)
    good = codes.read_text()
    header, *rows = good.splitlines()
    bare = [row for row in rows if "grassland" not in row]

    told = receive("crop-codes/codes.csv", "\n".join([header, *bare]) + "\n")

    warning = told.receipt["warnings"][0]["text"]
    assert warning.startswith(
        "mowing is looked for on no parcel any more: the answers up to 2019-05-31 on 2 "
    )
    stays = r"0 of 2 parcels(.|\n)*the answers up to 2019-05-31 on 2 parcels stay in force until there is one"
    with pytest.raises(AnswersStayError, match=stays) as raised:
        detect_mowing(desk.context, 1)
    assert set(answer.files.values()) <= set(raised.value.files.values())
    with desk.context.session() as session:
        assert len(found_mowings(session, SITE).judged) == 2
    assert receive("crop-codes/codes.csv", good).receipt["warnings"] == []


def test_columns_of_the_declarations_come_along(desk, tmp_path: Path) -> None:
    desk.declare(n=3)
    drop(desk, SEASON[:4])

    def configured(columns: str) -> MowingAnswer:
        config = tmp_path / f"{len(columns)}.cfg"
        config.write_text(f"[GENERAL_CONFIG]\nADDITIONAL_COLUMNS = {columns}\n")
        receive_l4b_config(desk.context, desk.enter(config, "l4b-config"))
        return detect_mowing(desk.context, 1)

    answer = configured("farm_id, ShapeInd, Ori_crop")
    written = gpd.read_parquet(answer.files["GeoParquet"])
    assert written.sort_values("NewID")["farm_id"].tolist() == ["F0", "F0", "F1"]
    np.testing.assert_allclose(written["ShapeInd"], 2 / np.sqrt(np.pi), rtol=1e-3)
    plain = list(gpd.read_file(answer.files["GeoPackage"]).columns)
    assert plain[4:8] == ["Area_meter", "farm_id", "ShapeInd", "mow_n"]
    with pytest.raises(Sen4capError, match=r"no declared parcel has a value in a column 'WATER'.*FARM_ID"):
        configured("FARM_ID, WATER")


def test_a_parcel_that_cannot_be_judged_says_why(desk) -> None:
    desk.declare(n=1, side_m=9.0)
    drop(desk, SEASON[:3])

    answer = detect_mowing(desk.context, 1)

    assert answer.table["proc"].tolist() == [0]
    assert "too small" in answer.table["reason"][0]


def test_new_mowings_are_told_once_and_by_name(desk) -> None:
    desk.declare(n=2)
    days = [(date(2019, m, d), [v, 0.7]) for d, m, v in SEASON]
    ndvi_season(desk, days[:4])
    first = detect_mowing(desk.context, 1)
    ndvi_season(desk, days[4:])
    second = detect_mowing(desk.context, 1)
    # A clear date closer to the first cut dates it anew: it is no other cut.
    observe(desk, "ndvi", date(2019, 5, 16), [0.73, 0.7])
    third = detect_mowing(desk.context, 1)

    assert (first.news()["mowings"], first.news()["parcels"]) == (1, ["0001"])
    assert (second.news()["mowings"], second.news()["new_ids"]) == (1, [1])
    assert second.news()["run_id"] == first.news()["run_id"] + 1
    assert facts(third) != facts(second)
    assert third.news() == {}


def test_a_run_by_hand_stands_aside(desk) -> None:
    desk.declare(n=2)
    ndvi_season(desk, [(date(2019, m, d), [v, v]) for d, m, v in SEASON])
    detect_mowing(desk.context, 1)

    asked = MowingRequest(until=date(2019, 6, 15), thresholds={"min_fall": 0.05}, shapefile=True)
    aside = detect_mowing(desk.context, 1, asked)

    assert aside.as_of == date(2019, 6, 10)
    assert aside.table["mow_n"].tolist() == [1, 1]
    shapes = gpd.read_file(f"zip://{aside.files['shapefile']}")
    assert (len(shapes), shapes["m1_dstart"][0]) == (2, "2019-05-13 10:30:00")
    assert aside.files["CSV"].read_text().count("\n") == 3
    with desk.context.session() as session:
        assert len(session.scalars(select(MowingRun)).all()) == 1
        assert len(session.scalars(select(Product).where(Product.kind == "sen4cap-l4b-mowing")).all()) == 2
        assert len(session.scalars(select(Marker)).all()) == 4
    with pytest.raises(NothingToDoError, match="does not have"):
        detect_mowing(desk.context, 1, MowingRequest(compat="sen4cap", method="neighbourhood"))
    with pytest.raises(ValidationError, match="min_fal"):
        MowingRequest(thresholds={"min_fal": 0.1})


def test_the_pictures_show_a_parcel_of_each_kind(desk) -> None:
    desk.declare(n=4)
    for d, m, v in SEASON:
        observe(desk, "ndvi", date(2019, m, d), [v, 0.7, 0.7, 0.7], pixels=[40, 40, 40, 0])
    observe(desk, "coherence", date(2019, 6, 1), [0.3] * 4, pair_days=6)

    answer = detect_mowing(desk.context, 1)

    charts = list(parcel_charts(answer))
    assert [chart.ori_id for chart in charts] == ["0001", "0004"]
    assert "not judged" not in charts[0].explanation
    assert "not assessed" in charts[1].explanation or "no rule" in charts[1].explanation
    assert all(chart.png.startswith(b"\x89PNG") for chart in charts)
    assert mowing_map(answer, "a map").startswith(b"\x89PNG")
