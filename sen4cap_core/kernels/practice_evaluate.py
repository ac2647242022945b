"""All rows of a practice table judged, parcel by parcel."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.practice_calendar import (
    NA,
    NA1,
    NA1_DAY,
    NO,
    NO_DAY,
    NR,
    NR_DAY,
    monday_of,
)
from sen4cap_core.kernels.practice_catch import (
    CatchCropSettings,
    PracticeFinding,
    judge_by_growth,
    judge_catch_crop,
)
from sen4cap_core.kernels.practice_dating import date_harvest
from sen4cap_core.kernels.practice_harvest import (
    HarvestFinding,
    HarvestThresholds,
    ParcelSeason,
    WeekMarkers,
    empty_markers,
    find_harvest,
    gap_weeks,
)
from sen4cap_core.kernels.practice_rules import Rulesets, judge_by_rules
from sen4cap_core.kernels.practice_series import Series
from sen4cap_core.kernels.practice_tillage import TillageSettings, find_tillage, find_worked_soil
from sen4cap_core.kernels.practice_weeks import Weeks
from sen4cap_core.kernels.practice_window import PracticeThresholds, WindowMarkers, empty_window

NOT_JUDGED: Final = 0
CATCH_CROP: Final = 1
BY_RULES: Final = 2
ECHOED: Final = 3
"""The row's period is repeated, nothing is judged."""

MANY_GAPS: Final = 2
"""From so many weeks without radar on, a quality flag is set."""
HARVEST_GAP_WEEKS: Final = 5
KNOWN_DAYS: Final = 13
"""What holds in the last week is taken to hold in the one after it too: acquisitions are days apart."""
MOST_VALUES: Final = 512
"""No two months have more NDVI values, and no year more coherences, than this."""


class PracticeRows(NamedTuple):
    """Rows of a practice table; days since 1970-01-01, 0 where not given."""

    parcel: NDArray[np.int32]
    """Row of the series, -1 for a parcel without any observation."""
    has_pixels: NDArray[np.bool_]
    vegetation_start: NDArray[np.int32]
    vegetation_week: NDArray[np.int32]
    harvest_start_week: NDArray[np.int32]
    harvest_end_week: NDArray[np.int32]
    practice_start: NDArray[np.int32]
    practice_end: NDArray[np.int32]
    year_start: NDArray[np.int32]
    """First of January of the year of VEG_START."""
    task: NDArray[np.int8]
    """``NOT_JUDGED``, ``CATCH_CROP``, ``BY_RULES`` or ``ECHOED``."""
    ruleset: NDArray[np.int32]
    is_in_main_crop: NDArray[np.bool_]
    """Whether the catch crop was sown in the main crop, or is the main crop."""
    is_main_crop: NDArray[np.bool_]
    """Whether the catch crop is the main crop."""
    prolong_season: NDArray[np.bool_]
    previous_harvest: NDArray[np.int32]
    previous_gaps: NDArray[np.int32]


class Judgements(NamedTuple):
    """Results in the rows' order. Markers and gaps: NA -1, NR -2, NA1 -3; days: 0 NA, -2 NR, -3 NA1."""

    markers: NDArray[np.int8]
    """(R, 10) M1..M10; M1..M5 of the last week."""
    at_harvest: NDArray[np.int8]
    """(R, 5) M1..M5 of the week in which they told the harvest, NA without one."""
    grade: NDArray[np.int8]
    in_period: NDArray[np.int8]
    """(R) whether a catch crop that was seen grew within its period; NA when none was seen."""
    vegetation_start: NDArray[np.int32]
    practice_start: NDArray[np.int32]
    practice_end: NDArray[np.int32]
    last_week: NDArray[np.int32]
    harvest_week: NDArray[np.int32]
    radar_harvest_week: NDArray[np.int32]
    tillage_week: NDArray[np.int32]
    gaps: NDArray[np.int32]
    """(R, 4) weeks without radar: in the year, in H_START..H_END, in P_START..P_END, before the harvest."""
    evidence: NDArray[np.int32]
    """(R, 3) weeks with a backscatter ratio, with a coherence, with an NDVI."""
    weekly: NDArray[np.int8]
    """(W, 5) M1..M5 of each week of each row, or empty."""
    weekly_at: NDArray[np.int64]
    """(R) first weekly row."""


@kernel
def judge_rows(
    first: int,
    last: int,
    rows: PracticeRows,
    series: Series,
    weeks: Weeks,
    harvest_limits: HarvestThresholds,
    practice_limits: PracticeThresholds,
    catch_crop: CatchCropSettings,
    rulesets: Rulesets,
    tillage: TillageSettings,
    with_tillage: bool,
    limit_day: int,
    critical_f: NDArray[np.float64],
    original: bool,
    out: Judgements,
) -> None:
    """Judge rows ``first`` to ``last`` (exclusive) of a practice table and write their results."""
    longest = 1
    for r in range(first, last):
        if rows.parcel[r] >= 0:
            longest = max(longest, weeks.n[rows.parcel[r]])
    w = empty_markers(longest)
    window = empty_window(longest + 2)
    room = np.empty(MOST_VALUES, np.float64)
    _judge_each(
        first,
        last,
        rows,
        series,
        weeks,
        harvest_limits,
        practice_limits,
        catch_crop,
        rulesets,
        tillage,
        with_tillage,
        limit_day,
        critical_f,
        original,
        w,
        window,
        room,
        out,
    )


@inner_kernel
def _judge_each(
    first: int,
    last: int,
    rows: PracticeRows,
    series: Series,
    weeks: Weeks,
    harvest_limits: HarvestThresholds,
    practice_limits: PracticeThresholds,
    catch_crop: CatchCropSettings,
    rulesets: Rulesets,
    tillage: TillageSettings,
    with_tillage: bool,
    limit_day: int,
    critical_f: NDArray[np.float64],
    original: bool,
    w: WeekMarkers,
    window: WindowMarkers,
    room: NDArray[np.float64],
    out: Judgements,
) -> None:
    t = weeks.table
    for r in range(first, last):
        p = rows.parcel[r]
        if not rows.has_pixels[r] or p < 0 or weeks.n[p] == 0:
            _leave_empty(r, rows, out)
            continue
        at, n = weeks.at[p], weeks.n[p]
        season = ParcelSeason(
            _wide(rows.vegetation_start[r]),
            _wide(rows.vegetation_week[r]),
            _wide(rows.harvest_start_week[r]),
            _wide(rows.harvest_end_week[r]),
            _wide(rows.practice_start[r]),
            _wide(monday_of(rows.practice_start[r])),
            _wide(rows.practice_end[r]),
            _wide(monday_of(rows.practice_end[r])),
        )
        top = weeks.coherence_top[p]
        found = find_harvest(
            t,
            at,
            n,
            weeks.ratio_mean[p],
            weeks.ratio_std[p],
            top,
            season,
            rows.prolong_season[r],
            rows.previous_harvest[r],
            harvest_limits,
            original,
            w,
        )
        last_week = t.monday[at + n - 1]
        told_week, harvest_day = found.week, found.week
        if not original and found.week != NR_DAY and rows.previous_harvest[r] == NO_DAY:
            harvest_day = date_harvest(
                series, p, found.week, season.harvest_start_week, found.harvest_end_week + 6, room
            )
            found = HarvestFinding(
                found.has_vegetation,
                _wide(monday_of(harvest_day)),
                found.radar_week,
                found.vegetation_start,
                found.harvest_end_week,
            )
        out.last_week[r] = last_week
        out.vegetation_start[r] = found.vegetation_start
        _write_harvest_markers(r, n, found.has_vegetation, w, out)
        _write_gaps(
            r, at, n, rows, season, found.harvest_end_week, found.week, weeks, limit_day, original, out
        )

        finding = PracticeFinding(NO_DAY, NO_DAY, NA, NA, NA, NA, NA, NA, NA)
        harvest_week = found.week
        if rows.task[r] == CATCH_CROP and original:
            finding = judge_catch_crop(
                series,
                p,
                t,
                at,
                n,
                season,
                rows.is_in_main_crop[r],
                found,
                catch_crop,
                practice_limits,
                critical_f,
                w,
                window,
            )
        elif rows.task[r] == CATCH_CROP:
            finding = judge_by_growth(
                series,
                p,
                t,
                at,
                n,
                season,
                rows.is_main_crop[r],
                found,
                catch_crop,
                practice_limits,
                critical_f,
                w,
                window,
                room,
            )
        elif rows.task[r] == BY_RULES:
            finding, forgets = judge_by_rules(
                series,
                p,
                last_week,
                season,
                found,
                rulesets,
                rows.ruleset[r],
                practice_limits,
                critical_f,
                original,
                window,
            )
            if forgets:
                harvest_week = NR_DAY
        elif rows.task[r] == ECHOED:
            finding = PracticeFinding(season.practice_start, season.practice_end, NA, NA, NA, NA, NA, NA, NA)
        grade = finding.grade
        # The original compares with the Monday, so that a period up to 31 December is never judged.
        known_until = last_week if original else last_week + KNOWN_DAYS
        if rows.task[r] != NOT_JUDGED and finding.end > known_until:
            grade = NR
        out.practice_start[r] = finding.start
        out.practice_end[r] = finding.end
        out.markers[r, 5] = finding.m6
        out.markers[r, 6] = finding.m7
        out.markers[r, 7] = finding.m8
        out.markers[r, 8] = finding.m9
        out.markers[r, 9] = finding.m10
        out.grade[r] = grade
        out.in_period[r] = finding.in_period if grade != NR else NA
        out.harvest_week[r] = harvest_week
        out.radar_harvest_week[r] = found.radar_week
        out.at_harvest[r, :] = NA
        out.evidence[r, :] = 0
        for i in range(n):
            out.evidence[r, 0] += not math.isnan(t.ratio_max[at + i])
            out.evidence[r, 1] += not math.isnan(t.coherence_max[at + i])
            out.evidence[r, 2] += not math.isnan(t.ndvi[at + i])
            if t.monday[at + i] == told_week and harvest_week != NR_DAY:
                _copy_markers(i, w, out.at_harvest[r])
        out.tillage_week[r] = NO_DAY
        if with_tillage and harvest_week != NR_DAY:
            if original:
                out.tillage_week[r] = find_tillage(t, at, n, harvest_week, top, tillage, w)
            else:
                out.tillage_week[r] = find_worked_soil(series, p, t, at, n, harvest_day, tillage, room)
        if out.weekly.size > 0:
            for i in range(n):
                _copy_markers(i, w, out.weekly[out.weekly_at[r] + i])


@inner_kernel
def _wide(day: int) -> int:
    """Take an integer of any width as one of 64 bits: tuples that meet must be of one kind."""
    return day + 0


@inner_kernel
def _copy_markers(i: int, w: WeekMarkers, to: NDArray[np.int8]) -> None:
    to[0], to[1], to[2], to[3], to[4] = w.m1[i], w.m2[i], w.m3[i], w.m4[i], w.m5[i]


@inner_kernel
def _write_harvest_markers(r: int, n: int, has_vegetation: bool, w: WeekMarkers, out: Judgements) -> None:
    """Write M1..M5 of the last week; without vegetation in the season only M1 is relevant."""
    if has_vegetation:
        _copy_markers(n - 1, w, out.markers[r])
    else:
        out.markers[r, 0] = NO
        out.markers[r, 1:5] = NR


@inner_kernel
def _write_gaps(
    r: int,
    at: int,
    n: int,
    rows: PracticeRows,
    season: ParcelSeason,
    harvest_end_week: int,
    harvest_week: int,
    weeks: Weeks,
    limit_day: int,
    original: bool,
    out: Judgements,
) -> None:
    """Count the weeks without radar from New Year over the parcel's weeks to the limit date."""
    in_year = in_harvest = in_practice = at_harvest = 0
    before = rows.year_start[r]
    has_harvest = harvest_week != NR_DAY
    for i in range(n + 1):
        after = limit_day
        if i < n:
            after = weeks.table.monday[at + i]
            if not original and (
                math.isnan(weeks.table.ratio_max[at + i]) or math.isnan(weeks.table.coherence_max[at + i])
            ):
                continue
        if after - before <= 7:
            before = after
            continue
        in_year += (after - before) // 7 - 1
        in_harvest += gap_weeks(before, after, season.harvest_start_week, harvest_end_week, False)
        in_practice += gap_weeks(before, after, season.practice_start_week, season.practice_end_week, False)
        if has_harvest:
            at_harvest += gap_weeks(before, after, harvest_week - 7 * HARVEST_GAP_WEEKS, harvest_week, True)
        before = after
    if rows.previous_gaps[r] > 0:
        at_harvest = rows.previous_gaps[r]
    out.gaps[r, 0] = in_year
    out.gaps[r, 1] = in_harvest
    out.gaps[r, 2] = in_practice
    out.gaps[r, 3] = at_harvest


@inner_kernel
def _leave_empty(r: int, rows: PracticeRows, out: Judgements) -> None:
    """Write a row that cannot be judged: NA, or NA1 with too few pixels; its dates are repeated."""
    marker, day = (NA, NO_DAY) if rows.has_pixels[r] else (NA1, NA1_DAY)
    out.markers[r, :] = marker
    out.at_harvest[r, :] = marker
    out.grade[r] = marker
    out.in_period[r] = NA
    out.vegetation_start[r] = rows.vegetation_start[r]
    out.practice_start[r] = rows.practice_start[r]
    out.practice_end[r] = rows.practice_end[r]
    out.last_week[r] = day
    out.harvest_week[r] = day
    out.radar_harvest_week[r] = day
    out.tillage_week[r] = day
    out.gaps[r, :] = marker
    out.evidence[r, :] = 0
