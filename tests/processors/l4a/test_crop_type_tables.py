"""Whole runs on tables: forms of input, order of rows, dates, gaps, what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import geopandas as gpd
import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from sklearn.metrics import accuracy_score, cohen_kappa_score

from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.processors.l4a.crop_type.command import TableRun, classify_tables, read_input
from sen4cap_core.processors.l4a.crop_type.features import build_features
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features
from tests.processors.l4a.crop_type_season import long_frame, parcels_frame, wide_of, write_inputs

SAMPLES = ("Data_validation_final", "Data_calibration_final_before_smote")
SETTINGS = "pa_min: 5\nnum_trees: 60\nsmote_target: 60\n"


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    paths = write_inputs(tmp_path)
    paths["config"] = tmp_path / "settings.yaml"
    paths["config"].write_text(SETTINGS)
    return paths


def run(inputs: dict[str, Path], out: Path, **options) -> pd.DataFrame:
    return classify_tables(**inputs, out=out, **options).predictions


def test_crops_are_told_apart_and_nobody_confirms_himself(inputs, tmp_path: Path) -> None:
    parcels = pd.read_csv(inputs["parcels"], dtype=str)
    wrong = parcels.index[:6]
    truth = parcels["crop_code"].copy()
    parcels.loc[wrong, "crop_code"] = truth[wrong].map({"011": "012", "012": "013", "013": "011"})
    parcels.to_csv(inputs["parcels"], index=False)

    done = classify_tables(**inputs, out=tmp_path / "out", keep_samples=True)

    found = done.predictions.set_index("NewID")
    expected = truth.map({"011": 1, "012": 2, "013": 3}).to_numpy()
    assert (found["CT_pred_1"].to_numpy() == expected).mean() > 0.97
    assert (found["Conform"].iloc[:6] != "conform").all()
    assert (found["Doubtful"].iloc[:6] == 1).all()
    assert found.index[0] == "00000"
    doubtful = pd.read_csv(done.files["Doubtful_declarations"], dtype={"NewID": str})
    assert set(doubtful["NewID"].head(6)) == {f"{i:05d}" for i in range(6)}
    assert doubtful["CT_conf_1"].is_monotonic_decreasing
    names = {path.name.split("_1")[0].split("_0")[0] for path in (tmp_path / "out").iterdir()}
    assert {
        "CropType.csv",
        "CropType_LUT.csv",
        "Confusion_matrix",
        "Confusion_user",
        "Crop_types_summary",
    } <= names
    check_side_tables(done)
    check_model(done, inputs["parcels"])


def check_side_tables(done: TableRun) -> None:
    """Against pandas and scikit-learn on the validation parcels, which the samples name."""
    table = done.predictions.set_index("NewID")
    ids = {name: pd.read_feather(done.files[name])["NewID"].tolist() for name in SAMPLES}
    validation = table.loc[ids["Data_validation_final"]]
    everyone = [number for part in ids.values() for number in part]
    assert sorted(everyone) == sorted(table.index[table["CT_pred_1"].notna()])
    declared, predicted = (validation[name].astype(int) for name in ("CT_decl", "CT_pred_1"))
    counts = pd.crosstab(predicted, declared)
    confusion = pd.read_csv(done.files["Confusion_matrix"])
    assert confusion["pred"].tolist() == ["1", "2", "3", "sum_dec", "well_class", "producer_accuracy"]
    np.testing.assert_array_equal(confusion[["1", "2", "3"]].iloc[:3], counts)
    for name, rows, share in (("user", counts, "user"), ("producer", counts.T, "producer")):
        side = pd.read_csv(done.files[f"Confusion_{name}"]).set_index("CTnumL4A")
        assert side[f"{share}_accuracy"].tolist() == pytest.approx(np.diag(rows) / rows.sum(axis=1))
        others = rows.where(~np.eye(3, dtype=bool), 0)
        largest = others.max(axis=1)
        known = largest > 0
        assert side["conf_class1"][known].tolist() == others.idxmax(axis=1)[known].tolist()
        shown = (100 * largest / rows.sum(axis=1)).round(1)
        assert side["conf_per1"][known].tolist() == pytest.approx(shown[known].tolist())
        assert side["conf_per1"][~known].isna().all()
    metrics = pd.read_csv(done.files["Accuracy_metrics"]).iloc[0]
    assert metrics["Accuracy"] == pytest.approx(accuracy_score(declared, predicted))
    assert metrics["Kappa"] == pytest.approx(cohen_kappa_score(declared, predicted))
    summary = pd.read_csv(done.files["Crop_types_summary"]).set_index("CTnumL4A")
    by_crop = table.groupby("CT_decl")["Area_meters"].agg(["size", "sum"])
    assert summary["Area"].is_monotonic_decreasing
    assert summary.sort_index()["Count"].tolist() == by_crop["size"].tolist()
    assert summary.sort_index()["Arearatio"].tolist() == pytest.approx(by_crop["sum"] / by_crop["sum"].sum())
    by_area = pd.read_csv(done.files["Accuracy_by_area"]).set_index("CTnumL4A")
    mapped = table.groupby("CT_pred_1")["Area_meters"].sum() / 10_000
    assert by_area["Mapped_ha"].tolist() == pytest.approx(mapped.tolist())
    assert by_area["Estimated_ha"].sum() == pytest.approx(mapped.sum())


def check_model(done: TableRun, parcels: Path) -> None:
    """What was stored says of the validation parcels what the table says, and of what it was made."""
    [learner] = joblib.load(done.files["models"]).values()
    rows = np.flatnonzero(done.crop_map.is_validation)
    told = learner.probabilities(done.features.values[rows])
    assert learner.classes[told.argmax(axis=1)].tolist() == done.predictions["CT_pred_1"].iloc[rows].tolist()
    facts = json.loads(done.files["model description"].read_text())
    assert facts["features"] == list(done.features.names)
    assert not any("NewID" in name for name in facts["features"])
    assert facts["parcels_sha256"] == hashlib.sha256(parcels.read_bytes()).hexdigest()
    assert facts["models"][0]["n_validation"] == len(rows)
    assert set(facts["software"]) == {"sen4cap", "scikit-learn", "python"}


def features_of(inputs: dict[str, Path]) -> tuple[Features, CropClasses]:
    """Features of all parcels without learning from them."""
    given = read_input(**inputs, start=None, until=None, strata=None)
    return build_features(given.series, given.config), given.classes


def test_every_form_of_the_same_observations_gives_the_same_features(inputs, tmp_path: Path) -> None:
    long = long_frame(parcels_frame())
    expected, classes = features_of(inputs)
    assert np.isfinite(expected.values).all()
    for form in ("wide.csv", "wide.parquet", "long.csv.gz", "long.parquet", "store"):
        path = tmp_path / form
        if form == "store":
            _write_store(long, path)
        else:
            frame = wide_of(long) if form.startswith("wide") else long.sample(frac=1, random_state=1)
            frame.to_parquet(path) if form.endswith("parquet") else frame.to_csv(path, index=False)

        found, found_classes = features_of({**inputs, "observations": path})

        assert found.names == expected.names
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(found_classes.s2_pix, classes.s2_pix)


def _write_store(long: pd.DataFrame, folder: Path) -> None:
    groups = {"vv": "backscatter", "vh": "backscatter", "coh_vv": "coherence"}
    long = long.assign(group=long["variable"].map(groups).fillna("bands"))
    for (group, day, orbit), part in long.groupby(["group", "date", "orbit_direction"]):
        table = pa.Table.from_pandas(
            wide_of(part).drop(columns=["date", "tile", "orbit_direction"]).assign(n_total=50),
            preserve_index=False,
        )
        table = table.replace_schema_metadata(
            {"acquired_at": f"{day}T06:00:00+00:00", "orbit_direction": orbit}
        )
        path = folder / "30TUM" / f"{day}_{group}_{orbit}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)


@pytest.mark.parametrize("method", ["default", "sen4cap"])
def test_the_order_of_rows_changes_nothing(inputs, tmp_path: Path, method: str) -> None:
    first = run(inputs, tmp_path / "a.parquet", method=method)
    for name in ("parcels", "observations"):
        frame = pd.read_csv(inputs[name], dtype=str).sample(frac=1, random_state=3)
        frame.to_csv(inputs[name], index=False)

    second = run(inputs, tmp_path / "b.parquet", method=method)

    pd.testing.assert_frame_equal(first, second)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_until_equals_a_table_that_ends_there(inputs, tmp_path: Path) -> None:
    from datetime import date

    given = read_input(**inputs, start=None, until=date(2019, 4, 30), strata=None)
    early = build_features(given.series, given.config)
    frame = pd.read_csv(inputs["observations"], dtype=str)
    frame[frame["date"] <= "2019-04-30"].to_csv(inputs["observations"], index=False)
    cut, _ = features_of(inputs)

    assert cut.names == early.names
    np.testing.assert_array_equal(cut.values, early.values)


def test_a_missing_week_drops_nobody_and_the_original_drops_who_lacks_an_orbit(
    inputs, tmp_path: Path
) -> None:
    frame = pd.read_csv(inputs["observations"], dtype=str)
    is_radar = frame["variable"].isin(("vv", "vh", "coh_vv"))
    one_week = (
        is_radar & (frame["parcel"] == "00010") & (frame["date"] == frame.loc[is_radar, "date"].iloc[0])
    )
    one_orbit = is_radar & (frame["parcel"] == "00011") & (frame["orbit_direction"] == "ascending")
    nothing = frame["parcel"] == "00012"
    frame[~(one_week | one_orbit | nothing)].to_csv(inputs["observations"], index=False)

    ours = run(inputs, tmp_path / "ours.csv").set_index("NewID")
    original = run(inputs, tmp_path / "original.csv", method="sen4cap").set_index("NewID")

    assert ours.loc[["00010", "00011"], "CT_pred_1"].notna().all()
    assert "backscatter ASC" in ours.loc["00011", "Lacks"]
    assert ours.loc["00012", "Reason"] == "no observation"
    assert pd.isna(ours.loc["00012", "CT_pred_1"])
    assert original.loc["00010", "Reason"] == ""
    assert original.loc["00011", "Reason"].startswith("no observation in series")


def test_a_parcel_of_gaps_is_flagged_or_not_classified(inputs, tmp_path: Path) -> None:
    frame = pd.read_csv(inputs["observations"], dtype=str)
    days = sorted(frame["date"].unique())
    gap = (frame["parcel"] == "00010") & frame["date"].between("2019-04-01", "2019-07-15")
    once = (frame["parcel"] == "00011") & ~frame["date"].isin(days[:2])
    frame[~(gap | once)].to_csv(inputs["observations"], index=False)

    found = run(inputs, tmp_path / "out.csv").set_index("NewID")

    assert found.loc["00010", "CT_pred_1"] > 0
    assert found.loc["00010", "Gap_days"] > 100
    assert 0 < found.loc["00010", "Filled_share"] < 0.7 < found.loc["00011", "Filled_share"]
    assert found.loc["00011", "Reason"] == "more than 70 % of the features are gaps of over 60 days"
    assert found.loc["00020", "Filled_share"] == 0


def test_rare_and_unknown_crops_say_why(inputs, tmp_path: Path) -> None:
    parcels = pd.read_csv(inputs["parcels"], dtype=str)
    parcels.loc[[3, 4], "crop_code"] = ["099", "014"]
    parcels.to_csv(inputs["parcels"], index=False)
    codes = pd.read_csv(inputs["crop_codes"], dtype=str)
    codes.loc[len(codes)] = ["014", "4", "hemp", "1"]
    codes.to_csv(inputs["crop_codes"], index=False)

    done = classify_tables(**inputs, out=tmp_path / "out.csv")

    found = done.predictions
    assert found.loc[3, "Reason"] == "crop code not in the crop code table"
    assert found.loc[4, "Reason"] == (
        "rare crop type: 1 parcels to learn from, 5 are needed "
        "(pa_min: in site.yaml below processors.l4a.settings, on tables in the file of --config)"
    )
    assert any("'099'" in line for line in done.summary)


def test_strata_have_models_of_their_own(inputs, tmp_path: Path) -> None:
    parcels = pd.read_csv(inputs["parcels"], dtype=str)
    parcels["region"] = np.where(np.arange(len(parcels)) < 60, "north", "south")
    parcels.to_csv(inputs["parcels"], index=False)

    done = classify_tables(**inputs, out=tmp_path / "out.csv", strata="region")

    assert [model.stratum for model in done.crop_map.models] == ["north", "south"]
    assert done.predictions["CT_pred_1"].notna().all()


def test_strata_of_a_file_are_found_by_the_polygons_of_the_parcels(inputs, tmp_path: Path) -> None:
    parcels = pd.read_csv(inputs["parcels"], dtype=str)
    # From the last to the first, so that the order of the file is not that of the ids.
    parcels = parcels.iloc[::-1]
    x_m = 150_000 + 100 * parcels["parcel_id"].astype(int).to_numpy()
    shapes = shapely.box(x_m, 450_000, x_m + 90, 450_090)
    path = tmp_path / "parcels.parquet"
    gpd.GeoDataFrame(parcels, geometry=shapes, crs=28992).to_parquet(path)
    halves = [shapely.box(west_m, 449_000, west_m + 5500, 451_000) for west_m in (149_995, 155_495)]
    regions = tmp_path / "regions.gpkg"
    gpd.GeoDataFrame({"id": ["west", "east"]}, geometry=halves, crs=28992).to_file(regions)
    given = {**inputs, "parcels": path}

    table = read_input(**given, start=None, until=None, strata=str(regions)).classes

    assert table.stratum.tolist() == ["west"] * 55 + ["east"] * 55 + [""] * 10
    assert table.excluded_why[-11:].tolist() == [None] + ["in none of the strata"] * 10
    with pytest.raises(BadUploadError, match="no such file of strata"):
        read_input(**given, start=None, until=None, strata="nowhere.gpkg")
    with pytest.raises(BadUploadError, match="a CSV table holds no polygons"):
        read_input(**inputs, start=None, until=None, strata=str(regions))


def test_columns_of_floating_point_may_hold_what_is_no_number(inputs, tmp_path: Path) -> None:
    parcels = pd.read_csv(inputs["parcels"], dtype=str)
    path = tmp_path / "parcels.parquet"
    columns = {name: pa.array(parcels[name].tolist()) for name in parcels.columns}
    # NaN itself, not a missing value: pandas alone would not write it.
    slope = [np.nan, np.inf] + [1.5] * (len(parcels) - 2)
    pq.write_table(pa.table({**columns, "slope": pa.array(slope)}), path)

    given = read_input(**{**inputs, "parcels": path}, start=None, until=None, strata=None).classes

    expected = read_input(**inputs, start=None, until=None, strata=None).classes
    assert given.ids.tolist() == expected.ids.tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mean": "x"}, "expected a number|no number|cannot be read"),
        ({"date": "2019-13-01"}, "row 2, column 'date': expected a day"),
        ({"date": ""}, "row 2, column 'date'"),
        ({"variable": "elephant"}, None),
    ],
)
def test_bad_observations_are_named(inputs, tmp_path: Path, change: dict[str, str], said: str | None) -> None:
    frame = pd.read_csv(inputs["observations"], dtype=str)
    for column, value in change.items():
        frame.loc[0, column] = value
    frame.to_csv(inputs["observations"], index=False)

    if said is None:
        assert not features_of(inputs)[0].is_unknown.any()
        return
    with pytest.raises(BadUploadError, match=said):
        run(inputs, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_without_parcel_column_or_known_parcels_or_days_it_says_what_is_wrong(inputs, tmp_path: Path) -> None:
    frame = pd.read_csv(inputs["observations"], dtype=str)
    for renamed, said in (({"parcel": "who"}, "column of parcels"), ({"date": "when"}, "date")):
        frame.rename(columns=renamed).to_csv(inputs["observations"], index=False)
        with pytest.raises(BadUploadError, match=said):
            run(inputs, tmp_path / "out.csv")
    frame.assign(parcel="z").to_csv(inputs["observations"], index=False)
    with pytest.raises(BadUploadError, match="no observation of these parcels"):
        run(inputs, tmp_path / "out.csv")


def test_two_of_one_id_and_nothing_to_learn_from(inputs, tmp_path: Path) -> None:
    parcels = pd.read_csv(inputs["parcels"], dtype=str)
    parcels.loc[5, "parcel_id"] = "00001"
    parcels.to_csv(inputs["parcels"], index=False)
    with pytest.raises(BadUploadError, match="row 7, column 'parcel_id': '00001' is already in row 3"):
        run(inputs, tmp_path / "out.csv")
    parcels = parcels.drop(index=5).assign(S2Pix="1")
    parcels.to_csv(inputs["parcels"], index=False)
    with pytest.raises(NothingToDoError, match="119 parcels: fewer than 3 Sentinel-2 pixels"):
        run(inputs, tmp_path / "out.csv")
