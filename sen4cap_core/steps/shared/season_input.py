"""What every evaluation of a season begins with: the season, its site, declarations, observation files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made.products import ObservationFile
from sen4cap_core.db.models import DeclarationSet, Season, Site
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import ConfigurationError, NothingToDoError, Problem, Sen4capError
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.work import ask_process

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class SeasonInput:
    """A season that a processor may evaluate."""

    season: Season
    site: Site
    config: SiteConfig
    declared: DeclarationSet
    """In force."""


@dataclass(frozen=True)
class Otherwise:
    """How an evaluation by hand differs from what site.yaml and the uploaded configuration say."""

    until: date | None = None
    """Last day whose acquisitions count; None for all there are."""
    switch: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the processor in site.yaml that take the place of those there."""
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    """The same for the uploaded configuration of L4C, by practice and key, and the thresholds of L4B."""


AS_STATED = Otherwise()


def find_season(session: Session, season_id: int) -> tuple[Season, Site]:
    """Return a season and its site. Raises Sen4capError, naming those there are, for a number without one."""
    season = session.get(Season, season_id)
    if season is None:
        known = [
            f"{one.id} ({site.slug} {one.name} {one.year})"
            for site in site_rows.all_sites(session)
            for one in site_rows.seasons_of(session, site.id)
        ]
        told = ", ".join(known) or "none yet"
        raise Sen4capError(f"There is no season with the number {season_id}. Known seasons: {told}.")
    return season, site_rows.site_by_id(session, season.site_id)


def find_season_input(
    session: Session,
    season_id: int,
    processor: Literal["l4a", "l4b", "l4c"],
    otherwise: Otherwise = AS_STATED,
) -> SeasonInput:
    """Return what a processor's evaluation of a season begins with.

    Raises
    ------
    NothingToDoError
        The site is paused or switches the processor off, or nothing is declared yet.
    Sen4capError
        There is no such season.
    """
    season, site = find_season(session, season_id)
    config = _changed(SiteConfig.model_validate(site.config), processor, otherwise.switch)
    if not site.enabled:
        raise NothingToDoError(f"{site.slug} is paused: site.yaml says enabled: false")
    if not getattr(config.processors, processor).is_on:
        raise NothingToDoError(f"site.yaml of {site.slug} switches {processor.upper()} off")
    declared = declaration_rows.current_set(session, site.id, season.year)
    if declared is None:
        raise NothingToDoError(f"{site.slug} has no declarations of {season.year} yet")
    return SeasonInput(season, site, config, declared)


def _changed(config: SiteConfig, processor: str, switch: Mapping[str, Any]) -> SiteConfig:
    if not switch:
        return config
    values = config.model_dump(mode="json", exclude_unset=True)
    processors = values.setdefault("processors", {})
    processors[processor] = {**processors.get(processor, {}), **switch}
    return checked(SiteConfig, values, processor)


def checked(model: type[Model], values: Mapping[str, Any], what: str) -> Model:
    """Return values given by hand as a model. Raises ConfigurationError naming all that does not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [Problem(f"{'.'.join(map(str, e['loc']))}: {e['msg']}") for e in error.errors()]
        raise ConfigurationError("parameters", f"{what} cannot be like this.", problems=problems) from error


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
