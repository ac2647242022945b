"""Radar series of parcels: one matrix for each variable and relative orbit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.kernels.radar.composites import merge_pixels
from sen4cap_core.observations.store import has_variable, read_metadata, read_observations

DbScale = Literal["true_db", "half_db"]
_TIMES_TRUE = {"true_db": 1.0, "half_db": 2.0}
"""What a decibel value of each scale is multiplied by to be decibel of power."""


class RadarFile(Protocol):
    """One observation set of a radar scene; what ``db.products.observation_files`` returns is one."""

    @property
    def acquired_at(self) -> datetime: ...
    @property
    def pair_started_at(self) -> datetime | None: ...
    @property
    def tile(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def relative_orbit(self) -> int | None: ...
    @property
    def orbit_direction(self) -> str | None: ...


@dataclass(frozen=True, eq=False)
class RadarSeries:
    """One variable of many parcels along one relative orbit."""

    variable: str
    relative_orbit: int | None
    orbit_direction: str | None
    parcels: NDArray[np.int32]
    """(parcels,), as asked for."""
    days: NDArray[np.int32]
    """(columns,), ascending, days since 1970-01-01 (UTC); of a pair the later acquisition."""
    pair_days: NDArray[np.int32]
    """(columns,), days between the acquisitions of a pair, 0 for backscatter. Pairs of 6 and of 12 days that
    end on one day are two columns, the shorter first."""
    mean: NDArray[np.float32]
    """(parcels, columns), NaN where not observed."""
    std: NDArray[np.float32]
    """(parcels, columns), over pixels, with n - 1; NaN for fewer than two."""
    n_valid: NDArray[np.int32]
    """(parcels, columns), pixels behind the mean, 0 where not observed."""


def build_radar_series(
    files: Sequence[RadarFile],
    root: Path,
    variable: str,
    parcels: NDArray[np.int32],
    *,
    db_scale: DbScale = "true_db",
) -> list[RadarSeries]:
    """Join observation sets into one matrix for each relative orbit, ascending; unknown orbits last.

    A parcel on several tiles or bursts of one day is merged by pixel counts, mean and deviation alike. Sets
    without the variable (single polarisation) are left out. The order of ``files`` does not matter.

    Parameters
    ----------
    files : sets of one group; paths relative to ``root``
    variable : ``vv``, ``vh``, ``vv_db``, ``vh_db``, ``vh_vv``, ``coh_vv`` or ``coh_vh``
    parcels : int32 (parcels,), unique, in any order
    db_scale : in which decibel are returned, whichever scale each set was written in

    Raises
    ------
    Sen4capError
        When a set cannot be read.
    ValueError
        When a parcel is asked for twice.
    """
    wanted = np.asarray(parcels, np.int32)
    if len(np.unique(wanted)) != len(wanted):
        raise ValueError("a parcel is asked for twice in one radar series: expected unique parcel ids")
    tracks: dict[int | None, list[RadarFile]] = {}
    for file in files:
        if has_variable(root / file.path, variable):
            tracks.setdefault(file.relative_orbit, []).append(file)
    order = sorted(tracks, key=lambda orbit: (orbit is None, orbit or 0))
    return [_one_orbit(tracks[orbit], root, variable, wanted, db_scale) for orbit in order]


def _one_orbit(
    files: list[RadarFile], root: Path, variable: str, wanted: NDArray[np.int32], db_scale: DbScale
) -> RadarSeries:
    columns = sorted({_column(file) for file in files})
    shape = (len(columns), len(wanted))
    count, total, squares = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
    order = np.argsort(wanted, kind="stable")
    for file in sorted(files, key=lambda one: (_column(one), one.tile, one.path)):
        path = root / file.path
        table = read_observations([path], variable, wanted)
        ids, mean, std, n_valid = (
            table.column(name).to_numpy() for name in ("parcel", "mean", "std", "n_valid")
        )
        factor = _db_factor(path, variable, db_scale)
        place = order[np.searchsorted(wanted[order], ids)]
        at = columns.index(_column(file))
        merge_pixels(
            place.astype(np.int64), mean * np.float32(factor), std * np.float32(factor), n_valid,
            count[at], total[at], squares[at],
        )  # fmt: skip
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_of = np.where(count > 0, total / count, np.nan)
        variance = (squares - count * mean_of**2) / (count - 1)
        std_of = np.where(count > 1, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    first = files[0]
    return RadarSeries(
        variable,
        first.relative_orbit,
        next((one.orbit_direction for one in files if one.orbit_direction), None),
        wanted,
        np.array([day for day, _ in columns], np.int32),
        np.array([days for _, days in columns], np.int32),
        np.ascontiguousarray(mean_of.T, np.float32),
        np.ascontiguousarray(std_of.T, np.float32),
        np.ascontiguousarray(count.T, np.int32),
    )


def _column(file: RadarFile) -> tuple[int, int]:
    day = to_days(file.acquired_at.date())
    return day, day - to_days(file.pair_started_at.date()) if file.pair_started_at else 0


def _db_factor(path: Path, variable: str, wanted: DbScale) -> float:
    if not variable.endswith("_db"):
        return 1.0
    written = read_metadata(path).get("backscatter_scale", "true_db")
    return _TIMES_TRUE.get(written, 1.0) / _TIMES_TRUE[wanted]
