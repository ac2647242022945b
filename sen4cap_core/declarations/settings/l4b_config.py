"""The grassland mowing configuration: all that L4B can be told, in one frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sen4cap_core.declarations.settings.grass_settings import GrassSettings

Compat = Literal["default", "sen4cap"]
"""``sen4cap`` reproduces the original with its defects; ``default`` is the same method without them."""

Method = Literal["neighbourhood", "falls"]
"""Of the default mode. ``neighbourhood``: falls beyond what the grassland around shows. ``falls``: the
original's rule on three successive clear values."""

SECONDS_PER_DAY = 86_400


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OpticalSettings(_Frozen):
    """Thresholds of the NDVI branch; NDVI in -1..1, rates in NDVI per day."""

    scale: float = Field(1000.0, gt=0)
    """Stored NDVI of the observation tables divided by this is NDVI (``sc_fact``)."""
    corrupted_th: float = Field(0.1, ge=-1, le=1)
    """NDVI below this is taken for no observation."""
    decreasing_abs_th: float = Field(0.12, ge=-2, le=2)
    """A fall must exceed this."""
    decreasing_rate_th: float = -1e-6
    """The slope of the fall must be below this."""
    increasing_rate_th: float = 0.05
    """The slope after the low value must be below this, else the low was a cloud."""
    high_abs_th: float = Field(0.75, ge=-1, le=2)
    """The low value must be below this."""
    low_abs_th: float = Field(0.5, ge=-1, le=1)
    """The value before the fall must be above this."""
    no_mowing_after_det_days: float = Field(30.0, ge=0, le=366)
    """Longer intervals are cut to this length, ending at the low value."""
    non_overlap_interval_days: float = Field(45.0, ge=0, le=366)
    """Two detections are kept when together they span at least this."""
    back_window_samples: int = Field(0, ge=0)
    """``stat_smpl_n``: so many intervals before the start date are read too."""
    time_interval_days: float = Field(5.0, gt=0, le=100)
    """Assumed time between acquisitions."""
    acquisition_time_s: int = Field(37_800, ge=0, lt=SECONDS_PER_DAY)
    """Fixed local time of the intervals, seconds after midnight."""
    erode_pixels: int = Field(0, ge=0)
    """Acts on the parcel labels, before the observations; recorded here, not applied to tables."""


class RadarSettings(_Frozen):
    """Thresholds of the coherence branch; coherence in 0..1."""

    polarisations: tuple[Literal["VH", "VV"], ...] = ("VH",)
    """Polarisations of the coherence that is looked at, in their order."""
    pfa: float = Field(3.0e-8, gt=0, lt=1)
    """Probability of a false alarm of the CFAR test, per acquisition."""
    window_samples: int = Field(5, ge=2, le=60)
    """``stat_smpl_n``: acquisitions of the line before the tested one."""
    saturate_sigma: bool = True
    """Whether the deviation of the residuals is at least what ``min_cohe_var`` allows."""
    min_coherence_variance: float = Field(0.024, ge=0)
    """Floor of the residual variance of one pixel."""
    non_overlap_interval_days: float = Field(28.0, ge=0, le=366)
    """Two detections are kept when together they span at least this."""
    time_interval_days: float = Field(6.0, gt=0, le=100)
    """Assumed length of a coherence pair where the real one is not known or not used."""
    ascending_time_s: int = Field(64_800, ge=0, lt=SECONDS_PER_DAY)
    """Local time of ascending passes, seconds after midnight."""
    descending_time_s: int = Field(21_600, ge=0, lt=SECONDS_PER_DAY)
    """Local time of descending passes, seconds after midnight."""
    orbits: tuple[str, ...] = ()
    """Relative orbits in the order they are taken; empty: all, ascending."""
    orbit_types: tuple[Literal["ASC", "DESC"], ...] = ()
    """One for each of ``orbits``, or empty."""
    erode_pixels: int = Field(0, ge=0)
    """As that of the NDVI branch."""


class CompliancePeriod(_Frozen):
    """One crop code's period in which it must be mown."""

    crop_code: str
    start: date
    end: date
    rule: Literal[0, 1] = 0
    """0: at least one mowing inside. 1: at least one mowing inside and none outside."""


class L4BConfig(_Frozen):
    """All that L4B can be told. Defaults are the original's; the compliance list is empty."""

    ct_numbers: tuple[str, ...] = ()
    """``CTNUM_FILTER``: crop type numbers to keep; empty keeps grassland by the crop code table, and all
    without a table or with ``compat: sen4cap``."""
    additional_columns: tuple[str, ...] = ()
    """Further columns of the declarations, capitals or not, that come along into the mowing tables."""
    s2: OpticalSettings = OpticalSettings()
    s1: RadarSettings = RadarSettings()
    compliance: tuple[CompliancePeriod, ...] = ()
    grass: GrassSettings = GrassSettings()
    """Thresholds of the neighbourhood method, which the original does not have."""


MODELS: Mapping[str, type[_Frozen] | type[GrassSettings]] = {
    "s2": OpticalSettings,
    "s1": RadarSettings,
    "grass": GrassSettings,
}
"""Groups that are models of their own."""


def normal_orbit(text: str) -> str:
    """Write a relative orbit with three digits (``37``, ``37.0`` -> ``037``); other text is left as it is."""
    number = text.removesuffix(".0")
    return number.zfill(3) if number.isdigit() else text
