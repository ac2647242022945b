"""L3A: composites of reflectance, every month and by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from prefect import State, flow, get_run_logger

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context, with_progress
from sen4cap_core.clock import utc_now
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.composite import composite_facts
from sen4cap_core.reports.pages.text import bullets, document, heading, image
from sen4cap_core.steps.composites.optical import (
    BANDS,
    HALF_SYNTHESIS_DAYS,
    CompositeReport,
)
from sen4cap_core.steps.composites.optical import composite_optical as run_step
from sen4cap_core.steps.composites.product import MadeComposite, composite_quicklook
from sen4cap_core.steps.shared.context import Context

DAYS_BACK = 30
"""Where no day is named: the days after it have passed, and late scenes have come."""


@flow(name="composite-optical")
def composite_optical(
    site: str | None = None,
    synthesis_date: date | None = None,
    days_before: int = HALF_SYNTHESIS_DAYS,
    days_after: int = HALF_SYNTHESIS_DAYS,
    method: Literal["weighted", "median", "max-ndvi"] = "weighted",
    bands: list[str] | None = None,
    tile: str | None = None,
) -> dict[str, Any] | State[None]:
    """Join the reflectance of a period into one image for each tile.

    Args:
        site: folder name of the site; where empty all whose site.yaml names l3a among its processors.
        synthesis_date: day the composite is for; where empty the day 30 days ago.
        days_before: days before that day from which scenes are taken, 0 to 366.
        days_after: days after that day from which scenes are taken, 0 to 366.
        method: weighted, an average by aerosol, distance to clouds, date and sensor; median, band by band; or
            max-ndvi, the date of the highest NDVI.
        bands: of B02 B03 B04 B05 B06 B07 B08 B8A B11 B12; where empty all that the scenes have. Bands of 10 m
            and of 20 m are composites of their own.
        tile: MGRS tile such as 30TUM; where empty all of the site.
    """
    context = step_context()
    day = synthesis_date or utc_now().date() - timedelta(days=DAYS_BACK)
    sites = [site] if site else _sites_that_ask(context)
    if not sites:
        return skipped("no site.yaml names l3a among its processors")
    answers: dict[str, Any] = {}
    reasons = []
    for slug in sites:
        try:
            report = run_step(
                with_progress(context, f"composites of reflectance of {slug}"),
                slug,
                day,
                days_before=days_before,
                days_after=days_after,
                method=method,
                bands=bands or BANDS,
                tile=tile,
            )
        except NothingToDoError as reason:
            get_run_logger().info("%s: %s", slug, reason)
            reasons.append(str(reason))
            continue
        answers[slug] = _show(context, report)
    return answers or skipped("; ".join(reasons))


def _sites_that_ask(context: Context) -> list[str]:
    with context.session() as session:
        return [
            site.slug
            for site in site_rows.enabled_sites(session)
            if SiteConfig.model_validate(site.config).processors.l3a.is_on
        ]


def _show(context: Context, report: CompositeReport) -> dict[str, Any]:
    name_run(f"composite-optical {report.site} {report.day}", scope_tags(report.site, year=report.year))
    parts: list[object] = [heading(f"Composites of {report.site} for {report.day}")]
    for composite in report.made:
        parts += [
            heading(f"{composite.tile}, {composite.grid.resolution_m:g} m", 3),
            _facts(report, composite),
        ]
        parts.append(image(f"{composite.tile} on {report.day}", composite_quicklook(context, composite)))
    for title, lines in (("Tiles without a composite", report.skipped), ("Scenes left out", report.left_out)):
        if lines:
            parts += [heading(title, 3), bullets(lines)]
    key = artifact_key("composite", report.site, str(report.day), report.method)
    show(key, document(*parts), f"Composites of {report.site} for {report.day}")
    return {
        "day": str(report.day),
        "made": [one.relative for one in report.made if one.result is not None],
        "there_before": sum(one.result is None for one in report.made),
        "tiles_skipped": report.skipped,
    }


def _facts(report: CompositeReport, composite: MadeComposite) -> object:
    of_tile = {one.grid.resolution_m: one.plan.bands for one in report.made if one.tile == composite.tile}
    there = {band for bands in of_tile.values() for band in bands}
    result = composite.result
    return composite_facts(
        method=composite.plan.method,
        size_m=composite.grid.resolution_m,
        bands=composite.plan.bands,
        other_bands={m: bands for m, bands in of_tile.items() if m != composite.grid.resolution_m},
        bands_missing=[band for band in report.bands if band not in there],
        n_scenes=len(composite.members),
        valid_fraction=None if result is None else result.valid_fraction,
        n_parts=None if result is None else (result.n_blocks_decoded, result.n_blocks_skipped),
    )
