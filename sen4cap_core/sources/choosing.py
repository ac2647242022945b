"""Which of several offers of one acquisition is taken.

Sources have an order; what decodes fast goes before what decodes slowly within one source, and of one product
the newest processing counts. Two processings of one acquisition are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sen4cap_core.sources.offers import Offer

_NEVER = datetime.min.replace(tzinfo=UTC)


def baseline_number(offer: Offer) -> tuple[int, ...]:
    """Return the processing baseline as numbers that can be compared; empty where none is stated."""
    digits = "".join(c for c in offer.baseline or "" if c.isdigit())
    return (int(digits),) if digits else ()


def by_acquisition(offers: Iterable[Offer]) -> list[list[Offer]]:
    """Group the offers that show the same thing: one acquisition, one tile, one datastrip.

    A datatake that was cut into two datastrips has two products of a tile; catalogues that do not state the
    datastrip are taken to mean the first.
    """
    acquisitions: dict[str, list[Offer]] = {}
    for offer in offers:
        acquisitions.setdefault(offer.acquisition_key, []).append(offer)
    groups = []
    for same in acquisitions.values():
        parts = sorted({offer.part for offer in same if offer.part}) or [""]
        groups += [[offer for offer in same if (offer.part or parts[0]) == part] for part in parts]
    return groups


def in_order(offers: Sequence[Offer], rank: Mapping[str, int]) -> list[Offer]:
    """Sort the offers of one acquisition: the first is taken, the others are what is fallen back to.

    Parameters
    ----------
    rank : place of each source in site.yaml, 0 is asked first

    Notes
    -----
    The newest processing baseline goes first whatever the source: a source that lags behind would else bring
    back what was superseded. Then the order of the sources, then COG before JPEG 2000, then the later
    publication.
    """
    return sorted(
        offers,
        key=lambda offer: (
            tuple(-number for number in baseline_number(offer)) or (0,),
            rank.get(offer.source, len(rank)),
            not offer.is_cog,
            -(offer.published_at or _NEVER).timestamp() if offer.published_at else 0.0,
            offer.offer_id,
        ),
    )
