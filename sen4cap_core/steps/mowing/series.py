"""Observation sets as the series and parcel facts mowing detection reads: NDVI, coherence, neighbourhoods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sen4cap_core.db.made.products import ObservationFile
from sen4cap_core.declarations.settings.l4b_config import Compat, RadarSettings, normal_orbit
from sen4cap_core.observations.radar_series import RadarSeries, build_radar_series
from sen4cap_core.observations.series import build_matrix
from sen4cap_core.observations.store import read_pixel_counts
from sen4cap_core.processors.l3b.groups import NDVI_GROUP
from sen4cap_core.processors.l4b.model import ObservationMatrix, ParcelFacts, Source

POLARISATIONS = {"VH": "coh_vh", "VV": "coh_vv"}


@dataclass(frozen=True)
class MowingSeries:
    """What a season's detection reads."""

    matrix: ObservationMatrix
    facts: ParcelFacts
    optical_pixels: NDArray[np.int32]
    """(parcels, optical dates), clear pixels behind each NDVI."""


def read_mowing_series(
    root: Path,
    optical: Sequence[ObservationFile],
    radar: Sequence[ObservationFile],
    parcels: gpd.GeoDataFrame,
    settings: RadarSettings,
    compat: Compat,
) -> MowingSeries:
    """Read the observation sets of a season into series.

    Parts of a parcel on several tiles are one mean over all their pixels. The neighbourhood of a parcel are
    all parcels of its tile. Of two pairs of an orbit that end on one day the shorter is taken, with its own
    interval.

    Parameters
    ----------
    optical, radar : sets of the groups ``ndvi`` and ``coherence``; paths relative to ``root``.
    parcels : ``new_id``, ``ori_crop``, ``s1_pix`` and ``s2_pix`` of the parcels, in any order.

    Raises
    ------
    Sen4capError
        When a set cannot be read.
    """
    ids = parcels.new_id.to_numpy().astype(np.int32)
    ndvi = build_matrix([(f.acquired_at.date(), root / f.path, f.tile) for f in optical], NDVI_GROUP, ids)
    sources = []
    parts = [ndvi.mean]
    if len(ndvi.days):
        sources.append(Source("S2", np.arange(len(ndvi.days)), ndvi.days, ndvi.days))
    n_columns = len(ndvi.days)
    for polarisation, series in _radar_series(root, radar, ids, settings, compat):
        at, source = _radar_source(series, n_columns, polarisation)
        sources.append(source)
        parts.append(series.mean[:, at])
        n_columns += at.size
    counts = {f: read_pixel_counts(root / f.path, ids) for f in (*optical, *radar)}
    seen_optical = _largest([counts[f] for f in optical], ids.size)
    seen_radar = _largest([counts[f] for f in radar], ids.size)
    facts = ParcelFacts(
        crop_codes=tuple(parcels.ori_crop.tolist()),
        in_optical=seen_optical > 0,
        in_radar=seen_radar > 0,
        n_pixels_radar=_counted(parcels.s1_pix, seen_radar),
        is_feature_zero=np.zeros(ids.size, np.bool_),
        neighbourhood=_tiles(optical or radar, counts, ids.size),
        n_pixels_optical=_counted(parcels.s2_pix, seen_optical) if optical else None,
    )
    matrix = ObservationMatrix(np.concatenate(parts, axis=1), tuple(sources))
    return MowingSeries(matrix, facts, ndvi.n_valid)


def _radar_series(
    root: Path,
    files: Sequence[ObservationFile],
    ids: NDArray[np.int32],
    settings: RadarSettings,
    compat: Compat,
) -> list[tuple[str, RadarSeries]]:
    """Return the coherence series of each orbit; VV too where the default method has no VH."""
    wanted: tuple[str, ...] = settings.polarisations
    series = [(p, s) for p in wanted for s in build_radar_series(files, root, POLARISATIONS[p], ids)]
    if compat == "default" and "VV" not in wanted:
        have = {s.relative_orbit for _, s in series}
        lacking = [f for f in files if f.relative_orbit not in have]
        return series + [("VV", s) for s in build_radar_series(lacking, root, POLARISATIONS["VV"], ids)]
    return series


def _radar_source(series: RadarSeries, first: int, polarisation: str) -> tuple[NDArray[np.intp], Source]:
    """Return the columns that are used of a series, and the source that they are in the matrix."""
    # Columns of one day stand shortest pair first.
    _, at = np.unique(series.days, return_index=True)
    days = series.days[at]
    orbit = "" if series.relative_orbit is None else normal_orbit(str(series.relative_orbit))
    columns = first + np.arange(at.size)
    return at, Source("S1", columns, days, days - series.pair_days[at], orbit, polarisation)


def _largest(counts: Sequence[NDArray[np.int32]], n: int) -> NDArray[np.int32]:
    pixels = np.zeros(n, np.int32)
    for one in counts:
        np.maximum(pixels, one, out=pixels)
    return pixels


def _counted(given: pd.Series, seen: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the pixels of the declarations where they were counted, else the most of one set."""
    numbers = given.to_numpy(np.int32, na_value=-1)
    return np.where(numbers >= 0, numbers, seen).astype(np.int32)


def _tiles(
    files: Sequence[ObservationFile], counts: dict[ObservationFile, NDArray[np.int32]], n: int
) -> NDArray[np.int32]:
    """Number of the tile of each parcel: the one with most of its pixels, a tie: with most parcels."""
    of_tile: dict[str, list[NDArray[np.int32]]] = defaultdict(list)
    for file in files:
        of_tile[file.tile].append(counts[file])
    tiles = [_largest(of_tile[tile], n) for tile in sorted(of_tile)]
    tiles.sort(key=lambda pixels: -int((pixels > 0).sum()))
    chosen: NDArray[np.int32] = np.argmax(np.stack(tiles), axis=0).astype(np.int32)
    return chosen
