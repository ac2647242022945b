"""An acquisition in the radar's geometry becomes backscatter and, with its partners, coherence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.products.naming import content_key
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.sentinel1.acquisition import BurstOnMap, BurstPlan, geocode_bursts, plan_bursts
from sen4cap_core.sentinel1.mosaic import match_bursts, merge_coherence, merge_power
from sen4cap_core.sentinel1.pairing import earlier_partners, pairs_of, why_alone
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.sentinel1.store import StoredBurst, find_bursts, make_room, store_bursts
from sen4cap_core.steps.radar.product import UNSEEN, publish_radar, raster_of
from sen4cap_core.steps.radar.snap_pair import snap_pair
from sen4cap_core.steps.radar.subject import (
    ProcessedRadar,
    RadarSubject,
    config_of,
    find_acquisitions,
    follow,
    open_geometry,
    parcels_on,
    tiles_of,
)
from sen4cap_core.steps.shared.context import Context

MAX_CACHE_BYTES = 60 * 1024**3
"""Geocoded bursts of one acquisition of a whole tile have up to 10 GB."""


def process_slc(context: Context, acquisition_id: int) -> ProcessedRadar:
    """Make backscatter of an acquisition and coherence of all pairs it is part of: ourselves, or by SNAP.

    What exists already is found by its content key and not made again.

    Raises
    ------
    NothingToDoError
        It waits for something: declarations, a season, an elevation model; the reason is in its row as well.
    BadUploadError
        The product, an orbit file or an elevation model cannot be used.
    """

    def work() -> ProcessedRadar:
        return _process(context, *find_acquisitions(context, acquisition_id))

    return follow(context, acquisition_id, work)


def _process(context: Context, subject: RadarSubject, others: list[RadarSubject]) -> ProcessedRadar:
    done = ProcessedRadar(subject)
    by_number = {one.number: one for one in [subject, *others]}
    pairings = [one.pairing for one in others]
    pairs = pairs_of(subject.pairing, pairings)
    if not earlier_partners(subject.pairing, pairings):
        done.waits = why_alone(subject.pairing)
    gpt = context.settings.gpt
    if gpt is not None:
        if not pairs:
            raise NothingToDoError(f"SNAP makes backscatter of pairs: {why_alone(subject.pairing)}")
        done.orbit = "SNAP"
        for earlier, later in pairs:
            done.made += snap_pair(context, gpt, by_number[earlier.id], by_number[later.id])
        return done
    tiles = tiles_of(context, subject)
    reasons: list[str] = []
    missed: dict[str, None] = {}
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
            try:
                done.made += work.coherence(by_number[earlier.id], by_number[later.id])
            except BadUploadError as error:
                # The partner's fault, whose own run says what is to be done; this one is good without it.
                partner = by_number[earlier.id if later.id == subject.number else later.id]
                missed[f"coherence with {partner.product_id} waits for a better file: {error.what}"] = None
        context.progress((number + 1) / len(tiles))
    done.waits = "; ".join([*([done.waits] if done.waits else []), *missed]) or None
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

    def bursts(self, subject: RadarSubject) -> list[StoredBurst]:
        """Return the geocoded bursts of an acquisition; NothingToDoError where none meets a parcel here."""
        if subject.number not in self._known:
            self._known[subject.number] = self._geocode(subject)
        return self._known[subject.number]

    def backscatter(self, subject: RadarSubject, bursts: list[StoredBurst]) -> list[str]:
        """Make and publish backscatter; return the product's name, nothing where it is empty."""
        config = config_of(self._context, subject)
        quantity, mask_unseen = config.backscatter, config.masks_unseen

        def rasters() -> dict[str, NDArray[np.float32]]:
            return {
                p.lower(): merge_power(
                    (b.load() for b in bursts if b.polarisation == p),
                    self._grid,
                    quantity,
                    mask_unseen=mask_unseen,
                )
                for p in sorted({b.polarisation for b in bursts}, reverse=True)
            }

        inputs = self._inputs(subject)
        return self._publish(quantity, subject, subject, inputs, rasters, mask_unseen=mask_unseen)

    def coherence(self, earlier: RadarSubject, later: RadarSubject) -> list[str]:
        """Make and publish the coherence of a pair; nothing where they have no burst in common here."""
        try:
            matched = match_bursts(self.bursts(earlier), self.bursts(later))
        except NothingToDoError:
            return []
        if not matched:
            return []
        config = config_of(self._context, later)
        keep_fringes, mask_unseen = config.fringes == "keep", config.masks_unseen

        def rasters() -> dict[str, NDArray[np.float32]]:
            return {
                p.lower(): merge_coherence(
                    ((a.load(), b.load()) for a, b in matched if a.polarisation == p),
                    self._grid,
                    keep_fringes=keep_fringes,
                    threads=self._context.settings.decode_threads,
                    mask_unseen=mask_unseen,
                )
                for p in sorted({a.polarisation for a, _ in matched}, reverse=True)
            }

        inputs = [*self._inputs(earlier), *self._inputs(later), f"fringes:{keep_fringes}"]
        return self._publish("coherence", earlier, later, inputs, rasters, mask_unseen=mask_unseen)

    def _publish(
        self,
        quantity: str,
        earlier: RadarSubject,
        later: RadarSubject,
        inputs: list[str],
        rasters: Callable[[], dict[str, NDArray[np.float32]]],
        *,
        mask_unseen: bool,
    ) -> list[str]:
        method = "coherence" if quantity == "coherence" else "slc"
        masked = UNSEEN if mask_unseen else ()
        raster = raster_of(quantity, method, earlier, later, self._tile, self._grid, inputs, masked)
        name = publish_radar(self._context, raster, rasters)
        return [name] if name else []

    def _inputs(self, subject: RadarSubject) -> list[str]:
        return [f"bursts:{self.bursts(subject)[0].path.parent.name}"]

    def _geocode(self, subject: RadarSubject) -> list[StoredBurst]:
        product = open_product(subject.path)
        plans = plan_bursts(product, self._grid, parcels_on(self._context, subject, self._tile))
        orbit, terrain, facts = open_geometry(self._context, subject, product, plans[0].annotation)
        self.orbits[subject.number] = orbit.source
        config = config_of(self._context, subject)
        hills = config.backscatter == "gamma0" or config.masks_unseen
        what: dict[str, object] = {"tile": self._tile, "bursts": [_plan_text(plan) for plan in plans]}
        what["heights"] = "of nodes"  # bursts kept from before each pass had its heights from the same nodes
        if hills:
            what |= {"gamma0": "terrain", "visibility": "terrain"}
        key = content_key(facts, what, __version__)
        folder = self._root / self._tile / key[:16]
        found = find_bursts(folder, self._grid)
        if found is None:
            threads = self._context.settings.decode_threads

            def bursts(samples: Path) -> Iterator[BurstOnMap]:
                return geocode_bursts(product, plans, orbit, terrain, threads, hills=hills, folder=samples)

            found = store_bursts(folder, self._grid, bursts)
            keep = [folder, *(known[0].path.parent for known in self._known.values() if known)]
            make_room(self._root, MAX_CACHE_BYTES, keep)
        if not found:
            raise NothingToDoError(
                f"the elevation models do not cover the parcels of {self._tile}: drop a GeoTIFF into "
                f"{subject.site}/{subject.year}/radar"
            )
        return found


def _plan_text(plan: BurstPlan) -> str:
    box = plan.box
    return f"{plan.swath}/{plan.burst.index}/{box.row}/{box.column}/{box.height}/{box.width}"
