"""Series grouped by weeks: what radar and optics say of a parcel in each week."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practices.calendar import monday_of, round_half_up
from sen4cap_core.kernels.practices.series import NEVER, Series

N_PREVIOUS: Final = 3
"""Weeks whose mean ratio is the reference of a week's change."""


class WeekTable(NamedTuple):
    """Weeks of one parcel, or places for them; NaN where a week has no such value."""

    monday: NDArray[np.int32]
    ratio_max: NDArray[np.float64]
    ratio_change: NDArray[np.float64]
    coherence_max: NDArray[np.float64]
    coherence_rise: NDArray[np.float64]
    ndvi: NDArray[np.float64]
    """Mean NDVI x 1000, a whole number."""


class Weeks(NamedTuple):
    """Weeks of all parcels; those of parcel ``p`` stand at ``at[p]``, ``n[p]`` of them."""

    at: NDArray[np.int64]
    n: NDArray[np.int32]
    table: WeekTable
    ratio_mean: NDArray[np.float64]
    """(P) mean of the weekly mean ratios, without outliers; 0 with fewer than two weeks."""
    ratio_std: NDArray[np.float64]
    """(P) their sample standard deviation."""
    coherence_top: NDArray[np.float64]
    """(P) greatest coherence of the parcel, NaN without any."""


class Span(NamedTuple):
    """Parts of a parcel's series, as positions (end exclusive)."""

    pair_first: int
    pair_last: int
    coherence_first: int
    coherence_last: int
    ndvi_first: int
    ndvi_last: int


@inner_kernel
def count_weeks(first: int, last: int, series: Series, original: bool, n: NDArray[np.int64]) -> None:
    """Count how many weeks each parcel can have at most."""
    for p in range(first, last):
        n[p] = _distinct(series.pair_day, series.pair_at[p], series.pair_at[p + 1])
        if not original:
            n[p] += _distinct(series.coherence_day, series.coherence_at[p], series.coherence_at[p + 1])
            n[p] += _distinct(series.ndvi_day, series.ndvi_at[p], series.ndvi_at[p + 1])


@inner_kernel
def _distinct(days: NDArray[np.int32], first: int, last: int) -> int:
    n = 0
    before = -1
    for i in range(first, last):
        if days[i] != NEVER and monday_of(days[i]) != before:
            before = monday_of(days[i])
            n += 1
    return n


@inner_kernel
def _next_monday(days: NDArray[np.int32], i: int, last: int) -> int:
    return monday_of(days[i]) if i < last and days[i] != NEVER else NEVER


@inner_kernel
def merge_weeks(series: Series, span: Span, original: bool, to: int, table: WeekTable) -> int:
    """Group a span of one parcel's series by weeks, write them at ``to`` and return how many they are.

    The original keeps the weeks with both a ratio and a coherence, in which greatest values start at 0;
    otherwise every week with any value is kept. The change of the ratio is the week's mean less the mean of
    the three weeks before it that have one, 0 for the first three weeks and for losses.
    """
    i, j, k = span.pair_first, span.coherence_first, span.ndvi_first
    n = 0
    n_ratios = 0
    mean_1 = mean_2 = mean_3 = 0.0
    lowest = 0.0 if original else -math.inf
    while True:
        ratio_week = _next_monday(series.pair_day, i, span.pair_last)
        coherence_week = _next_monday(series.coherence_day, j, span.coherence_last)
        ndvi_week = _next_monday(series.ndvi_day, k, span.ndvi_last)
        week = min(ratio_week, coherence_week, ndvi_week)
        if week == NEVER:
            return n
        ratio_max = ratio_change = coherence_max = coherence_rise = ndvi = math.nan
        if ratio_week == week:
            total, count, ratio_max = 0.0, 0, lowest
            while i < span.pair_last and series.pair_day[i] < week + 7:
                total += series.ratio_db[i]
                count += 1
                ratio_max = max(ratio_max, series.ratio_db[i])
                i += 1
            mean = total / count
            ratio_change = 0.0
            if n_ratios >= N_PREVIOUS:
                ratio_change = mean - (mean_1 + mean_2 + mean_3) / N_PREVIOUS
                ratio_change = 0.0 if ratio_change < 0.0 else round_half_up(ratio_change * 100.0) / 100.0
            n_ratios += 1
            mean_1, mean_2, mean_3 = mean, mean_1, mean_2
        if coherence_week == week:
            coherence_max, coherence_rise = lowest, 0.0
            while j < span.coherence_last and series.coherence_day[j] < week + 7:
                coherence_max = max(coherence_max, series.coherence[j])
                coherence_rise = max(coherence_rise, series.rise[j])
                j += 1
            coherence_rise = round_half_up(coherence_rise * 1000.0) / 1000.0
        if ndvi_week == week:
            total, count = 0.0, 0
            while k < span.ndvi_last and series.ndvi_day[k] < week + 7:
                total += series.ndvi[k]
                count += 1
                k += 1
            ndvi = round_half_up(total / count)
        if original and (ratio_week != week or coherence_week != week):
            continue
        table.monday[to + n] = week
        table.ratio_max[to + n] = ratio_max
        table.ratio_change[to + n] = ratio_change
        table.coherence_max[to + n] = coherence_max
        table.coherence_rise[to + n] = coherence_rise
        table.ndvi[to + n] = ndvi
        n += 1


@inner_kernel
def _ratio_statistics(
    series: Series, first: int, last: int, means: NDArray[np.float64]
) -> tuple[float, float]:
    """Mean and sample standard deviation of the weekly mean ratios without outliers; 0 if fewer than two."""
    n = 0
    i = first
    while i < last:
        week_end = monday_of(series.pair_day[i]) + 7
        total, count = 0.0, 0
        while i < last and series.pair_day[i] < week_end:
            if series.is_field[i]:
                total += series.ratio_db[i]
                count += 1
            i += 1
        if count > 0:
            means[n] = total / count
            n += 1
    if n < 2:
        return 0.0, 0.0
    total = 0.0
    for i in range(n):
        total += means[i]
    mean = total / n
    squares = 0.0
    for i in range(n):
        squares += (means[i] - mean) * (means[i] - mean)
    return mean, math.sqrt(squares / (n - 1))


@kernel
def build_weeks(first: int, last: int, series: Series, original: bool, weeks: Weeks) -> None:
    """Fill the weeks of parcels ``first`` to ``last`` (exclusive); those not usable get none."""
    longest = 1
    for p in range(first, last):
        longest = max(longest, series.pair_at[p + 1] - series.pair_at[p])
    means = np.empty(longest, np.float64)
    _build_each(first, last, series, original, means, weeks)


@inner_kernel
def _build_each(
    first: int, last: int, series: Series, original: bool, means: NDArray[np.float64], weeks: Weeks
) -> None:
    for p in range(first, last):
        weeks.n[p] = 0
        weeks.ratio_mean[p] = weeks.ratio_std[p] = 0.0
        weeks.coherence_top[p] = math.nan
        if not series.is_usable[p]:
            continue
        span = Span(
            series.pair_at[p],
            series.pair_at[p + 1],
            series.coherence_at[p],
            series.coherence_at[p + 1],
            series.ndvi_at[p],
            series.ndvi_at[p + 1],
        )
        weeks.n[p] = merge_weeks(series, span, original, weeks.at[p], weeks.table)
        weeks.ratio_mean[p], weeks.ratio_std[p] = _ratio_statistics(
            series, span.pair_first, span.pair_last, means
        )
        for i in range(span.coherence_first, span.coherence_last):
            if series.coherence_day[i] != NEVER and not weeks.coherence_top[p] >= series.coherence[i]:
                weeks.coherence_top[p] = series.coherence[i]
