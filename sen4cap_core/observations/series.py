"""Time series of parcels out of observation sets: one row per parcel, one column per day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.observations.store import read_means


@dataclass(frozen=True, eq=False)
class SeriesMatrix:
    """One variable of many parcels over the days on which anything was acquired."""

    parcels: NDArray[np.int32]
    """(parcels,), as asked for."""
    days: NDArray[np.int32]
    """(days,), ascending, days since 1970-01-01."""
    mean: NDArray[np.float32]
    """(parcels, days), NaN where not observed."""
    n_valid: NDArray[np.int32]
    """(parcels, days), pixels behind the mean, 0 where not observed."""


def build_matrix(
    sets: Sequence[tuple[date, Path, str]], variable: str, parcels: NDArray[np.int32]
) -> SeriesMatrix:
    """Join observation sets into a matrix.

    A parcel seen more than once on a day (two tiles, or two halves of a datatake) gets the mean over all its
    valid pixels: each set counts as many pixels as it saw. The order of ``sets`` does not matter.

    Parameters
    ----------
    sets : (acquisition day UTC, Parquet file, tile)
    parcels : int32 (parcels,), unique, in any order

    Raises
    ------
    Sen4capError
        When a set cannot be read or does not hold the variable.
    ValueError
        When a parcel is asked for twice.
    """
    wanted = np.asarray(parcels, np.int32)
    order = np.argsort(wanted, kind="stable")
    ordered = wanted[order]
    if np.any(ordered[1:] == ordered[:-1]):
        raise ValueError("a parcel is asked for twice in one series matrix: expected unique parcel ids")
    days = np.unique(np.array([to_days(day) for day, _, _ in sets], np.int32))
    # Filled by day, since a set is one day: then turned, since a series is read by parcel.
    mean = np.full((len(days), len(wanted)), np.nan, np.float32)
    n_valid = np.zeros((len(days), len(wanted)), np.int32)
    for day, path, _tile in sorted(sets, key=lambda s: (to_days(s[0]), s[2], s[1].name, str(s[1]))):
        column = int(np.searchsorted(days, to_days(day)))
        ids, means, counts = read_means(path, variable, ordered if len(ordered) else None)
        if not len(ordered) or not len(ids):
            continue
        place = order[np.searchsorted(ordered, ids)]
        is_seen = counts > 0
        _merge(mean[column], n_valid[column], place[is_seen], means[is_seen], counts[is_seen])
    return SeriesMatrix(wanted, days, np.ascontiguousarray(mean.T), np.ascontiguousarray(n_valid.T))


def _merge(
    mean: NDArray[np.float32],
    n_valid: NDArray[np.int32],
    place: NDArray[np.intp],
    means: NDArray[np.float32],
    counts: NDArray[np.int32],
) -> None:
    """Add a set to its day: a mean over the pixels of both where the parcel was seen before."""
    before = n_valid[place]
    is_new = before == 0
    mean[place[is_new]] = means[is_new]
    again = place[~is_new]
    weight = counts[~is_new] / (before[~is_new] + counts[~is_new])
    mean[again] += (means[~is_new] - mean[again]) * weight
    n_valid[place] += counts
