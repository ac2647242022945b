"""The neighbourhood method: cuts are falls of NDVI that the grassland around does not show.

The ideas are those that made the difference in comparisons of mowing detectors on real, dated cuts (compare
MODCiX; Reinermann et al. 2023; Schwieder et al. 2022): a reference course of the surroundings, thresholds
that follow level and season, no isolated lows, and a date late in the gap between clear images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.grass_settings import GrassSettings
from sen4cap_core.declarations.settings.l4b_config import L4BConfig
from sen4cap_core.kernels.grass.cuts import find_cuts
from sen4cap_core.kernels.grass.events import describe_cuts
from sen4cap_core.kernels.grass.model import Demand, Optical, Radar
from sen4cap_core.kernels.grass.model import Evidence as GrassEvidence
from sen4cap_core.kernels.grass.neighbourhood import count_rates, shared_course
from sen4cap_core.kernels.grass.thresholds import N_THRESHOLDS, demand_of_days
from sen4cap_core.kernels.mowing.slots import MISSION_TEXTS, S1, S2, S2_S1
from sen4cap_core.processors.l4b.branches import sigma_floors
from sen4cap_core.processors.l4b.model import (
    Evidence,
    MowingEvents,
    ObservationMatrix,
    ParcelFacts,
    Source,
)
from sen4cap_core.tables.threads import run_in_chunks

LOG_ODDS = {S1: (2.2, 1.04), S2: (-0.15, 3.4), S2_S1: (-0.62, 4.4)}
"""Log-odds that a detection is a cut: at the least strength that counts, and their growth with the logarithm
of strength. Fitted on simulated grassland and on synthetic tables of the original, with equal weights
(docs/mowing.md), for each combination of satellites."""
LOG_ODDS_ONE_SILENT = {S1: (1.7, 0.57), S2: (-1.01, 3.15)}
"""The same where the other satellite looked at the parcel and does not show the cut."""
CONFIDENCE_CAP = 0.999
ODDS = np.zeros((2, len(MISSION_TEXTS), 2))
"""Both as ``kernels.grass.events`` reads them."""
for _looked, _table in enumerate((LOG_ODDS, LOG_ODDS | LOG_ODDS_ONE_SILENT)):
    for _mission, _pair in _table.items():
        ODDS[_looked, _mission] = _pair
CLEAR_SKY_PARCELS = 2000
LEAST_CLEAR_SKY = 0.5
SHORT_GRASS = (0.35, 0.6)
LEAST_SHORT_VALUES = 20
LEAST_SHORT_SHARE = 0.75


def find_mowings(
    matrix: ObservationMatrix,
    facts: ParcelFacts,
    config: L4BConfig,
    missions: tuple[str, ...],
    radar: list[tuple[Source, Source | None]],
) -> tuple[MowingEvents, Evidence]:
    """Find the mowings of all parcels with all sources at once.

    Parameters
    ----------
    radar : coherence sources, one for each orbit, as ``detection.radar_sources`` lists them.
    """
    settings = config.grass
    optical = next((s for s in matrix.sources if s.mission == "S2" and "S2" in missions), None)
    columns = np.empty(0, np.int64) if optical is None else optical.columns
    days = np.empty(0, np.int32) if optical is None else optical.days
    scores = np.empty((0, 0), np.float32) if matrix.clear_scores is None else matrix.clear_scores
    clear_sky = clear_sky_score(scores, columns)
    short_share = short_grass_share(matrix, scores, columns, clear_sky)
    courses, course_of = neighbourhood_courses(matrix, facts, settings, columns, days, scores, clear_sky)
    seen = Optical(columns, days, matrix.optical_scale, scores, clear_sky, short_share, courses, course_of)
    heard = _heard(radar, sigma_floors(facts, config.s1, original=False))
    found_by = GrassEvidence(*(np.zeros(facts.size, np.int32) for _ in range(3)))
    thresholds = _thresholds(settings)
    demand = _demand(settings, np.concatenate([days, heard.days]))

    def find(first: int, last: int) -> tuple[NDArray[Any], ...]:
        cuts = find_cuts(first, last, matrix.values, seen, heard, demand, thresholds, found_by)
        times_s = config.s2.acquisition_time_s, config.s1.ascending_time_s
        described = describe_cuts(cuts, found_by, *times_s, ODDS, CONFIDENCE_CAP)
        return cuts.parcel, *described, cuts.mission

    parts = run_in_chunks(find, facts.size)
    events = MowingEvents(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return events, Evidence(*found_by)


def clear_sky_score(scores: NDArray[np.float32], columns: NDArray[np.int64]) -> float:
    """Return the clear score of a clear sky: the ninth decile of the scores (of every so many-th parcel).

    Scores of different makers mean different things by clear. 1 where there are no scores, never less than
    ``LEAST_CLEAR_SKY``: where nearly all is cloud the clearest cloud is no clear sky.
    """
    if not scores.size or not columns.size:
        return 1.0
    step = max(1, scores.shape[0] // CLEAR_SKY_PARCELS)
    known = scores[::step][:, columns]
    known = known[~np.isnan(known)]
    return max(float(np.quantile(known, 0.9)), LEAST_CLEAR_SKY) if known.size else 1.0


def short_grass_share(
    matrix: ObservationMatrix, scores: NDArray[np.float32], columns: NDArray[np.int64], clear_sky: float
) -> float:
    """Return how much of the score of a clear sky short grass has under it, at least ``LEAST_SHORT_SHARE``.

    Stubble is bright: a score that is made of brightness takes it for haze. It is the ninth decile of the
    scores of NDVI in ``SHORT_GRASS``; 1 where there are no scores or hardly any such value.
    """
    if not scores.size or not columns.size:
        return 1.0
    step = max(1, scores.shape[0] // CLEAR_SKY_PARCELS)
    ndvi = matrix.values[::step][:, columns] / matrix.optical_scale
    known = scores[::step][:, columns]
    with np.errstate(invalid="ignore"):
        short = known[(ndvi > SHORT_GRASS[0]) & (ndvi < SHORT_GRASS[1]) & ~np.isnan(known)]
    if short.size < LEAST_SHORT_VALUES:
        return 1.0
    return min(max(float(np.quantile(short, 0.9)) / clear_sky, LEAST_SHORT_SHARE), 1.0)


def neighbourhood_courses(
    matrix: ObservationMatrix,
    facts: ParcelFacts,
    settings: GrassSettings,
    columns: NDArray[np.int64],
    days: NDArray[np.int32],
    scores: NDArray[np.float32],
    clear_sky: float,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the NDVI course of each neighbourhood (G, K) and the neighbourhood of each parcel (P,)."""
    course_of = facts.neighbourhood
    if course_of is None:
        course_of = np.zeros(facts.size, np.int32)
    by_group = np.argsort(course_of, kind="stable").astype(np.int64)
    bounds = np.searchsorted(course_of[by_group], np.arange(int(course_of.max(initial=0)) + 2))
    courses = np.zeros((len(bounds) - 1, days.size))
    for group in range(len(bounds) - 1):
        rows = by_group[bounds[group] : bounds[group + 1]]
        if not rows.size or not days.size:
            continue

        def counted(first: int, last: int, rows: NDArray[np.int64] = rows) -> NDArray[np.int32]:
            return count_rates(
                first,
                last,
                rows,
                columns,
                days,
                matrix.values,
                matrix.optical_scale,
                scores,
                settings.min_clear_score * clear_sky,
                settings.min_ndvi,
                settings.neighbour_gap_days,
            )

        parts = run_in_chunks(counted, rows.size)
        counts = parts[0]
        for part in parts[1:]:
            counts += part
        courses[group] = shared_course(counts, days, settings.neighbour_quantile, settings.neighbour_doubt)
    return courses, course_of


def _heard(radar: list[tuple[Source, Source | None]], noise_floors: NDArray[np.float64]) -> Radar:
    """List the coherence pairs of all orbits.

    A pair that begins before the one that ended before it (a long one among short ones) tells less than that
    one and is not heard: earlier days ascend within an orbit.
    """
    mains = [main for main, _ in radar]
    starts = [np.maximum.accumulate(main.start_days) for main in mains]
    none = np.empty(0, np.int64)
    return Radar(
        np.concatenate([none, *(main.columns for main in mains)]).astype(np.int64),
        np.concatenate([none, *starts]).astype(np.int32),
        np.concatenate([none, *(main.days - main.start_days for main in mains)]).astype(np.int32),
        np.concatenate([none, *(m.start_days >= s for m, s in zip(mains, starts, strict=True))]) > 0,
        np.cumsum([0, *(main.columns.size for main in mains)], dtype=np.int64),
        noise_floors,
    )


def _demand(settings: GrassSettings, days: NDArray[np.int32]) -> Demand:
    """Factor on the least fall of each day from the first to the last."""
    first, last = (int(days.min()), int(days.max())) if days.size else (0, 0)
    factors = demand_of_days(
        first,
        last,
        spring_factor=settings.spring_factor,
        spring_doy=settings.spring_doy,
        autumn_factor=settings.autumn_factor,
        autumn_first_doy=settings.autumn_first_doy,
        autumn_last_doy=settings.autumn_last_doy,
    )
    return Demand(first, factors, float(factors.min()))


def _thresholds(s: GrassSettings) -> NDArray[np.float64]:
    """Thresholds in the order of ``kernels.grass.thresholds``."""
    values = np.array(
        [
            s.min_ndvi,
            s.min_clear_score,
            s.min_fall,
            s.min_fall_share,
            s.window_days,
            s.brief_days,
            s.recovered_share,
            s.regrowth_per_day,
            s.min_distance_days,
            s.date_share,
            s.max_low,
            s.max_fall_gap_days,
            s.witness_z,
            s.witness_full_z,
            s.witness_factor,
            s.radar_alone_z,
            s.radar_alone_gap_days,
            s.full_clear_score,
            s.doubt_factor,
            s.fastest_rise_per_day,
        ],
        np.float64,
    )
    if values.size != N_THRESHOLDS:
        raise AssertionError("the thresholds do not match those of the kernel")
    return values
