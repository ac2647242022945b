"""Evaluations of seasons whose files are lost are made again; earlier versions of them are given up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.db.made import crop_types as crop_rows
from sen4cap_core.db.made import mowing as mowing_rows
from sen4cap_core.db.made import practice_results as practice_rows
from sen4cap_core.db.made.retention import retire
from sen4cap_core.db.models import Product, Site
from sen4cap_core.products.naming import L4A_CROP_TYPES, L4B_MOWING, L4C_PRACTICES
from sen4cap_core.steps.shared.practice_asking import ask_practices_of_year
from sen4cap_core.steps.shared.product_files import files_of_product
from sen4cap_core.steps.shared.work import ask_crop_types, ask_mowing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ANSWERS = (L4A_CROP_TYPES, L4B_MOWING, L4C_PRACTICES)


def ask_lost_answers(session: Session, root: Path, lost: Sequence[int]) -> None:
    """Ask for the answers in force again of which a file is lost.

    A version that is not in force (a later one followed, or it was made by hand and stood aside) cannot be
    made again: where no file of it is left it is noted as given up, else it stays among the lost.

    Parameters
    ----------
    lost : products of which a file is missing.
    """
    in_force: set[int | None] = set()
    for slug, crops in crop_rows.runs_in_force(session, lost):
        ask_crop_types(session, slug, crops.season_id, crops.as_of, crops.method)
        in_force.add(crops.product_id)
    for slug, mowing in mowing_rows.runs_in_force(session, lost):
        ask_mowing(session, slug, mowing.season_id)
        in_force.add(mowing.product_id)
    for practices in practice_rows.practice_runs_in_force(session, lost):
        ask_practices_of_year(session, session.get_one(Site, practices.site_id), practices.year)
        in_force.add(practices.product_id)
    others = [session.get_one(Product, number) for number in lost if number not in in_force]
    gone = [
        one.id
        for one in others
        if one.kind in ANSWERS and not any(path.is_file() for path in files_of_product(root, one))
    ]
    retire(session, gone, [])
