"""From parcel series to mowings: both branches, their fusion, and the verdict on each parcel's crop rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.l4b_config import SECONDS_PER_DAY, Compat, L4BConfig
from sen4cap_core.kernels.mowing_compliance import evaluate_compliance
from sen4cap_core.kernels.mowing_slots import END_RULE, S1, S2, SPAN_RULE, fuse_into_slots
from sen4cap_core.processors.l4b.branches import OpticalState, detect_drops, detect_rises
from sen4cap_core.processors.l4b.model import (
    Detections,
    MowingEvents,
    MowingOutcome,
    ObservationMatrix,
    ParcelFacts,
    Slots,
    Source,
)
from sen4cap_core.processors.l4b.threads import run_in_chunks


def detect_like_the_original(
    matrix: ObservationMatrix, facts: ParcelFacts, config: L4BConfig, missions: tuple[str, ...]
) -> MowingOutcome:
    """Run the original's sequence: Sentinel-2, then each Sentinel-1 orbit on top of what is already in the slots."""
    slots = Slots.empty(facts.size)
    processed = np.zeros(facts.size, np.bool_)
    state = OpticalState.empty(facts.size)
    raw: dict[tuple[str, str], Detections] = {}
    if "S2" in missions:
        for source in matrix.sources:
            if source.mission == "S2":
                found = detect_drops(matrix, source, config.s2, "sen4cap", state)
                raw["S2", ""] = found
                _fuse(found, S2, SPAN_RULE, config.s2.non_overlap_interval_days, facts.in_optical, slots)
                processed |= facts.in_optical
    if "S1" in missions:
        for source, second in radar_sources(matrix, config, "sen4cap"):
            found = detect_rises(matrix, source, second, facts, config.s1, "sen4cap")
            raw["S1", source.orbit] = found
            _fuse(found, S1, END_RULE, config.s1.non_overlap_interval_days, facts.in_radar, slots)
            processed |= facts.in_radar
    events = events_of_slots(slots)
    return MowingOutcome(
        events=events,
        slots=slots,
        n_mowings=slots.n,
        processed=processed.astype(np.int8),
        compliance=judge(events, facts, config, processed),
        reason=tuple(None if p else "outside the images" for p in processed),
        evidence=state.evidence(),
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


def _fuse(
    found: Detections,
    mission: int,
    rule: int,
    distance_days: float,
    in_raster: NDArray[np.bool_],
    slots: Slots,
) -> None:
    offsets = found.offsets(slots.n.size)
    run_in_chunks(
        lambda first, last: fuse_into_slots(
            first,
            last,
            offsets,
            found.start_s,
            found.end_s,
            found.confidence,
            mission,
            in_raster,
            rule,
            round(distance_days * SECONDS_PER_DAY),
            slots.n,
            slots.start_s,
            slots.end_s,
            slots.confidence,
            slots.mission,
        ),
        slots.n.size,
    )


def events_of_slots(slots: Slots) -> MowingEvents:
    """List the mowings that stand in the slots."""
    parcel, slot = np.nonzero(np.arange(slots.start_s.shape[1]) < slots.n[:, None])
    return MowingEvents(
        parcel.astype(np.int32),
        slots.start_s[parcel, slot],
        slots.end_s[parcel, slot],
        slots.confidence[parcel, slot],
        slots.mission[parcel, slot],
    )


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
