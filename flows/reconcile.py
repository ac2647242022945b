"""Find whatever no event announced and ask for it again."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.runtime import mark_crashed, name_run, step_context
from sen4cap_core.service.nudge import nudge_inbox
from sen4cap_core.steps.reconcile import reconcile as run_step


@flow(name="reconcile")
def reconcile() -> dict[str, int]:
    """Compare files, rows and jobs; return how many gaps of each kind were found and queued."""
    context = step_context()
    found = run_step(context)
    mark_crashed(found.orphans)
    if found.waiting_uploads:
        nudge_inbox(context.settings, found.waiting_uploads)
    gaps = found.counts()
    summary = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in gaps.items())
    get_run_logger().info("reconcile: %s", summary or "nothing missing")
    name_run(f"reconcile: {summary or 'nothing missing'}")
    return gaps
