"""Relative orbits of Sentinel-1: from the absolute orbit's number, and from the time alone.

Sources: SentiWiki, Sentinel-1 products (naming convention, relation of absolute and relative orbits); the
announcement of the orbital reconfiguration of June 2026, in which S1C moved to half a cycle from S1D.
"""

from __future__ import annotations

import bisect
from datetime import UTC, datetime, timedelta

ORBITS = 175
"""Of a cycle of 12 days."""
_PHASES: dict[str, tuple[tuple[int, int], ...]] = {
    "S1A": ((0, 73),),
    "S1B": ((0, 27),),
    # It moved from 8 to 24 June 2026; 8018 was its last orbit before that took products.
    "S1C": ((0, 172), (8019, 99)),
    "S1D": ((0, 42),),
}
"""(from absolute orbit, first): relative orbit = (absolute - first) modulo 175 + 1."""
_ORBIT = timedelta(days=12) / ORBITS
# A published product a few minutes after the ascending node, and how much of its orbit lay behind it:
# latitude 41.6 north on a pass northwards is 41.8 degrees of 360 after the node.
_KNOWN_AT, _KNOWN_ORBIT, _KNOWN_PART = datetime(2022, 1, 4, 17, 6, 11, tzinfo=UTC), 117, 0.116
_AFTER_S1A: dict[str, tuple[tuple[datetime, int], ...]] = {
    "S1A": ((datetime(2014, 10, 1, tzinfo=UTC), 0),),
    "S1B": ((datetime(2016, 9, 20, tzinfo=UTC), 6),),
    "S1C": ((datetime(2025, 3, 25, tzinfo=UTC), 6), (datetime(2026, 6, 24, tzinfo=UTC), 1)),
    "S1D": ((datetime(2026, 3, 1, tzinfo=UTC), 7),),
}
"""(since when, days): how much later it flies over what S1A flies over."""
_MOVING = {"S1C": (datetime(2026, 6, 9, tzinfo=UTC), datetime(2026, 6, 24, tzinfo=UTC))}


def relative_orbit_of(platform: str, absolute_orbit: int) -> int | None:
    """Return the relative orbit (1 to 175) of an absolute one, None for platforms we cannot say it of."""
    phases = _PHASES.get(platform)
    if phases is None:
        return None
    _, first = phases[bisect.bisect_right(phases, (absolute_orbit, ORBITS)) - 1]
    return (absolute_orbit - first) % ORBITS + 1


def relative_orbit_at(platform: str, moment: datetime) -> int | None:
    """Return the relative orbit (1 to 175) a satellite was on at a time, UTC.

    Sentinel-1 keeps to its ground track within 100 m, so the moments of its cycle of 12 days come again
    within a second. None for platforms without a letter, and for times before or between their regular
    orbits.
    """
    since = [days for start, days in _AFTER_S1A.get(platform, ()) if start <= moment]
    moving = _MOVING.get(platform)
    if not since or (moving is not None and moving[0] <= moment < moving[1]):
        return None
    orbits = (moment - timedelta(days=since[-1]) - _KNOWN_AT) / _ORBIT + _KNOWN_PART
    return (_KNOWN_ORBIT - 1 + int(orbits // 1)) % ORBITS + 1
