"""What need not be kept, and whether tables and disk agree."""

from __future__ import annotations

from typing import Any

from prefect import State, flow
from prefect.states import Failed

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.keeping import differences_markdown, retention_markdown
from sen4cap_core.steps.upkeep.check_files import check_files as run_check
from sen4cap_core.steps.upkeep.check_files import repair as run_repair
from sen4cap_core.steps.upkeep.retention import RetentionPlan, keeping_sites, plan_retention, sweep_retired
from sen4cap_core.steps.upkeep.retention import apply_retention as run_apply
from sen4cap_core.steps.upkeep.retention import restore_downloads as run_restore


@flow(name="retention-report")
def retention_report(site: str | None = None) -> dict[str, Any] | State[None]:
    """Say what the retention of a site lets go; nothing is deleted.

    Args:
        site: folder name of the site; where empty every site that has a retention.
    """
    context = step_context()
    told: dict[str, str] = {}
    for slug in [site] if site else keeping_sites(context):
        try:
            plan = plan_retention(context, slug)
        except NothingToDoError as reason:
            return skipped(reason)
        _show(plan, is_done=False)
        told[slug] = plan.id
    if not told:
        return skipped("no site.yaml has a retention: everything is kept")
    name_run(f"retention-report {', '.join(told)}", [tag for slug in told for tag in scope_tags(slug)])
    return {"reports": told}


@flow(name="apply-retention")
def apply_retention(site: str, report: str) -> dict[str, Any] | State[None]:
    """Delete exactly what a retention report named.

    Args:
        site: folder name of the site.
        report: id of the report, eight letters and digits; an outdated one is refused.
    """
    context = step_context()
    name_run(f"apply-retention {site} {report}", scope_tags(site))
    try:
        plan = run_apply(context, site, report)
    except NothingToDoError as reason:
        return skipped(reason)
    sweep_retired(context, site)
    _show(plan, is_done=True)
    return {"gone": len(plan.going), "bytes": plan.n_bytes}


@flow(name="restore-downloads")
def restore_downloads(site: str, year: int) -> dict[str, Any] | State[None]:
    """Fetch the downloads again that retention gave up.

    Args:
        site: folder name of the site.
        year: year of the season.
    """
    name_run(f"restore-downloads {site} {year}", scope_tags(site, year=year))
    try:
        return {"acquisitions": run_restore(step_context(), site, year)}
    except NothingToDoError as reason:
        return skipped(reason)


@flow(name="check-files")
def check_files(repair: bool = False) -> dict[str, Any] | State[Any]:
    """Compare tables, disk and catalogue. The run fails where they differ, and its page says where.

    Args:
        repair: also let lost files be made again and rebuild the catalogue; nothing is deleted.
    """
    context = step_context()
    name_run("check-files and repair" if repair else "check-files")
    found = run_check(context)
    if repair and found.found():
        run_repair(context, found)
        found = run_check(context)
    show(artifact_key("check-files"), differences_markdown(found.found()), "Tables, disk and catalogue")
    if not found.found():
        return {"differences": 0}
    counts = ", ".join(f"{name}: {len(entries)}" for name, entries in found.found().items())
    return Failed(name="Differs", message=counts)


def _show(plan: RetentionPlan, *, is_done: bool) -> None:
    going = [(one.kind, one.why, one.n_bytes) for one in plan.going]
    page = retention_markdown(plan.site, plan.id, going, plan.kept, is_done=is_done)
    show(artifact_key("retention", plan.site), page, f"Retention of {plan.site}")
