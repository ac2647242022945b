"""The features that crop types are told from, as a marker database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.db.made.products import ObservationFile
from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.processors.l4a.crop_type.columns import orbit_name
from sen4cap_core.processors.l4a.crop_type.features import build_features
from sen4cap_core.processors.l4a.crop_type.model import SeasonSeries
from sen4cap_core.processors.l4a.crop_type.observations import ObservationSource, read_sources
from sen4cap_core.processors.l4a.crop_type.season_cells import checked
from sen4cap_core.tables.arrow_arrays import from_texts
from sen4cap_core.tables.parcels import ParcelTable

FEATURE_GROUPS = ("bands", "ndvi", "backscatter", "coherence")
"""Observation groups that features come from."""


def observation_sources(root: Path, files: Iterable[ObservationFile]) -> list[ObservationSource]:
    """Return observation files as the reader of crop types takes them."""
    return [
        ObservationSource(
            root / file.path,
            to_days(file.acquired_at),
            orbit_name(file.orbit_direction or str(file.relative_orbit or "")),
        )
        for file in files
    ]


def read_season(sources: Sequence[ObservationSource], ids: Sequence[str]) -> SeasonSeries:
    """Read the observations of parcels, whose ids are texts in the order of the series."""
    lookup = ParcelTable(from_texts(ids), tuple(ids), None, None, None)
    return read_sources(sources, lookup, n_parcels=len(ids))


def feature_table(
    root: Path, files: Iterable[ObservationFile], ids: NDArray[np.int32], config: CropTypeConfig
) -> pa.Table:
    """Return NewID (int32) and one float32 column for each feature, gaps filled as for the classification.

    Parcels without any observation have no row.

    Raises
    ------
    NothingToDoError
        When the observations hold no series that features are made of.
    """
    sources = observation_sources(root, files)
    if not sources:
        raise NothingToDoError("no observations that crop type features are made of")
    series = read_season(sources, [str(new_id) for new_id in ids.tolist()])
    if not series.cells:
        raise NothingToDoError("no observations that crop type features are made of")
    checked(series, sources[0].path)
    try:
        features = build_features(series, config, release=True)
    except ValueError as why:
        raise NothingToDoError(str(why)) from why
    known = ~features.is_unknown
    columns = [pa.array(ids[known], pa.int32())]
    columns += [pa.array(features.values[known, i], pa.float32()) for i in range(len(features.names))]
    return pa.table(columns, names=["NewID", *features.names])
