"""What the processing of a radar acquisition needs: its row, tiles, parcels, orbit file, elevation models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.db.acquired import radar as radar_rows
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.work.numbers import known_acquisition
from sen4cap_core.declarations.sites.site import RadarConfig
from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.external.running import ExternalProgramError
from sen4cap_core.rasters.decoding.elevation import ElevationError, describe_elevation
from sen4cap_core.rasters.grids.mgrs import tile_footprint, tiles_of_extent
from sen4cap_core.scenes.acquisition.footprints import split_at_antimeridian
from sen4cap_core.sentinel1.acquisition import Terrain, acquisition_orbit
from sen4cap_core.sentinel1.annotation import Annotation
from sen4cap_core.sentinel1.orbit import OrbitError, OrbitFit, choose_orbit_file, describe_orbit_file
from sen4cap_core.sentinel1.pairing import Acquisition
from sen4cap_core.sentinel1.product import Product
from sen4cap_core.steps.radar.receive_slc import is_geoid
from sen4cap_core.steps.radar.site import radar_config
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sen4cap_core.db.models import RadarAcquisition


@dataclass(frozen=True)
class RadarSubject:
    """An acquisition and what its processing needs."""

    number: int
    site: str
    site_id: int
    year: int
    path: Path
    product_id: str
    platform: str
    pairing: Acquisition
    direction: str
    stopped_at: datetime
    sets: tuple[int, ...]
    """Declaration sets in force of the seasons that cover it."""


@dataclass
class ProcessedRadar:
    """What became of an acquisition, for the people who look."""

    subject: RadarSubject
    made: list[str] = field(default_factory=list)
    """Names of the products."""
    waits: str | None = None
    """What it still waits for."""
    orbit: str = ""


def follow(context: Context, acquisition_id: int, work: Callable[[], ProcessedRadar]) -> ProcessedRadar:
    """Do the work on an acquisition and write down in its row what became of it.

    Raises
    ------
    NothingToDoError
        It waits for something, a better orbit file or elevation model included; the reason is in its row.
    BadUploadError
        The product cannot be used.
    ExternalProgramError
        SNAP failed.
    """
    try:
        done = work()
    except NothingToDoError as reason:
        _mark(context, acquisition_id, "waiting", str(reason))
        raise
    except (OrbitError, ElevationError) as error:
        # The product is good: it waits for a better file, whose arrival has it looked at again.
        _mark(context, acquisition_id, "waiting", str(error))
        raise NothingToDoError(str(error)) from error
    except (BadUploadError, ExternalProgramError) as error:
        _mark(context, acquisition_id, "failed", str(error))
        raise
    _mark(context, acquisition_id, "processed", done.waits)
    return done


def find_acquisitions(context: Context, acquisition_id: int) -> tuple[RadarSubject, list[RadarSubject]]:
    """Look up an acquisition, and all SLC of its relative orbit that are still there and not failed.

    Of a slice that was processed twice the product that came last counts, here and for its partners.
    """
    with context.session() as session:
        row = known_acquisition(session, acquisition_id)
        site = site_rows.site_by_id(session, row.site_id)
        if not site.enabled:
            raise NothingToDoError(f"{site.slug} is paused: site.yaml says enabled: false")
        seasons = site_rows.seasons_on(session, site.id, row.started_at.date())
        if not seasons:
            raise NothingToDoError(f"{row.product_id} lies outside of every season of {site.slug}")
        sets = [declaration_rows.current_set(session, site.id, season.year) for season in seasons]
        known = tuple(found.id for found in sets if found is not None)
        if not known:
            raise NothingToDoError("only what meets a parcel is processed, and nothing is declared yet")
        if not Path(row.path).exists():
            raise NothingToDoError(f"{row.path} is gone: drop the product again")
        newer = _there(radar_rows.newer_processings(session, row))
        if newer:
            raise NothingToDoError(
                f"{newer[0].product_id} takes its place, another processing of the same slice that came later"
            )
        others = _latest(_there(radar_rows.acquisitions_of_orbit(session, site.id, row.relative_orbit)))
        return _subject(row, site.slug, seasons[0].year, known), [
            _subject(one, site.slug, seasons[0].year, known) for one in others if one.id != acquisition_id
        ]


def _there(rows: Sequence[RadarAcquisition]) -> list[RadarAcquisition]:
    return [row for row in rows if Path(row.path).exists()]


def _subject(row: RadarAcquisition, slug: str, year: int, sets: tuple[int, ...]) -> RadarSubject:
    pairing = Acquisition(
        row.id,
        row.started_at,
        row.relative_orbit,
        tuple(row.polarisations),
        shapely.from_wkt(row.footprint_wkt),
    )
    return RadarSubject(
        row.id,
        slug,
        row.site_id,
        year,
        Path(row.path),
        row.product_id,
        row.platform,
        pairing,
        row.orbit_direction,
        row.stopped_at,
        sets,
    )


def _latest(rows: list[RadarAcquisition]) -> list[RadarAcquisition]:
    """Of several processings of one slice leave the one that came last."""
    return [
        one
        for one in rows
        if not any(
            other.id > one.id
            and other.platform == one.platform
            and abs(other.started_at - one.started_at) <= radar_rows.SAME_SLICE
            for other in rows
        )
    ]


def config_of(context: Context, subject: RadarSubject) -> RadarConfig:
    """Return what the site says of its radar products."""
    with context.session() as session:
        return radar_config(site_rows.site_by_id(session, subject.site_id))


def tiles_of(context: Context, subject: RadarSubject) -> list[str]:
    """Return the site's tiles that the acquisition meets."""
    outline = split_at_antimeridian(subject.pairing.footprint)
    with context.session() as session:
        tiles = list(site_rows.site_by_id(session, subject.site_id).tiles)
    met = [tile for tile in tiles or tiles_of_extent(outline) if outline.intersects(tile_footprint(tile))]
    if not met:
        raise NothingToDoError(f"{subject.product_id} meets none of the tiles of {subject.site}")
    return met


def parcels_on(context: Context, subject: RadarSubject, tile: str) -> NDArray[np.object_]:
    """Outlines of the declared parcels on a tile, longitude and latitude."""
    bounds = tile_footprint(tile).bounds
    with context.session() as session:
        frames = [declaration_rows.load_parcels(session, number, bounds=bounds) for number in subject.sets]
    outlines = [np.asarray(f.geometry[f.geom_valid & ~f.geometry.isna()], object) for f in frames]
    parcels: NDArray[np.object_] = np.concatenate(outlines)
    if not len(parcels):
        raise NothingToDoError(f"no parcel is declared on tile {tile}")
    return parcels


def terrain_of(context: Context, subject: RadarSubject) -> tuple[Terrain, list[str]]:
    """Return the elevation models that reach the acquisition, and what identifies them."""
    with context.session() as session:
        files = [
            (Path(p), sha) for p, sha in radar_rows.radar_files(session, subject.site) if Path(p).is_file()
        ]
    config = config_of(context, subject)
    images = [(path, sha) for path, sha in files if path.suffix.lower() in (".tif", ".tiff")]
    geoids = [(path, sha) for path, sha in images if is_geoid(path.name)]
    models, facts, references = [], [], set()
    for path, sha in images:
        if is_geoid(path.name):
            continue
        model = describe_elevation(path)
        if shapely.box(*model.bounds_deg).intersects(split_at_antimeridian(subject.pairing.footprint)):
            models.append(path)
            facts.append(f"dem:{sha}")
            references.add(model.reference or config.dem_heights)
    where = f"{subject.site}/{subject.year}/radar"
    if not models:
        raise NothingToDoError(f"no elevation model covers it: drop a GeoTIFF into {where}")
    if len(references) > 1:
        raise NothingToDoError(f"the elevation models in {where} count heights from different surfaces")
    if references == {"geoid"}:
        if not geoids:
            raise NothingToDoError(
                "the elevation model's heights count from the geoid: "
                f"drop a geoid grid (geoid*.tif) into {where}"
            )
        return Terrain(tuple(models), geoids[0][0]), [*facts, f"geoid:{geoids[0][1]}"]
    return Terrain(tuple(models)), facts


def orbit_file_of(context: Context, subject: RadarSubject) -> Path | None:
    """Return the best orbit file dropped for an acquisition, None where none covers it."""
    with context.session() as session:
        paths = [Path(path) for path, _ in radar_rows.radar_files(session, subject.site)]
    files = [describe_orbit_file(p) for p in paths if p.suffix.upper() == ".EOF" and p.is_file()]
    chosen = choose_orbit_file(files, subject.platform, subject.pairing.started_at, subject.stopped_at)
    return chosen.path if chosen else None


def open_geometry(
    context: Context, subject: RadarSubject, product: Product, annotation: Annotation
) -> tuple[OrbitFit, Terrain, list[str]]:
    """Return the orbit and the heights an acquisition is brought to the map with, and what identifies the
    product and both.
    """
    terrain, facts = terrain_of(context, subject)
    orbit_file = orbit_file_of(context, subject)
    orbit = acquisition_orbit(product, annotation, orbit_file)
    by = orbit_file.name if orbit_file else "annotation"
    return orbit, terrain, [f"product:{product.name}", *facts, f"orbit:{by}"]


def _mark(context: Context, acquisition_id: int, state: str, reason: str | None) -> None:
    with context.session() as session:
        radar_rows.mark_acquisition(session, acquisition_id, state, reason)
