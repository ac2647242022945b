"""Sentinel-1 of the simulated season: ready-made backscatter and coherence of the same land.

Coherence is high over bare and mown ground and falls with what grows; a pair across a cut, a harvest or a
tillage is decorrelated by the change itself. Backscatter is that of the soil, damped and overlaid by the
plants: VH rises with leaves, VV of upright cereals falls. Speckle is that of the looks in a 20 m pixel.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.writing.float_cog import write_float_cog
from sen4cap_core.simulation.land.burning import burn
from sen4cap_core.simulation.land.crops import CROPS
from sen4cap_core.simulation.land.landscape import BUILT, FOREST, WATER

if TYPE_CHECKING:
    from sen4cap_core.simulation.land.growth import Growth

REPEAT_DAYS = 6
ORBITS: dict[int, tuple[Literal["ascending", "descending"], time, int]] = {
    74: ("ascending", time(18, 11, 42), 2),
    154: ("descending", time(6, 26, 17), 5),
}
"""Relative orbit -> direction, UTC of passage, day of the first passage after the start."""
LOOKS_POWER = 4.0
"""Equivalent looks of backscatter in a 20 m pixel (8 x 2 samples, correlated)."""
LOOKS_COHERENCE = 42.0
"""Equivalent looks under the coherence window of 5 x 20 samples."""
COHERENCE_BARE, COHERENCE_FULL = 0.78, 0.22
"""Of pairs of 6 days over bare soil and under a closed canopy."""
NDVI_BARE, NDVI_FULL = 0.15, 0.85
AFTER_CUT = 0.14
"""Stubble is steadier than leaves of the same NDVI, for some two weeks."""
AFTER_CUT_DAYS = 15.0
CHANGE_LOSS = 0.45
"""Share of the coherence that a pair across a cut or a harvest loses."""
CEREALS = frozenset(crop.code for crop in CROPS if 200 <= crop.ctnum < 203)
HARVEST_FALL = 0.08
"""Fall of NDVI within a pair that only a harvest or a cut makes."""


@dataclass(frozen=True)
class RadarPass:
    """One passage of a radar satellite."""

    at: datetime
    platform: str
    relative_orbit: int
    index: int


class RadarSeason:
    """Radar products of a season. The same arguments give the same pixels."""

    def __init__(
        self,
        geometries: NDArray[np.object_],
        growth: Growth,
        grid: Grid,
        *,
        tile: str,
        seed: int,
        start: date,
        end: date,
        orbits: tuple[int, ...] = (154,),
    ) -> None:
        self.grid, self.tile, self.seed = grid.at_resolution(20.0), tile, seed
        self._growth = growth
        self._labels = burn(geometries, self.grid)
        self.passes = plan_radar(seed, start, end, orbits)
        n = len(growth.kinds)
        rng = np.random.default_rng([seed, 71])
        # A field has a level of its own: row direction, roughness, variety.
        self._level_db = rng.normal(0.0, 0.7, n)
        self._steadiness = rng.normal(0.0, 0.035, n)
        codes = np.array([CROPS[c].code if c >= 0 else "" for c in growth.crop_of])
        self._is_cereal = np.isin(codes, list(CEREALS))
        self._cut_unit = np.array([one.unit for one in growth.mowings], np.int64)
        self._cut_day = np.array([to_days(one.day) for one in growth.mowings], np.int64)

    def pairs(self) -> list[tuple[RadarPass, RadarPass]]:
        """Return (earlier, later) passes of one orbit six days apart."""
        by_orbit: dict[int, list[RadarPass]] = {}
        for one in self.passes:
            by_orbit.setdefault(one.relative_orbit, []).append(one)
        return [pair for track in by_orbit.values() for pair in itertools.pairwise(track)]

    def true_coherence(self, earlier: RadarPass, later: RadarPass, polarisation: str) -> NDArray[np.float64]:
        """Coherence (unit,) of a pair before the estimator's noise."""
        first, last = earlier.at.date(), later.at.date()
        before, after = (np.asarray(self._growth.ndvi_on(day), float) for day in (first, last))
        cover = np.clip((np.maximum(before, after) - NDVI_BARE) / (NDVI_FULL - NDVI_BARE), 0.0, 1.0)
        truth = COHERENCE_BARE - (COHERENCE_BARE - COHERENCE_FULL) * cover + self._steadiness
        since = to_days(first) - self._cut_day
        recent = (since >= 0) & (since < 3 * AFTER_CUT_DAYS)
        np.add.at(truth, self._cut_unit[recent], AFTER_CUT * np.exp(-since[recent] / AFTER_CUT_DAYS))
        across = (self._cut_day > to_days(first)) & (self._cut_day <= to_days(last))
        changed = before - after > HARVEST_FALL
        changed[self._cut_unit[across]] = True
        truth[changed] *= 1.0 - CHANGE_LOSS
        # Rain between the passes takes from everything alike.
        rain = np.random.default_rng([self.seed, 73, later.index]).gamma(1.2, 0.02)
        truth *= 1.0 - min(rain, 0.2)
        if polarisation == "vh":
            truth = truth * 0.9 - 0.01
        kinds = self._growth.kinds
        for kind, value in ((WATER, 0.05), (FOREST, 0.15), (BUILT, 0.85)):
            truth[kinds == kind] = value
        return np.asarray(np.clip(truth, 0.03, 0.95))

    def true_power(self, one: RadarPass, polarisation: str) -> NDArray[np.float64]:
        """Sigma0 (unit,) in linear power before speckle."""
        day = one.at.date()
        ndvi = np.asarray(self._growth.ndvi_on(day), float)
        cover = np.clip((ndvi - NDVI_BARE) / (NDVI_FULL - NDVI_BARE), 0.0, 1.0)
        # Moist soil after rain, the same for both polarisations of a passage.
        moisture_db = np.random.default_rng([self.seed, 79, one.index]).normal(0.0, 0.6)
        if polarisation == "vv":
            db = -10.5 + moisture_db + np.where(self._is_cereal, -4.5, 1.0) * cover
        else:
            db = -20.0 + 0.7 * moisture_db + np.where(self._is_cereal, 2.0, 5.0) * cover
        db = db + self._level_db
        kinds = self._growth.kinds
        shift = 0.0 if polarisation == "vv" else -6.0
        for kind, value in ((WATER, -20.0), (FOREST, -8.0), (BUILT, -3.0)):
            db[kinds == kind] = value + shift
        return np.asarray(10.0 ** (db / 10.0))

    def coherence_image(self, earlier: RadarPass, later: RadarPass, polarisation: str) -> NDArray[np.float32]:
        """Estimated coherence (rows, columns): biased where low and noisy, as few looks give it."""
        truth = self._on_pixels(self.true_coherence(earlier, later, polarisation), 0.35)
        rng = self._noise(83, later, polarisation)
        spread = (1.0 - truth**2) / np.sqrt(2.0 * LOOKS_COHERENCE)
        in_phase = truth + spread * rng.standard_normal(truth.shape)
        across = spread * rng.standard_normal(truth.shape)
        return np.asarray(np.clip(np.hypot(in_phase, across), 1e-3, 0.999), np.float32)

    def amplitude_image(self, one: RadarPass, polarisation: str) -> NDArray[np.float32]:
        """Amplitude, the square root of sigma0 (rows, columns), with speckle."""
        power = self._on_pixels(self.true_power(one, polarisation), 0.03 if polarisation == "vh" else 0.1)
        speckle = self._noise(89, one, polarisation).gamma(LOOKS_POWER, 1.0 / LOOKS_POWER, power.shape)
        return np.asarray(np.sqrt(power * speckle), np.float32)

    def write_pass(self, one: RadarPass, folder: Path) -> list[Path]:
        """Write amplitude of a passage and coherence with the one before, in the original's names.

        Returns the VV files, by which the products are known; what is there already stays.
        """
        before = next((pair[0] for pair in self.pairs() if pair[1] == one), None)
        stamp = f"V{one.at:%Y%m%dT%H%M%S}"
        written = []
        partner = before.at if before else one.at - timedelta(days=REPEAT_DAYS)
        for polarisation in ("vh", "vv"):
            stem = f"SEN4CAP_L2A_S1_{stamp}_{partner:%Y%m%dT%H%M%S}"
            tail = f"{polarisation.upper()}_{one.relative_orbit:03d}"
            written = [folder / f"{stem}_{tail}_AMP_{self.tile}.tif"]
            if not written[0].exists():
                image = self.amplitude_image(one, polarisation)
                write_float_cog(written[0], self.grid, {polarisation: image}, digits=1e-3)
            if before is None:
                continue
            written.append(folder / f"{stem}_{tail}_COHE_{self.tile}.tif")
            if not written[1].exists():
                image = self.coherence_image(before, one, polarisation)
                write_float_cog(written[1], self.grid, {polarisation: image}, digits=1e-3)
        return written

    def _on_pixels(self, values: NDArray[np.float64], verge: float) -> NDArray[np.float64]:
        return np.asarray(np.append(values, verge)[self._labels])

    def _noise(self, kind: int, one: RadarPass, polarisation: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, kind, one.index, 0 if polarisation == "vv" else 1])


def plan_radar(seed: int, start: date, end: date, orbits: tuple[int, ...]) -> list[RadarPass]:
    """Return the passages of some relative orbits between two days, in order of time.

    Raises ValueError for an orbit that is not simulated.
    """
    unknown = set(orbits) - set(ORBITS)
    if unknown:
        raise ValueError(f"orbits {sorted(unknown)} are not simulated; {sorted(ORBITS)} are")
    rng = np.random.default_rng([seed, 67])
    passes = []
    for orbit in orbits:
        _, clock, first = ORBITS[orbit]
        day = start + timedelta(days=first)
        turn = 0
        while day <= end:
            at = datetime.combine(day, clock, UTC) + timedelta(seconds=int(rng.integers(-4, 5)))
            passes.append(RadarPass(at, ("S1A", "S1B")[turn % 2], orbit, 0))
            day += timedelta(days=REPEAT_DAYS)
            turn += 1
    passes.sort(key=lambda one: one.at)
    return [RadarPass(one.at, one.platform, one.relative_orbit, i) for i, one in enumerate(passes)]
