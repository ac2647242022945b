"""The practices configuration: real files, and what is said of wrong ones."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from sen4cap_core.declarations.settings.l4c_config import NOT_AVAILABLE, PRACTICES, read_l4c_config
from sen4cap_core.errors import ConfigurationError

FOLDER = "data/maja-metadata-and-l4c-configs/sen2agri-processors/AgriculturalPractices/ConfigFiles"
BASE = """[COMMON]
; nothing
[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]
OPTTHRVEGCYCLE=350
NDVIDW=300
NDVIUP=350  # a comment
NDVISTEP=5
OPTTHRMIN=100
COHTHRBASE=0.05
COHTHRHIGH=0.15
COHTHRABS=0.75
AMPTHRMIN=0.1
CATCHMAIN=""
FLMARKSTARTDATE=
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "C.cfg"
    path.write_text(text)
    return path


def test_the_seven_real_files_parse(shared: Path) -> None:
    files = sorted((shared / FOLDER).glob("*.cfg"))
    if len(files) != 7:
        pytest.skip("the seven real configurations are not there")
    configs = {path.stem.rsplit("_", 1)[-1]: read_l4c_config(path, 2021) for path in files}
    assert configs["CZE"].settings["FL"].flmarkstartdate == date(2021, 6, 4)
    assert configs["NLD"].settings["CC"].catchmain == "CatchCrop_3"
    assert configs["LTU"].settings["CC"].catchperiod == NOT_AVAILABLE
    assert configs["ITA"].settings["NFC"].optthrmin == 10
    assert configs["ROU"].settings["NA"].cohthrhigh == 0.1
    assert "TLCOHTHRABS was already given" in configs["Config"].notes[0]
    for config in configs.values():
        assert all(config.for_practice(practice).ndvidw for practice in PRACTICES)


@pytest.mark.parametrize("case", ["NLD_CC", "CZE_FL", "CZE_NFC", "NLD_NA"])
def test_effective_settings_are_those_the_original_ran_with(shared: Path, case: str) -> None:
    path = shared / "oracle" / "l4c" / "cases" / case / "params.json"
    if not path.exists():
        pytest.skip(f"no reference case {case}")
    params = json.loads(path.read_text())
    settings = read_l4c_config(shared / FOLDER / f"S4C_L4C_Config_{params['country']}.cfg", params["year"])
    values = settings.for_practice(params["practice"]).model_dump(mode="json")
    assert {key: values[key] for key in params["parameters"]} == params["parameters"]


def test_sections_override_and_empty_values_fall_back(tmp_path: Path) -> None:
    text = BASE + '[CC_TIME_SERIES_ANALYSIS_PARAMS]\nCC_NDVIUP = 500\nCC_CATCHPERIODSTART="${YEAR}-07-15"\n'
    config = read_l4c_config(write(tmp_path, text), 2020)
    assert config.settings["CC"].ndviup == 500
    assert config.settings["CC"].catchperiodstart == date(2020, 7, 15)
    assert config.settings["FL"].ndviup == 350
    assert config.settings["FL"].catchcropismain == "CatchCropIsMain"
    assert config.settings["FL"].flmarkstartdate is None
    assert "catchmain" not in config.settings["CC"].named


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("NDVIUPP=500", r"line 16: unknown key 'NDVIUPP'.*did you mean 'NDVIUP'"),
        ("[CC_TIME_SERIES_PARAMS]", r"line 16: unknown section.*did you mean"),
        ("[CC_TIME_SERIES_ANALYSIS_PARAMS]\nNDVIUP=5", r"line 17: unknown key 'NDVIUP'.*'CC_NDVIUP'"),
        ("OPTTHRBUFDEN=four", r"line 16: OPTTHRBUFDEN: .*'four'"),
        ("OPTTHRBUFDEN=0", r"line 16: OPTTHRBUFDEN: .*greater than 0"),
        ("CATCHPERIODSTART=15/07/2019", r"line 16: CATCHPERIODSTART"),
        ("just words", r"line 16: expected 'key = value'"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, added: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_l4c_config(write(tmp_path, BASE + "\n" + added + "\n"), 2019)


def test_mandatory_settings_are_needed_for_the_practice_asked(tmp_path: Path) -> None:
    text = BASE.replace("NDVISTEP=5\n", "") + "[NA_TIME_SERIES_ANALYSIS_PARAMS]\nNA_NDVISTEP=5\n"
    config = read_l4c_config(write(tmp_path, text), 2019)
    assert config.for_practice("NA").ndvistep == 5
    with pytest.raises(ConfigurationError, match="NDVISTEP for CC"):
        config.for_practice("CC")
