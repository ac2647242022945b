"""The original's configuration form: values, quirks of its lists, and errors that name the line."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from sen4cap_core.declarations.settings.l4b_config import L4BConfig
from sen4cap_core.declarations.settings.l4b_file import read_l4b_config
from sen4cap_core.errors import ConfigurationError


@pytest.fixture
def read(tmp_path):
    def from_text(text: str) -> L4BConfig:
        path = tmp_path / "mowing.cfg"
        path.write_text(text, encoding="utf-8")
        return read_l4b_config(path)

    return from_text


def problem_of(read, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


def test_empty_file_gives_the_defaults_of_the_original(read):
    config = read("")
    assert config == L4BConfig()
    assert (config.s2.decreasing_abs_th, config.s2.non_overlap_interval_days) == (0.12, 45)
    assert (config.s1.pfa, config.s1.window_samples, config.s1.ascending_time_s) == (3e-8, 5, 18 * 3600)


FULL = """
# a comment
[GENERAL_CONFIG]
CTNUM_FILTER = 87, 130, 171
ADDITIONAL_COLUMNS =
s1_orbit_list_filter = 88, '037'
s1_orbit_type_list_filter = DESC, ASC
s2_tiles_list_filter =
[S1_constants]
S1_TIME_INTERVAL: 12
SAR_spacing = 20
cohe_ENL = 100
locAcqTimeDESC = 05:30:10
[S2_constants]
locAcqTime = '11:00:00'
[S2_model]
apply_model = False
bounds = ([0.02,0.,0.02,180.],[1,180.,1,360.])
start_params = (0.05,50.,0.05,340.)
[S1_processing]
pol_types = ['VH', 'VV']
data_types = COHE
pfa = 3.0e-7   ; older value
stat_smpl_n = 5.0
invalid_data = nan
saturate_sigma = false
options_layer_burning = 'ALL_TOUCHED=False'
[S2_processing]
; Czech thresholds
high_abs_th = 0.72
low_abs_th = 0.4
prod_type_list = SNDVI
options_layer_burning = ['ALL_TOUCHED=False']
[compliancy]
crop_codes = '046', 5PT-2,
    BRH
crop_time_intervals = [('01/04/2019','31/07/2019'), ('15/07/2019', '01/03/2020'),
    ("01/05/2024","30/10/2024")]
crop_rule = 0, 1, 0
[validation]
fwd_tol_days = 3
"""


def test_the_form_with_all_its_quirks(read):
    config = read(FULL)
    assert config.ct_numbers == ("87", "130", "171")
    assert config.s1.orbits == ("088", "037")
    assert config.s1.orbit_types == ("DESC", "ASC")
    assert config.s1.time_interval_days == 12
    assert config.s1.descending_time_s == 5 * 3600 + 30 * 60 + 10
    assert config.s2.acquisition_time_s == 11 * 3600
    assert config.s1.polarisations == ("VH", "VV")
    assert config.s1.pfa == 3e-7
    assert config.s1.saturate_sigma is False
    assert (config.s2.high_abs_th, config.s2.low_abs_th) == (0.72, 0.4)
    assert [(p.crop_code, p.start, p.end, p.rule) for p in config.compliance] == [
        ("046", date(2019, 4, 1), date(2019, 7, 31), 0),
        ("5PT-2", date(2019, 7, 15), date(2020, 3, 1), 1),
        ("BRH", date(2024, 5, 1), date(2024, 10, 30), 0),
    ]


def test_the_model_is_frozen():
    with pytest.raises(ValidationError):
        L4BConfig().s2.scale = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[S1_processing]\npfaa = 1e-7", 2, "did you mean 'pfa'"),
        ("[S1_procesing]\npfa = 1e-7", 1, "did you mean 'S1_processing'"),
        ("[S2_processing]\npfa = 1e-7", 2, "did you mean 'pfa'"),
        ("[S1_processing]\nsat = 1", 2, "did you mean 'saturate_sigma'"),
        ("pfa = 1e-7", 1, "before the first [section]"),
        ("[S1_processing]\npfa", 2, "expected 'key = value'"),
        ("[S1_processing]\npfa = often", 2, "expected a number, found 'often'"),
        ("[S1_processing]\npfa =", 2, "expected a number, found ''"),
        ("[S1_processing]\n\npfa = 2", 3, "less than 1"),
        ("[S1_processing]\npfa = nan", 2, "finite"),
        ("[S1_processing]\npfa = 1e-7\nPFA = 1e-8", 3, "already given in line 2"),
        ("[S1_processing]\nstat_smpl_n = 5.5", 2, "whole number"),
        ("[S1_processing]\nsaturate_sigma = maybe", 2, "True or False"),
        ("[S1_processing]\npol_types = HH", 2, "'VH'"),
        ("[S1_constants]\nlocAcqTimeASC = 25:00:00", 2, "HH:MM:SS"),
        ("[S2_model]\napply_model = True", 2, "only False is supported"),
        ("[S2_processing]\nprod_type_list = SLAIMONO", 2, "only SNDVI is supported"),
        (
            "[compliancy]\ncrop_codes = 1, 2\ncrop_time_intervals = ('01/04/2019','31/07/2019')\ncrop_rule=0",
            2,
            "crop_rule is 0 (at least one mowing inside the period) or 1 (at least one mowing inside the",
        ),
        (
            "[compliancy]\ncrop_codes = 1\ncrop_time_intervals = ('31/07/2019','01/04/2019')\ncrop_rule = 0",
            3,
            "earlier date first",
        ),
        (
            "[compliancy]\ncrop_codes = 1\ncrop_time_intervals = ('2019-04-01','2019-07-31')\ncrop_rule = 0",
            3,
            "dd/mm/yyyy",
        ),
        (
            "[compliancy]\ncrop_codes = 1\ncrop_time_intervals = ('01/04/2019','31/07/2019')\ncrop_rule = 2",
            4,
            "rule '2' is not 0 (at least",
        ),
        (
            "[GENERAL_CONFIG]\ns1_orbit_list_filter = 88\ns1_orbit_type_list_filter = ASC, DESC",
            3,
            "has 2 entries",
        ),
    ],
)
def test_errors_name_the_line(read, text, line, words):
    message = problem_of(read, text)
    assert f"line {line}:" in message
    assert words in message


def test_all_problems_are_told_at_once(read):
    message = problem_of(
        read, "[S2_processing]\nlow_abs_th = x\nhigh = 0.3\nhigh_abs_th = 7\n[nowhere]\na = 1"
    )
    assert all(f"line {n}:" in message for n in (2, 3, 4, 5))
    assert "line 6" not in message


def test_binary_file_is_refused(tmp_path):
    path = tmp_path / "mowing.cfg"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_l4b_config(path)
