"""Which processors of a site are on, and how: the section ``processors`` of site.yaml."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig, RegionsFile
from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.declarations.settings.l4b_file import values_of_sections
from sen4cap_core.declarations.settings.l4c_config import PracticeSettings
from sen4cap_core.declarations.texts.yaml_models import StrictModel
from sen4cap_core.errors import ConfigurationError

Index = Literal[
    "ndvi", "ndwi", "brightness", "lai", "fapar", "fcover",
    "ndwi2", "mndwi", "ndti", "ci", "brightness2", "redness", "rvi", "savi", "tsavi", "msavi", "msavi2",
    "gemi", "ipvi", "tndvi", "lai_ndvi", "lai_linear",
    "input_domain", "lai_domain", "fapar_domain", "fcover_domain",
]  # fmt: skip
Practice = Literal["NA", "CC", "FL", "NFC"]


class ProcessorConfig(StrictModel):
    """What all processors have in common. ``false`` and ``true`` in the file set ``enabled`` alone."""

    enabled: bool = True
    """Whether it runs."""
    compat: Literal["sen4cap"] | None = None
    """``sen4cap`` brings back the defects of the original, for comparisons with its results."""

    @property
    def is_on(self) -> bool:
        """Whether it has anything to do."""
        return self.enabled


class L3ASwitch(ProcessorConfig):
    """Monthly composites. They are large: only a site that names them gets them by the calendar."""

    enabled: bool = False
    """Whether they are made by the calendar; naming any setting of them says so as well."""


class L3BSwitch(ProcessorConfig):
    """Vegetation status. A list in the file sets ``indices`` alone."""

    indices: tuple[Index, ...] = Field(default=("ndvi",), min_length=1)
    """Rasters made of each scene."""


class L4ASwitch(ProcessorConfig):
    """Crop types, and crop diversification with them."""

    settings: CropTypeConfig = CropTypeConfig()
    """Settings of the classification, such as ``pa_min: 20`` (docs/crop-types.md)."""
    diversification: Thresholds = Thresholds()
    """Thresholds of crop diversification, such as ``min_confidence: 0.9``."""
    strata: RegionsFile | None = None
    """File of regions with a model each, for years without an upload of their own: a path within the upload
    folder of the site, such as ``2019/strata/regions.gpkg``."""


class L4BSwitch(ProcessorConfig):
    """Mowing of grassland; its thresholds come in l4b-config/*.cfg."""

    mowing_start: date | None = None
    """No mowing is looked for before this day; default: the start of the season."""
    method: Literal["neighbourhood", "falls"] | None = None
    """``falls``: the original's rule on three clear values; default: ``neighbourhood`` (docs/mowing.md)."""
    settings: dict[str, dict[str, str | float | list[str]]] = Field(default_factory=dict)
    """Settings of l4b-config/*.cfg by section and key, for all years of the site; an uploaded file goes over
    them."""

    @field_validator("settings")
    @classmethod
    def _known(cls, settings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        try:
            values_of_sections(settings)
        except ConfigurationError as error:
            raise ValueError("; ".join(problem.text for problem in error.problems)) from None
        return settings

    shapefile: bool = False
    """Also write the original's shapefile of each evaluation."""

    @model_validator(mode="after")
    def _original_has_falls_only(self) -> L4BSwitch:
        if self.compat == "sen4cap" and self.method == "neighbourhood":
            raise ValueError("the original (compat: sen4cap) does not have the method neighbourhood")
        return self


class L4CSwitch(ProcessorConfig):
    """Agricultural practices; their thresholds come in l4c-config/*.cfg."""

    practices: tuple[Practice, ...] = ("NA", "CC", "FL", "NFC")
    """Practices looked at, as far as their tables are uploaded."""
    tillage: bool = False
    """Whether tillage is looked for after the harvest."""
    use_prev_prd: bool | None = None
    """Whether harvest weeks an earlier evaluation found stay as they are; default: only with compat."""
    settings: dict[Literal["all", "NA", "CC", "FL", "NFC"], dict[str, str | float | int]] = Field(
        default_factory=dict
    )
    """Settings of l4c-config/*.cfg by practice and key, for all years of the site; an uploaded file goes over
    them."""

    @property
    def is_on(self) -> bool:
        """Whether it has anything to do: an empty list of practices switches it off too."""
        return self.enabled and bool(self.practices)

    @field_validator("settings")
    @classmethod
    def _known(cls, settings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for values in settings.values():
            PracticeSettings.model_validate({key.lower(): value for key, value in values.items()})
        return settings


def _expand_switch(value: Any) -> Any:
    return {"enabled": value} if isinstance(value, bool) else value


def _expand_named(value: Any) -> Any:
    return {"enabled": True, **value} if isinstance(value, dict) else _expand_switch(value)


def _expand_indices(value: Any) -> Any:
    return {"indices": value} if isinstance(value, list) else _expand_switch(value)


class ProcessorsConfig(StrictModel):
    """Which processors run. What is not named runs as soon as its input is there, L3A excepted."""

    l3a: Annotated[
        L3ASwitch, BeforeValidator(_expand_named, json_schema_input_type=bool | L3ASwitch)
    ] = L3ASwitch()  # fmt: skip
    """Monthly composites, where they are named: large files, so nobody gets them unasked."""
    l3b: Annotated[
        L3BSwitch, BeforeValidator(_expand_indices, json_schema_input_type=bool | list[Index] | L3BSwitch)
    ] = L3BSwitch()  # fmt: skip
    """Vegetation status."""
    l4a: Annotated[
        L4ASwitch, BeforeValidator(_expand_switch, json_schema_input_type=bool | L4ASwitch)
    ] = L4ASwitch()  # fmt: skip
    """Crop types, and crop diversification."""
    l4b: Annotated[
        L4BSwitch, BeforeValidator(_expand_switch, json_schema_input_type=bool | L4BSwitch)
    ] = L4BSwitch()  # fmt: skip
    """Mowing of grassland."""
    l4c: Annotated[
        L4CSwitch, BeforeValidator(_expand_switch, json_schema_input_type=bool | L4CSwitch)
    ] = L4CSwitch()  # fmt: skip
    """Agricultural practices."""
