"""Cloud and coverage of a scene, and what its processing cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sen4cap_core.reports.pages.tables import facts, markdown_table
from sen4cap_core.reports.pages.text import (
    bold,
    bullets,
    day,
    document,
    duration,
    heading,
    image,
    located,
    percent,
    share,
    size,
)


@dataclass(frozen=True)
class ParcelCount:
    """Parcels of one declaration set on a scene."""

    label: str
    """Which declarations: ``2019``."""
    observed: int
    """With at least one clear pixel."""
    total: int
    """With at least one pixel inside the scene's grid."""


@dataclass(frozen=True)
class Coverage:
    """What people want to know of a processed scene. None: not known."""

    product_id: str
    site: str
    tile: str
    acquired_at: datetime
    clear_fraction: float | None
    """Clear pixels / pixels with data."""
    data_fraction: float | None
    """Pixels with data / pixels of the grid."""
    parcels: Sequence[ParcelCount] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time by step."""
    n_bytes: Mapping[str, int] = field(default_factory=dict)
    """Size of what was written, by name."""
    warnings: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    """Title -> web address, path or file URI."""


def coverage_markdown(coverage: Coverage, quicklooks: Mapping[str, bytes] | None = None) -> str:
    """Return the page of one scene: figures, quicklooks (title -> PNG), times and sizes."""
    c = coverage
    pairs: list[tuple[object, object]] = [
        ("Scene", c.product_id),
        ("Site, tile", f"{c.site}, {c.tile}"),
        ("Acquired", day(c.acquired_at)),
    ]
    # Radar sees through clouds and has no such share.
    if c.clear_fraction is not None:
        pairs.append(("Clear", f"{percent(c.clear_fraction)} of the pixels with data"))
    if c.data_fraction is not None:
        pairs.append(("Data", f"{percent(c.data_fraction)} of the grid"))
    pairs += [(f"Parcels {p.label}".strip(), f"{share(p.observed, p.total)} observed") for p in c.parcels]
    if not c.parcels:
        pairs.append(("Parcels", "no declarations yet: they are extracted when they come"))
    return document(
        heading(f"{c.tile} on {c.acquired_at:%Y-%m-%d}"),
        *(
            image(f"{title} of {c.tile} on {c.acquired_at:%Y-%m-%d}", png)
            for title, png in (quicklooks or {}).items()
        ),
        facts(pairs),
        *([heading("Warnings", 3), bullets(c.warnings)] if c.warnings else []),
        *_costs(c),
        bullets(located(title, where) for title, where in c.links.items()),
    )


def _costs(coverage: Coverage) -> list[object]:
    parts: list[object] = []
    if coverage.seconds:
        rows: list[list[object]] = [[step, duration(s)] for step, s in coverage.seconds.items()]
        rows.append([bold("Sum"), bold(duration(sum(coverage.seconds.values())))])
        parts += [heading("Time", 3), markdown_table(["Step", "Wall time"], rows, ["left", "right"])]
    if coverage.n_bytes:
        rows = [[name, size(n)] for name, n in coverage.n_bytes.items()]
        parts += [heading("Written", 3), markdown_table(["What", "Size"], rows, ["left", "right"])]
    return parts
