"""Backscatter that two producers delivered in two quantities is not mixed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sen4cap_core.db.acquired.radar import one_quantity

AT = datetime(2022, 5, 3, 17, 6, tzinfo=UTC)


@dataclass(frozen=True)
class One:
    radar_quantity: str | None
    acquired_at: datetime = AT
    relative_orbit: int | None = 117
    tile: str = "33TTG"


def test_the_sites_choice_counts_where_it_is_there() -> None:
    sigma, gamma = One("sigma0"), One("gamma0", AT + timedelta(seconds=12))

    assert one_quantity([sigma, gamma], "sigma0") == [sigma]
    assert one_quantity([sigma, gamma], "gamma0") == [gamma]
    # Bursts of one pass are all of it.
    assert one_quantity([gamma, sigma, gamma], "gamma0") == [gamma, gamma]


def test_what_is_there_counts_where_the_choice_is_not() -> None:
    gamma, beta, unknown = One("gamma0"), One("beta0"), One(None)

    assert one_quantity([beta, gamma], "sigma0") == [gamma]
    assert one_quantity([unknown, beta], "sigma0") == [beta]
    assert one_quantity([unknown], "sigma0") == [unknown]


def test_other_days_orbits_and_tiles_are_other_passes() -> None:
    sigma = One("sigma0")
    others = [One("gamma0", AT + timedelta(days=1)), One("gamma0", AT, 44), One("gamma0", AT, 117, "33TUG")]

    assert one_quantity([sigma, *others], "sigma0") == [sigma, *others]


def test_coherence_is_left_alone() -> None:
    both = [One("coherence"), One("sigma0"), One("coherence")]

    assert one_quantity(both, "gamma0") == both
