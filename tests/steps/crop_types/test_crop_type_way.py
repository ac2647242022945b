"""From stored observations to crop types: rows, exports, diversification, what is skipped and why."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pydantic import ValidationError
from sqlalchemy import select

from sen4cap_core.db.declared.declarations import load_parcels, store_config
from sen4cap_core.db.made.crop_types import latest_run, seasons_due
from sen4cap_core.db.made.products import register_observations
from sen4cap_core.db.models import (
    CropCode,
    CropTypeResult,
    CropTypeRun,
    DiversificationResult,
    Job,
    Parcel,
    Product,
    SceneRow,
    Site,
)
from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.declarations.sites.strata import Strata
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.crop_type_page import crop_type_markdown
from sen4cap_core.reports.pictures.crop_type import crop_map_png
from sen4cap_core.steps.crop_types.classify import classify_crops
from sen4cap_core.steps.crop_types.input import find_input
from sen4cap_core.steps.upkeep.check_files import check_files, repair
from sen4cap_core.steps.uploads.receive import receive_upload
from tests.processors.l4a.crop_type_season import long_frame, wide_of
from tests.steps.conftest import GRID, SITE, YEAR, fields

pytestmark = pytest.mark.service

CROPS = ("011", "012", "013")


@pytest.fixture
def season(desk) -> dict[str, int]:
    """Sixty small fields of three crops with crop codes and a season of observations in the store."""
    frame = fields(n=60, side_m=8.0)
    frame["CROP_CODE"] = [CROPS[i % 3] for i in range(60)]
    _declare(desk, frame)
    with desk.context.session() as session:
        site = session.scalars(select(Site)).one()
        parcels = pd.DataFrame(
            session.execute(select(Parcel.new_id, Parcel.ori_crop).order_by(Parcel.new_id)).all(),
            columns=["parcel_id", "crop_code"],
        )
        for parcel in session.scalars(select(Parcel)):
            parcel.s2_pix, parcel.s1_pix = 50, 12
        set_id = session.scalars(select(Parcel.set_id)).first()
        for i, (code, cover) in enumerate(zip(CROPS, (1, 1, 3), strict=True), start=1):
            session.add(_code(site.id, code, i, cover))
        session.flush()
        _store(desk, session, site.id, int(set_id or 0), parcels)
    return {"site": 1, "set": int(set_id or 0)}


def _declare(desk, frame: gpd.GeoDataFrame) -> None:
    from sen4cap_core.simulation.uploads import write_shapefile_zip
    from sen4cap_core.steps.uploads.declarations import receive_declarations

    path = desk.place("declarations.zip")
    write_shapefile_zip(path, frame, "parcels")
    receive_declarations(desk.context, desk.enter(path, "declarations"))


def _code(site_id: int, code: str, number: int, cover: int) -> CropCode:
    return CropCode(
        site_id=site_id, year=YEAR, ori_crop=code, ctnum=number, ct=f"crop {number}", lc=cover,
        ctnum_l4a=number, ct_l4a=f"crop {number}", ctnum_div=number, ct_div=f"crop {number}",
        eaa=True, al=True, pgrass=False,
        tgrass=False, fallow=False, cwater=False,
    )  # fmt: skip


def _store(desk, session, site_id: int, set_id: int, parcels: pd.DataFrame) -> None:
    """Write long observations as the store holds them and register them."""
    groups = {"vv": "backscatter", "vh": "backscatter", "coh_vv": "coherence"}
    long = long_frame(parcels)
    long = long.assign(group=long["variable"].map(groups).fillna("bands"))
    for number, ((group, day, orbit), part) in enumerate(long.groupby(["group", "date", "orbit_direction"])):
        sensor = "S2" if group == "bands" else f"s1-{group}"
        scene = SceneRow(
            site_id=site_id, product_id=f"P{number}", sensor=sensor, platform="S", tile="30TUM",
            acquired_at=datetime.fromisoformat(day).replace(hour=6, tzinfo=UTC), acquisition_key=f"K{number}",
            orbit_direction=orbit or None, format="test", path="nowhere", state="processed",
        )  # fmt: skip
        session.add(scene)
        session.flush()
        relative = Path("observations") / f"{day}_{group}_{orbit}.parquet"
        path = desk.context.settings.data / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        wide = wide_of(part).drop(columns=["date", "tile", "orbit_direction"]).assign(n_total=50)
        pq.write_table(pa.Table.from_pandas(wide, preserve_index=False), path)
        register_observations(
            session,
            {
                "scene_id": scene.id, "declaration_set_id": set_id, "group_name": group,
                "path": str(relative), "n_rows": len(wide), "n_observed": len(wide),
                "source": "scene", "made_by": "test",
                "flow_run_id": None,
            },
        )  # fmt: skip


def _settings(desk, settings: dict[str, object] | bool) -> None:
    with desk.context.session() as session:
        site = session.scalars(select(Site)).one()
        site.config = {**site.config, "processors": {"l4a": settings}}


def test_a_season_becomes_rows_tables_and_a_page(desk, season, receive) -> None:
    _settings(desk, {"settings": {"pa_min": "5", "num_trees": "15"}})

    done = classify_crops(desk.context, 1)

    with desk.context.session() as session:
        run = latest_run(session, 1)
        assert run is not None
        rows = session.scalars(select(CropTypeResult).where(CropTypeResult.run_id == run.id)).all()
        assert (run.n_parcels, run.n_classified, len(rows)) == (60, 60, 60)
        assert np.mean([row.ct_decl == row.ct_pred_1 for row in rows]) > 0.9
        product = session.get_one(Product, run.product_id)
        assert (desk.context.settings.data / str(product.stac_path)).is_file()
        assert len(session.scalars(select(DiversificationResult)).all()) == 30
    files = done.published.files
    csv = pd.read_csv(files["CropType.csv"])
    assert csv.columns.tolist() == [
        "NewID", "HoldID", "GeomValid", "Duplic", "Overlap", "Area_meters", "S2Pix", "S1Pix", "LC",
        "CTnumDIV", "CT_decl", "CT_pred_1", "CT_conf_1", "CT_pred_2", "CT_conf_2",
    ]  # fmt: skip
    for name in ("CropType.gpkg", "CropType.shp"):
        layer = gpd.read_file(files[name])
        assert sorted(layer["NewID"].astype(int)) == csv["NewID"].tolist()
        assert layer.geometry.notna().all()
    page = crop_type_markdown(
        done.crop_map, done.classes, done.predictions, done.published.diversification, {1: "0001"},
        title="Crop types", as_of=done.given.as_of, files=files,
        map_picture=crop_map_png(done.parcels, done.crop_map, done.classes, "Crop types"),
    )  # fmt: skip
    assert "Overall accuracy" in page
    assert page.count("data:image/png;base64") == 3
    with pytest.raises(NothingToDoError, match="nothing new"):
        classify_crops(desk.context, 1)

    assert {"Accuracy_metrics_plot", "Confusion_heat_map", "models"} <= set(files)
    lost = [files[name] for name in ("GeoParquet", "Diversification_parcels.csv", "Confusion_user")]
    lost.append(files["CropType.shp"].with_suffix(".dbf"))
    for path in lost:
        path.unlink()
    found = check_files(desk.context)
    assert len(found.missing_products) == len(lost)
    repair(desk.context, found)
    with desk.context.session() as session:
        [job] = session.scalars(select(Job).where(Job.kind == "classify-crops"))
        parameters = dict(job.payload)
    until = date.fromisoformat(parameters.pop("until"))
    again = classify_crops(desk.context, **parameters, until=until)
    assert again.given.input_key == done.given.input_key
    assert all(path.is_file() for path in lost)

    with desk.context.session() as session:
        session.scalars(select(Job).where(Job.kind == "classify-crops")).one().state = "done"
    # The same classes, no longer arable: another answer about the holdings, the same map.
    answer = receive("crop-codes/codes.csv", CODE_TABLE.replace(",1,1,0,0,0,0", ",1,0,0,0,0,0"))
    assert answer.receipt["stored"]["crop type maps made again"] == 1
    with desk.context.session() as session:
        job = session.scalars(select(Job).where(Job.kind == "classify-crops", Job.state == "waiting")).one()
        until = date.fromisoformat(job.payload["until"])
    new = classify_crops(desk.context, 1, until)
    assert new.predictions.CT_pred_1.tolist() == done.predictions.CT_pred_1.tolist()
    areas = [one.published.diversification["area_tal_c"].astype(float).sum() for one in (done, new)]
    assert areas[0] > 0
    assert areas[1] == 0

    early = classify_crops(desk.context, 1, date(YEAR, 6, 30))

    assert early.given.as_of <= date(YEAR, 6, 30)
    with desk.context.session() as session:
        assert len(session.scalars(select(CropTypeRun)).all()) == 4
        runs = set(session.scalars(select(CropTypeResult.run_id)).all())
        assert len(runs) == 1


def test_strata_that_are_dropped_are_learnt_apart(desk, season) -> None:
    _settings(desk, {"settings": {"pa_min": "5", "num_trees": "15"}})
    with desk.context.session() as session:
        set_id = session.scalars(select(Parcel.set_id)).first()
        parcels = load_parcels(session, set_id)
    # The first 54 fields in two halves; the last 6 in neither.
    outlines = [parcels.geometry.iloc[a:b].union_all().convex_hull for a, b in ((0, 27), (27, 54))]
    frame = gpd.GeoDataFrame({"id": ["north", "south"]}, geometry=outlines, crs=parcels.crs)
    path = desk.context.settings.uploads_root / SITE / str(YEAR) / "strata" / "regions.gpkg"
    path.parent.mkdir(parents=True)
    frame.to_file(path)

    answer = receive_upload(desk.context, desk.enter(path, "strata").upload_id)

    assert answer.accepted, answer.receipt
    done = classify_crops(desk.context, 1)
    assert [model.stratum for model in done.crop_map.models] == ["north", "south"]
    inside = [name is not None for name in strata_of(frame, parcels)]
    assert 50 < sum(inside) < 60
    reasons = done.crop_map.reasons
    assert all(
        (reason != "in none of the strata") == within for reason, within in zip(reasons, inside, strict=True)
    )
    assert (done.crop_map.conform[np.array(inside)] >= 0).all()


def test_strata_that_site_yaml_names_hold_for_years_without_their_own(desk, season) -> None:
    named = "2018/strata/regions.gpkg"
    _settings(desk, {"strata": named, "diversification": {"min_confidence": "0.9"}})
    uploads = desk.context.settings.uploads_root
    with desk.context.session() as session, pytest.raises(NothingToDoError, match=f"not there: .*{named}"):
        find_input(session, desk.context.settings, 1)
    path = uploads / SITE / named
    path.parent.mkdir(parents=True)
    outline = shapely.box(3, 50, 8, 54)
    gpd.GeoDataFrame({"id": ["all"]}, geometry=[outline], crs=4326).to_file(path)

    with desk.context.session() as session:
        plain = find_input(session, desk.context.settings, 1)
        site = session.scalars(select(Site)).one()
        store_config(
            session, site.id, YEAR, "l4a-strata", None, Strata(("own",), plain.strata.polygons).as_json()
        )
        session.flush()
        own = find_input(session, desk.context.settings, 1)

    assert plain.thresholds == Thresholds(min_confidence=0.9)
    assert plain.strata.names == ("all",)
    assert own.strata.names == ("own",)
    assert own.input_key != plain.input_key


CODE_TABLE = """\
Ori_crop,CTnum,CT,LC,CTnumL4A,CTL4A,CTnumDIV,CTDIV,EAA,AL,PGrass,TGrass,Fallow,Cwater
011,1,wheat,1,1,wheat,1,wheat,1,1,0,0,0,0
012,2,maize,1,2,maize,2,maize,1,1,0,0,0,0
013,3,grass,3,3,grass,3,grass,1,0,1,0,0,0
"""
GREEN = {"011": (0.3, 0.8, 0.5, 0.2), "012": (0.2, 0.2, 0.6, 0.8), "013": (0.6, 0.7, 0.6, 0.7)}
"""NDVI in April, May, June and July."""


def test_scenes_become_crop_types_and_a_wrong_declaration_is_doubted(desk, receive) -> None:
    crops = [CROPS[i % 3] for i in range(36)]
    declared = [*crops[:-2], "011", *crops[-1:]]
    # Nine columns and four rows of fields of 80 m, 100 m apart.
    corner = [(GRID.x_min_m + 100 * (i % 9) + 40, GRID.y_max_m - 100 * (i // 9) - 40) for i in range(36)]
    frame = gpd.GeoDataFrame(
        {
            "PARCEL_ID": [f"{i:04d}" for i in range(36)],
            "FARM_ID": [f"F{i // 4}" for i in range(36)],
            "CROP_CODE": declared,
        },
        geometry=[shapely.box(x, y - 80, x + 80, y) for x, y in corner],
        crs=GRID.epsg,
    )
    assert receive("crop-codes/codes.csv", CODE_TABLE).accepted
    _declare(desk, frame)
    rng = np.random.default_rng(3)
    for number, month in enumerate((4, 5, 6, 7)):
        ndvi = np.full((120, 120), 0.1)
        for i, crop in enumerate(crops):
            rows, columns = 10 * (i // 9) + 4, 10 * (i % 9) + 4
            ndvi[rows : rows + 8, columns : columns + 8] = GREEN[crop][number] + rng.normal(0, 0.03)
        red = np.full_like(ndvi, 0.06)
        tens = {"B02": red, "B03": red, "B04": red, "B08": red * (1 + ndvi) / (1 - ndvi)}
        twenties = {band: np.full((60, 60), 0.2) for band in ("B05", "B06", "B07", "B8A", "B11", "B12")}
        desk.process(desk.scene(16, month, reflectance={**tens, **twenties}))
    _settings(desk, {"settings": {"pa_min": "5", "num_trees": "120"}})

    done = classify_crops(desk.context, 1)

    found = done.predictions
    truth = pd.Series(crops).map({"011": 1, "012": 2, "013": 3})
    # Beside the wrong declaration its likest neighbour may be mistaken, never with confidence.
    assert (found["CT_pred_1"] == truth).sum() >= 35
    assert found["S2Pix"].between(36, 64).all()
    assert np.flatnonzero(found["Doubtful"]).tolist() == [34]
    with desk.context.session() as session:
        assert session.scalars(select(SceneRow.state)).all() == ["processed"] * 4
        doubtful = session.scalars(select(CropTypeResult).where(CropTypeResult.doubtful)).one()
        assert (doubtful.ct_decl, doubtful.ct_pred_1) == (1, 2)


@pytest.mark.parametrize("named", ["/etc/regions.gpkg", "../other/strata/regions.gpkg"])
def test_strata_outside_of_the_site_are_refused(named: str) -> None:
    with pytest.raises(ValidationError, match="within the upload folder"):
        SiteConfig.model_validate({"processors": {"l4a": {"strata": named}}})


def strata_of(frame: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> list[str | None]:
    """The name of the region that meets a parcel, one at most here."""
    joined = gpd.sjoin(parcels[["geometry"]], frame.to_crs(parcels.crs), how="left")
    return [None if pd.isna(name) else name for name in joined["id"].groupby(level=0).first().tolist()]


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        (False, "switches L4A off"),
        ({"settings": {"pa_min": "5000"}}, "nothing can be classified: 60 parcels: rare"),
    ],
)
def test_what_cannot_be_done_says_why(desk, season, setting, why: str) -> None:
    _settings(desk, setting)

    with pytest.raises(NothingToDoError, match=why):
        classify_crops(desk.context, 1)


def test_without_declarations_or_crop_codes_it_is_skipped(desk) -> None:
    with pytest.raises(NothingToDoError, match="no declarations"):
        classify_crops(desk.context, 1)
    desk.declare(n=1)
    with pytest.raises(NothingToDoError, match="no crop code table of 2019"):
        classify_crops(desk.context, 1)


def test_seasons_are_due_from_their_middle_to_two_months_after_their_end(desk) -> None:
    with desk.context.session() as session:
        days = [date(2019, 6, 30), date(2019, 7, 1), date(2020, 3, 2), date(2020, 3, 3)]
        assert [seasons_due(session, day) for day in days] == [[], [1], [1], []]
    assert SITE == "polder"
