"""Radar acquisitions in their own geometry: backscatter, and coherence with their partners."""

from __future__ import annotations

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.tables import facts
from sen4cap_core.steps.process_slc import ProcessedSlc
from sen4cap_core.steps.process_slc import process_slc as run_step


@flow(name="process-slc")
def process_slc(acquisition_id: int) -> list[str] | State[None]:
    """Bring an SLC acquisition to the site's tiles and pair it; rasters become scenes of their own.

    Parameters
    ----------
    acquisition_id : number of the acquisition, as the ingest-scene run shows it.
    """
    context = step_context(progress_title=f"process-slc-{acquisition_id}")
    try:
        done = run_step(context, acquisition_id)
    except NothingToDoError as reason:
        return skipped(reason)
    subject = done.subject
    name_run(
        f"process-slc {subject.platform} {subject.pairing.started_at:%Y-%m-%d}",
        scope_tags(subject.site, year=subject.year),
    )
    show(
        artifact_key("radar", subject.site, f"{subject.pairing.started_at:%Y%m%dT%H%M%S}"),
        _page(done),
        f"Radar acquisition of {subject.pairing.started_at:%Y-%m-%d %H:%M}",
    )
    return done.made


def _page(done: ProcessedSlc) -> str:
    subject = done.subject
    rows: list[tuple[str, object]] = [
        ("Product", subject.product_id),
        ("Relative orbit", f"{subject.pairing.relative_orbit}, {subject.direction}"),
        ("Orbit from", done.orbit),
        *(("Made", name) for name in done.made),
    ]
    if done.waits:
        rows.append(("Waits", done.waits))
    return facts(rows)
