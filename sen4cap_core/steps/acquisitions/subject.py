"""A scene, what there is of it and what it still lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.models import SceneRow, Site
from sen4cap_core.db.work.numbers import known_scene
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.products.naming import l3b_collection
from sen4cap_core.steps.acquisitions.wanted import wanted_of
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sen4cap_core.steps.acquisitions.observe import ObservedSet


@dataclass(frozen=True)
class MissingSet:
    """A declaration set that lacks observations of a scene."""

    set_id: int
    year: int
    groups: Mapping[str, frozenset[str]]
    """Group -> all variables its file is to hold."""
    statistics: frozenset[str] = frozenset()
    """Of each variable beside mean and deviation."""


@dataclass(frozen=True)
class Subject:
    """A scene and what it still lacks."""

    scene_id: int
    sensor: str
    site: str
    site_id: int
    year: int
    """Of the first season that covers it."""
    season_ids: list[int]
    path: Path
    product_id: str
    tile: str
    acquired_at: datetime
    acquisition_key: str
    lacking: frozenset[str] = frozenset()
    """Variables it can never give."""
    rasters: Mapping[str, Path] = field(default_factory=dict)
    """By variable, those that are there."""
    missing_rasters: tuple[str, ...] = ()
    missing_sets: tuple[MissingSet, ...] = ()

    @property
    def is_radar(self) -> bool:
        """Whether it is a radar product."""
        return self.sensor.startswith(scene_rows.RADAR_PREFIX)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing_rasters and not self.missing_sets


@dataclass
class ProcessedScene:
    """What became of a scene, for the people who look."""

    subject: Subject
    rasters: dict[str, Path] = field(default_factory=dict)
    """By variable: what was there and what was made."""
    made: list[str] = field(default_factory=list)
    """Variables whose raster was made now."""
    lacking: dict[str, str] = field(default_factory=dict)
    """Variables found missing in the product for good, with the reason."""
    warnings: list[str] = field(default_factory=list)
    clear_fraction: float | None = None
    data_fraction: float | None = None
    observed: list[ObservedSet] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by stage."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start


def find_subject(context: Context, scene_id: int) -> Subject:
    """Look up a scene and what is missing of it.

    Raises
    ------
    NothingToDoError
        When the scene is superseded, outside of every season, or its site is paused.
    UnknownNumberError
        There is no such scene.
    """
    with context.session() as session:
        row = known_scene(session, scene_id)
        if row.state == "superseded":
            raise NothingToDoError(f"{row.product_id} is {row.state_reason}")
        site = site_rows.site_by_id(session, row.site_id)
        if not site.enabled:
            raise NothingToDoError(f"{site.slug} is paused: site.yaml says enabled: false")
        seasons = site_rows.seasons_on(session, site.id, row.acquired_at.date())
        if not seasons:
            raise NothingToDoError(
                f"{row.product_id} of {row.acquired_at:%Y-%m-%d} lies outside of every season of {site.slug}"
            )
        subject = Subject(
            scene_id=row.id,
            sensor=row.sensor,
            site=site.slug,
            site_id=site.id,
            year=seasons[0].year,
            season_ids=[season.id for season in seasons],
            path=Path(row.path),
            product_id=row.product_id,
            tile=row.tile,
            acquired_at=row.acquired_at,
            acquisition_key=row.acquisition_key,
            lacking=frozenset(row.lacking),
        )
        return _with_missing(session, subject, site, row, context.settings.data)


def _with_missing(session: Session, subject: Subject, site: Site, row: SceneRow, data: Path) -> Subject:
    wanted = wanted_of(session, site, subject.year, row.sensor).without(subject.lacking)
    paths = {kind: data / path for kind, path in scene_rows.products_of_scene(session, row.id).items()}
    rasters = {
        variable: paths[l3b_collection(variable)]
        for variable in _raster_variables(paths)
        if paths[l3b_collection(variable)].is_file()
    }
    return replace(
        subject,
        rasters=rasters,
        missing_rasters=tuple(sorted(wanted.rasters - set(rasters))),
        missing_sets=missing_sets(session, subject, data),
    )


def _raster_variables(paths: Mapping[str, Path]) -> list[str]:
    prefix = l3b_collection("")
    return [kind.removeprefix(prefix) for kind in paths if kind.startswith(prefix)]


def missing_sets(session: Session, subject: Subject, data: Path) -> tuple[MissingSet, ...]:
    """Return what the declaration sets in force of the scene's seasons lack of its observations."""
    missing: dict[int, MissingSet] = {}
    site = site_rows.site_by_id(session, subject.site_id)
    for season in site_rows.seasons_on(session, subject.site_id, subject.acquired_at.date()):
        current = declaration_rows.current_set(session, subject.site_id, season.year)
        if current is None or current.id in missing:
            continue
        wanted = wanted_of(session, site, season.year, subject.sensor).without(subject.lacking)
        there = product_rows.observed_groups(session, subject.scene_id, current.id)
        groups = {
            group: variables
            for group, variables in wanted.groups.items()
            if group not in there
            or not wanted.is_met(group, there[group].variables)
            or not (data / there[group].path).is_file()
        }
        if groups:
            missing[current.id] = MissingSet(current.id, season.year, groups, wanted.statistics)
    return tuple(missing[set_id] for set_id in sorted(missing))
