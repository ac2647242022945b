"""Declared crop codes against the crop code table in force: parcels stay, the gap is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.work.receipt_warnings import ABOUT_TABLE
from sen4cap_core.declarations.tables.crop_codes import CropCode, CropCodeTable, unknown_codes
from sen4cap_core.errors import Problem

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_FIELDS = [name for name in CropCode.__dataclass_fields__ if name != "other"]


def table_in_force(session: Session, site_id: int, year: int) -> CropCodeTable | None:
    """Return the crop code table of a site and year, None where none was dropped."""
    rows = declaration_rows.crop_codes(session, site_id, year)
    if not rows:
        return None
    codes = {row.ori_crop: CropCode(**{name: getattr(row, name) for name in _FIELDS}) for row in rows}
    return CropCodeTable(codes, encoding="utf-8", delimiter=",")


def codes_not_in(
    session: Session, site_id: int, year: int, table: CropCodeTable | None
) -> list[dict[str, object]]:
    """Return declared crop codes that a table lacks, with parcels and area; nothing without a table."""
    current = declaration_rows.current_set(session, site_id, year)
    if current is None or table is None:
        return []
    codes, areas_m2 = declaration_rows.crops_and_areas(session, current.id)
    return [
        {"crop code": u.code, "parcels": u.n_parcels, "area_ha": round(u.area_ha, 2), "hint": u.hint}
        for u in unknown_codes(table, codes, areas_m2)
    ]


def missing_codes_warning(missing: list[dict[str, object]]) -> list[Problem]:
    """Return one warning that counts the parcels whose code is not in the table."""
    if not missing:
        return []
    parcels = sum(int(str(row["parcels"])) for row in missing)
    return [
        Problem(
            f"{len(missing)} declared crop codes ({parcels} parcels) are not in the {ABOUT_TABLE}: "
            "the parcels stay in the system, flagged"
        )
    ]
