"""Made-up parcel series of one year with known harvests, catch crops and tillage, for practice monitoring.

Nothing here is real farm data. NDVI follows the crop, is low on bare ground and rises slowly with volunteers;
backscatter VV - VH is higher over bare ground; coherence is low while anything grows, high over bare ground,
lost between the two days that enclose a tillage, and falls exponentially with the length of a pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

ORBITS: Final = ("088", "139")
SIX_DAYS: Final = 6
ESTABLISHED: Final = 1
FAILED: Final = 2
NONE: Final = 0


@dataclass(frozen=True)
class PracticeScene:
    """What the made-up year is like."""

    n_parcels: int
    year: int = 2019
    repeat_days: int = SIX_DAYS
    """Days between two acquisitions of an orbit, and of a coherence pair."""
    n_orbits: int = 2
    cloudy_share: float = 0.55
    lost_from: date | None = None
    """From this day on the second orbit is lost."""
    seed: int = 1


@dataclass(frozen=True)
class PracticeYear:
    """Tables as practice monitoring reads them, and what really happened."""

    observations: pa.Table
    """parcel_id, kind, pol, orbit, date, date1, mean (AMP in dB, NDVI x 1000)."""
    practices: pa.Table
    """One row for each parcel, PRACTICE CatchCrop without P_END."""
    truth: pa.Table
    """parcel_id, harvest_date, catch_crop (1 established, 2 failed, 0 none), tillage_date."""


@dataclass(frozen=True)
class _Parcel:
    spring: date
    harvest: date
    tilled: date | None
    sown: date | None
    state: int
    volunteers: float
    level: float
    """Greatest NDVI x 1000 of the main crop."""
    ratio_db: float
    """VV - VH over bare ground."""


def simulate_practices(scene: PracticeScene) -> PracticeYear:
    """Make the year of a scene; the same seed gives the same year."""
    rng = np.random.default_rng(scene.seed)
    rows: list[tuple[Any, ...]] = []
    practices: list[dict[str, str]] = []
    truth: list[dict[str, str]] = []
    for number in range(1, scene.n_parcels + 1):
        parcel = _plan(rng, scene.year)
        rows += _radar(rng, scene, number, parcel) + _optical(rng, scene, number, parcel)
        practices.append(
            {
                "FIELD_ID": str(number),
                "MAIN_CROP": "cereal",
                "VEG_START": f"{scene.year}-03-01",
                "H_START": f"{scene.year}-06-01",
                "H_END": f"{scene.year}-10-31",
                "PRACTICE": "CatchCrop",
                "P_TYPE": "CatchCrop_1",
                "P_START": f"{scene.year}-10-15",
                "P_END": "NA",
            }
        )
        truth.append(
            {
                "parcel_id": str(number),
                "harvest_date": parcel.harvest.isoformat(),
                "catch_crop": str(parcel.state),
                "tillage_date": parcel.tilled.isoformat() if parcel.tilled else "",
            }
        )
    names = ("parcel_id", "kind", "pol", "orbit", "date", "date1", "mean")
    columns = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True))
    return PracticeYear(pa.table(columns), pa.Table.from_pylist(practices), pa.Table.from_pylist(truth))


def _plan(rng: np.random.Generator, year: int) -> _Parcel:
    harvest = date(year, 7, 1) + timedelta(int(rng.integers(0, 80)))
    state = int(rng.choice([ESTABLISHED, FAILED, NONE], p=[0.4, 0.05, 0.55]))
    tilled = sown = None
    if state != NONE:
        tilled = sown = harvest + timedelta(int(rng.integers(4, 20)))
    elif rng.random() < 0.6:
        tilled = harvest + timedelta(int(rng.integers(6, 60)))
    return _Parcel(
        spring=date(year, 3, 20) + timedelta(int(rng.integers(0, 30))),
        harvest=harvest,
        tilled=tilled,
        sown=sown if state == ESTABLISHED else None,
        state=state,
        volunteers=float(rng.uniform(0, 180)),
        level=float(rng.uniform(650, 850)),
        ratio_db=float(rng.normal(9.0, 0.6)),
    )


def _cover(parcel: _Parcel, day: date) -> float:
    """Return how much of the ground is green, 0..1, volunteers aside."""
    if parcel.spring <= day < parcel.harvest:
        age, rest = (day - parcel.spring).days, (parcel.harvest - day).days
        return min(1.0, age / 45.0) * min(1.0, 0.45 + rest / 40.0)
    if parcel.sown is not None and day >= parcel.sown:
        return min(0.7, max(0.0, ((day - parcel.sown).days - 8) / 45.0))
    return 0.0


def _weeds(parcel: _Parcel, day: date) -> float:
    """Return the NDVI x 1000 of volunteers: slow, thin, and gone with a tillage."""
    begin = parcel.harvest if parcel.tilled is None or day < parcel.tilled else parcel.tilled
    if day < parcel.harvest or (parcel.tilled is not None and day >= parcel.tilled):
        return 0.0
    return parcel.volunteers * min(1.0, (day - begin).days / 60.0)


def _radar(
    rng: np.random.Generator, scene: PracticeScene, number: int, parcel: _Parcel
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for k, orbit in enumerate(ORBITS[: scene.n_orbits]):
        day = date(scene.year, 1, 2) + timedelta(3 * k)
        before: date | None = None
        while day <= date(scene.year, 12, 31):
            if k == 1 and scene.lost_from is not None and day >= scene.lost_from:
                break
            vv = rng.normal(-11.0, 0.8)
            ratio = parcel.ratio_db - 2.6 * _cover(parcel, day) + rng.normal(0.0, 0.45)
            text = day.isoformat()
            rows.append((number, "AMP", "VV", orbit, text, "", float(vv)))
            rows.append((number, "AMP", "VH", orbit, text, "", float(vv - ratio)))
            if before is not None:
                value = _coherence(rng, parcel, before, day)
                rows.append((number, "COHE", "VV", orbit, text, before.isoformat(), value))
            before = day
            day += timedelta(scene.repeat_days)
    return rows


def _coherence(rng: np.random.Generator, parcel: _Parcel, first: date, last: date) -> float:
    cover = max(_cover(parcel, first), _cover(parcel, last))
    level = 0.75 - 0.5 * min(1.0, 1.5 * cover)
    for event in (parcel.harvest, parcel.tilled):
        if event is not None and first < event <= last:
            level = 0.25
    decayed = level ** ((last - first).days / SIX_DAYS)
    return float(np.clip(decayed + rng.normal(0.0, 0.05), 0.05, 0.95))


def _optical(
    rng: np.random.Generator, scene: PracticeScene, number: int, parcel: _Parcel
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    day = date(scene.year, 1, 4)
    while day <= date(scene.year, 12, 31):
        if rng.random() > scene.cloudy_share:
            green = _cover(parcel, day)
            ndvi = 200.0 + (parcel.level - 200.0) * green + _weeds(parcel, day) + rng.normal(0.0, 25.0)
            if rng.random() < 0.02:
                ndvi *= 0.3  # a shadow nobody masked
            rows.append((number, "NDVI", "", "", day.isoformat(), "", float(ndvi)))
        day += timedelta(5)
    return rows
