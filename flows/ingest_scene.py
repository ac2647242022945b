"""Register the acquisitions of dropped scenes."""

from __future__ import annotations

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.tables import markdown_table
from sen4cap_core.reports.pages.text import bullets, document, heading
from sen4cap_core.steps.scenes.ingest import IngestReport, NothingRegisteredError, ingest_scenes


@flow(name="ingest-scene")
def ingest_scene(upload_ids: list[int]) -> dict[int, str | None] | State[None]:
    """Register every acquisition of some uploads; those in force are queued for processing.

    Returns for each upload None, or the reason why nothing of it was registered. The run fails where that is
    so of all and not all of them are gone.

    Args:
        upload_ids: numbers of uploads, as their receipts state them. A burst is one run.
    """
    report = ingest_scenes(step_context(), upload_ids)
    reasons = {number: str(fault) for number, fault in report.faults.items()}
    if not report.scenes:
        if all(isinstance(fault, NothingToDoError) for fault in report.faults.values()):
            return skipped("; ".join(reasons.values()) or "no upload was named")
        name_run(f"ingest-scene: nothing registered of {_uploads(report)}")
        raise NothingRegisteredError(report)
    name_run(_name(report), scope_tags(report.site))
    show(artifact_key("ingest", report.site), _page(report), f"Acquisitions of {report.site} registered")
    return {number: reasons.get(number) for number in upload_ids}


def _name(report: IngestReport) -> str:
    first, *others = report.scenes
    return f"ingest-scene {first.tile} {first.acquired[:10]}" + (f" and {len(others)} more" if others else "")


def _uploads(report: IngestReport) -> str:
    first, *others = [report.names.get(number, f"upload {number}") for number in report.faults]
    return first + (f" and {len(others)} more" if others else "")


def _page(report: IngestReport) -> str:
    table = markdown_table(
        ["scene", "product", "tile", "acquired (UTC)", "what becomes of it"],
        [[s.scene_id, s.product_id, s.tile, s.acquired, s.outcome] for s in report.scenes],
    )
    faults = [heading("Not registered", 3), bullets(report.faults.values())] if report.faults else []
    return document(heading(f"Acquisitions of {report.site}"), table, *faults)
