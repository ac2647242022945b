"""Which of several offers of one acquisition is taken."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from sen4cap_core.sources.choosing import by_acquisition, in_order
from sen4cap_core.sources.offers import Asset, Offer

AT = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)
RANK = {"archive": 0, "cloud": 1}


def offer(source: str, name: str, **facts: Any) -> Offer:
    return Offer(source, name, name, "s2-l2a", "item", AT, "s2/30TUM/20190616T110621", **facts)


def first(*offers: Offer) -> set[str]:
    """The offer taken, whatever order they come in."""
    return {in_order(order, RANK)[0].offer_id for order in itertools.permutations(offers)}


def test_the_newest_processing_then_the_source_then_the_fast_format() -> None:
    cog = (Asset("red", "red.tif", is_cog=True),)
    jp2 = (Asset("red", "red.jp2"),)
    old = offer("archive", "old", baseline="02.12", assets=cog)
    new = offer("cloud", "new", baseline="05.00", assets=jp2)
    assert first(old, new) == {"new"}
    assert first(old, offer("cloud", "same", baseline="02.12", assets=cog)) == {"old"}
    assert first(new, offer("cloud", "fast", baseline="05.00", assets=cog)) == {"fast"}
    late = offer("cloud", "late", baseline="05.00", assets=cog, published_at=AT + timedelta(days=9))
    early = offer("cloud", "early", baseline="05.00", assets=cog, published_at=AT + timedelta(days=1))
    assert first(late, early) == {"late"}


def test_the_two_halves_of_a_datatake_are_both_kept() -> None:
    halves = [offer("cloud", "a", part="20190616T110622"), offer("cloud", "b", part="20190616T111500")]
    unknown = offer("archive", "c")
    groups = by_acquisition([*halves, unknown])
    assert [[o.offer_id for o in group] for group in groups] == [["a", "c"], ["b"]]
    assert by_acquisition([unknown]) == [[unknown]]
