"""All rows of a practice table judged, parcel by parcel."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.practices.calendar import (
    NA,
    NO_DAY,
    NR,
    NR_DAY,
    monday_of,
    wide,
)
from sen4cap_core.kernels.practices.catch import (
    CatchCropSettings,
    PracticeFinding,
    judge_by_growth,
    judge_catch_crop,
)
from sen4cap_core.kernels.practices.dating import date_harvest
from sen4cap_core.kernels.practices.harvest import (
    HarvestFinding,
    HarvestThresholds,
    ParcelSeason,
    WeekMarkers,
    empty_markers,
    find_harvest,
)
from sen4cap_core.kernels.practices.judgements import (
    BY_RULES,
    CATCH_CROP,
    ECHOED,
    NOT_JUDGED,
    Judgements,
    PracticeRows,
    copy_markers,
    leave_empty,
    write_gaps,
    write_harvest_markers,
)
from sen4cap_core.kernels.practices.rules import Rulesets, judge_by_rules
from sen4cap_core.kernels.practices.series import Series
from sen4cap_core.kernels.practices.tillage import TillageSettings, find_tillage, find_worked_soil
from sen4cap_core.kernels.practices.weeks import Weeks
from sen4cap_core.kernels.practices.window import PracticeThresholds, WindowMarkers, empty_window

KNOWN_DAYS: Final = 13
"""What holds in the last week is taken to hold in the one after it too: acquisitions are days apart."""
MOST_VALUES: Final = 512
"""No two months have more NDVI values, and no year more coherences, than this."""


def room_to_judge(weeks: Weeks) -> tuple[WeekMarkers, WindowMarkers, NDArray[np.float64]]:
    """Return what :func:`judge_rows` needs in each thread."""
    longest = int(weeks.n.max(initial=1))
    return empty_markers(longest), empty_window(longest + 2), np.empty(MOST_VALUES, np.float64)


@inner_kernel
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
    w: WeekMarkers,
    window: WindowMarkers,
    room: NDArray[np.float64],
    out: Judgements,
) -> None:
    """Judge rows ``first`` to ``last`` (exclusive) of a practice table and write their results.

    ``w``, ``window`` and ``room`` are room to work in, see :func:`room_to_judge`.
    """
    t = weeks.table
    for r in range(first, last):
        p = rows.parcel[r]
        if not rows.has_pixels[r] or p < 0 or weeks.n[p] == 0:
            leave_empty(r, rows, out)
            continue
        at, n = weeks.at[p], weeks.n[p]
        season = ParcelSeason(
            wide(rows.vegetation_start[r]),
            wide(rows.vegetation_week[r]),
            wide(rows.harvest_start_week[r]),
            wide(rows.harvest_end_week[r]),
            wide(rows.practice_start[r]),
            wide(monday_of(rows.practice_start[r])),
            wide(rows.practice_end[r]),
            wide(monday_of(rows.practice_end[r])),
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
                wide(monday_of(harvest_day)),
                found.radar_week,
                found.vegetation_start,
                found.harvest_end_week,
            )
        out.last_week[r] = last_week
        out.vegetation_start[r] = found.vegetation_start
        write_harvest_markers(r, n, found.has_vegetation, w, out)
        write_gaps(
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
                copy_markers(i, w, out.at_harvest[r])
        out.tillage_week[r] = NO_DAY
        if with_tillage and harvest_week != NR_DAY:
            if original:
                out.tillage_week[r] = find_tillage(t, at, n, harvest_week, top, tillage, w)
            else:
                out.tillage_week[r] = find_worked_soil(series, p, t, at, n, harvest_day, tillage, room)
        if out.weekly.size > 0:
            for i in range(n):
                copy_markers(i, w, out.weekly[out.weekly_at[r] + i])
