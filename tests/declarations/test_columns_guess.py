"""Which column is what: named, guessed, or asked for."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from sen4cap_core.declarations.parcels.columns import ColumnMapping, choose_columns, read_column_mapping
from sen4cap_core.errors import BadUploadError, ConfigurationError

FILE = Path("parcels.gpkg")
N = 60


def table(**columns: list[object]) -> pa.Table:
    return pa.table(columns)


def unique(prefix: str = "") -> list[object]:
    return [f"{prefix}{number:05d}" for number in range(N)]


def few(*values: object) -> list[object]:
    return [values[number % len(values)] for number in range(N)]


def guessed(columns: pa.Table, **known: str) -> tuple[object, object, object]:
    choices = choose_columns(FILE, columns, None, **known)
    return tuple(
        "+".join(choice.columns) for choice in (choices.parcel_id, choices.holding_id, choices.crop_code)
    )  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("parcel", "holding", "crop"),
    [
        ("PARCEL_ID", "HOLDING", "CROP"),
        ("ori_id", "ori_hold", "ori_crop"),
        ("ID_PARCEL", "PACAGE", "CODE_CULTU"),
        ("perceel_id", "relatienummer", "gewascode"),
        ("SCHLAG_ID", "Betriebsnummer", "NUTZUNGSCODE"),
        ("flik", "BNRZD", "NC"),
        ("TUNNUS", "TILATUNNUS", "KASVIKOODI"),
        ("skiftesId", "kundnr", "grdkod_mar"),
        ("Marknr", "Journalnr", "Afgkode"),
        ("pollu_id", "taotleja_id", "kultuur"),
        ("id_parcela", "explotacion", "cultivo"),
        ("parcela", "CUAA", "coltura"),
        ("CUL_ID", "NIFAP", "CUL_CODIGO"),
        ("land_id", "mibpg", "kultura"),
        ("objectid", "farmer_id", "cropCode"),
    ],
)
def test_names_of_many_countries(parcel: str, holding: str, crop: str) -> None:
    columns = table(
        **{
            "year": few(2019),
            "area_ha": [1.5 + number / 7 for number in range(N)],
            crop: few("101", "205", "999", "0310"),
            "shape_area": [float(number) for number in range(N)],
            holding: few(*[f"H{number}" for number in range(20)]),
            parcel: unique(),
        }
    )

    assert guessed(columns) == (parcel, holding, crop)


def test_a_code_is_preferred_to_its_name_and_the_main_crop_to_the_second() -> None:
    columns = table(
        ID=unique(),
        CROP_NAME=few("wheat", "grass"),
        CROP_CODE=few("1", "2"),
        CROP_CODE_2=few("3", None, None),
    )

    assert guessed(columns)[2] == "CROP_CODE"


def test_an_empty_code_column_gives_way_to_the_name() -> None:
    columns = table(field_id=unique(), crop_code=pa.nulls(N, pa.float64()), crop_name=few("wheat", "grass"))

    assert guessed(columns) == ("field_id", "", "crop_name")


def test_a_column_that_repeats_is_no_parcel_id() -> None:
    columns = table(parcel=few("a", "b", "c"), OBJECTID=list(range(N)), crop=few("1", "2"))

    assert guessed(columns)[0] == "OBJECTID"


def test_measures_are_no_ids_even_where_all_differ() -> None:
    columns = table(
        parcel_area=[number * 17 for number in range(N)], FID_1=list(range(N)), crop=few("1", "2")
    )

    assert guessed(columns)[0] == "FID_1"


def test_two_columns_that_only_together_are_an_id() -> None:
    columns = table(
        block_id=[f"B{number // 3}" for number in range(N)],
        parcel_no=[str(number % 3) for number in range(N)],
        crop=few("1", "2", "3", "4"),
    )

    assert guessed(columns)[0] == "block_id+parcel_no"


def test_the_stored_feature_number_is_the_last_resort_but_one() -> None:
    columns = table(fid=list(range(N)), crop=few("1", "2"), remark=unique("text "))

    choices = choose_columns(FILE, columns, None, feature_id="fid")

    assert choices.parcel_id.columns == ("fid",)
    assert "feature number" in choices.parcel_id.reason
    assert guessed(table(oid=unique(), fid=list(range(N)), crop=few("1", "2")), feature_id="fid")[0] == "oid"


def test_whole_numbers_stored_as_floating_point_are_ids() -> None:
    columns = table(ID=[float(number) for number in range(N)], crop=few(1.0, 2.0))

    assert guessed(columns)[0] == "ID"


def test_other_candidates_are_told() -> None:
    columns = table(PARCEL_ID=unique(), OBJECTID=list(range(N)), crop=few("1", "2"))

    choice = choose_columns(FILE, columns, None).parcel_id

    assert choice.others == ("OBJECTID",)
    assert choice.reason == f"guessed: {N} different values in {N} of {N} rows"


def test_no_guess_lists_the_columns_and_shows_what_to_write() -> None:
    columns = table(gewas_code=few("1", "2"), remark=few("a", "b", "c"), ha=[0.1 * n for n in range(N)])

    with pytest.raises(BadUploadError, match="as the parcel id") as caught:
        choose_columns(FILE, columns, None)

    text = caught.value.text()
    assert "remark (string), for example a, b, c" in text
    assert "    parcel_id: <name of a column>\n" in text
    assert "    crop_code: gewas_code" in text


def test_nothing_at_all_to_guess() -> None:
    with pytest.raises(BadUploadError, match="the parcel id and the crop code"):
        choose_columns(FILE, table(remark=few("a")), None)


def test_named_columns_win() -> None:
    columns = table(PARCEL_ID=unique(), other=unique("x"), part=few("1"), CROP=few("1", "2"))
    mapping = ColumnMapping(parcel_id=("other", "part"), crop_code=("CROP",))

    choices = choose_columns(FILE, columns, mapping)

    assert choices.parcel_id.columns == ("other", "part")
    assert choices.parcel_id.given
    assert choices.holding_id.columns == ()


def test_named_columns_that_do_not_exist() -> None:
    columns = table(PARCEL_ID=unique(), CROP=few("1"), EMPTY=few(None))
    mapping = ColumnMapping(parcel_id=("parcel_id",), crop_code=("culture",), holding_id=("EMPTY",))

    with pytest.raises(BadUploadError) as caught:
        choose_columns(FILE, columns, mapping)

    assert [str(problem) for problem in caught.value.problems] == [
        "parcel_id: the file has no column 'parcel_id'; did you mean 'PARCEL_ID'?",
        "holding_id: column 'EMPTY' is empty in all rows",
        "crop_code: the file has no column 'culture'",
    ]


def test_one_column_or_several_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "declarations.yaml"
    path.write_text("parcel_id: [BLOCK, 007]\ncrop_code: CODE\nlayer: parcels\n")

    mapping = read_column_mapping(path)

    assert mapping.parcel_id == ("BLOCK", "007")
    assert mapping.crop_code == ("CODE",)
    assert mapping.holding_id is None
    assert mapping.layer == "parcels"


def test_a_mistyped_key_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "declarations.yaml"
    path.write_text("# columns\nparcelid: A\n")

    with pytest.raises(ConfigurationError, match="line 2: unknown key 'parcelid'; did you mean 'parcel_id'"):
        read_column_mapping(path)
