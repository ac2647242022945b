"""An acquisition in the radar's geometry becomes backscatter and, with its partners, coherence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.db import declarations as declaration_rows
from sen4cap_core.db import radar as radar_rows
from sen4cap_core.db import sites as site_rows
from sen4cap_core.declarations.site import RadarConfig
from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.products.naming import content_key
from sen4cap_core.rasters.elevation import describe_elevation
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.mgrs import tile_footprint, tile_grid, tiles_of_extent
from sen4cap_core.scenes.footprints import split_at_antimeridian
from sen4cap_core.sentinel1.acquisition import (
    BurstPlan,
    Terrain,
    acquisition_orbit,
    geocode_bursts,
    plan_bursts,
)
from sen4cap_core.sentinel1.mosaic import match_bursts, merge_coherence, merge_power
from sen4cap_core.sentinel1.orbit import choose_orbit_file, describe_orbit_file
from sen4cap_core.sentinel1.pairing import Acquisition, earlier_partners, pairs_of, why_alone
from sen4cap_core.sentinel1.product import Product, open_product
from sen4cap_core.sentinel1.store import StoredBurst, find_bursts, make_room, store_bursts
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.radar_product import RadarRaster, publish_radar
from sen4cap_core.steps.radar_site import radar_config
from sen4cap_core.steps.receive_slc import is_geoid

if TYPE_CHECKING:
    from sen4cap_core.db.models import RadarAcquisition

MAX_CACHE_BYTES = 60 * 1024**3
"""Geocoded bursts of one acquisition of a whole tile have up to 10 GB."""


@dataclass(frozen=True)
class SlcSubject:
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
class ProcessedSlc:
    """What became of an acquisition, for the people who look."""

    subject: SlcSubject
    made: list[str] = field(default_factory=list)
    """Names of the products."""
    waits: str | None = None
    """What it still waits for."""
    orbit: str = ""


def process_slc(context: Context, acquisition_id: int) -> ProcessedSlc:
    """Make backscatter of an acquisition and coherence of all pairs it is part of.

    What exists already is found by its content key and not made again.

    Raises
    ------
    NothingToDoError
        It waits for something: declarations, a season, an elevation model; the reason is in its row as well.
    BadUploadError
        The product, an orbit file or an elevation model cannot be used.
    """
    try:
        subject, others = find_acquisitions(context, acquisition_id)
        done = _process(context, subject, others)
    except NothingToDoError as reason:
        _mark(context, acquisition_id, "waiting", str(reason))
        raise
    except BadUploadError as error:
        _mark(context, acquisition_id, "failed", str(error))
        raise
    _mark(context, acquisition_id, "processed", done.waits)
    return done


def find_acquisitions(context: Context, acquisition_id: int) -> tuple[SlcSubject, list[SlcSubject]]:
    """Look up an acquisition, and all of its relative orbit that are still there."""
    with context.session() as session:
        row = radar_rows.get_acquisition(session, acquisition_id)
        if row is None:
            raise NothingToDoError(f"acquisition {acquisition_id} does not exist")
        site = site_rows.site_by_id(session, row.site_id)
        if not site.enabled:
            raise NothingToDoError(f"{site.slug} is paused: site.yaml says enabled: false")
        seasons = site_rows.seasons_on(session, site.id, row.started_at.date())
        if not seasons:
            raise NothingToDoError(f"{row.product_id} lies outside of every season of {site.slug}")
        sets = [declaration_rows.current_set(session, site.id, season.year) for season in seasons]
        known = tuple(found.id for found in sets if found is not None)
        if not known:
            raise NothingToDoError(
                "only bursts that meet a parcel are processed, and nothing is declared yet"
            )
        rows = radar_rows.acquisitions_of_orbit(session, site.id, row.relative_orbit)
        found = {
            one.id: _subject(one, site.slug, seasons[0].year, known)
            for one in rows
            if Path(one.path).exists()
        }
    if acquisition_id not in found:
        raise NothingToDoError(f"{row.path} is gone: drop the product again")
    return found.pop(acquisition_id), list(found.values())


def _subject(row: RadarAcquisition, slug: str, year: int, sets: tuple[int, ...]) -> SlcSubject:
    pairing = Acquisition(
        row.id,
        row.started_at,
        row.relative_orbit,
        tuple(row.polarisations),
        shapely.from_wkt(row.footprint_wkt),
    )
    return SlcSubject(
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


def _process(context: Context, subject: SlcSubject, others: list[SlcSubject]) -> ProcessedSlc:
    done = ProcessedSlc(subject)
    by_number = {one.number: one for one in [subject, *others]}
    pairings = [one.pairing for one in others]
    pairs = pairs_of(subject.pairing, pairings)
    if not earlier_partners(subject.pairing, pairings):
        done.waits = why_alone(subject.pairing)
    tiles = _tiles(context, subject)
    reasons: list[str] = []
    for number, tile in enumerate(tiles):
        work = _TileWork(context, tile)
        try:
            own = work.bursts(subject)
        except NothingToDoError as reason:
            reasons.append(str(reason))
            continue
        done.orbit = work.orbits.get(subject.number, done.orbit)
        done.made += work.backscatter(subject, own)
        for earlier, later in pairs:
            done.made += work.coherence(by_number[earlier.id], by_number[later.id])
        context.progress((number + 1) / len(tiles))
    if not done.made:
        if reasons:
            raise NothingToDoError("; ".join(dict.fromkeys(reasons)))
        raise NothingToDoError(f"no cell of {', '.join(tiles)} is seen by a burst that meets a parcel")
    return done


class _TileWork:
    """The acquisitions of one tile, each geocoded once."""

    def __init__(self, context: Context, tile: str) -> None:
        self._context = context
        self._tile = tile
        self._grid: Grid = tile_grid(tile, 20)
        self._root = context.settings.data / "cache" / "radar"
        self._known: dict[int, list[StoredBurst]] = {}
        self.orbits: dict[int, str] = {}

    def bursts(self, subject: SlcSubject) -> list[StoredBurst]:
        """Return the geocoded bursts of an acquisition; NothingToDoError where none meets a parcel here."""
        if subject.number not in self._known:
            self._known[subject.number] = self._geocode(subject)
        return self._known[subject.number]

    def backscatter(self, subject: SlcSubject, bursts: list[StoredBurst]) -> list[str]:
        """Make and publish sigma0 of an acquisition; return the product's name, nothing where it is empty."""

        def rasters() -> dict[str, NDArray[np.float32]]:
            return {
                p.lower(): merge_power(
                    (b.load() for b in bursts if b.polarisation == p), self._grid, "sigma0"
                )
                for p in sorted({b.polarisation for b in bursts}, reverse=True)
            }

        return self._publish("sigma0", subject, subject, self._inputs(subject), rasters)

    def coherence(self, earlier: SlcSubject, later: SlcSubject) -> list[str]:
        """Make and publish the coherence of a pair; nothing where they have no burst in common here."""
        try:
            matched = match_bursts(self.bursts(earlier), self.bursts(later))
        except NothingToDoError:
            return []
        if not matched:
            return []
        keep_fringes = _config(self._context, later).fringes == "keep"

        def rasters() -> dict[str, NDArray[np.float32]]:
            return {
                p.lower(): merge_coherence(
                    ((a.load(), b.load()) for a, b in matched if a.polarisation == p),
                    self._grid,
                    keep_fringes=keep_fringes,
                    threads=self._context.settings.decode_threads,
                )
                for p in sorted({a.polarisation for a, _ in matched}, reverse=True)
            }

        inputs = [*self._inputs(earlier), *self._inputs(later), f"fringes:{keep_fringes}"]
        return self._publish("coherence", earlier, later, inputs, rasters)

    def _publish(
        self,
        quantity: str,
        earlier: SlcSubject,
        later: SlcSubject,
        inputs: list[str],
        rasters: Callable[[], dict[str, NDArray[np.float32]]],
    ) -> list[str]:
        raster = RadarRaster(
            quantity=quantity,
            site=later.site,
            site_id=later.site_id,
            year=later.year,
            tile=self._tile,
            grid=self._grid,
            started_at=earlier.pairing.started_at,
            acquired_at=later.pairing.started_at,
            platform=later.platform,
            relative_orbit=later.pairing.relative_orbit,
            direction=later.direction,
            sources=[(one.number, one.path, one.product_id) for one in dict.fromkeys([earlier, later])],
            inputs=inputs,
        )
        name = publish_radar(self._context, raster, rasters)
        return [name] if name else []

    def _inputs(self, subject: SlcSubject) -> list[str]:
        return [f"bursts:{self.bursts(subject)[0].path.parent.name}"]

    def _geocode(self, subject: SlcSubject) -> list[StoredBurst]:
        product = open_product(subject.path)
        plans = plan_bursts(product, self._grid, _parcels(self._context, subject, self._tile))
        terrain, facts = _terrain(self._context, subject)
        orbit_file = _orbit_file(self._context, subject)
        orbit = acquisition_orbit(product, plans[0].annotation, orbit_file)
        self.orbits[subject.number] = orbit.source
        key = content_key(
            [f"product:{product.name}", *facts, f"orbit:{orbit_file.name if orbit_file else 'annotation'}"],
            {"tile": self._tile, "bursts": [_plan_text(plan) for plan in plans]},
            __version__,
        )
        folder = self._root / self._tile / key[:16]
        found = find_bursts(folder, self._grid)
        if found is None:
            found = self._store(product, plans, orbit, terrain, folder)
        if not found:
            raise NothingToDoError(
                f"the elevation models do not cover the parcels of {self._tile}: drop a GeoTIFF into "
                f"{subject.site}/{subject.year}/radar"
            )
        return found

    def _store(
        self, product: Product, plans: list[BurstPlan], orbit: object, terrain: Terrain, folder: Path
    ) -> list[StoredBurst]:
        threads = self._context.settings.decode_threads
        bursts = geocode_bursts(product, plans, orbit, terrain, threads)  # type: ignore[arg-type]
        found = store_bursts(folder, self._grid, bursts)
        keep = [folder, *(bursts[0].path.parent for bursts in self._known.values() if bursts)]
        make_room(self._root, MAX_CACHE_BYTES, keep)
        return found


def _plan_text(plan: BurstPlan) -> str:
    box = plan.box
    return f"{plan.swath}/{plan.burst.index}/{box.row}/{box.column}/{box.height}/{box.width}"


def _config(context: Context, subject: SlcSubject) -> RadarConfig:
    with context.session() as session:
        return radar_config(site_rows.site_by_id(session, subject.site_id))


def _tiles(context: Context, subject: SlcSubject) -> list[str]:
    """Return the site's tiles that the acquisition meets."""
    outline = split_at_antimeridian(subject.pairing.footprint)
    with context.session() as session:
        tiles = list(site_rows.site_by_id(session, subject.site_id).tiles)
    met = [tile for tile in tiles or tiles_of_extent(outline) if outline.intersects(tile_footprint(tile))]
    if not met:
        raise NothingToDoError(f"{subject.product_id} meets none of the tiles of {subject.site}")
    return met


def _parcels(context: Context, subject: SlcSubject, tile: str) -> NDArray[np.object_]:
    """Outlines of the declared parcels on a tile, longitude and latitude."""
    bounds = tile_footprint(tile).bounds
    with context.session() as session:
        frames = [declaration_rows.load_parcels(session, number, bounds=bounds) for number in subject.sets]
    outlines = [np.asarray(f.geometry[f.geom_valid & ~f.geometry.isna()], object) for f in frames]
    parcels: NDArray[np.object_] = np.concatenate(outlines)
    if not len(parcels):
        raise NothingToDoError(f"no parcel is declared on tile {tile}")
    return parcels


def _terrain(context: Context, subject: SlcSubject) -> tuple[Terrain, list[str]]:
    """Return the elevation models that reach the acquisition, and what identifies them."""
    with context.session() as session:
        files = [
            (Path(p), sha) for p, sha in radar_rows.radar_files(session, subject.site) if Path(p).is_file()
        ]
    config = _config(context, subject)
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


def _orbit_file(context: Context, subject: SlcSubject) -> Path | None:
    with context.session() as session:
        paths = [Path(path) for path, _ in radar_rows.radar_files(session, subject.site)]
    files = [describe_orbit_file(p) for p in paths if p.suffix.upper() == ".EOF" and p.is_file()]
    chosen = choose_orbit_file(files, subject.platform, subject.pairing.started_at, subject.stopped_at)
    return chosen.path if chosen else None


def _mark(context: Context, acquisition_id: int, state: str, reason: str | None) -> None:
    with context.session() as session:
        radar_rows.mark_acquisition(session, acquisition_id, state, reason)
