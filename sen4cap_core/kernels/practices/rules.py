"""Fallow and nitrogen-fixing crops: facts of a practice period, and the first rule they fit."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.practices.calendar import NA, NO, NO_DAY, NR, NR_DAY, OFF, YES, monday_of, wide
from sen4cap_core.kernels.practices.catch import PracticeFinding
from sen4cap_core.kernels.practices.harvest import HarvestFinding, ParcelSeason
from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.kernels.practices.window import (
    PracticeThresholds,
    WindowMarkers,
    any_presence,
    has_ndvi,
    longest_run,
    mark_window,
)

FACTS: Final = (
    "vegetation",
    "no vegetation",
    "no vegetation in season",
    "no ndvi",
    "no harvest",
    "harvest in period",
    "harvest inside period",
    "harvest early",
    "harvest in time",
    "coherence stable",
    "coherence not stable",
    "ndvi loss",
)
"""What a rule may ask for, in the order of the bits of ``Ruleset.asks``."""
VEGETATION: Final = 1
NO_VEGETATION: Final = 2
NO_SEASON_VEGETATION: Final = 4
NO_NDVI: Final = 8
NO_HARVEST: Final = 16
HARVEST_IN_PERIOD: Final = 32
HARVEST_INSIDE: Final = 64
HARVEST_EARLY: Final = 128
HARVEST_IN_TIME: Final = 256
COHERENCE_STABLE: Final = 512
COHERENCE_NOT_STABLE: Final = 1024
NDVI_LOSS: Final = 2048

REPORTS: Final = ("not relevant", "presence", "presence or na", "true", "false")
"""What a rule may report as M6."""
PRESENCE: Final = 1
PRESENCE_OR_NA: Final = 2
ALWAYS_TRUE: Final = 3
ALWAYS_FALSE: Final = 4


class Rulesets(NamedTuple):
    """S rule sets of at most R rules, one for each country and practice type, in the order they are tried."""

    n_rules: NDArray[np.int32]
    asks: NDArray[np.int32]
    """(S, R) facts that must all be there, as bits."""
    grade: NDArray[np.int8]
    """(S, R)"""
    m6: NDArray[np.int8]
    """(S, R) position in ``REPORTS``."""
    reports_m8: NDArray[np.bool_]
    """(S, R)"""
    forgets_harvest: NDArray[np.bool_]
    """(S, R)"""
    m6_otherwise: NDArray[np.int8]
    """M6 when no rule fits."""
    reports_m10: NDArray[np.bool_]
    period_ends_at_mark: NDArray[np.bool_]
    """The period for "harvest in period" ends at ``mark_start`` instead of the practice's end."""
    mark_margin_days: NDArray[np.int32]
    stable_weeks: NDArray[np.int32]
    early_days: NDArray[np.int32]
    late_days: NDArray[np.int32]
    mark_start: int
    mark_end: int
    """Days, 0 where not given; the same for all sets."""


@inner_kernel
def _harvest_facts(week: int, first_week: int, last_week: int, rules: Rulesets, s: int) -> int:
    """Facts about when the harvest was, as bits."""
    if week == NR_DAY:
        return NO_HARVEST
    facts = 0
    limit = monday_of(rules.mark_start) if rules.period_ends_at_mark[s] else last_week
    if first_week < week <= limit:
        facts |= HARVEST_IN_PERIOD
    if first_week < week < last_week:
        facts |= HARVEST_INSIDE
    if week <= last_week - rules.early_days[s]:
        facts |= HARVEST_EARLY
    if week <= last_week + rules.late_days[s]:
        facts |= HARVEST_IN_TIME
    return facts


@inner_kernel
def _has_ndvi_loss(
    series: Series,
    p: int,
    limits: PracticeThresholds,
    critical_f: NDArray[np.float64],
    original: bool,
    rules: Rulesets,
    s: int,
    window: WindowMarkers,
) -> bool:
    """Whether NDVI is lost between the marks, as after mowing or mulching.

    A week without an answer takes that of the week after it.
    """
    margin = rules.mark_margin_days[s]
    first_day = rules.mark_start - margin
    n = mark_window(series, p, first_day, rules.mark_end + margin, limits, critical_f, OFF, original, window)
    first_week, last_week = monday_of(rules.mark_start), monday_of(rules.mark_end) + 7
    answer = NA
    for i in range(n - 1, -1, -1):
        if window.m8[i] != NA:
            answer = window.m8[i]
        if answer == NO and first_week <= window.table.monday[i] <= last_week:
            return True
    return False


@inner_kernel
def judge_by_rules(
    series: Series,
    p: int,
    last_data_week: int,
    season: ParcelSeason,
    harvest: HarvestFinding,
    rules: Rulesets,
    s: int,
    limits: PracticeThresholds,
    critical_f: NDArray[np.float64],
    original: bool,
    window: WindowMarkers,
) -> tuple[PracticeFinding, bool]:
    """Judge a practice by the first rule whose facts are all there; without one the grade is NA.

    Tells also if the harvest is to be forgotten.
    """
    start, end = season.practice_start, season.practice_end
    if last_data_week <= season.practice_start_week:
        return PracticeFinding(start, end, NR, NR, NR, NR, NR, NR, NA), False
    asked = 0
    for r in range(rules.n_rules[s]):
        asked |= rules.asks[s, r]
    facts = 0
    if asked & NO_SEASON_VEGETATION:
        first_day = monday_of(harvest.vegetation_start)
        n = mark_window(series, p, first_day, end, limits, critical_f, OFF, original, window)
        if any_presence(window, n) == NO:
            facts |= NO_SEASON_VEGETATION
    loss = False
    if asked & NDVI_LOSS:
        loss = _has_ndvi_loss(series, p, limits, critical_f, original, rules, s, window)
        if loss:
            facts |= NDVI_LOSS
    n = mark_window(series, p, start, end, limits, critical_f, OFF, original, window)
    presence = any_presence(window, n)
    facts |= VEGETATION if presence == YES else NO_VEGETATION
    if not has_ndvi(window, n, wide(NO_DAY)):
        facts |= NO_NDVI
    stable = longest_run(window.m10, n) >= rules.stable_weeks[s]
    facts |= COHERENCE_STABLE if stable else COHERENCE_NOT_STABLE
    facts |= _harvest_facts(harvest.week, season.practice_start_week, season.practice_end_week, rules, s)
    grade, report, m8, forgets = int(NA), rules.m6_otherwise[s], int(NR), False
    for r in range(rules.n_rules[s]):
        if facts & rules.asks[s, r] == rules.asks[s, r]:
            grade = int(rules.grade[s, r])
            forgets = rules.forgets_harvest[s, r]
            report = rules.m6[s, r]
            if rules.reports_m8[s, r]:
                m8 = NO if loss else YES
            break
    m6 = int(NR)
    if report == ALWAYS_TRUE:
        m6 = YES
    elif report == ALWAYS_FALSE:
        m6 = NO
    elif report == PRESENCE_OR_NA and facts & NO_NDVI:
        m6 = NA
    elif report in (PRESENCE, PRESENCE_OR_NA):
        m6 = presence
    m10 = int(NR)
    if rules.reports_m10[s]:
        m10 = YES if stable else NO
    return PracticeFinding(start, end, m6, NR, m8, NR, m10, grade, NA), forgets
