"""The two branches of L4B: NDVI falls of Sentinel-2 and coherence rises of one Sentinel-1 orbit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.l4b_config import (
    SECONDS_PER_DAY,
    Compat,
    OpticalSettings,
    RadarSettings,
)
from sen4cap_core.kernels.mowing.drops import find_drops
from sen4cap_core.kernels.series.coherence_rise import find_rises
from sen4cap_core.processors.l4b.model import (
    Detections,
    ObservationMatrix,
    ParcelFacts,
    Source,
)
from sen4cap_core.tables.threads import run_in_chunks

BRIEF_LOW_DAYS = 12.0
RECOVERED_SHARE = 0.7
"""Default mode: a low from which the very next clear value, within these days, has won back this share of the
fall is a cloud or its shadow. Grass needs weeks."""


@dataclass(frozen=True)
class OpticalState:
    """What the NDVI branch carries from one date to the next, one entry for each parcel."""

    older: NDArray[np.float64]
    newer: NDArray[np.float64]
    older_day: NDArray[np.int32]
    newer_day: NDArray[np.int32]
    n_clear: NDArray[np.int32]
    longest_gap_days: NDArray[np.int32]

    @classmethod
    def empty(cls, n_parcels: int) -> OpticalState:
        """State before the first date."""
        return cls(
            np.full(n_parcels, np.nan),
            np.full(n_parcels, np.nan),
            *(np.zeros(n_parcels, np.int32) for _ in range(4)),
        )

    def copy(self) -> OpticalState:
        """A copy that can be carried on without changing this one."""
        return OpticalState(**{name: array.copy() for name, array in vars(self).items()})


def detect_drops(
    matrix: ObservationMatrix, source: Source, settings: OpticalSettings, compat: Compat, state: OpticalState
) -> Detections:
    """Find the NDVI falls of all parcels over the dates of ``source``; ``state`` is carried on in place."""
    thresholds = np.array(
        [
            settings.corrupted_th,
            settings.decreasing_abs_th,
            settings.decreasing_rate_th,
            settings.increasing_rate_th,
            settings.high_abs_th,
            settings.low_abs_th,
            *((-1.0, math.inf) if compat == "sen4cap" else (BRIEF_LOW_DAYS, RECOVERED_SHARE)),
        ]
    )
    parts = run_in_chunks(
        lambda first, last: find_drops(
            first,
            last,
            source.columns,
            source.days,
            matrix.values,
            matrix.optical_scale,
            thresholds,
            state.older,
            state.newer,
            state.older_day,
            state.newer_day,
            state.n_clear,
            state.longest_gap_days,
            compat == "sen4cap",
        ),
        matrix.values.shape[0],
    )
    parcel, start_day, end_day, confidence = (np.concatenate(column) for column in zip(*parts, strict=True))
    end_s = end_day.astype(np.int64) * SECONDS_PER_DAY + settings.acquisition_time_s
    start_s = start_day.astype(np.int64) * SECONDS_PER_DAY + settings.acquisition_time_s
    # The original compares whole days, and then cuts by the exact, perhaps fractional, number of days.
    is_long = end_day - start_day > settings.no_mowing_after_det_days
    cut_s = round(settings.no_mowing_after_det_days * SECONDS_PER_DAY)
    start_s[is_long] = end_s[is_long] - cut_s
    return Detections(parcel, start_s, end_s, confidence)


def detect_rises(
    matrix: ObservationMatrix,
    source: Source,
    second: Source | None,
    facts: ParcelFacts,
    settings: RadarSettings,
    compat: Compat,
    n_tested: NDArray[np.int32],
) -> Detections:
    """Find the coherence rises of all parcels over one orbit.

    ``second`` is the same orbit in the other polarisation; it only raises the confidence of what ``source``
    shows. ``n_tested`` (P,) is raised in place by the acquisitions that could be tested.
    """
    original = compat == "sen4cap"
    assumed_days = settings.time_interval_days
    start_days = source.days - int(assumed_days) if original else source.start_days
    second_columns = np.empty(0, np.int64)
    if second is not None:
        at = np.searchsorted(second.days, source.days).clip(max=len(second.days) - 1)
        second_columns = np.where(second.days[at] == source.days, second.columns[at], -1)
    threshold = chance_sigmas(settings.pfa)
    floors = sigma_floors(facts, settings, original)
    parts = run_in_chunks(
        lambda first, last: find_rises(
            first,
            last,
            source.columns,
            second_columns,
            start_days,
            matrix.values,
            floors,
            settings.window_samples,
            threshold,
            n_tested,
        ),
        matrix.values.shape[0],
    )
    parcel, pair, confidence = (np.concatenate(column) for column in zip(*parts, strict=True))
    time_s = _acquisition_time_s(source.orbit, settings, original)
    later_s = source.days.astype(np.int64) * SECONDS_PER_DAY + time_s
    if original:
        earlier_s = later_s - round(assumed_days * SECONDS_PER_DAY)
    else:
        earlier_s = source.start_days.astype(np.int64) * SECONDS_PER_DAY + time_s
    return Detections(parcel, earlier_s[pair], later_s[pair], confidence)


def chance_sigmas(pfa: float) -> float:
    """Sigmas of a normal variable that are exceeded with this probability: sqrt(2) erfinv(1 - 2 pfa)."""
    # The small tail is inverted, which keeps all digits; 1 - 2 pfa is rounded first, as in the original.
    return -NormalDist().inv_cdf((1.0 - (1.0 - 2.0 * pfa)) / 2.0)


def sigma_floors(facts: ParcelFacts, settings: RadarSettings, original: bool) -> NDArray[np.float64]:
    """Least deviation of coherence that a parcel of so many pixels can have; infinite where it has none."""
    if not settings.saturate_sigma:
        return np.zeros(facts.size)
    n_pixels = facts.n_pixels_radar.astype(np.float64)
    if original:
        n_pixels = np.where(facts.is_feature_zero, 0.0, n_pixels)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n_pixels > 0, np.sqrt(settings.min_coherence_variance / n_pixels), np.inf)


def _acquisition_time_s(orbit: str, settings: RadarSettings, original: bool) -> int:
    """Local time of an orbit; the original takes the ascending one for all."""
    types = dict(zip(settings.orbits, settings.orbit_types, strict=False))
    is_descending = types.get(orbit) == "DESC" and not original
    return settings.descending_time_s if is_descending else settings.ascending_time_s
