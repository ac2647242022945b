"""Rows of a practice table as kernels take them, and their results with all that needs no judgement."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.practices.calendar import NA, NA1, NA1_DAY, NO, NO_DAY, NR, NR_DAY, OFF, ON, wide
from sen4cap_core.kernels.practices.harvest import ParcelSeason, WeekMarkers, gap_weeks
from sen4cap_core.kernels.practices.weeks import Weeks

NOT_JUDGED: Final = 0
CATCH_CROP: Final = 1
BY_RULES: Final = 2
ECHOED: Final = 3
"""The row's period is repeated, nothing is judged."""

MANY_GAPS: Final = 2
"""From so many weeks without radar on, a quality flag is set."""
HARVEST_GAP_WEEKS: Final = 5


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


@inner_kernel
def copy_markers(i: int, w: WeekMarkers, to: NDArray[np.int8]) -> None:
    """Write M1..M5 of a week."""
    to[0], to[1], to[2], to[3], to[4] = w.m1[i], w.m2[i], w.m3[i], w.m4[i], w.m5[i]


@inner_kernel
def write_harvest_markers(r: int, n: int, has_vegetation: bool, w: WeekMarkers, out: Judgements) -> None:
    """Write M1..M5 of the last week; without vegetation in the season only M1 is relevant."""
    if has_vegetation:
        copy_markers(wide(n) - 1, w, out.markers[r])
    else:
        out.markers[r, 0] = NO
        out.markers[r, 1:5] = NR


@inner_kernel
def write_gaps(
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
    before = wide(rows.year_start[r])
    has_harvest = harvest_week != NR_DAY
    for i in range(n + 1):
        after = limit_day
        if i < n:
            after = wide(weeks.table.monday[at + i])
            if not original and (
                math.isnan(weeks.table.ratio_max[at + i]) or math.isnan(weeks.table.coherence_max[at + i])
            ):
                continue
        if after - before <= 7:
            before = after
            continue
        in_year += (after - before) // 7 - 1
        in_harvest += gap_weeks(before, after, season.harvest_start_week, harvest_end_week, OFF)
        in_practice += gap_weeks(before, after, season.practice_start_week, season.practice_end_week, OFF)
        if has_harvest:
            at_harvest += gap_weeks(before, after, harvest_week - 7 * HARVEST_GAP_WEEKS, harvest_week, ON)
        before = after
    if rows.previous_gaps[r] > 0:
        at_harvest = rows.previous_gaps[r]
    out.gaps[r, 0] = in_year
    out.gaps[r, 1] = in_harvest
    out.gaps[r, 2] = in_practice
    out.gaps[r, 3] = at_harvest


@inner_kernel
def leave_empty(r: int, rows: PracticeRows, out: Judgements) -> None:
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
