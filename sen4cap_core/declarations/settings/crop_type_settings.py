"""Settings of the crop type map, for site.yaml and table runs; the values are the original's."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from sen4cap_core.declarations.texts.yaml_models import StrictModel

Method = Literal["default", "sen4cap"]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Share = Annotated[float, Field(gt=0, le=1)]


def _within_site(path: PurePosixPath) -> PurePosixPath:
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("a path within the upload folder of the site, such as 2019/strata/regions.gpkg")
    return path


RegionsFile = Annotated[PurePosixPath, AfterValidator(_within_site)]
"""A file of strata, from the upload folder of the site on."""


class CropTypeConfig(StrictModel):
    """All that the classification can be told."""

    mode: Literal["both", "s1-only", "s2-only"] = "both"
    """Satellites the features come from. ``both`` takes what there is."""
    land_covers: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 2, 3, 4)
    """LC classes that are classified."""
    min_s2_pix: Count = 3
    """Parcels with fewer Sentinel-2 pixels are not classified."""
    min_s1_pix: Count = 1
    """Parcels with fewer Sentinel-1 pixels are not classified where radar is used."""
    best_s2_pix: Count = 10
    """Only parcels with so many Sentinel-2 pixels are learnt from."""
    pa_min: Annotated[int, Field(ge=2)] = 30
    """Fewest parcels to learn from that a crop type needs to be classified."""
    pa_train_h: Count = 4000
    """Parcels from which on ``sample_ratio_h`` of the class is learnt from."""
    pa_train_l: Count = 1333
    """Parcels from which on ``smote_target`` are learnt from; below, ``sample_ratio_l`` of the class."""
    sample_ratio_h: Share = 0.25
    """Part of a large class that is learnt from."""
    sample_ratio_l: Share = 0.75
    """Part of a small class that is learnt from."""
    smote_target: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Samples to which a smaller class is filled up with synthetic ones (parity method)."""
    smote_k: Annotated[int, Field(ge=1, le=1000)] = 5
    """Neighbours among which a synthetic sample is made."""
    num_trees: Annotated[int, Field(ge=1, le=10_000)] = 300
    """Trees of the forest."""
    min_node_size: Annotated[int, Field(ge=1)] = 10
    """A node with so few samples is not split further (parity method)."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    """Start of the random numbers: the same input and seed give the same file."""
    optical_step_days: Annotated[int, Field(ge=1, le=60)] = 10
    """Step of the optical features."""
    max_gap_days: Annotated[int, Field(ge=1, le=366)] = 60
    """Longest gap between clear dates, or between weeks with radar, that is bridged without a flag."""
    max_filled_share: Share = 0.7
    """A parcel with a larger share of its features bridged beyond that limit, or unknown, is not
    classified."""
    doubtful_confidence: Annotated[float, Field(ge=0, le=1)] = 0.7
    """A prediction that contradicts the declaration with this confidence or more makes it doubtful."""

    @field_validator("land_covers", mode="before")
    @classmethod
    def _digits(cls, value: object) -> object:
        """Read the original's ``1234`` as classes 1 to 4, and its ``All`` as 0 to 5."""
        if isinstance(value, str) and value.lower() == "all":
            return tuple(range(6))
        if isinstance(value, int | str) and str(value).isdigit():
            return tuple(int(digit) for digit in str(value))
        return value
