"""When the processors of a season run: the rules of site.yaml and the days that follow from them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sen4cap_core.declarations.texts.yaml_models import StrictModel

Rhythm = Literal["never", "day", "week", "month"]
Planned = Literal["l3a", "l4a", "l4b", "l4c", "s1_composites"]
PLANNED: tuple[Planned, ...] = ("l3a", "s1_composites", "l4a", "l4b", "l4c")
"""What runs by the calendar, in the order in which a day's runs are asked for. L3B is made of each scene."""

AFTER_END_DAYS = 61
"""So long after its end a season is still evaluated by the calendar: products are published late (two months
in the original)."""
FIRST_MOWING_DAYS = 31
FIRST_PRACTICES_DAYS = 7


class Schedule(StrictModel):
    """When one processor runs. A word in the file sets ``every`` alone."""

    every: Rhythm = "month"
    """``month`` is the last day of each month, ``week`` each seventh day from the first."""
    first: date | None = None
    """No run before this day; default: what fits the processor."""
    wait_hours: float = Field(default=24.0, ge=0, le=24 * 62)
    """So long a run waits for what is still on its way, counted from the last thing that came; then it runs
    without."""


def _expand(value: Any) -> Any:
    return {"every": value} if isinstance(value, str) else value


def _switch(every: Rhythm) -> Any:
    """Return field type and default of a processor's schedule: only the rhythm differs."""
    return Field(default_factory=lambda: Schedule(every=every))


ScheduleField = Annotated[Schedule, BeforeValidator(_expand, json_schema_input_type=Rhythm | Schedule)]


class SchedulesConfig(StrictModel):
    """When the processors run, as far as they are on."""

    l3a: ScheduleField = _switch("month")
    """Monthly composites."""
    s1_composites: ScheduleField = _switch("never")
    """Radar composites as rasters; the tables of the processors have theirs without."""
    l4a: ScheduleField = _switch("month")
    """Crop types, from the middle of the season."""
    l4b: ScheduleField = _switch("month")
    """Mowing, from 31 days after the start; each burst of new scenes is evaluated besides."""
    l4c: ScheduleField = _switch("week")
    """Practices, from 7 days after the start; each burst of new scenes is evaluated besides."""


def run_days(
    planned: Planned, schedule: Schedule, start: date, mid: date | None, end: date
) -> tuple[date, ...]:
    """Return all days up to which a processor is to run in a season, in order.

    Each day is the last one whose acquisitions count. They go on to two months after the season's end.

    Parameters
    ----------
    start, mid, end : days of the season; without ``mid`` its middle counts.
    """
    if schedule.every == "never":
        return ()
    first = schedule.first or _first_day(planned, start, mid, end)
    last = end + timedelta(days=AFTER_END_DAYS)
    days = []
    day = _month_end(first) if schedule.every == "month" else first
    while day <= last:
        days.append(day)
        after = day + _STEP.get(schedule.every, timedelta(days=1))
        day = _month_end(after) if schedule.every == "month" else after
    return tuple(days)


_STEP = {"day": timedelta(days=1), "week": timedelta(days=7)}


def _first_day(planned: Planned, start: date, mid: date | None, end: date) -> date:
    if planned == "l4a":
        return mid or start + (end - start) / 2
    if planned == "l4b":
        return start + timedelta(days=FIRST_MOWING_DAYS)
    if planned == "l4c":
        return start + timedelta(days=FIRST_PRACTICES_DAYS)
    return start


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
