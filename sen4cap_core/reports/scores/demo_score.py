"""Mowing events found against a known truth: how many right, how many invented, how many missed.

One-to-one within twelve days of the middle of the interval, for the demo's terminal and its artifact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import numpy as np

from sen4cap_core.clock import to_days
from sen4cap_core.reports.scores.scoring_mowing import TOLERANCE_DAYS, DatedEvents, Score, score_one_to_one


def score_mowing(
    found: Iterable[tuple[str, date, date]],
    truth: Iterable[tuple[str, date]],
    *,
    tolerance_days: int = TOLERANCE_DAYS,
    period: tuple[date, date] | None = None,
) -> Score:
    """Compare found intervals with true dates, parcel by parcel, one to one.

    Parameters
    ----------
    found : (parcel id, start, end); the day of the interval's middle is the found date.
    truth : (parcel id, date).
    period : first and last day (inclusive) that count, on both sides; None: all.

    Returns
    -------
    Counts, precision, recall, F1 and date errors; each event and each detection is in one pair at most, and
    there are as many pairs as possible.
    """
    intervals = [(parcel, _days(start), _days(end)) for parcel, start, end in found]
    dates = [(parcel, _days(day), _days(day)) for parcel, day in truth]
    numbers = {parcel: i for i, parcel in enumerate(sorted({p for p, _, _ in (*intervals, *dates)}))}
    return score_one_to_one(
        _events(intervals, numbers, period), _events(dates, numbers, period), tolerance_days
    )


def score_text(score: Score, tolerance_days: int = TOLERANCE_DAYS) -> str:
    """Return the score as lines for a terminal."""
    lines = _lines(score)
    width = max(len(name) for name, _ in lines)
    head = f"Mowing found against the known truth (one to one, within {tolerance_days} days)"
    return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in lines)]) + "\n"


def _lines(score: Score) -> Sequence[tuple[str, str]]:
    return [
        ("true events", str(score.n_true_positive + score.n_false_negative)),
        ("found and true", str(score.n_true_positive)),
        ("found but not true", str(score.n_false_positive)),
        ("missed", str(score.n_false_negative)),
        ("precision", _rate(score.precision)),
        ("recall", _rate(score.recall)),
        ("F1", _rate(score.f1)),
        ("date error", _error(score)),
    ]


def _rate(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _error(score: Score) -> str:
    if math.isnan(score.bias_days):
        return "–"
    side = "late" if score.bias_days >= 0 else "early"
    return f"{score.mean_absolute_error_days:.1f} days, on average {abs(score.bias_days):.1f} {side}"


def _days(moment: date) -> float:
    """Days since 1970-01-01, with the part of the day of an instant."""
    if not isinstance(moment, datetime):
        return float(to_days(moment))
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return to_days(moment) + seconds / 86_400


def _events(
    intervals: Sequence[tuple[str, float, float]],
    numbers: dict[str, int],
    period: tuple[date, date] | None,
) -> DatedEvents:
    events = DatedEvents(
        np.array([numbers[parcel] for parcel, _, _ in intervals], dtype=np.int64),
        np.array([start for _, start, _ in intervals], dtype=np.float64),
        np.array([end for _, _, end in intervals], dtype=np.float64),
    )
    keep = np.ones(events.parcel.size, dtype=bool)
    if period is not None:
        keep = (events.day >= to_days(period[0])) & (events.day <= to_days(period[1]))
    order = np.lexsort((events.end_day, events.day, events.parcel))
    order = order[keep[order]]
    return DatedEvents(events.parcel[order], events.start_day[order], events.end_day[order])
