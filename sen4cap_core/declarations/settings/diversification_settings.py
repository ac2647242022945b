"""The figures of the crop diversification rules, as a small YAML file can change them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from sen4cap_core.declarations.texts.yaml_models import StrictModel

SHARE_STEPS = 10_000
"""Shares are whole multiples of 1/10 000, so that a comparison of areas with them is exact."""

Share = Annotated[float, Field(gt=0, le=1)]
Hectares = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class Thresholds(StrictModel):
    """All that the assessment can be told; the values are those of Article 44 of Regulation (EU) 1307/2013
    as the original applies them.
    """

    exemption_area_ha: Hectares = 10.0
    """Holdings with less arable land than this are exempt."""
    large_area_ha: Hectares = 30.0
    """Above this three crops are required; also the most arable land that may remain beside grass, fallow
    and crops under water in a holding that is exempt for these."""
    grass_share: Share = 0.75
    """Share of grass, fallow (arable land) or of grass and crops under water (eligible area) beyond which
    the exemptions 2 and 3 and category 3 hold."""
    main_crop_share: Share = 0.75
    """Most that the largest crop may cover."""
    two_crops_share: Share = 0.95
    """Most that the two largest crops may cover together, in category 2."""
    crops_medium: int = Field(2, ge=1, le=100)
    """Crops required in category 1."""
    crops_large: int = Field(3, ge=1, le=100)
    """Crops required in category 2, and by default in category 3."""
    min_confidence: float = Field(0.75, ge=0)
    """A prediction that contradicts the declaration takes its place from this confidence (0..1) on; above
    1 never. The original's 2.0 is never reached, and ``compat: sen4cap`` does not look at it."""
    min_s2_pixels: int = Field(3, ge=0)
    """With fewer Sentinel-2 pixels the reason why a parcel is not classified is the pixels."""
    min_s1_pixels: int = Field(1, ge=0)
    """The same for Sentinel-1."""
    excluded_land_covers: tuple[int, ...] = (0, 5)
    """Land covers (LC) the classification does not look at."""

    @field_validator("grass_share", "main_crop_share", "two_crops_share")
    @classmethod
    def _is_in_steps(cls, share: float) -> float:
        if abs(share * SHARE_STEPS - round(share * SHARE_STEPS)) > 1e-6:
            raise ValueError("a share has at most four decimals")
        return share
