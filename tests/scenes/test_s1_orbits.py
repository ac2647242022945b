"""Relative orbits of the four satellites, by number and by time, against published products."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sen4cap_core.scenes.radar.s1_orbits import relative_orbit_at, relative_orbit_of

# Passes over one place on one track, from the names of published products: satellite, start, absolute orbit.
TRACKS = {
    # Both of the first pair; six days apart.
    66: [("S1A", "20210506T053529", 37763), ("S1B", "20210512T053432", 26867)],
    64: [("S1A", "20221016T015043", 45461), ("S1B", "20210723T014947", 27915)],
    71: [("S1A", "20200511T135117", 32518), ("S1A", "20230108T135249", 46693)],
    # S1C took S1B's place.
    168: [("S1B", "20210401T052622", 26269), ("S1C", "20251118T052605", 5064)],
    138: [("S1B", "20211125T040332", 29739), ("S1C", "20250905T041253", 3984)],
    # S1D began a day behind S1C, ...
    32: [("S1C", "20260531T214004", 7903), ("S1D", "20260613T214015", 3223)],
    112: [("S1C", "20260606T094302", 7983), ("S1D", "20260607T094343", 3128)],
    27: [("S1A", "20260618T125635", 65024), ("S1D", "20260625T125553", 3393)],
    # ... until S1C moved; then they were six days apart.
    106: [
        ("S1A", "20260623T225050", 65103),
        ("S1C", "20260624T224958", 8254),
        ("S1D", "20260630T225009", 3472),
    ],
    # Rome, from its manifest; and one in the last quarter of its orbit.
    22: [("S1B", "20211223T051122", 30148)],
    171: [("S1D", "20260903T112235", 4412)],
}
CASES = [(track, *one) for track, passes in TRACKS.items() for one in passes]


@pytest.mark.parametrize(("track", "platform", "start", "absolute"), CASES)
def test_number_and_time_tell_the_same_track(track: int, platform: str, start: str, absolute: int) -> None:
    moment = datetime.strptime(start, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    assert relative_orbit_of(platform, absolute) == track
    assert relative_orbit_at(platform, moment) == track


def test_what_cannot_be_said() -> None:
    assert relative_orbit_of("S1", 1000) is None
    assert relative_orbit_at("S1", datetime(2022, 1, 1, tzinfo=UTC)) is None
    # S1B before its regular orbit, S1C on the way from one to the other.
    assert relative_orbit_at("S1B", datetime(2016, 6, 1, tzinfo=UTC)) is None
    assert relative_orbit_at("S1C", datetime(2026, 6, 15, tzinfo=UTC)) is None
    # The last orbit before it moved and the first after.
    assert [relative_orbit_of("S1C", n) for n in (8018, 8019)] == [147, 46]
