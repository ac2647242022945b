"""Find whatever no event announced and ask for it again."""

from __future__ import annotations

from prefect import State, flow, get_run_logger

from flows.runtime import mark_crashed, name_run, skipped, step_context
from sen4cap_core.service.nudge import nudge_inbox
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.upkeep.reconcile import Gaps, reconcile_alone


@flow(name="reconcile")
def reconcile() -> dict[str, int] | State[None]:
    """Compare files, rows and jobs; return how many gaps of each kind were found and queued."""
    context = step_context()
    found = reconcile_now(context)
    if found is None:
        return skipped("another process compares them at this moment")
    if found.waiting_uploads:
        nudge_inbox(context.settings, found.waiting_uploads)
    get_run_logger().info("reconcile: %s", summary_of(found))
    name_run(f"reconcile: {summary_of(found)}")
    return found.counts()


def reconcile_now(context: Context) -> Gaps | None:
    """Do the same without a run of its own, as the warm worker does; None where another process is at it.

    No event is sent of uploads that wait: the warm worker sees them itself.
    """
    found = reconcile_alone(context)
    if found is not None:
        mark_crashed(job.flow_run_id for job in found.orphans)
    return found


def summary_of(found: Gaps) -> str:
    """Return what was found in a line."""
    gaps = (f"{number} {name.replace('_', ' ')}" for name, number in found.counts().items())
    return ", ".join(gaps) or "nothing missing"
