"""The days that follow from a season and the rules of site.yaml."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from sen4cap_core.declarations.sites.schedule import Schedule, run_days
from sen4cap_core.declarations.sites.site import SiteConfig

START, MID, END = date(2018, 10, 1), date(2019, 5, 15), date(2019, 9, 30)


def _days(planned: str, **changes: object) -> list[str]:
    schedule = getattr(SiteConfig().schedule, planned)
    schedule = Schedule.model_validate(schedule.model_dump() | changes)
    return [str(day) for day in run_days(planned, schedule, START, MID, END)]  # type: ignore[arg-type]


def test_the_defaults_are_those_of_the_original() -> None:
    assert _days("l4a") == [
        "2019-05-31", "2019-06-30", "2019-07-31", "2019-08-31", "2019-09-30", "2019-10-31", "2019-11-30",
    ]  # fmt: skip
    assert _days("l4b")[:2] == ["2018-11-30", "2018-12-31"]
    assert _days("l4c")[:2] == ["2018-10-08", "2018-10-15"]
    assert _days("l3a")[:2] == ["2018-10-31", "2018-11-30"]
    assert _days("s1_composites") == []


def test_a_leap_february_ends_on_the_29th() -> None:
    days = run_days("l3a", Schedule(), date(2020, 1, 31), None, date(2020, 3, 1))
    assert days == (date(2020, 1, 31), date(2020, 2, 29), date(2020, 3, 31), date(2020, 4, 30))


def test_without_a_middle_the_middle_counts() -> None:
    assert run_days("l4a", Schedule(), date(2019, 1, 1), None, date(2019, 12, 31))[0] == date(2019, 7, 31)


@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_days_are_in_order_and_end_two_months_after_the_season(every: str) -> None:
    days = [date.fromisoformat(day) for day in _days("l4c", every=every, first=date(2019, 1, 1))]
    assert days == sorted(set(days))
    assert END < days[-1] <= END + timedelta(days=61)


def test_site_yaml_takes_a_word_or_all_of_it() -> None:
    config = SiteConfig.model_validate(
        {"schedule": {"l4c": "never", "l4a": {"every": "week", "first": "2019-04-01", "wait_hours": 6}}}
    )
    assert config.schedule.l4c.every == "never"
    assert config.schedule.l4a == Schedule(every="week", first=date(2019, 4, 1), wait_hours=6)
    assert config.schedule.l4b.every == "month"
    with pytest.raises(ValidationError, match="every"):
        SiteConfig.model_validate({"schedule": {"l4c": "sometimes"}})
