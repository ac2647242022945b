"""Which acquisitions are pairs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import shapely

from sen4cap_core.sentinel1.pairing import Acquisition, earlier_partners, pairs_of, why_alone

START = datetime(2025, 5, 1, 17, 6, 12, tzinfo=UTC)


def taken(
    number: int, days: int, *, orbit: int = 117, pols: tuple[str, ...] = ("VV", "VH"), south: float = 0.0
):
    footprint = shapely.box(12.0, 41.0 - south, 15.0, 43.0 - south)
    return Acquisition(number, START + timedelta(days=days), orbit, pols, footprint)


def test_six_days_go_before_twelve_and_other_orbits_are_no_partners() -> None:
    later = taken(1, 12)
    others = [taken(2, 0), taken(3, 6), taken(4, 6, orbit=44), taken(5, 7)]

    assert [one.id for one in earlier_partners(later, others)] == [3]
    assert [one.id for one in earlier_partners(later, others[:1])] == [2]
    assert earlier_partners(later, others[2:]) == []


def test_all_slices_of_the_nearest_pass_that_overlap_enough() -> None:
    slices = [taken(2, 6, south=-1.0), taken(3, 6, south=0.8), taken(4, 6, south=1.95)]

    assert [one.id for one in earlier_partners(taken(1, 12), slices)] == [2, 3]


def test_a_polarisation_in_common_is_needed() -> None:
    assert earlier_partners(taken(1, 12, pols=("VH",)), [taken(2, 6, pols=("VV",))]) == []


def test_a_late_one_takes_its_place_between_two() -> None:
    first, last, late = taken(1, 0), taken(2, 12), taken(3, 6)

    assert [(a.id, b.id) for a, b in pairs_of(last, [first])] == [(1, 2)]
    assert [(a.id, b.id) for a, b in pairs_of(late, [first, last])] == [(1, 3), (3, 2)]
    # With the late one there, the long pair is no pair any more.
    assert [(a.id, b.id) for a, b in pairs_of(last, [first, late])] == [(3, 2)]


def test_what_is_waited_for_is_said() -> None:
    assert why_alone(taken(1, 0)) == (
        "coherence waits for an acquisition of relative orbit 117 of 2025-04-25 or 2025-04-19"
    )
