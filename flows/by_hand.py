"""What people start by hand: each operation is a form in the Prefect UI and a command at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.answer import answer_markdown
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.upkeep import by_hand, site_life
from sen4cap_core.steps.upkeep.by_hand_forms import (
    DeleteSite,
    EditSite,
    ExportProducts,
    Form,
    ImportFolder,
    PairAgain,
    PauseSite,
    PurgeSite,
    ReplayInterval,
    ReprocessScenes,
    ResumeSite,
    RetryFailed,
    RunAgain,
)

AnyForm = TypeVar("AnyForm", bound=Form)
Answer = dict[str, Any] | State[None]


@flow(name="reprocess-scenes")
def reprocess_scenes(form: ReprocessScenes) -> Answer:
    """Make rasters and observations of scenes anew."""
    return _do("reprocess-scenes", by_hand.reprocess_scenes, form)


@flow(name="pair-again")
def pair_again(form: PairAgain) -> Answer:
    """Bring Sentinel-1 acquisitions to the map again and pair them with what there is now."""
    return _do("pair-again", by_hand.pair_again, form)


@flow(name="run-again")
def run_again(form: RunAgain) -> Answer:
    """Evaluate a season up to a day or with other parameters: a new version beside those there are."""
    return _do("run-again", by_hand.run_again, form)


@flow(name="replay-interval")
def replay_interval(form: ReplayInterval) -> Answer:
    """Run all days of a season's calendar in an interval again, each as if it were that day."""
    return _do("replay-interval", by_hand.replay_interval, form)


@flow(name="import-folder")
def import_folder(form: ImportFolder) -> Answer:
    """Take everything in a folder of this machine as if it had been dropped."""
    return _do("import-folder", by_hand.import_folder, form)


@flow(name="edit-site")
def edit_site(form: EditSite) -> Answer:
    """Change the tiles, satellites, processors, calendar or name of a site."""
    return _do("edit-site", site_life.edit_site, form)


@flow(name="retry-failed")
def retry_failed(form: RetryFailed) -> Answer:
    """Let failed jobs wait again, with a fresh count of tries."""
    return _do("retry-failed", by_hand.retry_failed, form)


@flow(name="export-products")
def export_products(form: ExportProducts) -> Answer:
    """Copy products with their catalogue and a QGIS project into a folder or a zip file."""
    return _do("export-products", by_hand.export_by_form, form)


@flow(name="pause-site")
def pause_site(form: PauseSite) -> Answer:
    """Pause a site or one of its seasons; everything is kept."""
    return _do("pause-site", site_life.pause_by_form, form)


@flow(name="resume-site")
def resume_site(form: ResumeSite) -> Answer:
    """Let a paused or deleted site, or a paused season, go on."""
    return _do("resume-site", site_life.resume_by_form, form)


@flow(name="delete-site")
def delete_site(form: DeleteSite) -> Answer:
    """Delete a site, which is kept until it is purged or resumed; a dry run by default."""
    return _do("delete-site", site_life.delete_by_form, form)


@flow(name="purge-site")
def purge_site(form: PurgeSite) -> Answer:
    """Remove a deleted site for good; a dry run by default."""
    return _do("purge-site", site_life.purge_site, form)


def _do(name: str, step: Callable[[Context, AnyForm], dict[str, Any]], form: AnyForm) -> Answer:
    site = getattr(form, "site", None)
    title = f"{name} {site or ''}".strip()
    name_run(title, scope_tags(site) if site else ())
    try:
        answer = step(step_context(), form)
    except NothingToDoError as reason:
        return skipped(reason)
    show(artifact_key(name, site or "all"), answer_markdown(title, answer), title)
    return answer
