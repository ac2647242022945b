"""Offers as plain data, to be kept in a table, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sen4cap_core.sources.offers import Asset, Offer


def to_record(offer: Offer) -> dict[str, Any]:
    """Return an offer as JSON values."""
    record = asdict(offer)
    record["acquired_at"] = offer.acquired_at.isoformat()
    record["published_at"] = offer.published_at.isoformat() if offer.published_at else None
    record["assets"] = [asdict(asset) for asset in offer.assets]
    record["item"] = dict(offer.item)
    return record


def from_record(record: dict[str, Any]) -> Offer:
    """Return the offer of a record."""
    facts = dict(record)
    facts["acquired_at"] = datetime.fromisoformat(facts["acquired_at"])
    published = facts["published_at"]
    facts["published_at"] = datetime.fromisoformat(published) if published else None
    facts["assets"] = tuple(Asset(**asset) for asset in facts["assets"])
    return Offer(**facts)
