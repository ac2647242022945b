"""Observation sets: parcel statistics of one scene written, then registered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.db.products import former_observations, register_observations
from sen4cap_core.observations.store import read_means, write_carried_over, write_observations
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.products import naming
from sen4cap_core.rasters.cog_pass import extract_from_cog
from sen4cap_core.rasters.label_changes import labels_of_parcels, parcels_with_other_pixels
from sen4cap_core.rasters.labels import LabelSpans
from sen4cap_core.rasters.sums import ParcelSums
from sen4cap_core.scenes.raster_header import read_raster_header
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.ndvi_product import raster_band
from sen4cap_core.steps.parcel_labels import labels_of
from sen4cap_core.steps.work import NDVI_GROUP

if TYPE_CHECKING:
    from sen4cap_core.steps.process_scene import Subject


@dataclass(frozen=True)
class ObservedSet:
    """Figures of one observation set."""

    declaration_set_id: int
    year: int
    n_parcels: int
    """Parcels with a pixel on this scene's grid."""
    n_observed: int
    """Of these, parcels with a clear pixel."""
    source: str
    n_extracted: int
    """Parcels whose pixels were read."""
    n_carried_over: int
    """Parcels that keep the figures of an earlier version of the declarations."""


def write_set(
    context: Context,
    subject: Subject,
    sums: ParcelSums,
    declaration_set_id: int,
    year: int,
    *,
    source: str,
    carried_over: CarriedOver | None = None,
) -> ObservedSet:
    """Write the statistics of a scene for a declaration set and register them."""
    key = naming.content_key(
        [f"scene:{subject.site}/{subject.product_id}/{subject.tile}", f"declarations:{declaration_set_id}"],
        {"group": NDVI_GROUP},
        __version__,
    )
    relative = naming.observations_path(
        subject.site,
        year,
        declaration_set_id,
        subject.tile,
        subject.acquired_at,
        NDVI_GROUP,
        naming.version_of(key),
    )
    metadata = {
        "scene": subject.product_id,
        "tile": subject.tile,
        "acquired_at": subject.acquired_at.isoformat(),
        "declaration_set": str(declaration_set_id),
        "software": __version__,
    }
    target = context.settings.data / relative
    if carried_over is None:
        write_observations(target, sums, metadata=metadata)
    else:
        write_carried_over(target, sums, carried_over.path, carried_over.parcels, metadata=metadata)
    n_valid = read_means(target, NDVI.name)[2]
    n_parcels, n_observed = len(n_valid), int(np.count_nonzero(n_valid))
    with context.session() as session:
        register_observations(
            session,
            {
                "scene_id": subject.scene_id,
                "declaration_set_id": declaration_set_id,
                "group_name": NDVI_GROUP,
                "path": str(relative),
                "n_rows": n_parcels,
                "n_observed": n_observed,
                "source": source,
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
        )
    n_extracted = int(np.count_nonzero(sums.n_total))
    return ObservedSet(
        declaration_set_id, year, n_parcels, n_observed, source, n_extracted, n_parcels - n_extracted
    )


def extract_from_raster(
    context: Context, subject: Subject, raster: Path, declaration_set_id: int, year: int
) -> ObservedSet:
    """Extract a declaration set from a scene's own NDVI raster; equal to the bit to the scene's own pass.

    Parcels that have the pixels they had under an earlier version of the declarations keep its figures: only
    the blocks that hold the others are read.
    """
    grid = read_raster_header(raster).grid
    labels = labels_of(context, subject.site, year, declaration_set_id, subject.tile, grid)
    carried_over = find_carried_over(context, subject, labels, declaration_set_id, year)
    if carried_over is not None:
        labels = labels_of_parcels(labels, ~np.isin(labels.new_ids, carried_over.parcels))
    sums = extract_from_cog(
        {NDVI.name: raster_band(raster, grid)}, labels, threads=context.settings.decode_threads
    )
    return write_set(
        context, subject, sums, declaration_set_id, year, source="cog", carried_over=carried_over
    )


@dataclass(frozen=True)
class CarriedOver:
    """Figures of an earlier version of the declarations that hold for the new one too."""

    path: Path
    parcels: NDArray[np.int32]
    """Ids of the parcels whose pixels are the same."""


def find_carried_over(
    context: Context, subject: Subject, labels: LabelSpans, declaration_set_id: int, year: int
) -> CarriedOver | None:
    """Return what an earlier version's observations of a scene still say; None where there are none."""
    with context.session() as session:
        found = former_observations(session, subject.scene_id, declaration_set_id, NDVI_GROUP, __version__)
    if found is None or not (context.settings.data / found[1]).is_file():
        return None
    former = labels_of(context, subject.site, year, found[0], subject.tile, labels.grid)
    same = ~parcels_with_other_pixels(former, labels)
    return CarriedOver(context.settings.data / found[1], labels.new_ids[same])
