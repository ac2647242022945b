"""What a parcel's explanation says, word for word."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.settings.l4b_config import CompliancePeriod, L4BConfig
from sen4cap_core.kernels.mowing.slots import S1, S2, S2_S1
from sen4cap_core.processors.l4b.detection import TOO_FEW_CLEAR_DATES, judge
from sen4cap_core.processors.l4b.explain import explanations, span_text
from sen4cap_core.processors.l4b.model import (
    Evidence,
    MowingEvents,
    MowingOutcome,
    ParcelFacts,
    Slots,
)

SPRING = CompliancePeriod(crop_code="265", start=date(2023, 4, 1), end=date(2023, 7, 31), rule=0)
NOT_OUTSIDE = CompliancePeriod(crop_code="046", start=date(2023, 7, 15), end=date(2024, 3, 1), rule=1)


def explain(events: list[tuple[int, date, date, float, int]], crops: list[str], reasons=None) -> list[str]:
    """Explain parcels from their events (parcel, start, end, confidence, mission)."""
    n = len(crops)
    parcel, start, end, confidence, mission = zip(*events, strict=True) if events else ((),) * 5
    seconds = [np.array([to_days(d) * 86_400 + 37_800 for d in days], np.int64) for days in (start, end)]
    made = MowingEvents(
        np.array(parcel, np.int32), *seconds, np.array(confidence), np.array(mission, np.int8)
    )
    facts = ParcelFacts(
        tuple(crops), np.ones(n, bool), np.ones(n, bool), np.ones(n, np.int32), np.zeros(n, bool)
    )
    config = L4BConfig(compliance=(SPRING, NOT_OUTSIDE))
    reasons = reasons or (None,) * n
    processed = np.array([reason is None for reason in reasons])
    outcome = MowingOutcome(
        events=made,
        slots=Slots.empty(n),
        n_mowings=np.bincount(made.parcel, minlength=n).astype(np.int32),
        processed=processed.astype(np.int8),
        compliance=judge(made, facts, config, processed),
        reason=tuple(reasons),
        no_radar=np.array([False, True] * n)[:n],
        evidence=Evidence(np.full(n, 31), np.full(n, 15), np.array([40, 0] * n)[:n]),
        raw=(),
    )
    return explanations(outcome, facts, config)


def test_the_dates_and_the_verdict_of_any_year() -> None:
    events = [
        (0, date(2023, 6, 12), date(2023, 6, 17), 0.934, S2),
        (1, date(2023, 5, 28), date(2023, 6, 3), 0.71, S1),
        (1, date(2023, 9, 1), date(2023, 9, 9), 0.999, S2_S1),
    ]
    texts = explain(events, ["265", "046", "265", "999"])
    assert texts[0] == (
        "mown 12–17 June 2023 (NDVI fell, confidence 0.93), inside 1 April – 31 July: compliant; "
        "31 clear dates, longest gap 15 days, 40 coherence values"
    )
    assert texts[1] == (
        "mown 28 May – 3 June 2023 (coherence rose, confidence 0.71), outside 15 July 2023 – 1 March 2024; "
        "mown 1–9 September 2023 (NDVI fell and coherence rose, confidence 0.99), inside 15 July 2023 – "
        "1 March 2024: not compliant: mown inside and outside; 31 clear dates, longest gap 15 days, no radar"
    )
    assert texts[2].startswith(
        "no mowing seen, rule: at least one mowing inside 1 April – 31 July: not compliant; 31 clear"
    )
    assert texts[3].startswith("no mowing seen: no rule for this crop; ")


def test_a_rule_that_forbids_mowing_outside_also_demands_one_inside() -> None:
    (never,) = explain([], ["046"])
    assert never.startswith(
        "no mowing seen, rule: at least one mowing inside 15 July 2023 – 1 March 2024 and none outside: "
        "not compliant; "
    )


def test_a_parcel_that_could_not_be_judged_gives_its_reason() -> None:
    (text,) = explain([], ["265"], [TOO_FEW_CLEAR_DATES])
    assert text.startswith("no mowing seen: not assessed, too few clear dates; ")


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (date(2019, 6, 12), date(2019, 6, 12), "12 June 2019"),
        (date(2019, 6, 12), date(2019, 6, 17), "12–17 June 2019"),
        (date(2019, 12, 28), date(2020, 1, 2), "28 December 2019 – 2 January 2020"),
    ],
)
def test_spans(start: date, end: date, text: str) -> None:
    assert span_text(start, end) == text
