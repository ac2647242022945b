"""One pass over a scene: NDVI raster and parcel observations at the same time.

What is there already is not made again: a scene whose raster exists is only extracted for the declaration
sets that miss it, from the raster, whose decode costs a fifteenth of the scene's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sen4cap_core.db import declarations as declaration_rows
from sen4cap_core.db import products as product_rows
from sen4cap_core.db import scenes as scene_rows
from sen4cap_core.db import sites as site_rows
from sen4cap_core.declarations.site import SiteConfig
from sen4cap_core.errors import BadUploadError, NothingToDoError, UnreadableSceneError
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.products.naming import L3B_NDVI
from sen4cap_core.rasters.scene_pass import run_pass
from sen4cap_core.scenes.model import Scene
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.ndvi_product import MadeRaster, make_path, publish_ndvi
from sen4cap_core.steps.observe import ObservedSet, extract_from_raster, write_set
from sen4cap_core.steps.observe_radar import observe_radar
from sen4cap_core.steps.parcel_labels import labels_of
from sen4cap_core.steps.practice_asking import ask_practices_of_season
from sen4cap_core.steps.work import NDVI_GROUP, ask_extract, ask_mowing, ask_process

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Subject:
    """A scene and what it still lacks."""

    scene_id: int
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
    raster_wanted: bool
    raster_path: Path | None
    """The NDVI raster, where it exists already."""
    missing_sets: list[tuple[int, int]] = field(default_factory=list)
    """(declaration set, year) without observations of this scene."""
    sensor: str = "s2-l2a"

    @property
    def is_radar(self) -> bool:
        """Whether this is a radar product."""
        return self.sensor.startswith(scene_rows.RADAR_PREFIX)

    @property
    def group(self) -> str:
        """Observation group of its parcel statistics."""
        return self.sensor.removeprefix(scene_rows.RADAR_PREFIX) if self.is_radar else NDVI_GROUP


@dataclass
class ProcessedScene:
    """What became of a scene, for the people who look."""

    subject: Subject
    raster_path: Path | None = None
    warnings: list[str] = field(default_factory=list)
    clear_fraction: float | None = None
    data_fraction: float | None = None
    observed: list[ObservedSet] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by stage."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def process_scene(context: Context, scene_id: int) -> ProcessedScene:
    """Make the raster and the observations that a scene still lacks.

    Raises
    ------
    NothingToDoError
        When the scene is unknown, superseded, outside of every season, or complete already.
    UnreadableSceneError
        When a file of the scene cannot be read; the scene is marked as failed with the reason.
    """
    subject = find_subject(context, scene_id)
    try:
        done = ProcessedScene(subject, subject.raster_path)
        if subject.is_radar:
            _process_radar(context, done)
        else:
            _process(context, done)
    except BadUploadError as error:
        _note_failure(context, subject, error)
        raise
    return done


def _note_failure(context: Context, subject: Subject, error: BadUploadError) -> None:
    """Mark a scene as failed; an older product of the same acquisition is in force again."""
    with context.session() as session:
        scene_rows.mark_scene(session, subject.scene_id, "failed", reason=str(error))
        session.flush()
        in_force, _ = scene_rows.supersede(session, subject.site_id, subject.acquisition_key)
        if in_force.id != subject.scene_id:
            ask_process(session, subject.site, in_force.id, again=True)


def find_subject(context: Context, scene_id: int) -> Subject:
    """Look up a scene and what is missing of it."""
    with context.session() as session:
        row = scene_rows.get_scene(session, scene_id)
        if row is None:
            raise NothingToDoError(f"scene {scene_id} does not exist")
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
        l3b = SiteConfig.model_validate(site.config).processors.l3b
        is_radar = row.sensor.startswith(scene_rows.RADAR_PREFIX)
        product = scene_rows.product_of_scene(session, row.id, L3B_NDVI)
        raster = context.settings.data / product.path if product else None
        subject = Subject(
            scene_id=row.id,
            site=site.slug,
            site_id=site.id,
            year=seasons[0].year,
            season_ids=[season.id for season in seasons],
            path=Path(row.path),
            product_id=row.product_id,
            tile=row.tile,
            acquired_at=row.acquired_at,
            acquisition_key=row.acquisition_key,
            raster_wanted=not is_radar and l3b.enabled and "ndvi" in l3b.indices,
            raster_path=raster if raster and raster.is_file() else None,
            sensor=row.sensor,
        )
        return replace(subject, missing_sets=missing_sets(session, subject, context.settings.data))


def missing_sets(session: Session, subject: Subject, data: Path) -> list[tuple[int, int]]:
    """Return (declaration set in force, year) of the scene's seasons whose observations are not there."""
    missing: set[tuple[int, int]] = set()
    for season in site_rows.seasons_on(session, subject.site_id, subject.acquired_at.date()):
        current = declaration_rows.current_set(session, subject.site_id, season.year)
        if current is None:
            continue
        path = product_rows.observations_path(session, subject.scene_id, current.id, subject.group)
        if path is None or not (data / path).is_file():
            missing.add((current.id, season.year))
    return sorted(missing)


def _open(subject: Subject) -> Scene:
    for scene in open_scenes(subject.path):
        if scene.product_id == subject.product_id and scene.tile == subject.tile:
            return scene
    raise UnreadableSceneError(
        subject.path,
        f"holds no tile {subject.tile} of {subject.product_id} any more",
        remedy="drop the scene again under its own name",
    )


def _process(context: Context, done: ProcessedScene) -> None:
    subject = done.subject
    if subject.raster_path is None and (subject.raster_wanted or subject.missing_sets):
        _read_scene(context, done)
    elif subject.missing_sets and subject.raster_path is not None:
        with done.stage("extract from raster"):
            for set_id, year in subject.missing_sets:
                done.observed.append(extract_from_raster(context, subject, subject.raster_path, set_id, year))
    else:
        _note_nothing_missing(context, subject)
    _close(context, done)


def _close(context: Context, done: ProcessedScene) -> None:
    """Mark the scene as processed and ask for what follows."""
    subject = done.subject
    with context.session() as session:
        scene_rows.mark_scene(
            session,
            subject.scene_id,
            "processed",
            clear_fraction=done.clear_fraction,
            data_fraction=done.data_fraction,
        )
        session.flush()
        # After a failure an older product was in force; now this one may be again.
        scene_rows.supersede(session, subject.site_id, subject.acquisition_key)
        if done.observed:
            for season_id in subject.season_ids:
                ask_mowing(session, subject.site, season_id)
                ask_practices_of_season(session, season_id)
        # Declarations that came while the scene was being read.
        for set_id, _year in missing_sets(session, subject, context.settings.data):
            ask_extract(session, subject.site, set_id)


def _process_radar(context: Context, done: ProcessedScene) -> None:
    """Add a radar product up over the parcels; it is a raster already, so none is made."""
    subject = done.subject
    if not subject.missing_sets:
        with context.session() as session:
            scene_rows.mark_scene(session, subject.scene_id, "processed")
        raise NothingToDoError(
            f"{subject.product_id} has nothing to be extracted: it is complete, or there are no declarations "
            "yet, which extract it later"
        )
    observe_radar(context, done)
    _close(context, done)


def _note_nothing_missing(context: Context, subject: Subject) -> NoReturn:
    with context.session() as session:
        scene_rows.mark_scene(session, subject.scene_id, "processed")
    if subject.raster_path is None:
        raise NothingToDoError("no raster is wanted and there are no declarations yet: they extract it later")
    raise NothingToDoError(f"{subject.product_id} is complete: nothing is missing")


def _read_scene(context: Context, done: ProcessedScene) -> None:
    """Decode the scene once: raster and the observations of the first missing set in one pass."""
    subject, scene = done.subject, _open(done.subject)
    done.warnings = scene.warnings
    first = subject.missing_sets[0] if subject.missing_sets else None
    labels = None
    if first is not None:
        with done.stage("labels"):
            labels = labels_of(context, subject.site, first[1], first[0], subject.tile, scene.grid)
    target = make_path(context, subject) if subject.raster_wanted else None
    with done.stage("decode, mask, NDVI, parcel sums"):
        result = run_pass(
            scene.bands,
            scene.masks,
            scene.grid,
            variables=[NDVI],
            labels=labels,
            raster_paths={"ndvi": target.path} if target else {},
            threads=context.settings.decode_threads,
            progress=context.progress,
        )
    done.clear_fraction, done.data_fraction = result.clear_fraction, result.data_fraction
    with done.stage("write and register"):
        if target is not None:
            publish_ndvi(context, subject, scene, target, result)
            done.raster_path = target.path
        if first is not None and result.observations is not None:
            done.observed.append(write_set(context, subject, result.observations, *first, source="scene"))
        for set_id, year in subject.missing_sets[1:]:
            done.observed.append(_further_set(context, subject, scene, target, set_id, year))


def _further_set(
    context: Context, subject: Subject, scene: Scene, target: MadeRaster | None, set_id: int, year: int
) -> ObservedSet:
    """Observations for another season's declarations: from the raster just made, else the scene again."""
    if target is not None:
        return extract_from_raster(context, subject, target.path, set_id, year)
    labels = labels_of(context, subject.site, year, set_id, subject.tile, scene.grid)
    result = run_pass(
        scene.bands,
        scene.masks,
        scene.grid,
        variables=[NDVI],
        labels=labels,
        raster_paths={},
        threads=context.settings.decode_threads,
    )
    assert result.observations is not None
    return write_set(context, subject, result.observations, set_id, year, source="scene")
