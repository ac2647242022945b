from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen4cap_core.reports.scores.demo_score import score_mowing, score_text

JUNE = date(2019, 6, 1)


def on(day: int) -> date:
    return JUNE + timedelta(days=day)


def test_a_mowing_is_right_within_twelve_days_of_the_middle_of_its_interval() -> None:
    found = [("a", on(0), on(10)), ("b", on(0), on(10)), ("c", on(0), on(10))]
    truth = [("a", on(17)), ("b", on(18)), ("d", on(0))]

    score = score_mowing(found, truth)

    assert (score.n_true_positive, score.n_false_positive, score.n_false_negative) == (1, 2, 2)
    assert score.precision == score.recall == pytest.approx(1 / 3)
    assert (score.bias_days, score.mean_absolute_error_days) == (-12, 12)


def test_instants_count_as_the_day_of_their_middle() -> None:
    start = datetime(2019, 6, 1, 10, 30, tzinfo=UTC)

    score = score_mowing([("a", start, start + timedelta(days=5))], [("a", on(2))])

    assert score.bias_days == 0  # the middle is 3 June 22:30


def test_events_outside_of_the_period_do_not_count_on_either_side() -> None:
    found = [("a", on(0), on(0)), ("a", on(60), on(60))]
    truth = [("a", on(1)), ("a", on(90))]

    score = score_mowing(found, truth, period=(on(0), on(30)))

    assert (score.n_true_positive, score.n_false_positive, score.n_false_negative) == (1, 0, 0)


@given(
    st.lists(st.integers(0, 60), max_size=5),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_as_many_pairs_are_made_as_there_can_be(found: list[int], true: list[int]) -> None:
    score = score_mowing([("a", on(d), on(d)) for d in found], [("a", on(d)) for d in true])

    few, many = sorted((found, true), key=len)
    best = max(
        sum(abs(a - b) <= 12 for a, b in zip(few, chosen, strict=True))
        for chosen in permutations(many, len(few))
    )
    assert score.n_true_positive == best
    assert score.n_false_positive == len(found) - best
    assert score.n_false_negative == len(true) - best


def test_the_score_reads_well_in_a_terminal_and_as_a_page() -> None:
    score = score_mowing([("a", on(0), on(4)), ("a", on(50), on(50))], [("a", on(0)), ("b", on(0))])

    assert score_text(score) == (
        "Mowing found against the known truth (one to one, within 12 days)\n"
        "  true events         2\n"
        "  found and true      1\n"
        "  found but not true  1\n"
        "  missed              1\n"
        "  precision           0.500\n"
        "  recall              0.500\n"
        "  F1                  0.500\n"
        "  date error          2.0 days, on average 2.0 late\n"
    )


def test_nothing_found_and_nothing_to_find_is_no_division_by_zero() -> None:
    text = score_text(score_mowing([], []))

    assert "precision           –" in text
    assert "date error          –" in text
