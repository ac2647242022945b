"""From parcel series to mowings: both branches run, their detections fused, each parcel judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.l4b_config import SECONDS_PER_DAY, Compat, L4BConfig
from sen4cap_core.kernels.mowing_compliance import evaluate_compliance
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

MIN_CLEAR_DATES = 3
"""A fall needs a high, a low and a third clear value: with fewer no mowing can be seen."""

OUTSIDE = "outside the images"
NEVER_OBSERVED = "never observed"
TOO_FEW_CLEAR_DATES = "too few clear dates"
TOO_LITTLE_RADAR = "too few coherence values or pixels"


def detect(
    matrix: ObservationMatrix,
    facts: ParcelFacts,
    config: L4BConfig,
    missions: tuple[str, ...],
    compat: Compat = "default",
) -> MowingOutcome:
    """Find the mowings of all parcels in the series of ``missions`` (``S2``, ``S1``) and judge each
    parcel.
    """
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


def conclude(
    raw: Sequence[SourceDetections],
    evidence: Evidence,
    facts: ParcelFacts,
    config: L4BConfig,
    compat: Compat,
) -> MowingOutcome:
    """Fuse the detections of all runs and judge each parcel.

    ``proc`` of the original only says that the parcel has pixels in an image. In the default mode it says
    that a mowing could have been seen: at least three clear dates, or one coherence value that could be
    tested.
    """
    if compat == "sen4cap":
        slots = fuse_like_the_original(raw, facts, config)
        events = events_of_slots(slots)
        in_rasters = {"S2": facts.in_optical, "S1": facts.in_radar}
        processed = np.zeros(facts.size, np.bool_)
        for run in raw:
            processed |= in_rasters[run.mission]
        reason = tuple(None if p else OUTSIDE for p in processed)
    else:
        events = merge(raw, facts.size)
        slots = best_slots(events, facts.size)
        processed = (evidence.n_clear >= MIN_CLEAR_DATES) | (evidence.n_radar_tests > 0)
        reason = _reasons(processed, evidence, facts, {run.mission for run in raw})
    return MowingOutcome(
        events=events,
        slots=slots,
        n_mowings=np.bincount(events.parcel, minlength=facts.size).astype(np.int32),
        processed=processed.astype(np.int8),
        compliance=judge(events, facts, config, processed),
        reason=reason,
        evidence=evidence,
        raw=tuple(raw),
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
    rows = np.fromiter((periods.get(code, -1) for code in facts.crop_codes), np.int64, facts.size)
    # One entry more than there are periods: row -1 of a code that is not listed.
    rules = np.array([p.rule for p in config.compliance] + [-1], np.int8)
    starts = np.array([to_days(p.start) for p in config.compliance] + [0], np.int64) * SECONDS_PER_DAY
    ends = np.array([to_days(p.end) for p in config.compliance] + [0], np.int64) * SECONDS_PER_DAY
    return evaluate_compliance(
        events.parcel, events.start_s, events.end_s, rules[rows], starts[rows], ends[rows], processed
    )


def _reasons(
    processed: NDArray[np.bool_], evidence: Evidence, facts: ParcelFacts, missions: set[str]
) -> tuple[str | None, ...]:
    """Say of each parcel that could not be judged why not; None of the others."""
    texts = (None, OUTSIDE, NEVER_OBSERVED, TOO_FEW_CLEAR_DATES, TOO_LITTLE_RADAR)
    in_images = np.zeros(facts.size, np.bool_)
    if "S2" in missions:
        in_images |= facts.in_optical
    if "S1" in missions:
        in_images |= facts.in_radar
    unseen = 4 if "S2" not in missions else 2
    code = np.where(evidence.n_clear > 0, 3, unseen)
    code[~in_images] = 1
    code[processed] = 0
    return tuple(texts[c] for c in code.tolist())
