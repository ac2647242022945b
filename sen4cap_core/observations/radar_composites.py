"""Weekly, two-monthly, monthly and season composites of radar series, after the rules of the original.

Weeks are those of ``%W`` (from Monday; days before the first Monday and after the 52nd week are held within 1
to 52). A week belongs to the month of its first acquisition.

=============  ==================================  =====================================================
period         what                                statistics
=============  ==================================  =====================================================
``W<yyyy><ww>``  VV, VH, RATIO backscatter; coherence  mean over the week, by orbit direction
``M<yyyy><mm>``  backscatter, by pairs of months       mean and coefficient of variation over weeks
``M<yyyy><mm>``  coherence, by month                   mean and 10 % quantile over weeks of both directions
``S``            coherence, of the season              standard deviation over weeks of both directions
=============  ==================================  =====================================================

The original takes them pixel by pixel and then the parcel's mean; here they are taken of parcel means,
weighted by pixels within a week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import from_days
from sen4cap_core.kernels.radar.composites import group_means, group_quantile, group_spread

DIRECTIONS = {"ascending": "ASC", "descending": "DESC"}
LOW_QUANTILE = 0.1


@dataclass(frozen=True, eq=False)
class Composite:
    """One variable of many rows (parcels or pixels) over a period."""

    period: str
    """``W201914``, ``M201903``, ``S``."""
    direction: str
    """``ASC``, ``DESC``, or empty where both are taken together."""
    polarisation: str
    """``VV``, ``VH``, ``RATIO``."""
    kind: str
    """``BCK`` or ``COHE``."""
    statistic: str
    """``MEAN``, ``CVAR``, ``MIN`` (the original's name of its 10 % quantile), ``STDDEV``; empty for weeks."""
    values: NDArray[np.float32]
    """(rows,), NaN missing; power for backscatter."""

    @property
    def column(self) -> str:
        """Name of the column of the original's feature tables, without its final ``_MEAN``."""
        parts = ["XX", self.period, self.direction, self.polarisation, self.kind, self.statistic]
        return "_".join(part for part in parts if part)


@dataclass(frozen=True, eq=False)
class Weekly:
    """Weekly means of one direction, polarisation and kind."""

    direction: str
    polarisation: str
    kind: str
    weeks: tuple[tuple[int, int], ...]
    """(year, week) of each column, ascending."""
    months: NDArray[np.int64]
    """12 x year + month - 1 of the first acquisition of each week."""
    values: NDArray[np.float32]
    """(rows, weeks), NaN missing."""
    above: float = 0.0
    """Values up to this count as missing: 0 for power and coherence; deviations may be 0."""


def week_of(day: int) -> tuple[int, int]:
    """Return (year, first week of its group) of days since 1970-01-01."""
    date = from_days(day)
    week = min(max(int(date.strftime("%W")), 1), 52)
    return date.year, week


def average_weeks(
    values: NDArray[np.float32],
    weights: NDArray[np.float32],
    days: NDArray[np.int32],
    direction: str,
    polarisation: str,
    kind: str,
) -> Weekly:
    """Average columns of (rows, acquisitions) by week; of parcels or of pixels (with weights of 1)."""
    keys = [week_of(int(day)) for day in days]
    weeks = tuple(sorted(set(keys)))
    group = np.array([weeks.index(key) for key in keys], np.int64)
    months = np.empty(len(weeks), np.int64)
    for index in range(len(weeks)):
        first = from_days(int(days[group == index].min()))
        months[index] = 12 * first.year + first.month - 1
    mean = np.empty((len(values), len(weeks)), np.float32)
    group_means(values, weights, group, mean, np.empty_like(mean))
    return Weekly(direction, polarisation, kind, weeks, months, mean)


def ratio(vv: Weekly, vh: Weekly) -> Weekly:
    """VV / VH of the weeks that both have; missing where either is."""
    both = [week for week in vv.weeks if week in vh.weeks]
    left = np.array([vv.weeks.index(week) for week in both], np.int64)
    right = np.array([vh.weeks.index(week) for week in both], np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient = vv.values[:, left] / vh.values[:, right]
    values = np.where(np.isfinite(quotient) & (quotient > 0), quotient, np.float32(np.nan))
    return Weekly(
        vv.direction, "RATIO", vv.kind, tuple(both), vv.months[left], np.asarray(values, np.float32)
    )


def weekly_composites(weekly: Weekly) -> list[Composite]:
    """Return each week as a composite."""
    return [
        Composite(
            f"W{year}{week:02d}", weekly.direction, weekly.polarisation, weekly.kind, "", weekly.values[:, i]
        )
        for i, (year, week) in enumerate(weekly.weeks)
    ]


def two_monthly(weekly: Weekly) -> list[Composite]:
    """Mean and coefficient of variation (population deviation / mean) over the weeks of two months."""
    keys = weekly.months - weekly.months % 2
    return _over_months(weekly, keys, weekly.direction, low=False)


def monthly_coherence(weeklies: Sequence[Weekly]) -> list[Composite]:
    """Mean and 10 % quantile over the weeks of a month, of both directions together."""
    joined = _joined(weeklies)
    return [] if joined is None else _over_months(joined, joined.months, "", low=True)


def season_coherence(weeklies: Sequence[Weekly]) -> list[Composite]:
    """Population standard deviation over all weeks of both directions."""
    joined = _joined(weeklies)
    if joined is None:
        return []
    group = np.zeros(joined.values.shape[1], np.int64)
    mean, deviation = (np.empty((len(joined.values), 1), np.float32) for _ in range(2))
    group_spread(joined.values, group, joined.above, mean, deviation)
    return [Composite("S", "", joined.polarisation, joined.kind, "STDDEV", deviation[:, 0])]


def _over_months(weekly: Weekly, keys: NDArray[np.int64], direction: str, *, low: bool) -> list[Composite]:
    months = np.unique(keys)
    group = np.searchsorted(months, keys).astype(np.int64)
    shape = (len(weekly.values), len(months))
    mean, other = np.empty(shape, np.float32), np.empty(shape, np.float32)
    group_spread(weekly.values, group, weekly.above, mean, other)
    if low:
        group_quantile(weekly.values, group, LOW_QUANTILE, weekly.above, other)
    else:
        # A mean of 0, which deviations may have, leaves a deviation of 0.
        np.divide(other, mean, out=other, where=mean != 0)
    found = []
    for index, month in enumerate(months):
        period = f"M{month // 12}{month % 12 + 1:02d}"
        of = (period, direction, weekly.polarisation, weekly.kind)
        found.append(Composite(*of, "MEAN", mean[:, index]))
        found.append(Composite(*of, "MIN" if low else "CVAR", other[:, index]))
    return found


def _joined(weeklies: Sequence[Weekly]) -> Weekly | None:
    if not weeklies:
        return None
    first = weeklies[0]
    return Weekly(
        "",
        first.polarisation,
        first.kind,
        tuple(week for one in weeklies for week in one.weeks),
        np.concatenate([one.months for one in weeklies]),
        np.ascontiguousarray(np.hstack([one.values for one in weeklies])),
        first.above,
    )
