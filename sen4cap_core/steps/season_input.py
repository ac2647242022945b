"""What every evaluation of a season begins with: the season, its site, declarations, observation files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sen4cap_core.db import declarations as declaration_rows
from sen4cap_core.db import sites as site_rows
from sen4cap_core.db.models import DeclarationSet, Season, Site
from sen4cap_core.db.products import ObservationFile
from sen4cap_core.declarations.site import SiteConfig
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.work import ask_process

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class SeasonInput:
    """A season that a processor may evaluate."""

    season: Season
    site: Site
    config: SiteConfig
    declared: DeclarationSet
    """In force."""


def find_season(session: Session, season_id: int) -> tuple[Season, Site]:
    """Return a season and its site. Raises NothingToDoError where there is no such season."""
    season = session.get(Season, season_id)
    if season is None:
        raise NothingToDoError(f"season {season_id} does not exist")
    return season, site_rows.site_by_id(session, season.site_id)


def find_season_input(
    session: Session, season_id: int, processor: Literal["l4a", "l4b", "l4c"]
) -> SeasonInput:
    """Return what a processor's evaluation of a season begins with.

    Raises
    ------
    NothingToDoError
        There is no such season, its site is paused or switches the processor off, or nothing is declared yet.
    """
    season, site = find_season(session, season_id)
    config = SiteConfig.model_validate(site.config)
    if not site.enabled:
        raise NothingToDoError(f"{site.slug} is paused: site.yaml says enabled: false")
    if not getattr(config.processors, processor).is_on:
        raise NothingToDoError(f"site.yaml of {site.slug} switches {processor.upper()} off")
    declared = declaration_rows.current_set(session, site.id, season.year)
    if declared is None:
        raise NothingToDoError(f"{site.slug} has no declarations of {season.year} yet")
    return SeasonInput(season, site, config, declared)


def require_files(
    context: Context, site: str, files: Iterable[ObservationFile], *, then: str = "then this is"
) -> None:
    """See that all observation files are there; ask for lost ones to be made again.

    Raises
    ------
    Sen4capError
        When some are gone; ``then`` tells what becomes of the evaluation.
    """
    lost = [file for file in files if not (context.settings.data / file.path).is_file()]
    if not lost:
        return
    with context.session() as session:
        for scene_id in sorted({file.scene_id for file in lost}):
            ask_process(session, site, scene_id, again=True)
    raise Sen4capError(
        f"{len(lost)} observation files are gone ({lost[0].path} ...): they are made again, {then}"
    )
