"""Time: UTC instants outside, int32 days since 1970-01-01 in the kernels."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

EPOCH = date(1970, 1, 1)


def utc_now() -> datetime:
    """Return the current instant, timezone-aware."""
    return datetime.now(UTC)


def to_days(day: date) -> int:
    """Days since 1970-01-01 of a date (or of the date part of a datetime)."""
    if isinstance(day, datetime):
        day = day.date()
    return (day - EPOCH).days


def from_days(days: int) -> date:
    """Date of a number of days since 1970-01-01."""
    return EPOCH + timedelta(days=int(days))


def midnight(day: date) -> datetime:
    """Instant at which a day begins, UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)
