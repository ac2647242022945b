"""How the seasons stand, each morning and by hand; and the e-mail that tells of it."""

from __future__ import annotations

from typing import Any

from prefect import State, flow, get_run_logger
from prefect.states import Cancelled

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.db.declared.sites import enabled_sites
from sen4cap_core.errors import NothingToDoError, ServiceError
from sen4cap_core.reports.pages.season_report import digest_lines, season_report_markdown
from sen4cap_core.service.mail import send_mail
from sen4cap_core.steps.seasons.report import season_report as run_step


@flow(name="season-report")
def season_report(site: str | None = None, unseen_days: int = 30, digest: bool = False) -> Any:
    """Leave a page for each season: downloads, scenes, work, machines, disk, parcels nobody has seen.

    Args:
        site: folder name of one site; all enabled sites where empty.
        unseen_days: parcels without a clear pixel for longer are counted.
        digest: also send the pages in short by e-mail, where an address is set.
    """
    context = step_context()
    with context.session() as session:
        slugs = [site] if site else [row.slug for row in enabled_sites(session)]
    name_run(f"season-report {', '.join(slugs)}", [tag for slug in slugs for tag in scope_tags(slug)])
    lines: list[str] = []
    reasons: list[str] = []
    for slug in slugs:
        try:
            reports = run_step(context, slug, unseen_days=unseen_days)
        except NothingToDoError as reason:
            reasons.append(str(reason))
            continue
        for report in reports:
            title = f"{slug}, season {report.season} {report.year}"
            key = artifact_key("season-report", slug, report.season, str(report.year))
            show(key, season_report_markdown(report), title)
            lines += digest_lines(report)
    if not lines:
        return skipped("; ".join(reasons) or "there is no enabled site")
    answer: dict[str, Any] = {"digest": lines}
    if digest and context.settings.alert_email:
        answer["sent"] = _sent(context.settings, "Sen4CAP: how the seasons stand", "\n".join(lines))
    return answer


@flow(name="send-alert")
def send_alert(subject: str, text: str) -> dict[str, str] | State[None]:
    """Send an e-mail to the address of the settings.

    Args:
        subject: subject of the e-mail.
        text: what it says.
    """
    context = step_context()
    name_run(f"send-alert: {subject}")
    try:
        return {"sent": send_mail(context.settings, subject, text)}
    except ServiceError as error:
        # Not a failed run: that would be told of, by another of these.
        get_run_logger().error("%s", error)
        return Cancelled(name="NotSent", message=str(error))


def _sent(settings: Any, subject: str, text: str) -> str:
    try:
        return send_mail(settings, subject, text)
    except ServiceError as error:
        get_run_logger().error("%s", error)
        return f"not sent: {error}"
