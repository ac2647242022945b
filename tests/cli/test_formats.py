"""The page of formats is what the models say, and its examples are files that are taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from sen4cap_core.cli.formats import going_in as formats_in
from sen4cap_core.cli.formats.examples import CODES, crop_type_examples, mowing_example, practice_example
from sen4cap_core.cli.formats.page import formats_page
from sen4cap_core.cli.formats.site_file import SITE_EXAMPLE, parts
from sen4cap_core.cli.formats.text import attribute_docs
from sen4cap_core.declarations.parcels.columns import ColumnMapping
from sen4cap_core.declarations.settings.grass_settings import GrassSettings
from sen4cap_core.declarations.settings.l4b_config import OpticalSettings, RadarSettings
from sen4cap_core.declarations.settings.l4b_file import read_l4b_config
from sen4cap_core.declarations.settings.l4c_config import PracticeSettings, read_l4c_config
from sen4cap_core.declarations.sites.site import read_site_config
from sen4cap_core.declarations.tables.crop_codes import read_crop_codes
from sen4cap_core.declarations.tables.practice_tables import read_practice_table
from sen4cap_core.declarations.texts.yaml_models import read_yaml_model
from sen4cap_core.products.practice_exports import ORIGINAL_COLUMNS

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


@pytest.fixture(scope="module")
def page() -> str:
    return formats_page()


def test_the_page_has_not_drifted_from_the_models(page: str) -> None:
    told = "run: python -m sen4cap_core.cli.formats.page docs/formats.md"
    assert PAGE.read_text(encoding="utf-8") == page, told


@pytest.mark.parametrize(
    "model",
    [
        *(m for _, m in parts()),
        ColumnMapping,
        PracticeSettings,
        OpticalSettings,
        RadarSettings,
        GrassSettings,
    ],
    ids=lambda model: model.__name__,
)
def test_every_setting_is_explained(model: type[BaseModel]) -> None:
    docs = attribute_docs(model)
    assert docs.keys() >= model.model_fields.keys()
    assert [name for name in model.model_fields if not docs[name]] == []


def test_a_setting_has_its_default_and_range(page: str) -> None:
    assert "| `NDVIUP` | 350 | ≥ -1000, ≤ 1000 | M2: upper threshold of NDVI loss. |" in page
    assert "| `max_cloud_percent` | number | 100 | ≥ 0, ≤ 100 | Optical scenes that state more" in page


def test_the_examples_of_what_goes_in_are_taken(tmp_path: Path) -> None:
    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text.lstrip(), encoding="utf-8")
        return path

    site = read_site_config(written("site.yaml", SITE_EXAMPLE))
    assert site.processors.l4c.practices == ("NA", "CC")
    mapping = read_yaml_model(written("declarations.yaml", formats_in.DECLARATIONS_EXAMPLE), ColumnMapping)
    assert mapping.parcel_id == ("FARM_NO", "PARCEL_NO")
    codes = read_crop_codes(written("codes.csv", formats_in.CROP_CODES_EXAMPLE))
    assert [code.ori_crop for code in codes.codes.values()] == ["265", "0461"]
    mowing = read_l4b_config(written("l4b.cfg", formats_in.L4B_EXAMPLE))
    assert [period.crop_code for period in mowing.compliance] == ["265", "331"]
    practices = read_l4c_config(written("l4c.cfg", formats_in.L4C_EXAMPLE), 2019)
    assert practices
    table = read_practice_table(written("cc.csv", formats_in.PRACTICES_EXAMPLE))
    assert table.ids.to_pylist() == ["31.001"]


def test_the_examples_of_what_comes_out_are_what_is_written() -> None:
    assert mowing_example()["m1_mis"] == "S2/S1"
    header, row = practice_example().splitlines()
    assert tuple(header.split(";")) == ORIGINAL_COLUMNS
    assert len(row.split(";")) == len(ORIGINAL_COLUMNS)
    parcels = crop_type_examples()["Diversification_parcels.csv"].splitlines()
    assert len(parcels) == 1 + len(CODES)
