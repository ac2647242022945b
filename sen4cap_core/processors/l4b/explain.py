"""Each parcel's answer in words and dates, with the evidence it rests on."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import from_days
from sen4cap_core.declarations.settings.l4b_config import SECONDS_PER_DAY, CompliancePeriod, L4BConfig
from sen4cap_core.kernels.mowing.slots import S1, S1_S2, S2, S2_S1
from sen4cap_core.processors.l4b.model import MowingOutcome, ParcelFacts

SEEN = {
    S2: "NDVI fell",
    S1: "coherence rose",
    S2_S1: "NDVI fell and coherence rose",
    S1_S2: "coherence rose and NDVI fell",
}
"""What each combination of satellites saw."""
MOST_STATED = 0.99
"""No higher confidence is told to people: 1.00 would be a promise."""
VERDICTS = {1: "compliant", 2: "not compliant", 3: "not compliant: mown inside and outside"}
RULES = {0: "at least one mowing inside {}", 1: "at least one mowing inside {} and none outside"}


def explanations(outcome: MowingOutcome, facts: ParcelFacts, config: L4BConfig) -> list[str]:
    """Return one text for each parcel.

    ``mown 12–17 June 2019 (NDVI fell, confidence 0.93), inside 1 April – 31 July: compliant; 31 clear dates,
    longest gap 15 days, 40 coherence values``.
    """
    periods = {period.crop_code: period for period in config.compliance}
    period_texts = {code: span_text(p.start, p.end, with_year=False) for code, p in periods.items()}
    events = outcome.events
    starts, ends = _dates(events.start_s), _dates(events.end_s)
    bounds = np.searchsorted(events.parcel, np.arange(facts.size + 1)).tolist()
    confidences, missions = np.minimum(events.confidence, MOST_STATED).tolist(), events.mission.tolist()
    compliance, total = outcome.compliance.tolist(), outcome.evidence
    clear, gaps = total.n_clear.tolist(), total.longest_gap_days.tolist()
    tests, no_radar = total.n_radar_tests.tolist(), outcome.no_radar.tolist()
    texts = []
    for p, code in enumerate(facts.crop_codes):
        period = periods.get(code)
        inside = None if period is None else _is_inside(outcome, bounds[p], bounds[p + 1], period)
        words = []
        for i, e in enumerate(range(bounds[p], bounds[p + 1])):
            word = (
                f"mown {span_text(starts[e], ends[e])} ({SEEN[missions[e]]}, confidence {confidences[e]:.2f})"
            )
            if inside is not None:
                word += f", {'inside' if inside[i] else 'outside'} {period_texts[code]}"
            words.append(word)
        text = "; ".join(words) or "no mowing seen"
        if period is not None and not words and outcome.processed[p]:
            text += f", rule: {RULES[period.rule].format(period_texts[code])}"
        text += f": {_verdict(compliance[p], outcome.reason[p])}"
        texts.append(f"{text}; {_evidence(clear[p], gaps[p], tests[p], no_radar[p])}")
    return texts


def span_text(start: date, end: date, *, with_year: bool = True) -> str:
    """Return two days as people write them: ``12–17 June 2019``, ``28 June – 3 July 2019``."""
    is_long = start.year != end.year
    last = f"{end.day} {end:%B}" + (f" {end.year}" if with_year or is_long else "")
    if start == end:
        return last
    if is_long:
        return f"{start.day} {start:%B} {start.year} – {last}"
    if start.month == end.month:
        return f"{start.day}–{last}"
    return f"{start.day} {start:%B} – {last}"


def _dates(seconds: NDArray[np.int64]) -> list[date]:
    distinct, place = np.unique(seconds // SECONDS_PER_DAY, return_inverse=True)
    days = [from_days(int(day)) for day in distinct]
    return [days[i] for i in place.tolist()]


def _is_inside(outcome: MowingOutcome, first: int, last: int, period: CompliancePeriod) -> list[bool]:
    """Say of each event whether it counts as inside, as the verdict does."""
    start, end = (np.datetime64(day, "s").astype(np.int64) for day in (period.start, period.end))
    events = outcome.events
    inside = (events.end_s[first:last] > start) & (events.start_s[first:last] < end)
    flags: list[bool] = inside.tolist()
    return flags


def _verdict(compliance: int, reason: str | None) -> str:
    if compliance == -1:
        return f"no rule for this crop{f', {reason}' if reason else ''}"
    if compliance == 0 or (reason and compliance not in (1, 3)):
        return f"not assessed{f', {reason}' if reason else ''}"
    return VERDICTS[compliance]


def _evidence(n_clear: int, gap_days: int, n_radar: int, no_radar: bool) -> str:
    words = [f"{n_clear} clear dates"]
    if n_clear > 1:
        words.append(f"longest gap {gap_days} days")
    counted = f"{n_radar} coherence value{'' if n_radar == 1 else 's'}"
    if no_radar:
        counted = f"no radar ({counted} are too few)" if n_radar else "no radar"
    words.append(counted)
    return ", ".join(words)
