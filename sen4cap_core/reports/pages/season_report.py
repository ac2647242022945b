"""The page of a season at work, as people look at it every morning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sen4cap_core.reports.pages.season import PlannedLine, sentence
from sen4cap_core.reports.pages.tables import markdown_table
from sen4cap_core.reports.pages.text import (
    Markdown,
    bullets,
    count,
    document,
    duration,
    escape,
    heading,
    image,
    share,
    size,
)
from sen4cap_core.reports.pictures.calendar import STATES, Entry, calendar_png


class SourceLine(Protocol):
    """What a source brought and has still to bring."""

    source: str
    fetching: int
    remaining: int
    failed: int
    fetched: int
    n_bytes: int
    bytes_per_second: float | None
    remaining_bytes: int | None


class UsageLine(Protocol):
    """What the runs of one kind of work took."""

    kind: str
    n_runs: int
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    read_bytes: int
    written_bytes: int


class MachineLine(Protocol):
    """How a machine is."""

    host: str
    taken_at: datetime
    cpu_percent: float
    n_cores: int
    memory_bytes: int
    memory_free_bytes: int
    disk_bytes: int
    disk_free_bytes: int


@dataclass(frozen=True)
class DiskNeed:
    """What the rest of the season writes, if it goes on as it went."""

    open_scenes: int
    """Offered or registered and not processed."""
    scenes_to_come: int
    """Expected until the end of the season."""
    n_bytes: int


@dataclass(frozen=True)
class Unseen:
    """Parcels without a clear pixel for some days."""

    days: int
    n_parcels: int
    n_unseen: int
    examples: Sequence[str]
    n_scenes: int
    """Scenes that were looked into."""


@dataclass(frozen=True)
class SeasonReport:
    """A season at one moment."""

    site: str
    season: str
    year: int
    start: date
    end: date
    now: datetime
    scenes: Sequence[Entry]
    offers: Sequence[Entry]
    sources: Sequence[SourceLine]
    usage: Sequence[UsageLine]
    running: Sequence[tuple[str, str, datetime | None]]
    machines: Sequence[MachineLine]
    disk: DiskNeed | None
    unseen: Unseen | None
    planned: Sequence[PlannedLine]
    warnings: Sequence[str]

    @property
    def disk_is_short(self) -> bool:
        """Whether a machine has less room than the season still needs."""
        return self.disk is not None and any(
            machine.disk_free_bytes < self.disk.n_bytes for machine in self.machines
        )


def season_report_markdown(report: SeasonReport) -> str:
    """Return the page."""
    waiting = [sentence(line, report.now) for line in report.planned if line.state == "waiting"]
    return document(
        heading(f"{report.site}, season {report.season} {report.year}"),
        Markdown(f"As of {report.now:%Y-%m-%d %H:%M} UTC"),
        *_part("To look at", bullets(report.warnings) if report.warnings else None),
        *_part("Planned runs that wait", bullets(waiting) if waiting else None),
        *_part("Downloads", _sources(report.sources)),
        *_part("Scenes", _scenes(report)),
        *_part("At work now", _running(report)),
        *_part("What work took in the last week", _usage(report.usage)),
        *_part("Machines", _machines(report)),
        *_part("Parcels nobody has seen", _unseen(report.unseen)),
    )


def digest_lines(report: SeasonReport) -> list[str]:
    """Return the page in a few lines, for an e-mail."""
    states = Counter(state for *_, state in report.scenes)
    scenes = ", ".join(f"{states[state]} {state}" for state in STATES if states[state]) or "none"
    lines = [f"{report.site}, season {report.season} {report.year}", f"  scenes: {scenes}"]
    for source in report.sources:
        lines.append(
            f"  {source.source}: {source.fetched} fetched, {source.remaining + source.fetching} to come, "
            f"{source.failed} failed"
        )
    if report.unseen is not None:
        text = f"{report.unseen.n_unseen} of {report.unseen.n_parcels}"
        lines.append(f"  parcels without a clear look for {report.unseen.days} days: {text}")
    if report.disk_is_short and report.disk is not None:
        lines.append(f"  the rest of the season needs {size(report.disk.n_bytes)}: more than is free")
    lines += [f"  {sentence(line, report.now)}" for line in report.planned if line.state == "waiting"]
    return [*lines, *(f"  ! {warning}" for warning in report.warnings)]


def _part(title: str, content: object) -> list[object]:
    return [heading(title, 3), content] if content else []


def _sources(sources: Sequence[SourceLine]) -> Markdown | None:
    if not sources:
        return None
    rows = []
    for one in sources:
        rate = one.bytes_per_second
        left = duration(one.remaining_bytes / rate) if rate and one.remaining_bytes else None
        rows.append(
            [
                one.source,
                count(one.fetched),
                count(one.fetching),
                count(one.remaining),
                count(one.failed),
                size(one.n_bytes),
                f"{size(round(rate))}/s" if rate else None,
                left,
            ]
        )
    header = [
        "source",
        "here",
        "coming now",
        "remaining",
        "failed",
        "came",
        "rate of a transfer",
        "time left",
    ]
    return markdown_table(header, rows)


def _scenes(report: SeasonReport) -> Markdown | None:
    entries = [*report.offers, *report.scenes]
    if not entries:
        return None
    picture = image(
        f"Scenes of {report.site} by tile, day and state", calendar_png(entries, report.start, report.end)
    )
    counts: dict[tuple[str, str], Counter[str]] = {}
    for tile, sensor, _, state in entries:
        counts.setdefault((tile, sensor), Counter())[state] += 1
    rows = [
        [tile, sensor, *(counts[tile, sensor][state] or None for state in STATES)]
        for tile, sensor in sorted(counts)
    ]
    return Markdown(f"{picture}\n\n{markdown_table(['tile', 'sensor', *STATES], rows)}")


def _running(report: SeasonReport) -> Markdown:
    if not report.running:
        return Markdown("Nothing of this site.")
    return markdown_table(["what", "which"], [[kind, key] for kind, key, _ in report.running])


def _usage(usage: Sequence[UsageLine]) -> Markdown | None:
    if not usage:
        return None
    rows = [
        [
            one.kind,
            count(one.n_runs),
            duration(one.seconds),
            duration(one.cpu_seconds),
            size(one.peak_memory_bytes),
            size(one.read_bytes),
            size(one.written_bytes),
        ]
        for one in usage
    ]
    header = ["work", "runs", "duration", "CPU", "peak memory", "read, in all", "written, in all"]
    return markdown_table(header, rows)


def _machines(report: SeasonReport) -> Markdown | None:
    if not report.machines:
        return None
    rows = [
        [
            one.host,
            f"{one.cpu_percent:.0f} % of {one.n_cores} cores",
            share_of(one.memory_free_bytes, one.memory_bytes),
            share_of(one.disk_free_bytes, one.disk_bytes),
            f"{one.taken_at:%H:%M} UTC",
        ]
        for one in report.machines
    ]
    table = markdown_table(["machine", "busy", "memory free", "disk free", "at"], rows)
    if report.disk is None:
        return table
    need = (
        f"The rest of the season ({report.disk.open_scenes} scenes open, about {report.disk.scenes_to_come} "
        f"to come) writes about {size(report.disk.n_bytes)}."
    )
    return Markdown(f"{table}\n\n{need}{' **That is more than is free.**' if report.disk_is_short else ''}")


def share_of(part: int, whole: int) -> str:
    """Return ``12 GB of 100 GB``."""
    return f"{size(part)} of {size(whole)}"


def _unseen(unseen: Unseen | None) -> Markdown | None:
    if unseen is None:
        return None
    text = (
        f"{share(unseen.n_unseen, unseen.n_parcels)} parcels without a clear pixel in {unseen.days} days "
        f"({unseen.n_scenes} scenes)."
    )
    examples = f" Among them: {escape(', '.join(unseen.examples))}." if unseen.examples else ""
    return Markdown(text + examples)
