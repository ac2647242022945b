"""Files brought in at the terminal, configurations shown, a crop code table drafted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sen4cap_core.cli import config
from sen4cap_core.cli.main import app
from sen4cap_core.db.declared.sites import get_or_create_site, set_config
from sen4cap_core.declarations.settings.l4c_config import PRACTICES, read_l4c_config
from sen4cap_core.declarations.settings.l4c_layers import countries, effective_l4c
from sen4cap_core.declarations.tables.crop_codes import read_crop_codes
from sen4cap_core.errors import BadUploadError, ConfigurationError, NothingToDoError
from sen4cap_core.service import connection
from sen4cap_core.simulation.uploads import write_crop_codes, write_shapefile_zip
from sen4cap_core.steps.uploads.config_in_force import l4b_settings, l4c_settings
from sen4cap_core.steps.uploads.import_file import import_file
from sen4cap_core.steps.uploads.site import assumed_season
from tests.steps.conftest import SITE, YEAR, fields
from tests.steps.uploads.test_receive_practices import CONFIG


def sources(settings: list) -> dict:
    return {one.name: (one.value, one.source) for one in settings}


@pytest.mark.service
def test_an_imported_file_gets_the_receipt_of_a_dropped_one(context, tmp_path: Path) -> None:
    path = tmp_path / "parcels.zip"
    write_shapefile_zip(path, fields(), "parcels")

    imported = import_file(context, path, "noord", YEAR, "declarations")

    assert imported.accepted
    assert imported.receipt["stored"]["parcels"] == 4
    assert imported.path == context.settings.uploads_root / "noord/2019/declarations/parcels.zip"
    assert imported.path.with_name("parcels.zip.receipt.json").is_file()
    again = import_file(context, path, "noord", YEAR, "declarations")
    assert again.receipt["upload_id"] == imported.receipt["upload_id"]


@pytest.mark.service
def test_a_wrong_file_is_answered_at_the_terminal_too(context, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    write_crop_codes(path)
    path.write_text(path.read_text().replace("CTnumL4A", "CTnumber"))

    imported = import_file(context, path, "noord", YEAR, "crop-codes")

    assert not imported.accepted
    assert "CTnumL4A" in imported.receipt["error"]
    assert path.exists()
    with pytest.raises(BadUploadError, match="no kind"):
        import_file(context, path, "noord", YEAR, "crops")


@pytest.mark.service
def test_the_configuration_in_force_names_its_sources(context, receive) -> None:
    def shown(practice: str) -> dict:
        with context.session() as session:
            return sources(l4c_settings(session, get_or_create_site(session, SITE), YEAR, practice))

    assert shown("CC")["NDVIUP"] == (350.0, "default")
    with context.session() as session:
        site = get_or_create_site(session, SITE)
        set_config(
            session, site, {"country": "NLD", "processors": {"l4c": {"settings": {"FL": {"NDVIDW": 250}}}}}
        )
    assert shown("CC")["NDVIUP"] == (500.0, "country NLD")
    assert shown("CC")["CATCHPERIODSTART"] == ("2019-07-15", "country NLD")
    assert shown("FL")["NDVIDW"] == (250.0, "site.yaml")
    assert shown("FL")["FLMARKSTARTDATE"] == (None, "built-in")
    answer = receive("l4c-config/a.cfg", CONFIG.replace("NDVIUP=350", "NDVIUP=340"))
    source = f"upload {answer.upload_id}"
    assert shown("FL")["NDVIUP"] == (340.0, source)
    assert shown("FL")["NDVIDW"] == (300.0, source)
    assert shown("CC")["EFAAMPTHR"] == (-10000.0, "built-in")


@pytest.mark.service
def test_every_mowing_setting_in_force_says_where_it_comes_from(context, receive) -> None:
    def shown() -> dict:
        with context.session() as session:
            return sources(l4b_settings(session, get_or_create_site(session, SITE), YEAR))

    with context.session() as session:
        site = get_or_create_site(session, SITE)
        settings = {"neighbourhood_method": {"min_fall": 0.08}}
        set_config(session, site, {"country": "CZE", "processors": {"l4b": {"settings": settings}}})
    assert shown()["s2.high_abs_th"] == (0.72, "country CZE")
    assert shown()["compliance 3001"] == ("2019-04-01 to 2019-07-31, rule 0", "country CZE")
    assert shown()["grass.min_fall"] == (0.08, "site.yaml")
    assert shown()["s1.pfa"] == (3e-8, "default")
    answer = receive("l4b-config/a.cfg", "[S2_processing]\nlow_abs_th = 0.45\n")
    assert shown()["s2.low_abs_th"] == (0.45, f"upload {answer.upload_id}")
    assert shown()["s2.high_abs_th"] == (0.75, "default")
    assert shown()["grass.min_fall"] == (0.08, "site.yaml")
    assert not [name for name in shown() if name.startswith("compliance")]


def test_shipped_settings_are_those_of_the_published_files(shared: Path) -> None:
    name = "data/maja-metadata-and-l4c-configs/sen2agri-processors/AgriculturalPractices/ConfigFiles"
    files = sorted((shared / name).glob("S4C_L4C_Config_*.cfg"))
    if not files:
        pytest.skip("the published configurations are not there")
    assert countries() == [path.stem[-3:] for path in files]
    for path in files:
        read = read_l4c_config(path, 2020)
        ours = effective_l4c(2020, path.stem[-3:], None, None).config
        for practice in PRACTICES:
            assert ours.settings[practice] == read.settings[practice], (path.stem, practice)


def test_a_setting_of_the_site_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"NDVIUPP \(site.yaml\)"):
        effective_l4c(2020, None, {"all": {"NDVIUPP": 3}}, None)


@pytest.mark.parametrize(
    ("country", "file", "code", "cover"),
    [("NLD", "nl/*.gpkg", "265", 3), ("AUT", "at/*.gpkg.zip", None, None), ("FIN", "fi/*.gpkg", None, None)],
)
def test_a_draft_can_be_read_back(
    shared: Path, tmp_path: Path, country: str, file: str, code: str | None, cover: int | None
) -> None:
    from sen4cap_core.declarations.tables.crop_code_draft import draft_crop_codes

    found = sorted((shared / "data/national-parcels").glob(file))
    if not found:
        pytest.skip("no national parcels")
    draft = draft_crop_codes(found[0], None, country)
    path = tmp_path / "draft.csv"
    path.write_text(draft.text, encoding="utf-8")
    table = read_crop_codes(path)
    assert len(table) == draft.n_codes > 3
    assert all(row.other["Check"] for row in table.codes.values())
    if code is not None:
        assert table.codes[code].lc == cover
        assert table.codes[code].pgrass
        assert "taken as permanent" in table.codes[code].other["Check"]
        temporary = table.codes["266"]
        assert (temporary.lc, temporary.al, temporary.pgrass, temporary.tgrass) == (3, True, False, True)


@pytest.mark.service
def test_the_commands_say_the_same(context, receive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sen4cap_core.service.connection.open_step_context", lambda *_, **__: context)
    path = tmp_path / "parcels.gpkg"
    fields().assign(CROP_NAME="Grasland, blijvend").to_file(path)

    def run(*words: str) -> str:
        answer = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert "| 0003 | F1 |" in run(
        "import", str(path), "--site", SITE, "--year", str(YEAR), "--kind", "declarations"
    )
    shown = {p: run("config", "show", "l4c", "--site", SITE, "--practice", p) for p in PRACTICES}
    for practice, text in shown.items():
        assert text.startswith(f"l4c {practice}, {SITE} {YEAR}")
        assert re.search(r"^NDVIUP +350.0 +default$", text, re.M)
    assert re.search(r"^CATCHPERIODSTART ", shown["CC"], re.M)
    assert re.search(r"^FLMARKSTARTDATE ", shown["FL"], re.M)
    assert re.search(r"^[a-z_/A-Z.]+ +\S.* default$", run("config", "show", "l4b", "--site", SITE), re.M)
    out = tmp_path / "draft.csv"
    drafted = ("crop-codes", "draft", "--declarations", str(path), "--out", str(out), "--country", "NL")
    assert "1 crop codes written" in run(*drafted)
    assert "grassland: 'grasland' in the name, taken as permanent" in out.read_text()
    assert read_crop_codes(out).codes["265"].lc == 3


@pytest.mark.service
def test_settings_of_a_year_without_a_season_are_not_shown(context, monkeypatch, capsys) -> None:
    assumed_season(context, SITE, YEAR)
    monkeypatch.setattr(connection, "open_step_context", lambda: context)

    with pytest.raises(NothingToDoError, match=rf"{SITE} has no season of 2031; there are {YEAR}"):
        config.show("l4b", SITE, 2031)
    config.show("l4b", SITE, YEAR)
    assert capsys.readouterr().out.startswith(f"l4b, {SITE} {YEAR}, country not given\n")
