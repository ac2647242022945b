"""Observation sets as the series practice monitoring reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.db.made.products import ObservationFile
from sen4cap_core.kernels.practices.rows import AMP_VH, AMP_VV, COHERENCE, NDVI
from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.observations.store import read_means, read_metadata
from sen4cap_core.processors.l4c.series_making import RowBatch, series_of

NDVI_FACTOR: Final = 1000.0
HALF_DB: Final = 0.5
"""The thresholds of the configurations are made for half decibels."""
BACKSCATTER: Final = "backscatter"
COHERENCE_GROUP: Final = "coherence"
_VARIABLES: Final = {
    "ndvi": (("ndvi", NDVI),),
    BACKSCATTER: (("vv", AMP_VV), ("vh", AMP_VH)),
    COHERENCE_GROUP: (("coh_vv", COHERENCE),),
}
PRACTICE_GROUPS: Final = tuple(_VARIABLES)
"""Groups of observations that practice monitoring reads."""


@dataclass(frozen=True)
class GroupedFile:
    """One observation set and the group of variables it holds."""

    group: str
    file: ObservationFile


def read_series(
    root: Path,
    files: Sequence[GroupedFile],
    parcels: NDArray[np.int32],
    min_acquisitions: int,
    original: bool,
) -> Series:
    """Read the observation sets of some parcels (NewID, ascending) into series.

    NDVI is multiplied by 1000. Backscatter comes in half decibels: sets in true decibels (metadata
    ``backscatter_scale``) are halved. A parcel that two sets of one day and orbit saw takes the one with more
    valid pixels.

    Raises
    ------
    Sen4capError
        When a set cannot be read or does not hold its variables.
    """
    orbits: dict[int | None, int] = {}
    same: dict[tuple[int, int, int], list[RowBatch]] = defaultdict(list)
    counts: dict[tuple[int, int, int], list[NDArray[np.int32]]] = defaultdict(list)
    for item in files:
        path = root / item.file.path
        day = to_days(item.file.acquired_at)
        orbit = orbits.setdefault(item.file.relative_orbit, len(orbits))
        for variable, kind in _held(path, item.group):
            ids, mean, n_valid = _read_one(path, item.group, variable, parcels)
            row = np.searchsorted(parcels, ids).astype(np.int32)
            number = 0 if kind == NDVI else orbit
            same[kind, day, number].append(_batch(row, kind, number, day, item.file, mean))
            counts[kind, day, number].append(n_valid)
    batches = []
    for key, found in same.items():
        if len(found) == 1:
            batches += found
        else:
            # The set with the most pixels last: of doubled rows the last one counts.
            batches += _by_pixels(found, counts[key])
    return series_of(batches, len(parcels), max(1, len(orbits)), min_acquisitions, original)


def radar_pixels(
    root: Path, files: Sequence[GroupedFile], parcels: NDArray[np.int32]
) -> NDArray[np.int32] | None:
    """Return how many radar pixels each parcel has: the most of one set of each tile; None without."""
    one_of_tile = {f.file.tile: f for f in files if f.group in (BACKSCATTER, COHERENCE_GROUP)}
    if not one_of_tile:
        return None
    pixels = np.zeros(len(parcels), np.int32)
    for item in one_of_tile.values():
        table = pq.read_table(root / item.file.path, columns=["parcel", "n_total"])
        ids, n_total = table["parcel"].to_numpy(), table["n_total"].to_numpy()
        is_ours = np.isin(ids, parcels)
        place = np.searchsorted(parcels, ids[is_ours])
        pixels[place] = np.maximum(pixels[place], n_total[is_ours])
    return pixels


def _held(path: Path, group: str) -> list[tuple[str, int]]:
    """Variables of a group with their kinds, as far as the set holds them; a product may have one channel."""
    if group != BACKSCATTER:
        return list(_VARIABLES[group])
    names = pq.read_schema(path).names
    return [
        (name, kind)
        for name, kind in _VARIABLES[group]
        if f"{name}_mean" in names or f"{name}_db_mean" in names
    ]


def _read_one(
    path: Path, group: str, variable: str, parcels: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]:
    if group != BACKSCATTER:
        ids, mean, n_valid = read_means(path, variable, parcels)
        factor = NDVI_FACTOR if group == "ndvi" else 1.0
        return ids, mean.astype(np.float64) * factor, n_valid
    if f"{variable}_db_mean" in pq.read_schema(path).names:
        ids, mean, n_valid = read_means(path, f"{variable}_db", parcels)
        decibels = mean.astype(np.float64)
    else:
        ids, mean, n_valid = read_means(path, variable, parcels)
        with np.errstate(divide="ignore", invalid="ignore"):
            decibels = 10.0 * np.log10(mean.astype(np.float64))
        decibels[~np.isfinite(decibels)] = np.nan
    if read_metadata(path).get("backscatter_scale", "true_db") != "half_db":
        decibels *= HALF_DB
    return ids, decibels, n_valid


def _batch(
    row: NDArray[np.int32], kind: int, orbit: int, day: int, file: ObservationFile, mean: NDArray[np.float64]
) -> RowBatch:
    n = row.size
    start = 0 if kind != COHERENCE or file.pair_started_at is None else to_days(file.pair_started_at)
    return RowBatch(
        parcel=np.where(np.isnan(mean), np.int32(-1), row),
        kind=np.full(n, kind, np.int8),
        orbit=np.full(n, orbit, np.int16),
        day=np.full(n, day, np.int32),
        start=np.full(n, start, np.int32),
        mean=mean,
        std=np.empty(0, np.float64),
    )


def _by_pixels(found: list[RowBatch], counts: list[NDArray[np.int32]]) -> list[RowBatch]:
    order = np.argsort(np.concatenate(counts), kind="stable")

    def joined(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(batch, name) for batch in found])[order]

    names = ("parcel", "kind", "orbit", "day", "start", "mean")
    return [RowBatch(**{name: joined(name) for name in names}, std=np.empty(0, np.float64))]  # type: ignore[arg-type]
