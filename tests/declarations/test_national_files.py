"""Real declared parcels of seven countries, read with nothing said about their columns."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from sen4cap_core.declarations.parcels.identity import Given
from sen4cap_core.declarations.parcels.prepare import prepare_parcels
from sen4cap_core.declarations.parcels.reading import read_declarations

FILES = {
    # file, parcel id, crop code, EPSG, one parcel: id, crop code
    "at": ("at/inspire_schlaege_2025-1_polygon.gpkg.zip", "GEO_ID", "SNAR_CODE", 31287, ("106806035", "717")),
    "be_vlg": (
        "be_vlg/Landbouwgebruikspercelen_2023_-_Definitief_(extractie_28-03-2024)_GPKG.zip",
        "REF_ID", "GWSCOD_H", 31370, ("487348814", "381"),
    ),
    "ec_si": ("ec_si/SI_2021.zip", "ID", "SIFRA_KMRS", 3794, ("7010691", "005")),
    "es_cat": ("es_cat/Cultius_DUN2023_GPKG.zip", "fid", "cultiu", 25831, ("1", "AGROSTIS")),
    "fi": (
        "fi/LandUse.ExistingLandUse.GSAAAgriculturalParcel.gpkg", "TUNNUS", "KASVIKOODI", 3067, ("1", "9409"),
    ),
    "lt": ("lt/LT_2024.zip", "field_id", "crop_name", 3035, ("12141937", "Vasariniai javai")),
    "nl": ("nl/brpgewaspercelen_definitief_2023.gpkg", "id", "gewascode", 28992, ("1", "343")),
}  # fmt: skip

DECLARED_HA = {
    "at": ("SL_FLAECHE_BRUTTO_HA", 1.0), "be_vlg": ("GRAF_OPP", 1.0), "es_cat": ("ha", 1.0),
    "fi": ("PINTA_ALA", 1.0), "ec_si": ("AREA", 1e-4),
}  # fmt: skip


@pytest.fixture
def national(shared: Path) -> Path:
    return shared / "data" / "national-parcels"


@pytest.mark.parametrize("country", FILES)
def test_columns_are_guessed_and_parcels_prepared(national: Path, country: str) -> None:
    name, parcel_id, crop_code, epsg, (first_id, first_crop) = FILES[country]

    declarations = read_declarations(national / name)
    frame = prepare_parcels(declarations, Given(), Given()).frame()

    assert declarations.columns.parcel_id.columns == (parcel_id,)
    assert declarations.columns.crop_code.columns == (crop_code,)
    assert declarations.columns.holding_id.columns == (), "none of these files names the holding"
    assert declarations.frame.crs.to_epsg() == epsg
    assert len(frame) == declarations.n_rows == 100
    assert frame["ori_id"].is_unique
    assert frame["new_id"].tolist() == list(range(1, 101))
    first = frame[frame["row"] == 1].iloc[0]
    assert (first["ori_id"], first["ori_crop"]) == (first_id, first_crop)
    assert frame["geom_valid"].all()
    assert frame.geometry.is_valid.all()


@pytest.mark.parametrize("country", FILES)
def test_areas_equal_those_of_an_equal_area_projection(national: Path, country: str) -> None:
    declarations = read_declarations(national / FILES[country][0])

    frame = prepare_parcels(declarations, Given(), Given()).frame().set_index("row").sort_index()

    source = declarations.frame.geometry
    # Another equal-area projection bends the same edges another way: with a vertex each metre it does not.
    truth = source.segmentize(1.0).to_crs("+proj=cea +datum=WGS84 +units=m").area.to_numpy()
    np.testing.assert_allclose(frame["area_m2"], truth, rtol=5e-5)
    perimeter_shape = source.length / (2 * np.sqrt(np.pi * source.area))
    np.testing.assert_allclose(frame["shape_index"], perimeter_shape, rtol=1e-9)


@pytest.mark.parametrize("country", DECLARED_HA)
def test_areas_are_near_those_the_country_states(national: Path, country: str) -> None:
    column, hectares = DECLARED_HA[country]
    frame = prepare_parcels(read_declarations(national / FILES[country][0]), Given(), Given()).frame()

    stated = frame["attributes"].map(lambda attributes: float(json.loads(attributes)[column])) * hectares

    assert abs(frame["area_m2"].sum() / 1e4 / stated.sum() - 1) < 0.005


@pytest.mark.parametrize("country", FILES)
def test_flags_equal_those_of_a_plain_overlay(national: Path, country: str) -> None:
    declarations = read_declarations(national / FILES[country][0])

    frame = prepare_parcels(declarations, Given(), Given()).frame().set_index("row").sort_index()

    plain = gpd.GeoDataFrame({"n": range(100)}, geometry=list(declarations.frame.geometry))
    pieces = gpd.overlay(plain, plain, how="intersection", keep_geom_type=True)
    pieces = pieces[pieces["n_1"] != pieces["n_2"]]
    covered = pieces.area.groupby(pieces["n_1"]).sum().reindex(range(100), fill_value=0.0)
    expected = (covered / plain.area > 0.1).tolist()
    assert frame["overlap"].tolist() == expected
    assert frame["overlap"].sum() == (1 if country == "lt" else 0)
    assert not frame["duplic"].any()


def test_leading_zeros_stay(national: Path) -> None:
    slovenia = prepare_parcels(read_declarations(national / FILES["ec_si"][0]), Given(), Given()).frame()
    finland = prepare_parcels(read_declarations(national / FILES["fi"][0]), Given(), Given()).frame()

    assert "005" in set(slovenia["ori_crop"])
    assert json.loads(finland["attributes"][0])["PERUSLOHKOTUNNUS"].startswith("00")


def test_the_next_file_keeps_the_numbers(national: Path) -> None:
    declarations = read_declarations(national / FILES["at"][0])
    first = prepare_parcels(declarations, Given(), Given()).frame()
    known = dict(zip(first["ori_id"], first["new_id"], strict=True))
    holdings = dict(zip(first["ori_hold"], first["hold_id"], strict=True))

    second = prepare_parcels(declarations, Given.of(known), Given.of(holdings)).frame()

    pd.testing.assert_frame_equal(
        pd.DataFrame(first.drop(columns="geometry")), pd.DataFrame(second.drop(columns="geometry"))
    )


def test_the_valladolid_declaration(shared: Path) -> None:
    path = shared / "data" / "valladolid-2019" / "declarations.zip"

    declarations = read_declarations(path)
    frame = prepare_parcels(declarations, Given(), Given()).frame()

    assert frame[["ori_id", "ori_hold", "ori_crop"]].to_numpy().tolist() == [["ES-47-0001", "H-0001", "999"]]
    assert frame["area_m2"][0] == pytest.approx(232_436, rel=1e-4)
    assert declarations.report.warnings == []
