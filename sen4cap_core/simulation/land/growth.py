"""Who grows what, when it is mown, and the NDVI of every piece of land on any day."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import EPOCH
from sen4cap_core.simulation.land.crops import CROPS, FOREST_CURVE, IDLE_CURVE, Curve, MowingStyle
from sen4cap_core.simulation.land.landscape import BUILT, FIELD, FOREST, IDLE, WATER, Landscape

BARE_NDVI = 0.15
FIRST_CUT_DAY = {"meadow": 142.0, "ley": 130.0, "extensive": 182.0}
N_CUTS = {"meadow": (0, 1, 2, 2, 3), "ley": (2, 3, 3, 4), "extensive": (0, 0, 1)}
"""Numbers of cuts a year, drawn with equal chances."""
CUT_INTERVAL_DAYS = {"meadow": (38.0, 62.0), "ley": (32.0, 48.0), "extensive": (60.0, 90.0)}
DROP = (0.20, 0.45)
REGROWTH_DAYS = (15.0, 40.0)
LAST_CUT_DAY = 288


@dataclass(frozen=True)
class Mowing:
    """One true mowing."""

    unit: int
    day: date
    ndvi_drop: float
    regrowth_days: float


class Growth:
    """NDVI of all units; day by day, from crop, shift, vigour and mowings."""

    def __init__(self, landscape: Landscape, seed: int, start: date, end: date) -> None:
        rng = np.random.default_rng([seed, 21])
        n = len(landscape.kinds)
        self.kinds = landscape.kinds
        fields = np.flatnonzero(landscape.kinds == FIELD)
        shares = np.array([crop.share for crop in CROPS])
        self.crop_of = np.full(n, -1, np.int16)
        """(unit,) index into CROPS, -1 where it is no field."""
        self.crop_of[fields] = rng.choice(len(CROPS), len(fields), p=shares / shares.sum())
        self._shift_days = rng.normal(0.0, 1.0, n)
        self._vigour = np.clip(rng.normal(1.0, 0.06, n), 0.8, 1.12)
        self._grazing_phase = rng.uniform(0, 2 * np.pi, n)
        self._grazing_strength = rng.uniform(0.02, 0.06, n)
        self.mowings = _draw_mowings(self.crop_of, seed, start, end)
        self._mown_unit = np.array([mowing.unit for mowing in self.mowings], np.int64)
        self._mown_day = np.array([(mowing.day - EPOCH).days for mowing in self.mowings], float)
        self._drop = np.array([mowing.ndvi_drop for mowing in self.mowings], float)
        self._regrowth_days = np.array([mowing.regrowth_days for mowing in self.mowings], float)

    def ndvi_on(self, day: date) -> NDArray[np.float32]:
        """NDVI (unit,) on a day; water is -0.3, sealed ground 0.1."""
        of_year = float((day - date(day.year, 1, 1)).days + 1)
        ndvi = np.full(len(self.kinds), 0.1)
        for index, crop in enumerate(CROPS):
            chosen = self.crop_of == index
            ndvi[chosen] = self._curve_at(crop.curve, of_year, chosen)
            if crop.mowing == "pasture":
                wave = np.sin(of_year / 9.0 + self._grazing_phase[chosen])
                ndvi[chosen] -= self._grazing_strength[chosen] * (1 + wave)
        for kind, curve in ((FOREST, FOREST_CURVE), (IDLE, IDLE_CURVE)):
            chosen = self.kinds == kind
            ndvi[chosen] = self._curve_at(curve, of_year, chosen)
        ndvi[self.kinds == WATER] = -0.3
        ndvi[self.kinds == BUILT] = 0.12
        return self._mown(ndvi, (day - EPOCH).days).astype(np.float32)

    def _curve_at(self, curve: Curve, of_year: float, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return curve.at(of_year, self._shift_days[chosen] * curve.spread_days, self._vigour[chosen])

    def _mown(self, ndvi: NDArray[np.float64], today: int) -> NDArray[np.float64]:
        """Take off what has not grown back: all of the drop on the day, little after the regrowth time."""
        since = today - self._mown_day
        recent = (since >= 0) & (since < 3 * self._regrowth_days)
        # Slow in the first days, then fast, then slow: 90 percent are back after the regrowth time.
        left = self._drop[recent] / (1 + 9 * (since[recent] / self._regrowth_days[recent]) ** 3)
        np.subtract.at(ndvi, self._mown_unit[recent], left)
        mown = self._mown_unit[recent]
        ndvi[mown] = np.maximum(ndvi[mown], BARE_NDVI)
        return ndvi


def _draw_mowings(crop_of: NDArray[np.int16], seed: int, start: date, end: date) -> list[Mowing]:
    rng = random.Random(f"mowings {seed}")
    styles: list[MowingStyle] = [crop.mowing for crop in CROPS]
    mowings = []
    for year in range(start.year, end.year + 1):
        for unit in np.flatnonzero(crop_of >= 0):
            style = styles[crop_of[unit]]
            if style not in N_CUTS:
                continue
            cut_day = rng.gauss(FIRST_CUT_DAY[style], 10.0)
            for _ in range(rng.choice(N_CUTS[style])):
                day = date(year, 1, 1) + timedelta(days=round(cut_day) - 1)
                drop, regrowth = rng.uniform(*DROP), rng.uniform(*REGROWTH_DAYS)
                if cut_day <= LAST_CUT_DAY and start <= day <= end:
                    mowings.append(Mowing(int(unit), day, drop, regrowth))
                cut_day += rng.uniform(*CUT_INTERVAL_DAYS[style])
    return mowings
