"""The commands on tables, from start to end."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from typer.testing import CliRunner

from sen4cap_core.cli.main import app
from tests.processors.l4a.crop_type_season import write_inputs

PNG = b"\x89PNG\r\n\x1a\n"


def arguments(folder: Path, command: str) -> list[str]:
    paths = write_inputs(folder, n_each=20)
    config = folder / "l4a.yaml"
    config.write_text("pa-min: 5\nnum-trees: 8\n")
    options = [f"--{name.replace('_', '-')}={path}" for name, path in paths.items()]
    return ["l4a", command, *options, f"--config={config}"]


def test_classify_writes_predictions_side_tables_and_pictures(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"

    done = CliRunner().invoke(app, [*arguments(tmp_path, "classify"), f"--out={out}"])

    assert done.exit_code == 0, done.output
    found = pd.read_csv(out, dtype={"NewID": str})
    assert found["NewID"].tolist() == [f"{i:05d}" for i in range(60)]
    assert (found["CT_decl"] == found["CT_pred_1"]).mean() > 0.9
    assert found["CT_conf_1"].between(0, 1).all()
    pictures = sorted((tmp_path / "out-report").glob("*.png"))
    assert len(pictures) == 2
    assert all(path.read_bytes().startswith(PNG) for path in pictures)


def test_parcels_with_outlines_come_back_as_layers_with_a_model_for_each_region(tmp_path: Path) -> None:
    options = arguments(tmp_path, "classify")
    frame = pd.read_csv(tmp_path / "parcels.csv", dtype=str).iloc[::-1]
    x_m = 150_000 + 100 * frame["parcel_id"].astype(int).to_numpy()
    shapes = shapely.box(x_m, 450_000, x_m + 90, 450_090)
    gpd.GeoDataFrame(frame, geometry=shapes, crs=28992).to_parquet(tmp_path / "parcels.parquet")
    halves = [shapely.box(west_m, 449_000, west_m + 3000, 451_000) for west_m in (149_995, 152_995)]
    regions = tmp_path / "regions.gpkg"
    gpd.GeoDataFrame({"id": ["west", "east"]}, geometry=halves, crs=28992).to_file(regions)
    options = [text.replace("parcels.csv", "parcels.parquet") for text in options]

    done = CliRunner().invoke(app, [*options, f"--strata={regions}", f"--out={tmp_path / 'map'}"])

    assert done.exit_code == 0, done.output
    assert "step 4 of 4: write the tables" in done.output
    table = pd.read_csv(tmp_path / "map" / "CropType.csv", dtype={"NewID": str}).set_index("NewID")
    assert table["Stratum"].value_counts().to_dict() == {"west": 30, "east": 30}
    for name in ("CropType.gpkg", "SHP/CropType.shp"):
        layer = gpd.read_file(tmp_path / "map" / name).set_index("NewID")
        assert (layer["CT_pred_1"] == table["CT_pred_1"]).all()
        assert layer.loc["00007"].geometry.bounds[0] == 150_700


def test_early_season_tells_accuracy_by_date(tmp_path: Path) -> None:
    out = tmp_path / "dates.csv"

    done = CliRunner().invoke(app, [*arguments(tmp_path, "early-season"), f"--out={out}", "--every-days=80"])

    assert done.exit_code == 0, done.output
    found = pd.read_csv(out)
    assert found["date"].tolist() == ["2019-05-23", "2019-08-11", "2019-08-21"]
    assert found["n_features"].is_monotonic_increasing
    assert (tmp_path / "dates.png").read_bytes().startswith(PNG)


def test_what_is_wrong_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    options = arguments(tmp_path, "classify")
    (tmp_path / "parcels.csv").write_text("who,what\n1,2\n")

    done = CliRunner().invoke(app, [*options, f"--out={tmp_path / 'out.csv'}"])

    assert done.exit_code == 2
    assert "no column NewID (or parcel_id)" in done.output
    assert not (tmp_path / "out.csv").exists()
