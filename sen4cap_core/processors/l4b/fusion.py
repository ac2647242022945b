"""Detections of all sensors and orbits made into mowings: as the original does, or all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sen4cap_core.declarations.settings.l4b_config import SECONDS_PER_DAY, L4BConfig
from sen4cap_core.kernels.mowing.events import merge_detections
from sen4cap_core.kernels.mowing.slots import (
    END_RULE,
    N_SLOTS,
    S1,
    S2,
    SPAN_RULE,
    fill_slots,
    fuse_into_slots,
)
from sen4cap_core.processors.l4b.model import (
    Detections,
    MowingEvents,
    ParcelFacts,
    Slots,
    SourceDetections,
    offsets_of,
)
from sen4cap_core.tables.threads import run_in_chunks

MIN_DISTANCE_DAYS = 20
"""Default mode: middles of two mowings of a parcel lie at least this far apart. The original's 45 days (span)
and 28 days (ends) lose cuts of meadows mown every four to five weeks."""


def fuse_like_the_original(raw: Sequence[SourceDetections], facts: ParcelFacts, config: L4BConfig) -> Slots:
    """Write each run's detections on top of what the runs before it left in the four slots."""
    slots = Slots.empty(facts.size)
    for run in raw:
        is_optical = run.mission == "S2"
        settings = config.s2 if is_optical else config.s1
        distance_s = round(settings.non_overlap_interval_days * SECONDS_PER_DAY)
        in_raster = facts.in_optical if is_optical else facts.in_radar
        _fuse_run(run.found, is_optical, distance_s, in_raster, slots)
    return slots


def _fuse_run(
    found: Detections, is_optical: bool, distance_s: int, in_raster: np.ndarray, slots: Slots
) -> None:
    offsets = found.offsets(slots.n.size)
    mission, rule = (S2, SPAN_RULE) if is_optical else (S1, END_RULE)
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
            distance_s,
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
    parcel, slot = np.nonzero(np.arange(N_SLOTS) < slots.n[:, None])
    return MowingEvents(
        parcel.astype(np.int32),
        slots.start_s[parcel, slot],
        slots.end_s[parcel, slot],
        slots.confidence[parcel, slot],
        slots.mission[parcel, slot],
    )


def merge(raw: Sequence[SourceDetections], n_parcels: int) -> MowingEvents:
    """Merge the detections of all sources at once; the order of ``raw`` and of its detections is
    irrelevant.
    """
    if not raw:
        empty = np.empty(0, np.int64)
        return MowingEvents(
            empty.astype(np.int32), empty, empty, empty.astype(np.float64), empty.astype(np.int8)
        )
    runs = sorted(raw, key=lambda run: (run.mission, run.orbit))
    is_optical = np.array([run.mission == "S2" for run in runs])
    parcel = np.concatenate([run.found.parcel for run in runs])
    order = np.argsort(parcel, kind="stable")
    parcel = parcel[order]
    start_s, end_s, confidence = (
        np.concatenate([getattr(run.found, name) for run in runs])[order]
        for name in ("start_s", "end_s", "confidence")
    )
    source = np.repeat(np.arange(len(runs), dtype=np.int8), [run.found.parcel.size for run in runs])[order]
    offsets = Detections(parcel, start_s, end_s, confidence).offsets(n_parcels)
    events = MowingEvents(
        parcel,
        np.empty_like(start_s),
        np.empty_like(end_s),
        np.empty_like(confidence),
        np.empty(parcel.size, np.int8),
    )
    n_events = np.zeros(n_parcels, np.int32)
    run_in_chunks(
        lambda first, last: merge_detections(
            first,
            last,
            offsets,
            start_s,
            end_s,
            confidence,
            source,
            is_optical,
            MIN_DISTANCE_DAYS * SECONDS_PER_DAY,
            events.start_s,
            events.end_s,
            events.confidence,
            events.mission,
            n_events,
        ),
        n_parcels,
    )
    kept = np.nonzero(np.arange(parcel.size) < (offsets[:-1] + n_events)[parcel])[0]
    return MowingEvents(
        parcel[kept],
        events.start_s[kept],
        events.end_s[kept],
        events.confidence[kept],
        events.mission[kept],
    )


def best_slots(events: MowingEvents, n_parcels: int) -> Slots:
    """Put the four most confident events of each parcel into slots, in order of start; a tie: the earlier."""
    slots = Slots.empty(n_parcels)
    offsets = offsets_of(events.parcel, n_parcels)
    run_in_chunks(
        lambda first, last: fill_slots(
            first,
            last,
            offsets,
            events.start_s,
            events.end_s,
            events.confidence,
            events.mission,
            slots.n,
            slots.start_s,
            slots.end_s,
            slots.confidence,
            slots.mission,
        ),
        n_parcels,
    )
    return slots
