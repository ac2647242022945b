"""Retention and consistency in words: what may go, what stays and why, what differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sen4cap_core.reports.pages.tables import markdown_table
from sen4cap_core.reports.pages.text import bullets, count, document, heading, size

MAX_ENTRIES = 50

Gone = tuple[str, str, int]
"""(kind, why, bytes)"""


def retention_lines(site: str, going: Sequence[Gone], kept: Mapping[str, int]) -> list[str]:
    """Return the report for a terminal."""
    lines = [f"{site}: {len(going)} products and downloads may go, {size(sum(one[2] for one in going))}"]
    lines += [f"  {n:>6} x {kind}, {size(n_bytes)}: {why}" for kind, why, n, n_bytes in _sums(going)]
    lines += [f"  {n:>6} stay: {why}" for why, n in sorted(kept.items())]
    return lines


def retention_markdown(
    site: str, plan_id: str, going: Sequence[Gone], kept: Mapping[str, int], *, is_done: bool
) -> str:
    """Return the report as a page."""
    rows = [[kind, count(n), size(n_bytes), why] for kind, why, n, n_bytes in _sums(going)]
    told = "These are gone." if is_done else "Nothing was deleted."
    parts: list[object] = [
        heading(f"{'What went' if is_done else 'What may go'}: {site}"),
        f"{told} Report {plan_id}.",
    ]
    if rows:
        parts.append(
            markdown_table(["Kind", "Number", "Size", "Why"], rows, ["left", "right", "right", "left"])
        )
    if kept:
        parts.append(heading("What stays although its time is over", 3))
        parts.append(markdown_table(["Number", "Why"], [[count(n), why] for why, n in sorted(kept.items())]))
    return document(*parts)


def differences_markdown(found: Mapping[str, Sequence[str]]) -> str:
    """Return where tables, disk and catalogue differ as a page."""
    if not found:
        return document(heading("Tables and disk"), "Tables, disk and catalogue agree.")
    parts: list[object] = [heading("Tables and disk differ")]
    for name, entries in found.items():
        parts += [heading(f"{name}: {len(entries)}", 3), bullets(entries[:MAX_ENTRIES])]
    return document(*parts)


def _sums(going: Sequence[Gone]) -> list[tuple[str, str, int, int]]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(list)
    for kind, why, n_bytes in going:
        sums[kind, why].append(n_bytes)
    return [(kind, why, len(sizes), sum(sizes)) for (kind, why), sizes in sorted(sums.items())]
