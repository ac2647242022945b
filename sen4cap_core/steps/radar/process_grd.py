"""A detected acquisition (GRD) becomes backscatter on the site's tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.db.acquired.radar import slc_of_slice
from sen4cap_core.db.models import RadarAcquisition
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.sentinel1.border import has_border_noise
from sen4cap_core.sentinel1.detected import detected_backscatter, plan_detected
from sen4cap_core.sentinel1.product import Product, open_product
from sen4cap_core.steps.radar.product import UNSEEN, publish_radar, raster_of
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


def process_grd(context: Context, acquisition_id: int) -> ProcessedRadar:
    """Make backscatter of an acquisition on each tile of the site where it sees a parcel.

    What exists already is found by its content key and not made again.

    Raises
    ------
    NothingToDoError
        It waits for something: declarations, a season, an elevation model; the reason is in its row as well.
    BadUploadError
        The product cannot be used.
    """

    def work() -> ProcessedRadar:
        subject, _ = find_acquisitions(context, acquisition_id)
        with context.session() as session:
            slc = slc_of_slice(session, session.get_one(RadarAcquisition, acquisition_id))
        if slc is not None:
            raise NothingToDoError(f"backscatter of this slice is made of its SLC product {slc.product_id}")
        return _process(context, subject)

    return follow(context, acquisition_id, work)


def _process(context: Context, subject: RadarSubject) -> ProcessedRadar:
    done = ProcessedRadar(subject)
    product = open_product(subject.path)
    reasons: list[str] = []
    tiles = tiles_of(context, subject)
    for number, tile in enumerate(tiles):
        try:
            name = _one_tile(context, subject, product, tile, done)
        except NothingToDoError as reason:
            reasons.append(str(reason))
            continue
        if name:
            done.made.append(name)
        context.progress((number + 1) / len(tiles))
    if not done.made:
        nothing = f"no cell of {', '.join(tiles)} that holds a parcel is seen over a known height"
        raise NothingToDoError("; ".join(dict.fromkeys(reasons)) or nothing)
    return done


def _one_tile(
    context: Context, subject: RadarSubject, product: Product, tile: str, done: ProcessedRadar
) -> str | None:
    grid = tile_grid(tile, 20)
    box = plan_detected(product, grid, parcels_on(context, subject, tile))
    orbit, terrain, facts = open_geometry(context, subject, product, product.annotation(product.swaths[0]))
    done.orbit = orbit.source
    config = config_of(context, subject)
    quantity, mask_unseen = config.backscatter, config.masks_unseen

    def rasters() -> dict[str, NDArray[np.float32]]:
        threads = context.settings.decode_threads
        found = detected_backscatter(product, box, orbit, terrain, threads, quantity, mask_unseen=mask_unseen)
        whole = {}
        for polarisation, values in found.items():
            image = np.full(grid.shape, np.nan, np.float32)
            image[box.slices] = values
            whole[polarisation.lower()] = image
        return whole

    inputs = [*facts, f"cells:{box.row}/{box.column}/{box.height}/{box.width}"]
    masked = (*(UNSEEN if mask_unseen else ()), *(("border_noise",) if has_border_noise(product) else ()))
    raster = raster_of(quantity, "grd", subject, subject, tile, grid, inputs, masked)
    return publish_radar(context, raster, rasters)
