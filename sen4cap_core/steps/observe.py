"""Observation sets: parcel statistics of one scene written, then registered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sen4cap_core import __version__
from sen4cap_core.db.products import register_observations
from sen4cap_core.observations.store import write_observations
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.products import naming
from sen4cap_core.rasters.cog_pass import extract_from_cog
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


def write_set(
    context: Context, subject: Subject, sums: ParcelSums, declaration_set_id: int, year: int, *, source: str
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
    write_observations(
        context.settings.data / relative,
        sums,
        metadata={
            "scene": subject.product_id,
            "tile": subject.tile,
            "acquired_at": subject.acquired_at.isoformat(),
            "declaration_set": str(declaration_set_id),
            "software": __version__,
        },
    )
    n_parcels = int(np.count_nonzero(sums.n_total))
    n_observed = int(np.count_nonzero(sums.variables[NDVI.name].n_valid))
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
    return ObservedSet(declaration_set_id, year, n_parcels, n_observed, source)


def extract_from_raster(
    context: Context, subject: Subject, raster: Path, declaration_set_id: int, year: int
) -> ObservedSet:
    """Extract a declaration set from a scene's own NDVI raster; equal to the bit to the scene's own pass."""
    grid = read_raster_header(raster).grid
    labels = labels_of(context, subject.site, year, declaration_set_id, subject.tile, grid)
    sums = extract_from_cog(
        {NDVI.name: raster_band(raster, grid)}, labels, threads=context.settings.decode_threads
    )
    return write_set(context, subject, sums, declaration_set_id, year, source="cog")
