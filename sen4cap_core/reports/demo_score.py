"""Mowing events found against a known truth: how many right, how many invented, how many missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sen4cap_core.clock import to_days
from sen4cap_core.reports.tables import markdown_table
from sen4cap_core.reports.text import document, heading

TOLERANCE_DAYS = 12
"""Two revisits of both satellites and a cloudy one: the tolerance of the published mowing comparisons."""


@dataclass(frozen=True)
class MowingScore:
    """Counts of a comparison; a rate is None where nothing was to be found or nothing was found."""

    n_parcels: int
    """With at least one true or found event."""
    right: int
    invented: int
    missed: int
    errors_days: tuple[float, ...]
    """Found minus true date of each right event: positive is late."""
    tolerance_days: float

    @property
    def precision(self) -> float | None:
        """Share of the found events that are true."""
        found = self.right + self.invented
        return self.right / found if found else None

    @property
    def recall(self) -> float | None:
        """Share of the true events that were found."""
        true = self.right + self.missed
        return self.right / true if true else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        total = 2 * self.right + self.invented + self.missed
        return 2 * self.right / total if total else None

    @property
    def mean_error_days(self) -> float | None:
        """Bias of the date: positive is late."""
        return sum(self.errors_days) / len(self.errors_days) if self.errors_days else None

    @property
    def mean_absolute_error_days(self) -> float | None:
        """Mean distance between found and true date."""
        return sum(map(abs, self.errors_days)) / len(self.errors_days) if self.errors_days else None


def score_mowing(
    found: Iterable[tuple[Hashable, date, date]],
    truth: Iterable[tuple[Hashable, date]],
    *,
    tolerance_days: float = TOLERANCE_DAYS,
    period: tuple[date, date] | None = None,
) -> MowingScore:
    """Compare found intervals with true dates, parcel by parcel, one to one.

    Parameters
    ----------
    found : (parcel, start, end); the day of the interval's middle is the found date.
    truth : (parcel, date).
    period : first and last day (inclusive) of the dates that count, on both sides; None: all.

    Notes
    -----
    A pair lies at most ``tolerance_days`` apart, and each event is in one pair at most. Of all such pairings the
    one with most pairs is taken: since the tolerance is the same for all, walking both lists in order of time
    and pairing the earliest that fit gives it.
    """
    found_days, true_days = _group((p, _middle(s, e)) for p, s, e in found), _group(truth)
    right = invented = missed = 0
    errors: list[float] = []
    for parcel in found_days.keys() | true_days.keys():
        a = _inside(found_days.get(parcel, []), period)
        b = _inside(true_days.get(parcel, []), period)
        pairs = _pair(a, b, tolerance_days)
        right += len(pairs)
        invented += len(a) - len(pairs)
        missed += len(b) - len(pairs)
        errors += pairs
    n_parcels = len(found_days.keys() | true_days.keys())
    return MowingScore(n_parcels, right, invented, missed, tuple(sorted(errors)), tolerance_days)


def score_text(score: MowingScore) -> str:
    """Return the score as lines for a terminal."""
    width = max(len(name) for name, _ in _lines(score))
    head = f"Mowing found against the known truth (one to one, within {score.tolerance_days:g} days)"
    return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in _lines(score))]) + "\n"


def score_markdown(score: MowingScore, title: str = "Mowing found against the known truth") -> str:
    """Return the score as a markdown page."""
    return document(
        heading(title),
        markdown_table(["", ""], _lines(score), ["left", "right"]),
        f"A found event is right when the middle of its interval lies within {score.tolerance_days:g} days of a "
        "true one of the same parcel; each event counts once.",
    )


def _lines(score: MowingScore) -> Sequence[tuple[str, str]]:
    return [
        ("true events", str(score.right + score.missed)),
        ("found and true", str(score.right)),
        ("found but not true", str(score.invented)),
        ("missed", str(score.missed)),
        ("precision", _rate(score.precision)),
        ("recall", _rate(score.recall)),
        ("F1", _rate(score.f1)),
        ("date error", _error(score)),
    ]


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _error(score: MowingScore) -> str:
    if score.mean_error_days is None or score.mean_absolute_error_days is None:
        return "–"
    side = "late" if score.mean_error_days >= 0 else "early"
    return f"{score.mean_absolute_error_days:.1f} days, on average {abs(score.mean_error_days):.1f} {side}"


def _middle(start: date, end: date) -> date:
    """Return the day of an interval's middle, in the time zone of its ends."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        return (start + (end - start) / 2).date()
    return start + timedelta(days=(to_days(end) - to_days(start)) // 2)


def _group(events: Iterable[tuple[Hashable, date]]) -> Mapping[Hashable, list[int]]:
    days: defaultdict[Hashable, list[int]] = defaultdict(list)
    for parcel, day in events:
        days[parcel].append(to_days(day))
    return days


def _inside(days: Sequence[int], period: tuple[date, date] | None) -> list[int]:
    if period is None:
        return sorted(days)
    first, last = to_days(period[0]), to_days(period[1])
    return sorted(day for day in days if first <= day <= last)


def _pair(found: Sequence[int], true: Sequence[int], tolerance_days: float) -> list[float]:
    errors: list[float] = []
    i = j = 0
    while i < len(found) and j < len(true):
        difference = found[i] - true[j]
        if abs(difference) <= tolerance_days:
            errors.append(float(difference))
            i, j = i + 1, j + 1
        elif difference < 0:
            i += 1
        else:
            j += 1
    return errors
