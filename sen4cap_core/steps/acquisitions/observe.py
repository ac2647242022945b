"""Observation sets: parcel statistics of one scene written, then registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.db.made.products import former_observations, register_observations
from sen4cap_core.observations.store import count_observed, write_carried_over, write_observations
from sen4cap_core.products import naming
from sen4cap_core.rasters.parcels.label_changes import labels_of_parcels, parcels_with_other_pixels
from sen4cap_core.rasters.parcels.labels import LabelSpans
from sen4cap_core.rasters.passes.sums import ParcelSums
from sen4cap_core.steps.acquisitions.parcel_labels import labels_of
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sen4cap_core.steps.acquisitions.subject import MissingSet, Subject


@dataclass(frozen=True)
class ObservedSet:
    """Figures of one observation set."""

    declaration_set_id: int
    year: int
    group: str
    n_parcels: int
    """Parcels with a pixel on this scene's grid."""
    n_observed: int
    """Of these, parcels with a clear pixel."""
    source: str
    n_extracted: int
    """Parcels whose pixels were read."""
    n_carried_over: int
    """Parcels that keep the figures of an earlier version of the declarations."""


@dataclass(frozen=True)
class CarriedOver:
    """Figures of an earlier version of the declarations that hold for the new one too."""

    paths: Mapping[str, Path]
    """The earlier version's file, by group."""
    parcels: NDArray[np.int32]
    """Ids of the parcels whose pixels are the same."""


def write_set(
    context: Context,
    subject: Subject,
    sums: ParcelSums,
    declaration_set_id: int,
    year: int,
    group: str,
    *,
    source: str,
    statistics: frozenset[str] = frozenset(),
    carried_over: CarriedOver | None = None,
    metadata: Mapping[str, str] | None = None,
) -> ObservedSet:
    """Write the statistics of a scene for a declaration set and one group of variables; register them.

    Parameters
    ----------
    statistics : those among ``sums.orders``
    metadata : kept in the file beside what every set says of itself
    """
    variables = [*sorted(sums.variables), *sorted(statistics)]
    key = naming.content_key(
        [f"scene:{subject.site}/{subject.product_id}/{subject.tile}", f"declarations:{declaration_set_id}"],
        {"group": group, "variables": variables},
        __version__,
    )
    relative = naming.observations_path(
        subject.site,
        year,
        declaration_set_id,
        subject.tile,
        subject.acquired_at,
        group,
        naming.version_of(key),
    )
    facts = {
        "scene": subject.product_id,
        "tile": subject.tile,
        "acquired_at": subject.acquired_at.isoformat(),
        "declaration_set": str(declaration_set_id),
        "software": __version__,
        **(metadata or {}),
    }
    target = context.settings.data / relative
    if carried_over is None:
        write_observations(target, sums, metadata=facts)
    else:
        write_carried_over(target, sums, carried_over.paths[group], carried_over.parcels, metadata=facts)
    n_parcels, n_observed = count_observed(target)
    with context.session() as session:
        register_observations(
            session,
            {
                "scene_id": subject.scene_id,
                "declaration_set_id": declaration_set_id,
                "group_name": group,
                "variables": variables,
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
        declaration_set_id,
        year,
        group,
        n_parcels,
        n_observed,
        source,
        n_extracted,
        n_parcels - n_extracted,
    )


def find_carried_over(
    context: Context, subject: Subject, labels: LabelSpans, missing: MissingSet
) -> CarriedOver | None:
    """Return what an earlier version's observations of a scene still say.

    None where a group of the missing ones was not observed before with the same variables: then the scene is
    read for all parcels anyway.
    """
    root = context.settings.data
    paths: dict[str, Path] = {}
    sets: set[int] = set()
    with context.session() as session:
        for group, variables in missing.groups.items():
            found = former_observations(session, subject.scene_id, missing.set_id, group, __version__)
            if (
                found is None
                or found.variables != variables | missing.statistics
                or not (root / found.path).is_file()
            ):
                return None
            paths[group] = root / found.path
            sets.add(found.set_id)
    if len(sets) != 1:
        return None
    former = labels_of(context, subject.site, missing.year, sets.pop(), subject.tile, labels.grid)
    same = ~parcels_with_other_pixels(former, labels)
    return CarriedOver(paths, labels.new_ids[same])


def labels_to_read(labels: LabelSpans, carried_over: CarriedOver | None) -> LabelSpans:
    """Return the labels of the parcels whose figures do not hold any more."""
    if carried_over is None:
        return labels
    return labels_of_parcels(labels, ~np.isin(labels.new_ids, carried_over.parcels))
