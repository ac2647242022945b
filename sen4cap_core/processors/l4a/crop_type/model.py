"""The arrays a crop type run works on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NO_ORBIT = ""
"""Orbit of optical series, and of radar whose orbit is not told."""

OPTICAL = ("b03", "b04", "b08", "b11", "b05", "b06", "b07", "b12", "ndvi")
RADAR = ("vv", "vh", "coh_vv", "coh_vh")

SeriesKey = tuple[str, str]
"""Variable and orbit (``ASC``, ``DESC``, ``R088``)."""


@dataclass
class DayCell:
    """One variable of all parcels on one day, tiles and observations merged by their pixel counts."""

    n: NDArray[np.int32]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    @classmethod
    def empty(cls, n_parcels: int) -> DayCell:
        """Nothing observed yet: count 0, mean NaN, deviation 0."""
        return cls(
            np.zeros(n_parcels, np.int32),
            np.full(n_parcels, np.nan, np.float32),
            np.zeros(n_parcels, np.float32),
        )

    def add(
        self,
        rows: NDArray[np.intp],
        n: NDArray[np.int32],
        mean: NDArray[np.floating],
        std: NDArray[np.floating],
    ) -> None:
        """Merge observations of parcels, each parcel at most once.

        N = sum n, mean = sum n m / N, variance = sum[(n - 1) s^2 + n (m - M)^2] / (N - 1), as the original
        merges tiles.
        """
        old_n = self.n[rows].astype(np.float64)
        new_n = n.astype(np.float64)
        old_mean = np.where(old_n > 0, self.mean[rows], 0.0).astype(np.float64)
        total = old_n + new_n
        merged = (old_n * old_mean + new_n * mean) / total
        squares = (
            np.maximum(old_n - 1, 0) * self.std[rows].astype(np.float64) ** 2
            + np.maximum(new_n - 1, 0) * np.asarray(std, np.float64) ** 2
            + old_n * (old_mean - merged) ** 2
            + new_n * (np.asarray(mean, np.float64) - merged) ** 2
        )
        self.n[rows] = total.astype(np.int32)
        self.mean[rows] = merged
        self.std[rows] = np.sqrt(squares / np.maximum(total - 1, 1))


@dataclass
class SeasonSeries:
    """All observations of a season: variable and orbit, then day, then the parcels."""

    n_parcels: int
    cells: dict[SeriesKey, dict[int, DayCell]] = field(default_factory=dict)
    n_total: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    """Most pixels a parcel had in one image, per mission (S2, S1); 0 where never told."""
    remarks: list[str] = field(default_factory=list)
    n_foreign_rows: int = 0
    """Rows of parcels that are not in the parcels table."""

    def cell(self, key: SeriesKey, day: int) -> DayCell:
        """Return the cell of a day, made empty where there was none."""
        by_day = self.cells.setdefault(key, {})
        if day not in by_day:
            by_day[day] = DayCell.empty(self.n_parcels)
        return by_day[day]

    def orbits(self, variables: tuple[str, ...]) -> list[str]:
        """Orbits any of the variables was seen from, in order."""
        return sorted({orbit for variable, orbit in self.cells if variable in variables})

    def days(self, variables: tuple[str, ...]) -> NDArray[np.int32]:
        """Days on which any of the variables was acquired, ascending."""
        found = {day for (variable, _), days in self.cells.items() if variable in variables for day in days}
        return np.array(sorted(found), np.int32)

    def has(self, variable: str) -> bool:
        """Whether a variable was observed from any orbit."""
        return any(name == variable for name, _ in self.cells)


@dataclass(frozen=True)
class Features:
    """One row of features per parcel."""

    names: tuple[str, ...]
    values: NDArray[np.float32]
    """(parcels, features), without NaN for parcels that can be used."""
    is_unknown: NDArray[np.bool_]
    """(parcels,), parcels without any observation."""
    lacks: tuple[tuple[str, NDArray[np.bool_]], ...]
    """Series a parcel has no value of at all, by name: its features are the medians of the others."""
    filled_share: NDArray[np.float32]
    """(parcels,), features bridged beyond the limit or unknown, 0..1."""
    gap_days: NDArray[np.int32]
    """(parcels,), longest optical gap that was bridged; -1 without optical series."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class CropClasses:
    """Parcels as the classification sees them. One row per parcel."""

    ids: NDArray[np.object_]
    """Text."""
    declared: NDArray[np.int64]
    """CTnumL4A, -1 where the crop code has none."""
    land_cover: NDArray[np.int64]
    """LC, -1 unknown."""
    area_m2: NDArray[np.float64]
    """NaN unknown."""
    s2_pix: NDArray[np.int64]
    s1_pix: NDArray[np.int64]
    """-1 unknown."""
    is_usable: NDArray[np.bool_]
    """False for invalid, duplicate or overlapping geometry."""
    names: dict[int, str]
    """CTL4A by CTnumL4A."""
    crop_codes: NDArray[np.object_]
    stratum: NDArray[np.object_]
    """Region a parcel is learnt with; the same text for all without strata."""
    excluded_why: NDArray[np.object_] | None = None
    """A reason the parcels table itself gives; None where there is none."""
