"""Which acquisitions are pairs: the same relative orbit, 6 or 12 days apart, enough common ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shapely.geometry.base import BaseGeometry

REPEATS = (timedelta(days=6), timedelta(days=12))
"""Two satellites of one orbit plane, or one satellite; the shorter one is preferred."""
TOLERANCE = timedelta(minutes=3)
"""Slices of two passes begin at other moments."""
MIN_OVERLAP = 0.05
"""Share of the smaller footprint, as in the original."""


@dataclass(frozen=True)
class Acquisition:
    """What pairing looks at."""

    id: int
    started_at: datetime
    relative_orbit: int
    polarisations: tuple[str, ...]
    footprint: BaseGeometry


def earlier_partners(later: Acquisition, others: Sequence[Acquisition]) -> list[Acquisition]:
    """Return the earlier acquisitions a coherence is computed with: all slices of the nearest pass."""
    for repeat in REPEATS:
        met = [other for other in others if _is_partner(other, later, repeat)]
        if met:
            return sorted(met, key=lambda other: other.id)
    return []


def pairs_of(one: Acquisition, others: Sequence[Acquisition]) -> list[tuple[Acquisition, Acquisition]]:
    """Return all pairs (earlier, later) that an acquisition is part of, given what else is there.

    As the later one it takes the nearest earlier pass; as the earlier one it counts for those later passes
    whose nearest it is, so that one that arrives late takes its place between two that were paired before.
    """
    rest = [other for other in others if other.id != one.id]
    pairs = [(partner, one) for partner in earlier_partners(one, rest)]
    for later in rest:
        if later.started_at > one.started_at:
            choice = earlier_partners(later, [other for other in [*rest, one] if other.id != later.id])
            if any(partner.id == one.id for partner in choice):
                pairs.append((one, later))
    return pairs


def why_alone(one: Acquisition) -> str:
    """Say what an acquisition without an earlier partner waits for."""
    days = " or ".join(f"{(one.started_at - repeat):%Y-%m-%d}" for repeat in REPEATS)
    return f"coherence waits for an acquisition of relative orbit {one.relative_orbit} of {days}"


def _is_partner(earlier: Acquisition, later: Acquisition, repeat: timedelta) -> bool:
    if earlier.relative_orbit != later.relative_orbit:
        return False
    if abs(later.started_at - earlier.started_at - repeat) > TOLERANCE:
        return False
    if not set(earlier.polarisations) & set(later.polarisations):
        return False
    smaller = min(earlier.footprint.area, later.footprint.area)
    common = earlier.footprint.intersection(later.footprint).area
    return bool(smaller > 0 and common / smaller > MIN_OVERLAP)
