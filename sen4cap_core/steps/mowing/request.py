"""What a mowing run started by hand may ask for."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sen4cap_core.declarations.settings.grass_settings import GrassSettings


class MowingRequest(BaseModel):
    """Parameters of one run. What is left empty is as site.yaml and the mowing configuration say.

    A run with any parameter stands aside: it writes tables, a product and pages, and leaves the answers in
    force as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    until: date | None = None
    """Use only what was acquired up to this day."""
    mowing_start: date | None = None
    """No mowing is looked for before this day of the season."""
    missions: Literal["S2", "S1", "S1_S2"] | None = None
    """Satellites whose observations are used; empty: as site.yaml says."""
    method: Literal["neighbourhood", "falls"] | None = None
    """How mowings are told from other falls: against what the grassland around shows, or by falls alone."""
    compat: Literal["default", "sen4cap"] | None = None
    """sen4cap: as the original, with its defects."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Thresholds of the neighbourhood method by name (docs/mowing.md), such as {"min_fall": 0.1}."""
    shapefile: bool = False
    """Also write the original's shapefile."""

    @field_validator("thresholds")
    @classmethod
    def _known(cls, thresholds: dict[str, float]) -> dict[str, float]:
        GrassSettings.model_validate(thresholds)
        return thresholds

    @property
    def stands_aside(self) -> bool:
        """Whether anything was asked for."""
        return self != MowingRequest()
