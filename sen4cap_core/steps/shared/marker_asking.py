"""Ask for marker databases to be brought up to date, where something new was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sen4cap_core.db.models import Season
from sen4cap_core.steps.shared.work import ask_markers

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def ask_markers_of_seasons(session: Session, site_slug: str, season_ids: Sequence[int]) -> None:
    """Ask for the marker databases of the years of some seasons, once for each year."""
    for year in sorted({session.get_one(Season, season_id).year for season_id in season_ids}):
        ask_markers(session, site_slug, year)
