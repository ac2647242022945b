"""From the numbers in an asset's file to reflectance: which scale, which offset, and is it still to apply.

Since baseline 04.00 the numbers of Level-2A carry an offset of 1000. A STAC item may say so for each band,
may say that its provider has already taken it off, or may say nothing; it is applied exactly once:

1. ``earthsearch:boa_offset_applied`` (or its older name ``sentinel:boa_offset_applied``) is true: the
   numbers are free of it. Such items go on stating ``offset: -0.1``, which is ignored.
2. An offset stated for the band is used (``raster:bands``, ``bands`` of STAC 1.1, or the asset itself).
3. An offset written in the file's own band tags is used.
4. Nothing is stated and the baseline is 04.00 or later: -1000 is applied, with a warning; this is right
   for providers that pass the original numbers on unchanged.
5. Nothing is stated and the baseline is earlier or unknown: none; with a warning where the baseline is
   unknown and the image was taken after 2022-01-25.

Files of floating-point type hold reflectance as it is unless something is stated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sen4cap_core.scenes.acquisition.s2_names import (
    OFFSET_SINCE,
    USUAL_BOA_OFFSET,
    USUAL_QUANTIFICATION,
    carries_offset,
)


@dataclass(frozen=True)
class Scaling:
    """Physical value = number * scale + offset; ``warning`` says what had to be guessed."""

    scale: float
    offset: float
    nodata: float | None
    warning: str | None = None


@dataclass(frozen=True)
class FileNumbers:
    """What the file itself says about one of its bands."""

    is_float: bool
    scale: float
    offset: float
    nodata: float | None


def band_scaling(
    band: str,
    asset: Mapping[str, Any],
    band_index: int,
    properties: Mapping[str, Any],
    baseline: str | None,
    acquired_at: datetime,
    file: FileNumbers,
) -> Scaling:
    """Decide scale, offset and no-data number of one band by the rules above.

    Raises
    ------
    ValueError
        In words for a user: a stated scale, offset or nodata is not a number, or the scale is not positive.
    """
    scale = stated_number(asset, band_index, "scale")
    offset = stated_number(asset, band_index, "offset")
    nodata = stated_number(asset, band_index, "nodata")
    if nodata is None:
        nodata = file.nodata
    if nodata is None:
        nodata = math.nan if file.is_float else 0.0
    if band == "SCL":
        return Scaling(1.0, 0.0, nodata)
    if scale is not None and scale <= 0:
        raise ValueError(f"the stated scale of {band} is {scale:g}, it must be positive")
    file_speaks = file.scale != 1.0 or file.offset != 0.0
    if scale is None:
        scale = file.scale if file_speaks else 1.0 if file.is_float else 1.0 / USUAL_QUANTIFICATION
    if is_offset_applied(properties):
        return Scaling(scale, 0.0, nodata)
    if offset is not None:
        contradicts = offset != 0.0 and baseline is not None and not carries_offset(baseline)
        return Scaling(
            scale,
            offset,
            nodata,
            f"the item states an offset of {offset:g} although baseline {baseline} has none; it is applied."
            if contradicts
            else None,
        )
    if file_speaks:
        return Scaling(scale, file.offset, nodata)
    if file.is_float:
        return Scaling(scale, 0.0, nodata)
    if baseline is not None and carries_offset(baseline):
        return Scaling(
            scale,
            USUAL_BOA_OFFSET * scale,
            nodata,
            f"baseline {baseline} and no offset stated in the item: {USUAL_BOA_OFFSET} is added to the "
            "numbers. If your provider has already done so, state it: raster:bands with offset 0.",
        )
    if baseline is None and acquired_at >= OFFSET_SINCE:
        return Scaling(
            scale,
            0.0,
            nodata,
            "taken after 2022-01-25, and the item states neither an offset nor a processing baseline: no "
            "offset is applied. If the numbers carry one, state it in raster:bands.",
        )
    return Scaling(scale, 0.0, nodata)


def is_offset_applied(properties: Mapping[str, Any]) -> bool:
    """Whether the item says that its provider has taken the offset off."""
    return any(
        properties.get(f"{prefix}:boa_offset_applied") is True for prefix in ("earthsearch", "sentinel", "s2")
    )


def stated_number(asset: Mapping[str, Any], band_index: int, name: str) -> float | None:
    """Find ``scale``, ``offset`` or ``nodata`` of one band of an asset; None where it is not stated.

    ``raster:bands[i].scale`` (STAC 1.0), ``bands[i]["raster:scale"]`` (STAC 1.1) and the asset's own
    ``raster:scale`` mean the same; ``nodata`` has no prefix in 1.1.
    """
    candidates: list[tuple[Mapping[str, Any], str]] = []
    for list_name, key in (("raster:bands", name), ("bands", f"raster:{name}"), ("bands", name)):
        entries = asset.get(list_name)
        if isinstance(entries, list) and len(entries) >= band_index:
            entry = entries[band_index - 1]
            if isinstance(entry, Mapping):
                candidates.append((entry, key))
    candidates += [(asset, f"raster:{name}"), (asset, name)]
    for holder, key in candidates:
        value = holder.get(key)
        if value is None:
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.inf
        if math.isinf(number) or (math.isnan(number) and name != "nodata"):
            raise ValueError(f"the stated {name} is {value!r}, a number was expected")
        return number
    return None
