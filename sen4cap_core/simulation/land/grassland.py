"""Grassland of many parcels as tables: NDVI and coherence series with the dates of every cut known.

Made to calibrate and compare mowing detectors. What makes real grassland hard is in it: cuts that cluster in
dry spells, parcels cut in two parts, falls from barely visible to bare, senescence and droughts that
neighbours share, grazing, thin cloud over whole scenes, clouds no mask has seen, coherence that does not
answer a cut or answers something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEASON_FIRST_DOY, SEASON_LAST_DOY = 60, 330
PAIR_DAYS = 6
PIXEL_COHERENCE_SD = 0.155
"""Standard deviation of the coherence of one 20 m pixel."""


@dataclass(frozen=True)
class Region:
    """One neighbourhood and its year."""

    seed: int
    n_parcels: int = 300
    year: int = 2019
    revisit_days: float = 5.0
    cloudiness: float = 0.5
    """Mean share of the land under cloud at a passage."""
    missed_cloud: float = 0.015
    """Share of clear-looking observations that hold cloud or shadow."""
    drought: float = 0.5
    """Probability of each of two dry spells, late spring and high summer."""
    grazed: float = 0.25
    """Share of parcels with animals on them."""
    intensity: float = 1.0
    """Factor on the number of cuts."""
    coherence_noise: float = 1.0
    """Factor on the noise of coherence."""
    haze: float = 0.12
    """Share of the passages with haze over all the land."""
    haze_in_score: float = 0.0
    """How much a hazy passage lowers the clear score: 0 not at all, 1 by 0.2 to 0.7."""
    clear_score: float = 1.0
    """Clear score of a clear sky."""
    score_sd: float = 0.07
    """Standard deviation of the clear score's own errors."""
    bright_low: float = 0.0
    """How much of the clear score each NDVI below 0.7 takes: stubble and bare soil are bright and look like
    cloud to scores that are made of brightness."""
    synchrony: float = 0.75
    """Share of the cuts that are drawn to the dry spells."""
    n_spells: int = 22
    """Dry spells of the season; few of them: all mow at once."""
    level: float = 0.84
    """Mean NDVI of grown grass."""
    cut_share: float = 0.5
    """Mean share of NDVI that a cut takes."""
    regrowth: float = 1.0
    """Factor on the time grass needs to grow back."""
    late_veils: float = 0.0
    """Late in the season (from day 255, in full from 290 on) the sun is low, thin cloud and fog are not seen:
    so many times as many missed clouds, and a passage shows so many tenths less NDVI, at most."""


@dataclass(frozen=True)
class GrasslandTables:
    """Tables as ``sen4cap l4b detect`` reads them, and the truth."""

    parcels: pd.DataFrame
    """``parcel_id, fid, crop_code, area_m2, n_pix_s2, n_pix_s1, neighbourhood, kind``."""
    observations: pd.DataFrame
    """``parcel_id, mission, orbit, date1, date, mean, n_valid, clear_score``; NDVI times 1000."""
    truth: pd.DataFrame
    """``parcel_id, date, doy, drop, recovery_days``: one row for each cut."""


CROP_CODES = {"meadow": "051", "extensive": "052", "ley": "265", "pasture": "046", "fallow": "910"}
SHARES = {"meadow": 0.42, "extensive": 0.2, "ley": 0.2, "pasture": 0.14, "fallow": 0.04}
FIRST_CUT = {"meadow": 150, "extensive": 178, "ley": 136, "pasture": 165, "fallow": 230}
N_CUTS = {"meadow": 2.4, "extensive": 1.2, "ley": 3.9, "pasture": 0.5, "fallow": 0.3}


def simulate_grassland(region: Region, *, with_radar: bool = False) -> GrasslandTables:
    """Draw the parcels of one neighbourhood and what the satellites see of them over a season."""
    rng = np.random.default_rng([region.seed, 5])
    n = region.n_parcels
    style = rng.choice(list(SHARES), n, p=list(SHARES.values()))
    is_grazed = (rng.random(n) < region.grazed) | (style == "pasture")
    n_pix_s2 = np.clip(rng.lognormal(4.2, 0.9, n), 3, 900).astype(int)
    doys = np.arange(1, 366)
    ndvi = _uncut(rng, region, n, doys)
    cuts = _cuts(rng, region, style)
    for cut in cuts:
        ndvi[cut["row"]] -= _fall(doys, cut) * np.maximum(ndvi[cut["row"], cut["doy"] - 2] - 0.12, 0.0)
    _graze(rng, ndvi, is_grazed, doys)
    ndvi = np.clip(ndvi, 0.08, 0.95)
    ids = np.arange(n) + 1000 * region.seed + 100_000
    observed = [_optical(rng, region, ndvi, ids, n_pix_s2)]
    n_pix_s1 = np.where(n_pix_s2 < 8, 0, n_pix_s2 // 4)
    if with_radar:
        observed += _coherence(rng, region, cuts, n_pix_s1, ids)
    first = np.datetime64(f"{region.year}-01-01")
    truth = pd.DataFrame(
        {
            "parcel_id": ids[[c["row"] for c in cuts]],
            "date": [str(first + c["doy"] - 1) for c in cuts],
            "doy": [c["doy"] for c in cuts],
            "drop": [round(c["share"], 3) for c in cuts],
            "recovery_days": [c["days"] for c in cuts],
        }
    )
    parcels = pd.DataFrame(
        {
            "parcel_id": ids,
            "fid": np.arange(n) + 1,
            "crop_code": [CROP_CODES[s] for s in style],
            "area_m2": n_pix_s2 * 100,
            "n_pix_s2": n_pix_s2,
            "n_pix_s1": n_pix_s1,
            "neighbourhood": f"region-{region.seed}",
            "kind": np.where(is_grazed, "grazed", "ungrazed"),
        }
    )
    return GrasslandTables(parcels, pd.concat(observed, ignore_index=True), truth)


def _uncut(rng: np.random.Generator, region: Region, n: int, doys: NDArray[Any]) -> Array:
    """NDVI (n, days) without cuts: growth, senescence and dry spells, mostly shared."""
    level = rng.normal(region.level, 0.045, n)[:, None]
    winter = np.clip(rng.normal(region.level - 0.29, 0.08, n), 0.3, 0.75)[:, None]
    green_up = (rng.normal(88, 8) + rng.normal(0, 6, n))[:, None]
    fall = (rng.normal(288, 10) + rng.normal(0, 9, n))[:, None]
    rise = 1 / (1 + np.exp(-(doys - green_up) / 9))
    decline = 1 / (1 + np.exp(-(doys - fall) / rng.uniform(8, 16)))
    ndvi = winter + (level - winter) * (rise - rng.uniform(0.55, 1.1, n)[:, None] * decline)
    # Flowering and ageing of uncut grass.
    ageing = rng.uniform(0.0, 0.12, n)[:, None] / (1 + np.exp(-(doys - rng.normal(185, 15, n)[:, None]) / 14))
    ndvi = ndvi - ageing * (1 - decline)
    for middle in (150, 205):
        if rng.random() < region.drought:
            depth = rng.uniform(0.04, 0.24) * np.clip(rng.normal(1, 0.3, n), 0, 2)[:, None]
            onset = middle + rng.normal(0, 12) + rng.normal(0, 4, n)[:, None]
            length = rng.uniform(25, 60)
            onset_days, end_days = rng.uniform(4, 9), rng.uniform(4, 9)
            ndvi = ndvi - depth * (
                1 / (1 + np.exp(-(doys - onset) / onset_days))
                - 1 / (1 + np.exp(-(doys - onset - length) / end_days))
            )
    slow = np.cumsum(rng.normal(0, 0.0035, ndvi.shape), axis=1)
    trend = np.linspace(0, 1, ndvi.shape[1])
    return np.asarray(ndvi + slow - slow[:, -1:] * trend)


def _cuts(rng: np.random.Generator, region: Region, style: NDArray[Any]) -> list[dict[str, Any]]:
    """Dates and depths of all cuts, drawn towards the dry spells that all farmers wait for."""
    spells = np.sort(rng.uniform(110, 310, region.n_spells))
    spell_lengths = rng.integers(2, 7, spells.size)
    cuts: list[dict[str, Any]] = []
    for row, name in enumerate(style):
        n = rng.poisson(N_CUTS[name] * region.intensity)
        day = FIRST_CUT[name] + rng.normal(0, 13)
        for _ in range(min(n, 6)):
            spell = int(np.argmin(np.abs(spells - day)))
            if rng.random() < region.synchrony and abs(spells[spell] - day) < 264 / region.n_spells:
                day = spells[spell] + rng.uniform(0, spell_lengths[spell])
            if day > 318:
                break
            late = max(0.0, (day - 250) / 60)
            cuts.append(
                {
                    "row": row,
                    "doy": int(day),
                    "share": float(np.clip(rng.normal(region.cut_share - 0.1 * late, 0.14), 0.1, 0.8)),
                    "days": int(rng.uniform(14, 40) * (1 + late) * region.regrowth),
                    "drying_days": float(rng.choice([0.6, 1.2, 3.0])),
                    # The second part of a parcel cut in two.
                    "second": float(rng.uniform(0.3, 0.7)) if rng.random() < 0.12 else 0.0,
                    "second_days": int(rng.integers(2, 9)),
                }
            )
            day += max(rng.normal(42 if name == "ley" else 55, 10), 24)
    return cuts


def _fall(doys: NDArray[Any], cut: dict[str, Any]) -> Array:
    """Share of NDVI that is missing on each day after a cut."""

    def part(day: float) -> Array:
        since = doys - day
        with np.errstate(over="ignore"):
            back = 1 / (1 + np.exp((since - 0.55 * cut["days"]) / (0.16 * cut["days"])))
        return np.asarray(np.where(since >= 0, (1 - np.exp(-(since + 0.3) / cut["drying_days"])) * back, 0.0))

    rest = cut["second"]
    return np.asarray(
        cut["share"] * ((1 - rest) * part(cut["doy"]) + rest * part(cut["doy"] + cut["second_days"]))
    )


def _graze(rng: np.random.Generator, ndvi: Array, is_grazed: NDArray[np.bool_], doys: NDArray[Any]) -> None:
    """Slow falls by animals, several times a season; in place."""
    for row in np.nonzero(is_grazed)[0]:
        for start in rng.uniform(110, 290, rng.integers(1, 5)):
            depth, days = rng.uniform(0.03, 0.17), rng.uniform(7, 24)
            since = doys - start
            eaten = np.clip(since / days, 0, 1) * 1 / (1 + np.exp((since - days - 16) / 5))
            ndvi[row] -= np.where(since > 0, depth * eaten, 0.0)


def _optical(
    rng: np.random.Generator, region: Region, ndvi: Array, ids: NDArray[Any], n_pixels: NDArray[Any]
) -> pd.DataFrame:
    """Observations of Sentinel-2: every passage has a row for every parcel, cloudy ones too."""
    n = ndvi.shape[0]
    gaps = np.full(200, region.revisit_days)
    doys = (SEASON_FIRST_DOY + rng.uniform(0, 5) + np.cumsum(gaps)).astype(int)
    doys = np.unique(doys[doys <= SEASON_LAST_DOY])
    place = rng.uniform(0, 1, n)
    first = np.datetime64(f"{region.year}-01-01")
    frames = []
    for number, doy in enumerate(doys):
        cover = float(rng.beta(0.55, 0.55 * (1 - region.cloudiness) / region.cloudiness))
        field = sum(np.sin(2 * np.pi * (k * place + rng.random())) / k for k in (1, 2, 5)) + rng.normal(
            0, 0.5, n
        )
        rank = np.argsort(np.argsort(field)) / n
        opacity = np.clip((cover - rank) * 4 + rng.normal(0, 0.05, n), 0, 1) if cover > 0.02 else np.zeros(n)
        seen = ndvi[:, doy - 1] + rng.normal(0, 0.012) + (0.006 if number % 2 else -0.006)
        hazy = 0.0
        if rng.random() < region.haze:
            haze = rng.uniform(0.02, 0.12)
            seen = seen * (1 - haze * rng.uniform(0.7, 1.3, n))
            hazy = region.haze_in_score * (0.1 + 5 * haze)
        late = region.late_veils * np.clip((doy - 255) / 35, 0.0, 1.0)
        if late:
            seen = seen * (1 - 0.1 * late * rng.beta(0.6, 1.4) * rng.uniform(0.6, 1.4, n))
        seen = seen + rng.normal(0, 0.01, n) + rng.normal(0, 0.05, n) / np.sqrt(n_pixels)
        # Scores are sharper than clouds: a veil of a fifth already looks doubtful.
        errors = np.abs(rng.normal(0, region.score_sd, n))
        bright = region.bright_low * np.maximum(0.7 - ndvi[:, doy - 1], 0.0)
        score = np.clip(region.clear_score - 2.2 * opacity - hazy - bright - errors, 0, 1)
        is_missed = (rng.random(n) < region.missed_cloud * (1 + late)) & (opacity < 0.5)
        opacity = np.where(is_missed, rng.uniform(0.1, 0.7, n), opacity)
        seen = seen * (1 - opacity) + rng.uniform(0.02, 0.2, n) * opacity
        frames.append(
            pd.DataFrame(
                {
                    "parcel_id": ids,
                    "mission": "S2",
                    "orbit": "",
                    "date1": "",
                    "date": str(first + doy - 1),
                    "mean": np.round(seen * 1000),
                    "n_valid": n_pixels,
                    "clear_score": np.round(score, 3),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _coherence(
    rng: np.random.Generator,
    region: Region,
    cuts: list[dict[str, Any]],
    n_pixels: NDArray[Any],
    ids: NDArray[Any],
) -> list[pd.DataFrame]:
    """VH coherence of two orbits; a cut raises it from the first pair that lies wholly after it."""
    n = ids.size
    first = np.datetime64(f"{region.year}-01-01")
    events = [
        (c["row"], c["doy"], rng.uniform(0.1, 0.4), rng.uniform(8, 22)) for c in cuts if rng.random() < 0.7
    ]
    # Tillage, harrowing, rolling: rises that are no cut.
    events += [
        (int(r), rng.uniform(70, 310), rng.uniform(0.1, 0.4), 15.0)
        for r in np.nonzero(rng.random(n) < 0.1)[0]
    ]
    frames = []
    for orbit, shift in (("037", 0), ("088", 3)):
        base = rng.normal(0.26, 0.04, n)
        for later in range(26 + shift, SEASON_LAST_DOY, PAIR_DAYS):
            earlier = later - PAIR_DAYS
            coherence = base + 0.12 * np.cos(2 * np.pi * later / 365) + rng.normal(0, 0.012)
            for row, doy, rise, days in events:
                if earlier >= doy and earlier - doy < 4 * days:
                    coherence[row] += rise * np.exp(-(earlier - doy) / days)
            sd = PIXEL_COHERENCE_SD * region.coherence_noise / np.sqrt(np.maximum(n_pixels, 1))
            coherence = np.clip(coherence + rng.normal(0, 1, n) * sd, 0.01, 0.99)
            frames.append(
                pd.DataFrame(
                    {
                        "parcel_id": ids,
                        "mission": "S1",
                        "orbit": orbit,
                        "date1": str(first + earlier - 1),
                        "date": str(first + later - 1),
                        "mean": np.round(coherence, 4),
                        "n_valid": n_pixels,
                        "clear_score": np.nan,
                    }
                )[n_pixels > 0]
            )
    return frames
