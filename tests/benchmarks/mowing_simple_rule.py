"""A simple rule for cuts of grass in plain NumPy: what a detector must beat to be worth its parts.

Clear values, lows that recover at once left out, falls beyond what the neighbourhood shows, a threshold that
follows level and season, the largest fall first, the date at 0.6 of the time between the clear dates. Nothing
else: no doubt, no windows of several steps, no fit to anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.reports.scores.scoring_mowing import DatedEvents

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SimpleRule:
    """Its numbers; NDVI, days, days of the year."""

    least_score: float = 0.55
    least_ndvi: float = 0.1
    least_fall: float = 0.08
    least_share: float = 0.12
    recovered: float = 0.7
    brief_days: float = 10.0
    distance_days: float = 20.0
    date_share: float = 0.6
    spring_doy: int = 125
    spring_factor: float = 1.4
    autumn_doys: tuple[int, int] = (260, 300)
    autumn_factor: float = 2.0
    with_neighbours: bool = True

    def find(
        self, ndvi: Array, days: NDArray[np.int32], scores: Array | None, group: NDArray[np.int32] | None
    ) -> DatedEvents:
        """Cuts of all parcels: NDVI (P, T) with NaN where not observed, days since 1970-01-01 (T,), clear
        scores (P, T) or None, neighbourhood (P,) or None for one of all.
        """
        clear = np.where(ndvi >= self.least_ndvi, ndvi, np.nan)
        if scores is not None:
            clear = np.where(scores < self.least_score, np.nan, clear)
        series = [self._without_lows(row, days) for row in clear]
        filled = np.full(clear.shape, np.nan)
        for p, (when, value) in enumerate(series):
            if when.size:
                filled[p] = np.interp(days, days[when], value, left=np.nan, right=np.nan)
        group = np.zeros(len(ndvi), np.int32) if group is None else group
        found: list[tuple[int, float]] = []
        for p, (when, value) in enumerate(series):
            neighbours = filled[(group == group[p]) & (np.arange(len(ndvi)) != p)]
            found += [(p, day) for day in self._cuts(when, value, days, neighbours)]
        parcel = np.array([p for p, _ in found], np.int64)
        day = np.array([d for _, d in found], np.float64)
        return DatedEvents(parcel, day, day).within()

    def _without_lows(self, row: Array, days: NDArray[np.int32]) -> tuple[NDArray[np.intp], Array]:
        """Places and values of the clear observations; a low that recovers at once is a cloud."""
        when = np.nonzero(~np.isnan(row))[0]
        value = row[when]
        keep = np.ones(when.size, np.bool_)
        for i in range(1, when.size - 1):
            fall, back = value[i - 1] - value[i], value[i + 1] - value[i]
            elapsed = days[when[i + 1]] - days[when[i]]
            keep[i] = not (fall > 0.04 and back >= self.recovered * fall and elapsed <= self.brief_days)
        return when[keep], value[keep]

    def _cuts(
        self, when: NDArray[np.intp], value: Array, days: NDArray[np.int32], neighbours: Array
    ) -> list[float]:
        """Days of the cuts of one parcel."""
        if when.size < 2:
            return []
        fall = value[:-1] - value[1:]
        if self.with_neighbours and len(neighbours) > 2:
            theirs = neighbours[:, when[:-1]] - neighbours[:, when[1:]]
            known = (~np.isnan(theirs)).sum(axis=0) > 2
            shared = np.zeros(fall.size)
            shared[known] = np.nanmedian(theirs[:, known], axis=0)
            fall = fall - np.maximum(shared, 0.0)
        day = days[when[:-1]] + self.date_share * np.diff(days[when])
        wanted = np.maximum(self.least_fall, self.least_share * value[:-1]) * self._season(day)
        strength = fall / wanted
        taken: list[float] = []
        for i in np.argsort(-strength):
            if strength[i] < 1.0:
                break
            if all(abs(day[i] - other) >= self.distance_days for other in taken):
                taken.append(float(day[i]))
        return taken

    def _season(self, day: Array) -> Array:
        dates = np.floor(day).astype(np.int64).astype("datetime64[D]")
        doy = (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1
        first, last = self.autumn_doys
        late = np.clip((doy - first) / (last - first), 0.0, 1.0)
        return np.where(doy < self.spring_doy, self.spring_factor, 1.0) + (self.autumn_factor - 1.0) * late
