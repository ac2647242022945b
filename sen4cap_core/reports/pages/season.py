"""The page of a site's season: what is planned, what it waits for, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sen4cap_core.reports.pages.tables import markdown_table
from sen4cap_core.reports.pages.text import bullets, day, document, duration, heading

TITLES = {
    "l3a": "Composites",
    "s1_composites": "Radar composites",
    "l4a": "L4A crop types",
    "l4b": "L4B mowing",
    "l4c": "L4C practices",
}


@dataclass(frozen=True)
class Waiting:
    """One thing a run waits or waited for."""

    what: str
    n: int
    since: datetime | None
    needed: bool


@dataclass(frozen=True)
class PlannedLine:
    """One planned run."""

    season: str
    """Name and year: two years may have seasons of one name."""
    processor: str
    due_on: date
    covers_from: date
    state: str
    reason: str | None
    gates: Sequence[Waiting]
    """What it waits for."""
    without: Sequence[Waiting]
    """What was missing when it ran."""
    deadline: datetime | None
    asked_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class SeasonPage:
    """All planned runs of a site's seasons at one moment, and the next day of each processor."""

    site: str
    now: datetime
    lines: Sequence[PlannedLine]
    coming: Sequence[tuple[str, str, date]]
    """(season, processor, next day)"""
    paused: bool = False
    numbers: Mapping[str, int] = field(default_factory=dict)
    """By season: what runs by hand call it, ``season_id``."""
    states: Mapping[str, str] = field(default_factory=dict)
    """By season nothing is done for: why, ``paused`` or ``withdrawn, ...``. These come last."""


def sentence(line: PlannedLine, now: datetime) -> str:
    """Say in one sentence how a planned run stands."""
    name = f"{TITLES.get(line.processor, line.processor)} of {line.due_on}"
    if line.state == "waiting" and line.gates:
        waits = ", ".join(_thing(gate, now) for gate in line.gates)
        if line.deadline is None:
            return f"{name} waits for {waits}; it cannot run without"
        left = max((line.deadline - now).total_seconds(), 0.0)
        return f"{name} waits for {waits}; deadline in {duration(left)}, then runs without"
    if line.state == "waiting":
        return f"{name} is about to be asked for"
    missing = ", ".join(f"{gate.n} {gate.what}" for gate in line.without)
    without = f" without {missing}" if missing else ""
    when = f" ({day(line.finished_at or line.asked_at)})" if line.finished_at or line.asked_at else ""
    told = {"asked": "is at work", "done": "ran", "skipped": "had nothing new to do", "failed": "failed"}
    reason = f": {line.reason}" if line.reason else ""
    return f"{name} {told.get(line.state, line.state)}{without}{when}{reason}"


def season_lines(page: SeasonPage) -> list[str]:
    """Return the page as plain lines, for a terminal."""
    lines = [f"{page.site} is paused"] if page.paused else []
    for season in _seasons(page):
        number = f" (season_id={page.numbers[season]})" if season in page.numbers else ""
        state = f": {page.states[season]}" if season in page.states else ""
        lines.append(f"{page.site}, season {season}{number}{state}")
        lines += [f"  {sentence(line, page.now)}" for line in page.lines if line.season == season]
        lines += [
            f"  next: {TITLES.get(processor, processor)} of {due_on}"
            for name, processor, due_on in page.coming
            if name == season
        ]
    return lines or [f"nothing is planned for {page.site}"]


def season_markdown(page: SeasonPage) -> str:
    """Return the page for the Prefect UI: what waits first, then what ran."""
    waiting = [line for line in page.lines if line.state == "waiting"]
    rows = [
        [
            line.season + (f" ({page.states[line.season]})" if line.season in page.states else ""),
            TITLES.get(line.processor, line.processor),
            line.due_on,
            f"from {line.covers_from}" if line.covers_from < line.due_on else None,
            line.state,
            ", ".join(f"{gate.n} {gate.what}" for gate in line.without) or None,
            day(line.asked_at),
            day(line.finished_at),
            line.reason,
        ]
        for line in page.lines
    ]
    header = ["season", "what", "up to", "makes up for", "state", "ran without", "asked", "ended", "why"]
    coming = [[season, TITLES.get(processor, processor), due_on] for season, processor, due_on in page.coming]
    return document(
        heading(f"Season of {page.site}"),
        "The site is paused: nothing is planned." if page.paused else None,
        heading("What waits, and why", 3) if waiting else None,
        bullets(sentence(line, page.now) for line in waiting) if waiting else None,
        heading("Planned runs", 3),
        markdown_table(header, rows) if rows else "Nothing is due yet.",
        heading("Next", 3) if coming else None,
        markdown_table(["season", "what", "up to"], coming) if coming else None,
    )


def _seasons(page: SeasonPage) -> list[str]:
    names = [line.season for line in page.lines] + [season for season, _, _ in page.coming]
    return list(dict.fromkeys(names))


def _thing(gate: Waiting, now: datetime) -> str:
    if gate.needed:
        return gate.what
    age = f", oldest since {duration(max((now - gate.since).total_seconds(), 0.0))}" if gate.since else ""
    return f"{gate.n} {gate.what}{age}"
