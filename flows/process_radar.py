"""Radar acquisitions in their own geometry: backscatter, and coherence of SLC with their partners."""

from __future__ import annotations

from collections.abc import Callable

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.tables import facts
from sen4cap_core.steps.radar.process_grd import process_grd as run_grd
from sen4cap_core.steps.radar.process_slc import process_slc as run_slc
from sen4cap_core.steps.radar.subject import ProcessedRadar
from sen4cap_core.steps.shared.context import Context


@flow(name="process-slc")
def process_slc(acquisition_id: int) -> list[str] | State[None]:
    """Bring an SLC acquisition to the site's tiles and pair it; rasters become scenes of their own.

    Args:
        acquisition_id: number of the acquisition, as the ingest-scene run shows it.
    """
    return _run("process-slc", run_slc, acquisition_id)


@flow(name="process-grd")
def process_grd(acquisition_id: int) -> list[str] | State[None]:
    """Bring a detected (GRD) acquisition to the site's tiles; rasters become scenes of their own.

    Args:
        acquisition_id: number of the acquisition, as the ingest-scene run shows it.
    """
    return _run("process-grd", run_grd, acquisition_id)


def _run(
    name: str, step: Callable[[Context, int], ProcessedRadar], acquisition_id: int
) -> list[str] | State[None]:
    context = step_context(progress_title=f"{name}-{acquisition_id}")
    try:
        done = step(context, acquisition_id)
    except NothingToDoError as reason:
        return skipped(reason)
    subject = done.subject
    name_run(
        f"{name} {subject.platform} {subject.pairing.started_at:%Y-%m-%d}",
        scope_tags(subject.site, year=subject.year),
    )
    show(
        artifact_key("radar", subject.site, f"{subject.pairing.started_at:%Y%m%dT%H%M%S}"),
        _page(done),
        f"Radar acquisition of {subject.pairing.started_at:%Y-%m-%d %H:%M}",
    )
    return done.made


def _page(done: ProcessedRadar) -> str:
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
