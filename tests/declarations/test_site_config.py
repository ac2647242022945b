"""site.yaml: what it may say, and how mistakes are told."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen4cap_core.declarations.sites.site import (
    SiteConfig,
    implicit_season,
    read_site_config,
    season_year,
    site_schema,
)
from sen4cap_core.declarations.sites.site_sources import LocalSource, StacSource
from sen4cap_core.errors import ConfigurationError

FULL = """
name: Nederland 2019
country: NLD
satellites: [S1, S2]            # or [S1, S2, L8]
seasons: [{name: summer, start: 2018-10-01, mid: 2019-05-31, end: 2019-12-31, enabled: true}]
processors: {l3a: false, l3b: [ndvi, lai], l4a: true, l4b: {mowing_start: 2019-03-01},
             l4c: {practices: [NA, CC]}}
sources: [{kind: local, root: /eodata}, {kind: stac, url: "https://stac.example.org/v1", secret: copernicus}]
enabled: true
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_site_config(write(tmp_path, text))
    return [str(problem) for problem in caught.value.problems]


def test_the_full_form(tmp_path: Path) -> None:
    config = read_site_config(write(tmp_path, FULL))

    assert config.name == "Nederland 2019"
    assert config.seasons[0].year == 2019
    assert not config.processors.l3a.enabled
    assert config.processors.l3b.indices == ("ndvi", "lai")
    assert config.processors.l4a.enabled
    assert config.processors.l4b.mowing_start == date(2019, 3, 1)
    assert config.processors.l4c.practices == ("NA", "CC")
    local, stac = config.sources
    assert isinstance(local, LocalSource)
    assert str(local.root) == "/eodata"
    assert isinstance(stac, StacSource)
    assert stac.secret == "copernicus"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
def test_an_empty_file_is_complete(tmp_path: Path, text: str) -> None:
    config = read_site_config(write(tmp_path, text))

    assert config == SiteConfig()
    assert config.enabled
    assert config.processors.l3b.indices == ("ndvi",)


def test_it_survives_storage_as_json(tmp_path: Path) -> None:
    config = read_site_config(write(tmp_path, FULL))

    assert SiteConfig.model_validate(config.model_dump(mode="json")) == config


def test_unknown_keys_are_told_with_line_and_nearest_key(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "nmae: x\n"
        "processors:\n"
        "  l4b: {moving_start: 2019-03-01}\n"
        "seasons:\n"
        "  - {name: a, start: 2019-01-01, ende: 2019-06-01, end: 2019-06-01}\n"
        "sources:\n"
        "  - {kind: local, rot: /a, root: /a}\n",
    )

    assert found == [
        "line 1: unknown key 'nmae'; did you mean 'name'?",
        "line 3: unknown key 'processors.l4b.moving_start'; did you mean 'mowing_start'?",
        "line 5: unknown key 'seasons.0.ende'; did you mean 'end'?",
        "line 7: unknown key 'sources.0.rot'; did you mean 'root'?",
    ]


def test_settings_of_crop_types_are_checked_when_the_file_comes(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "processors:\n"
        "  l4a:\n"
        "    settings:\n"
        "      pa_mim: 20\n"
        "      num_trees: 0\n"
        "    diversification: {min_confidense: 0.9, main_crop_share: 0.12345}\n",
    )

    assert found == [
        "line 4: unknown key 'processors.l4a.settings.pa_mim'; did you mean 'pa_min'?",
        "line 5: processors.l4a.settings.num_trees: must be greater than or equal to 1 (not '0')",
        "line 6: processors.l4a.diversification.main_crop_share: a share has at most four decimals",
        "line 6: unknown key 'processors.l4a.diversification.min_confidense'; did you mean 'min_confidence'?",
    ]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "country: NO\n"
        "satellites: [S3]\n"
        "seasons:\n"
        "  - name: a\n"
        "    start: 2019-13-01\n"
        "    end: 2019-06-01\n"
        "tiles: [30TUM, 31IUM]\n"
        "processors: {l4c: {practices: [XX]}}\n",
    )

    assert [text.split(":")[0] for text in found] == ["line 1", "line 2", "line 5", "line 7", "line 8"]
    assert "NLD" in found[0]
    assert "month" in found[2]
    assert "31IUM" in found[3]
    assert found[4] == "line 8: processors.l4c.practices.0: must be one of NA, CC, FL, NFC (not 'XX')"


def test_a_refusal_says_in_plain_words_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("enabled: perhaps\nprocessors:\n  l3b: {indices: [ndwy]}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_site_config(path)
    text = refused.value.text()
    assert "line 1: enabled: must be true or false (not 'perhaps')" in text
    assert "must be one of ndvi, ndwi," in text
    assert "did you mean 'ndwi'? (not 'ndwy')" in text
    assert "What to do: correct the lines named in a text editor and drop the file again" in text
    assert "sen4cap site schema" in text
    assert "Input should" not in text


def test_norway_is_not_false(tmp_path: Path) -> None:
    config = read_site_config(write(tmp_path, "name: NO\n"))

    assert config.name == "NO"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [a\n", "not valid YAML"),
        ("- a\n- b\n", "key: value"),
        ("name: a\nname: b\n", "twice"),
        ("name: &n a\ncountry: *n\n", "aliases"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_site_config(write(tmp_path, text))


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(b"country: NLD\nname: K\xe4rnten\n")

    with pytest.raises(ConfigurationError, match="line 2"):
        read_site_config(path)


@pytest.mark.parametrize(
    ("season", "words"),
    [
        ("{name: a, start: 2019-06-01, end: 2019-01-01}", "starts 2019-06-01 but ends"),
        ("{name: a, start: 2019-06-01, end: 2019-06-01}", "starts 2019-06-01 but ends"),
        ("{name: a, start: 2019-01-01, mid: 2019-01-01, end: 2019-06-01}", "does not lie between"),
        ("{name: a, start: 2019-01-01, mid: 2019-07-01, end: 2019-06-01}", "does not lie between"),
    ],
)
def test_a_season_runs_forward(tmp_path: Path, season: str, words: str) -> None:
    assert any(words in text for text in problems(tmp_path, f"seasons: [{season}]\n"))


NESTED = "seasons: [{{name: a, start: 2019-01-01, end: 2019-12-31}}, {{name: b, start: {}, end: {}{}}}]\n"


@pytest.mark.parametrize(
    ("start", "end"),
    [("2019-03-01", "2019-05-01"), ("2019-01-01", "2019-12-31"), ("2018-12-01", "2020-01-31")],
)
def test_nested_seasons_are_refused(tmp_path: Path, start: str, end: str) -> None:
    assert any("lies inside" in text for text in problems(tmp_path, NESTED.format(start, end, "")))


def test_seasons_may_overlap_in_part_and_a_disabled_one_may_be_nested(tmp_path: Path) -> None:
    overlapping = read_site_config(write(tmp_path, NESTED.format("2018-10-01", "2019-05-01", "")))
    disabled = read_site_config(
        write(tmp_path, NESTED.format("2019-03-01", "2019-05-01", ", enabled: false"))
    )

    assert len(overlapping.seasons) == len(disabled.seasons) == 2
    assert [season.name for season in disabled.seasons if season.enabled] == ["a"]


def test_two_seasons_of_a_year_have_two_names(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "seasons: [{name: a, start: 2019-01-01, end: 2019-06-01},"
        " {name: a, start: 2019-05-01, end: 2019-12-01}]\n",
    )

    assert any("called 'a'" in text for text in found)


def test_a_year_without_named_season_is_its_calendar_year() -> None:
    season = implicit_season(2021)

    assert (season.start, season.end, season.year) == (date(2021, 1, 1), date(2021, 12, 31), 2021)


@pytest.mark.parametrize(
    ("start", "end", "year"),
    [
        (date(2019, 3, 1), date(2019, 10, 31), 2019),
        (date(2018, 10, 1), date(2019, 12, 31), 2019),
        (date(2018, 3, 1), date(2019, 2, 15), 2018),
        (date(2018, 12, 1), date(2019, 1, 31), 2019),  # 31 days each: its end
        (date(2018, 12, 30), date(2019, 1, 1), 2018),
    ],
)
def test_the_year_of_a_season_holds_its_longer_part(start: date, end: date, year: int) -> None:
    assert season_year(start, end) == year


@given(start=st.dates(date(1990, 1, 1), date(2060, 1, 1)), length=st.integers(1, 800))
def test_the_year_of_a_season_has_most_of_its_days(start: date, length: int) -> None:
    days = [start + timedelta(days=n) for n in range(length + 1)]
    counts = {year: sum(day.year == year for day in days) for year in {day.year for day in days}}

    year = season_year(start, days[-1])

    assert counts[year] == max(counts.values())
    assert all(counts[later] < counts[year] for later in counts if later > year)


def test_tiles_are_written_in_any_way(tmp_path: Path) -> None:
    config = read_site_config(write(tmp_path, "tiles: [T30TUM, 31ufu, 1CCV, 30TUM]\n"))

    assert config.tiles == ("30TUM", "31UFU", "01CCV")


@pytest.mark.parametrize(
    "source",
    [
        "{kind: stac, url: 'https://me:secret@stac.example.org'}",
        "{kind: local, root: eodata}",
        "{kind: local, root: /eodata/../etc}",
        "{kind: ftp, url: 'https://a.example.org'}",
    ],
)
def test_sources_that_cannot_be_used(tmp_path: Path, source: str) -> None:
    assert problems(tmp_path, f"sources: [{source}]\n")


def test_compat_is_a_switch_of_each_processor(tmp_path: Path) -> None:
    config = read_site_config(write(tmp_path, "processors: {l4b: {compat: sen4cap}}\n"))

    assert config.processors.l4b.compat == "sen4cap"
    assert config.processors.l4b.enabled
    assert config.processors.l4c.compat is None
    assert problems(tmp_path, "processors: {l4b: {compat: sen4stat}}\n")


def test_the_schema_knows_the_short_forms() -> None:
    schema = site_schema()

    assert set(schema["properties"]) >= {
        "name", "country", "satellites", "seasons", "processors", "radar", "tiles", "sources", "enabled",
        "schedule", "retention",
    }  # fmt: skip
    l3b = schema["$defs"]["ProcessorsConfig"]["properties"]["l3b"]
    assert {kind.get("type") for kind in l3b["anyOf"]} >= {"boolean", "array"}
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(("given", "code"), [("nld", "NLD"), ("SI", "SVN"), ("UKR", "UKR"), ("XKX", "XKX")])
def test_countries_are_known_by_their_codes(given: str, code: str) -> None:
    assert SiteConfig(country=given).country == code


@pytest.mark.parametrize("given", ["SLO", "Slovenia", ""])
def test_what_is_no_country_is_refused_with_the_codes_there_are(given: str) -> None:
    with pytest.raises(ValueError, match=r"not an ISO 3166 code of three letters.*SVN Slovenia"):
        SiteConfig(country=given)


@pytest.mark.parametrize(
    ("given", "is_on"),
    [(None, False), (True, True), (False, False), ({}, True), ({"compat": "sen4cap"}, True)],
)
def test_composites_are_made_where_they_are_named(given: object, is_on: bool) -> None:
    config = SiteConfig.model_validate({"processors": {} if given is None else {"l3a": given}})
    kept = config.model_dump(mode="json", exclude_unset=True)
    assert SiteConfig.model_validate(kept).processors.l3a.is_on == config.processors.l3a.is_on == is_on
