"""The page of a site's sources: what was found, what came, what failed and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sen4cap_core.reports.pages.tables import markdown_table
from sen4cap_core.reports.pages.text import document, heading, size


@dataclass(frozen=True)
class SourceStatus:
    """One source of a site."""

    name: str
    counts: dict[str, int]
    """Offers by state."""
    n_bytes: int
    searched_until: date | None
    succeeded_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class SiteSources:
    """All sources of a site, in their order, and what failed last."""

    site: str
    sources: Sequence[SourceStatus]
    failures: Sequence[tuple[str, str, str]]
    """(product, source, reason)"""


STATES = ("offered", "fetching", "fetched", "passed-over", "failed")


def sources_markdown(status: SiteSources, passed_over: Mapping[str, str] | None = None) -> str:
    """Return the page of a site's sources, with what of the last answers (by source) was not understood."""
    rows = [
        [
            source.name,
            *(source.counts.get(state, 0) for state in STATES),
            size(source.n_bytes),
            source.searched_until,
            f"{source.succeeded_at:%Y-%m-%d %H:%M} UTC" if source.succeeded_at else "never",
            source.error,
        ]
        for source in status.sources
    ]
    header = ["source", *STATES, "came", "searched until", "last good search", "why not now"]
    failures = (
        [
            heading("Failed", 3),
            markdown_table(["product", "source", "why"], [list(failure) for failure in status.failures]),
        ]
        if status.failures
        else []
    )
    strange = (
        [
            heading("Not understood in the last search", 3),
            markdown_table(["source", "what"], passed_over.items()),
        ]
        if passed_over
        else []
    )
    return document(heading(f"Sources of {status.site}"), markdown_table(header, rows), *failures, *strange)
