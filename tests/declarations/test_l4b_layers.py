"""Layers of the mowing configuration: default, country, site.yaml, upload."""

from __future__ import annotations

from datetime import date

import pytest

from sen4cap_core.declarations.settings.l4b_config import L4BConfig
from sen4cap_core.declarations.settings.l4b_layers import countries, effective_l4b
from sen4cap_core.errors import ConfigurationError

PUBLISHED = {
    "CZE": (0.12, 0.05, 0.72, 0.4, 4),
    "ESP": (0.15, 0.9, 0.75, 0.5, 2),
    "FRA": (0.12, 0.05, 0.72, 0.4, 13),
    "ITA": (0.12, 0.05, 0.75, 0.5, 17),
    "LTU": (0.12, 0.06, 0.75, 0.5, 8),
    "NLD": (0.12, 0.9, 0.75, 0.5, 21),
    "ROU": (0.15, 0.9, 0.75, 0.5, 16),
}
"""Least fall, greatest rise after it, high and low threshold; crop codes with a period."""


def test_shipped_settings_are_the_published_ones() -> None:
    assert countries() == sorted(PUBLISHED)
    for country, published in PUBLISHED.items():
        config = effective_l4b(2019, country, None, None).config
        s2 = config.s2
        found = (s2.decreasing_abs_th, s2.increasing_rate_th, s2.high_abs_th, s2.low_abs_th)
        assert (*found, len(config.compliance)) == published, country
        assert (s2.corrupted_th, s2.decreasing_rate_th) == (0.1, -1e-6)
        assert {period.rule for period in config.compliance} == {0}
        assert len({period.crop_code for period in config.compliance}) == len(config.compliance)


def test_periods_are_of_the_season_and_may_end_in_the_next_year() -> None:
    periods = {p.crop_code: p for p in effective_l4b(2021, "ltu", None, None).config.compliance}
    assert (periods["5PT-2"].start, periods["5PT-2"].end) == (date(2021, 7, 15), date(2022, 3, 1))
    codes = [p.crop_code for p in effective_l4b(2021, "ITA", None, None).config.compliance]
    assert "046" in codes


def test_a_country_without_settings_has_the_default() -> None:
    effective = effective_l4b(2019, "FIN", None, None)
    assert effective.config == L4BConfig()
    assert set(effective.sources.values()) == {"default"}


def test_later_layers_lie_on_top() -> None:
    site = {
        "S2_processing": {"low_abs_th": "0.3", "high_abs_th": 0.7},
        "compliancy": {
            "crop_codes": ["265"],
            "crop_time_intervals": ["('01/05/2019', '31/10/2019')"],
            "crop_rule": ["1"],
        },
    }
    effective = effective_l4b(2019, "NLD", site, None)
    assert (effective.config.s2.low_abs_th, effective.sources["s2.low_abs_th"]) == (0.3, "site.yaml")
    assert (effective.config.s2.increasing_rate_th, effective.sources["s2.increasing_rate_th"]) == (
        0.9, "country NLD",
    )  # fmt: skip
    assert [(p.crop_code, p.rule) for p in effective.config.compliance] == [("265", 1)]

    whole = effective_l4b(2019, "NLD", site, ("upload 7", {"s2": {"low_abs_th": 0.2}}))
    assert (whole.config.s2.low_abs_th, whole.sources["s2.low_abs_th"]) == (0.2, "upload 7")
    assert whole.config.s2.increasing_rate_th == L4BConfig().s2.increasing_rate_th
    assert whole.sources["s2.high_abs_th"] == "site.yaml"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"S2_procesing": {}}, r"unknown section \[S2_procesing\]; did you mean S2_processing\?"),
        ({"S2_processing": {"low_abs": 1}}, "has no key low_abs; did you mean low_abs_th"),
        ({"S2_processing": {"low_abs_th": "much"}}, "low_abs_th: expected a number, found 'much'"),
        ({"S2_processing": {"low_abs_th": 7}}, "low_abs_th: Input should be less than or equal to 1"),
        ({"compliancy": {"crop_codes": ["265"]}}, "one entry for each crop code"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(sections: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        effective_l4b(2019, None, sections, None)
