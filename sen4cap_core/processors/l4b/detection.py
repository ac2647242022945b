"""From parcel series to mowings: both branches run, their detections fused, each parcel judged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.settings.l4b_config import SECONDS_PER_DAY, Compat, L4BConfig, Method
from sen4cap_core.kernels.mowing.compliance import evaluate_compliance
from sen4cap_core.processors.l4b.branches import OpticalState, detect_drops, detect_rises
from sen4cap_core.processors.l4b.fusion import best_slots, events_of_slots, fuse_like_the_original, merge
from sen4cap_core.processors.l4b.model import (
    Evidence,
    MowingEvents,
    MowingOutcome,
    ObservationMatrix,
    ParcelFacts,
    Source,
    SourceDetections,
)
from sen4cap_core.processors.l4b.neighbourhood import find_mowings

OUTSIDE = "outside the images"
NEVER_OBSERVED = "never observed"
TOO_FEW_CLEAR_DATES = "too few clear dates"
TOO_LITTLE_RADAR = "too few coherence values or pixels"
TOO_FEW_PIXELS = "too few pixels"
LONG_GAP = "too long without a clear date"
REASONS = (None, OUTSIDE, NEVER_OBSERVED, TOO_FEW_CLEAR_DATES, TOO_LITTLE_RADAR, TOO_FEW_PIXELS, LONG_GAP)
"""Why a parcel could not be judged; the first is of those that could."""


def detect(
    matrix: ObservationMatrix,
    facts: ParcelFacts,
    config: L4BConfig,
    missions: tuple[str, ...],
    compat: Compat = "default",
    method: Method | None = None,
) -> MowingOutcome:
    """Find the mowings of all parcels in the series of ``missions`` (``S2``, ``S1``) and judge each
    parcel.

    Raises
    ------
    ValueError
        When the neighbourhood method is asked for together with the original's behaviour.
    """
    if effective_method(compat, method) == "neighbourhood":
        radar = radar_sources(matrix, config, compat) if "S1" in missions else []
        events, evidence = find_mowings(matrix, facts, config, missions, radar)
        return _outcome(events, evidence, facts, config, set(missions), ())
    state = OpticalState.empty(facts.size)
    n_tested = np.zeros(facts.size, np.int32)
    raw: list[SourceDetections] = []
    if "S2" in missions:
        for source in matrix.sources:
            if source.mission == "S2":
                found = detect_drops(matrix, source, config.s2, compat, state)
                raw.append(SourceDetections("S2", "", found))
    if "S1" in missions:
        for source, second in radar_sources(matrix, config, compat):
            found = detect_rises(matrix, source, second, facts, config.s1, compat, n_tested)
            raw.append(SourceDetections("S1", source.orbit, found))
    evidence = Evidence(state.n_clear, state.longest_gap_days, n_tested)
    return conclude(raw, evidence, facts, config, compat)


def effective_method(compat: Compat, method: Method | None) -> Method:
    """Return the method that is used: the neighbourhood one unless the original's behaviour is wanted."""
    if compat == "sen4cap":
        if method == "neighbourhood":
            raise ValueError("the original does not have the neighbourhood method")
        return "falls"
    return method or "neighbourhood"


def conclude(
    raw: Sequence[SourceDetections],
    evidence: Evidence,
    facts: ParcelFacts,
    config: L4BConfig,
    compat: Compat,
) -> MowingOutcome:
    """Fuse the detections of all runs and judge each parcel.

    ``proc`` of the original only says that the parcel has pixels in an image. In the default mode it says
    that a mowing could have been seen: enough clear dates, or enough coherence values that could be tested.
    """
    if compat != "sen4cap":
        events = merge(raw, facts.size)
        return _outcome(events, evidence, facts, config, {run.mission for run in raw}, tuple(raw))
    slots = fuse_like_the_original(raw, facts, config)
    events = events_of_slots(slots)
    in_rasters = {"S2": facts.in_optical, "S1": facts.in_radar}
    processed = np.zeros(facts.size, np.bool_)
    for run in raw:
        processed |= in_rasters[run.mission]
    return MowingOutcome(
        events=events,
        slots=slots,
        n_mowings=np.bincount(events.parcel, minlength=facts.size).astype(np.int32),
        processed=processed.astype(np.int8),
        compliance=judge(events, facts, config, processed),
        reason=tuple(None if p else OUTSIDE for p in processed),
        no_radar=evidence.n_radar_tests < config.grass.min_radar_tests,
        evidence=evidence,
        raw=tuple(raw),
    )


def _outcome(
    events: MowingEvents,
    evidence: Evidence,
    facts: ParcelFacts,
    config: L4BConfig,
    missions: set[str],
    raw: tuple[SourceDetections, ...],
) -> MowingOutcome:
    """Judge the parcels of the default mode by all their mowings."""
    codes = _reason_codes(evidence, facts, config, missions)
    processed = codes == 0
    return MowingOutcome(
        events=events,
        slots=best_slots(events, facts.size),
        n_mowings=np.bincount(events.parcel, minlength=facts.size).astype(np.int32),
        processed=processed.astype(np.int8),
        compliance=judge(events, facts, config, processed),
        reason=tuple(np.array(REASONS, object)[codes].tolist()),
        no_radar=evidence.n_radar_tests < config.grass.min_radar_tests,
        evidence=evidence,
        raw=raw,
    )


def radar_sources(
    matrix: ObservationMatrix, config: L4BConfig, compat: Compat
) -> list[tuple[Source, Source | None]]:
    """Orbits in the order they are taken, each as (deciding polarisation, second polarisation or None).

    VH decides. With VV alone the original finds nothing; the default method lets VV decide then.
    """
    wanted = config.s1.polarisations
    by_orbit: dict[str, dict[str, Source]] = {}
    for source in matrix.sources:
        if source.mission == "S1" and source.polarisation in wanted:
            by_orbit.setdefault(source.orbit, {})[source.polarisation] = source
    orbits = [o for o in config.s1.orbits if o in by_orbit] if config.s1.orbits else sorted(by_orbit)
    pairs: list[tuple[Source, Source | None]] = []
    for orbit in orbits:
        main, second = by_orbit[orbit].get("VH"), by_orbit[orbit].get("VV")
        if main is not None:
            pairs.append((main, second))
        elif second is not None and compat == "default":
            pairs.append((second, None))
    return pairs


def judge(
    events: MowingEvents, facts: ParcelFacts, config: L4BConfig, processed: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Evaluate the compliance of all parcels; crop codes are compared as text."""
    periods = {period.crop_code: i for i, period in enumerate(config.compliance)}
    rows = np.full(facts.size, -1, np.int64)
    if periods:
        rows[:] = list(map(periods.get, facts.crop_codes, itertools.repeat(-1)))
    # One entry more than there are periods: row -1 of a code that is not listed.
    rules = np.array([p.rule for p in config.compliance] + [-1], np.int8)
    starts = np.array([to_days(p.start) for p in config.compliance] + [0], np.int64) * SECONDS_PER_DAY
    ends = np.array([to_days(p.end) for p in config.compliance] + [0], np.int64) * SECONDS_PER_DAY
    return evaluate_compliance(
        events.parcel, events.start_s, events.end_s, rules[rows], starts[rows], ends[rows], processed
    )


def _reason_codes(
    evidence: Evidence, facts: ParcelFacts, config: L4BConfig, missions: set[str]
) -> NDArray[np.int64]:
    """Place in ``REASONS`` of why each parcel could not be judged; 0 where it could."""
    grass = config.grass
    in_images = np.zeros(facts.size, np.bool_)
    if "S2" in missions:
        in_images |= facts.in_optical
    if "S1" in missions:
        in_images |= facts.in_radar
    code = np.zeros(facts.size, np.int64)
    code[evidence.longest_gap_days > grass.max_gap_days] = REASONS.index(LONG_GAP)
    code[evidence.n_clear < grass.min_clear_dates] = REASONS.index(TOO_FEW_CLEAR_DATES)
    code[evidence.n_clear == 0] = REASONS.index(NEVER_OBSERVED if "S2" in missions else TOO_LITTLE_RADAR)
    code[evidence.n_radar_tests >= grass.min_radar_tests] = 0
    if facts.n_pixels_optical is not None:
        is_small = facts.n_pixels_optical < grass.min_pixels
        code[is_small & (facts.n_pixels_optical > 0)] = REASONS.index(TOO_FEW_PIXELS)
    code[~in_images & (evidence.n_clear == 0) & (evidence.n_radar_tests == 0)] = REASONS.index(OUTSIDE)
    return code
