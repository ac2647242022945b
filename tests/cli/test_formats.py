"""The page of formats is what the models say."""

from __future__ import annotations

from pathlib import Path

from sen4cap_core.cli.formats import attribute_docs, formats_page
from sen4cap_core.declarations.l4c_config import PracticeSettings

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def test_the_page_has_not_drifted_from_the_models() -> None:
    told = "run: python -m sen4cap_core.cli.formats docs/formats.md"
    assert PAGE.read_text(encoding="utf-8") == formats_page(), told


def test_every_setting_is_explained() -> None:
    docs = attribute_docs(PracticeSettings)
    assert docs.keys() == PracticeSettings.model_fields.keys()
    assert all(docs.values())
    assert "| `NDVIUP` | 350 | ≥ -1000, ≤ 1000 | M2: upper threshold of NDVI loss. |" in formats_page()
