"""Which crops of a crop code table are grassland."""

from __future__ import annotations

from collections.abc import Iterable

from sen4cap_core.db.models import CropCode
from sen4cap_core.declarations.tables.crop_codes import is_grass


def grassland_codes(codes: Iterable[CropCode]) -> set[str]:
    """Return the codes that the table calls grassland."""
    return {code.ori_crop for code in codes if is_grass(code.lc, code.pgrass, code.tgrass)}
