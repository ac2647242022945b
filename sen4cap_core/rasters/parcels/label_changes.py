"""Which parcels have other pixels than under an earlier version of the declarations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.rasters.parcels.labels import LabelSpans


def parcels_with_other_pixels(former: LabelSpans, labels: LabelSpans) -> NDArray[np.bool_]:
    """Flag the parcels of ``labels`` whose pixels are not exactly those they had in ``former``.

    Pixels are compared, not outlines: a parcel whose neighbour grew over it has other pixels though nobody
    touched it, and one whose corner moved by a centimetre may have the same.

    Returns
    -------
    bool array (parcels of ``labels``,); all true where the grids differ.
    """
    if former.grid != labels.grid or len(former.new_ids) == 0:
        return np.ones(len(labels.new_ids), np.bool_)
    at = np.searchsorted(former.new_ids, labels.new_ids)
    at[at == len(former.new_ids)] = 0
    known = former.new_ids[at] == labels.new_ids
    changed: NDArray[np.bool_] = ~known | (labels.n_total != np.where(known, former.n_total[at], -1))
    # Spans of parcels with as many pixels as before, side by side: by parcel, row and column.
    mine = _spans(labels, ~changed)
    theirs = _spans(former, np.isin(former.new_ids, labels.new_ids[~changed]))
    here, there = _run_counts(labels, mine), _run_counts(former, theirs)[at]
    changed |= ~changed & (here != there)
    mine = _spans(labels, ~changed)
    theirs = _spans(former, np.isin(former.new_ids, labels.new_ids[~changed]))
    differs = np.zeros(len(mine), np.bool_)
    for name in ("rows", "first", "last"):
        differs |= getattr(labels, name)[mine] != getattr(former, name)[theirs]
    changed[labels.parcel[mine[differs]]] = True
    return changed


def labels_of_parcels(labels: LabelSpans, wanted: NDArray[np.bool_]) -> LabelSpans:
    """Return the labels of some parcels alone; ``wanted`` is one flag for each parcel."""
    spans = wanted[labels.parcel]
    renumbered = (np.cumsum(wanted) - 1).astype(np.int32)
    return replace(
        labels,
        rows=labels.rows[spans],
        first=labels.first[spans],
        last=labels.last[spans],
        parcel=renumbered[labels.parcel[spans]],
        new_ids=labels.new_ids[wanted],
        n_total=labels.n_total[wanted],
    )


def _spans(labels: LabelSpans, wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Places of the spans of some parcels, by parcel id, row and column."""
    chosen = np.flatnonzero(wanted[labels.parcel])
    # Spans are in reading order and ids ascend with their index: a stable sort by parcel is enough.
    return chosen[np.argsort(labels.parcel[chosen], kind="stable")]


def _run_counts(labels: LabelSpans, spans: NDArray[np.intp]) -> NDArray[np.int64]:
    return np.bincount(labels.parcel[spans], minlength=len(labels.new_ids))
