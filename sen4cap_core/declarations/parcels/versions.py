"""One version of the declarations against the one before: what is new, changed, gone, back again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.shapes.geometry import areas_shared
from sen4cap_core.rasters.parcels.outlines import Outlines, joined

NEW = "new"
SAME = "same"
GEOMETRY = "geometry"
ATTRIBUTES = "attributes"
BACK = "back"

LEAST_CHANGE = 1e-6
"""Share of area below which an outline counts as the same: other vertices, or rounding."""


@dataclass(frozen=True)
class Fingerprints:
    """What tells the versions of parcels apart, one entry for each parcel, ids ascending."""

    new_ids: NDArray[np.int64]
    geometry: NDArray[np.int64]
    content: NDArray[np.int64]
    """Of holding, crop code and all attributes."""


@dataclass(frozen=True)
class Comparison:
    """What became of each parcel of a new version, and of those it does not have."""

    kind: NDArray[np.object_]
    """`NEW`, `SAME`, `GEOMETRY` (also where attributes changed too), `ATTRIBUTES` or `BACK`."""
    altered: NDArray[np.bool_]
    """Whether anything but the geometry is another than in the former version."""
    gone: NDArray[np.int64]
    """Ids of the former version that the new one lacks."""

    def moved(self) -> NDArray[np.intp]:
        """Places of the parcels whose geometry is written otherwise."""
        return np.flatnonzero(self.kind == GEOMETRY)

    def settle(self, ratios: NDArray[np.float64]) -> Comparison:
        """Let parcels whose outline is written otherwise and covers the same ground count as unmoved.

        ``ratios`` are the `change_ratios` of `moved`.
        """
        kind, moved = self.kind.copy(), self.moved()
        still = moved[ratios < LEAST_CHANGE]
        kind[still] = np.where(self.altered[still], ATTRIBUTES, SAME)
        return replace(self, kind=kind)


def compare(former: Fingerprints, new: Fingerprints, earlier_ids: NDArray[np.int64]) -> Comparison:
    """Compare two versions of the declarations of a year.

    ``earlier_ids`` are the parcels of all versions before ``former``: one that comes again is `BACK`.
    """
    kind = np.full(len(new.new_ids), NEW, dtype=object)
    kind[np.isin(new.new_ids, earlier_ids)] = BACK
    _, at_new, at_former = np.intersect1d(
        new.new_ids, former.new_ids, assume_unique=True, return_indices=True
    )
    moved = new.geometry[at_new] != former.geometry[at_former]
    altered = new.content[at_new] != former.content[at_former]
    kind[at_new] = np.where(moved, GEOMETRY, np.where(altered, ATTRIBUTES, SAME))
    is_altered = np.zeros(len(kind), np.bool_)
    is_altered[at_new] = altered
    return Comparison(kind, is_altered, np.setdiff1d(former.new_ids, new.new_ids, assume_unique=True))


def change_ratios(former: Outlines, new: Outlines) -> NDArray[np.float64]:
    """Area that only one of two outlines covers / area that either covers, as the original's ratio.

    1 where one of them is missing, 0 where both are.
    """
    n = len(new)
    both = joined([former, new])
    measures = both.measured()
    shared = areas_shared(both, measures.boxes, np.arange(n), n + np.arange(n))
    together = measures.areas[:n] + measures.areas[n:]
    # What is left of two areas that are the same but for rounding is nothing.
    difference = np.maximum(together - 2 * shared, 0.0)
    return difference / np.maximum(together - shared, np.finfo(float).tiny)
