"""Operations that people start: each takes its form and answers with what was done, as plain values."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.declared.sites import known_site
from sen4cap_core.db.models import Season, Site
from sen4cap_core.db.work import by_hand as rows
from sen4cap_core.db.work import jobs
from sen4cap_core.declarations.sites.schedule import Planned, run_days
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError, Sen4capError, unknown_word
from sen4cap_core.steps.acquisitions.forgotten import forget_results
from sen4cap_core.steps.composites.optical import composite_optical
from sen4cap_core.steps.crop_types.classify import classify_crops
from sen4cap_core.steps.mowing.detect import detect_mowing
from sen4cap_core.steps.mowing.request import MowingRequest
from sen4cap_core.steps.practices.monitor import monitor_practices
from sen4cap_core.steps.products.export import export_products, find_products
from sen4cap_core.steps.seasons.planned_work import composite_day
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.season_input import Otherwise, checked
from sen4cap_core.steps.shared.work import (
    PREPROCESS_SCENE,
    RECEIVE_UPLOAD,
    WARM_WORK,
    ask_process,
    ask_process_radar,
)
from sen4cap_core.steps.upkeep.by_hand_forms import (
    Evaluated,
    ExportProducts,
    ImportFolder,
    PairAgain,
    ReplayInterval,
    ReprocessScenes,
    RetryFailed,
    RunAgain,
)
from sen4cap_core.steps.uploads.import_file import import_file

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Answer = dict[str, Any]


def reprocess_scenes(context: Context, form: ReprocessScenes) -> Answer:
    """Forget what was made of scenes and ask for it anew; the files of the same content are made again."""
    with context.session() as session:
        site = known_site(session, form.site)
        found = rows.scenes_of_period(
            session, site.id, form.start, form.end, form.tiles, form.sensors, only_failed=form.only_failed
        )
        if not found:
            raise NothingToDoError(f"no scene of {form.site} matches")
        if not form.dry_run:
            for scene in found:
                forget_results(session, context.settings.data, scene)
                ask_process(session, site.slug, scene.id, again=True)
        return {"dry run": form.dry_run, "scenes": [f"{s.product_id} {s.tile}" for s in found]}


def pair_again(context: Context, form: PairAgain) -> Answer:
    """Ask for radar acquisitions to be brought to the map and paired with what there is now."""
    with context.session() as session:
        site = known_site(session, form.site)
        found = rows.radar_of_period(session, site.id, form.start, form.end, form.relative_orbit)
        if not found:
            raise NothingToDoError(f"no SLC or GRD acquisition of {form.site} matches")
        if not form.dry_run:
            for one in found:
                # One that failed may find an orbit file or an elevation model now.
                one.state, one.state_reason, one.looked_at = "waiting", None, None
                ask_process_radar(session, site.slug, one.id, one.kind)
        return {"dry run": form.dry_run, "acquisitions": [one.product_id for one in found]}


def run_again(context: Context, form: RunAgain) -> Answer:
    """Evaluate a season otherwise than site.yaml says, now and here."""
    with context.session() as session:
        season_id = known_season(session, known_site(session, form.site), form.season, form.year).id
    otherwise = Otherwise(form.until, form.switch, form.thresholds)
    return {form.processor: _evaluate(context, form.processor, season_id, otherwise)}


def replay_interval(context: Context, form: ReplayInterval) -> Answer:
    """Run the days of the calendar in an interval again, in order; the last run, with all, stays in force."""
    with context.session() as session:
        site = known_site(session, form.site)
        config = SiteConfig.model_validate(site.config)
        season = known_season(session, site, form.season, form.year)
    todo: list[tuple[Planned, date | None]] = []
    for planned in form.processors:
        schedule = getattr(config.schedule, planned)
        days = run_days(planned, schedule, season.start, season.mid, season.end)
        chosen = [day for day in days if _is_within(day, form.start, form.end)]
        todo += [(planned, day) for day in chosen if planned != "s1_composites"]
        if chosen and planned in ("l4a", "l4b", "l4c"):
            todo.append((planned, None))
    answer: Answer = {}
    for number, (planned, until) in enumerate(todo, start=1):
        name = f"{planned} {until or 'in force'}"
        context.say(f"{name} ({number} of {len(todo)})")
        if planned == "l3a" and until is not None:
            answer[name] = _composites(context.without_progress(), form.site, until)
        elif planned in ("l4a", "l4b", "l4c"):
            answer[name] = _tried(context.without_progress(), planned, season.id, Otherwise(until))
    if not answer:
        raise NothingToDoError("no day of the calendar lies in this interval")
    return answer


def import_folder(context: Context, form: ImportFolder) -> Answer:
    """Take what lies in a folder, file by file; one that cannot be taken holds up no other."""
    folder = Path(form.folder)
    if not folder.is_dir():
        raise Sen4capError(f"{folder} is not a folder of this machine")
    taken, refused = [], {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith((".receipt.json", ".error.txt")):
            continue
        try:
            done = import_file(context, path, form.site, form.year, form.kind)
        except Sen4capError as error:
            refused[path.name] = str(error)
            continue
        if done.accepted:
            taken.append(path.name)
        else:
            refused[path.name] = str(done.receipt.get("error", "see its receipt"))
    if not taken and not refused:
        raise NothingToDoError(f"{folder} is empty")
    return {"taken": taken, "refused": refused}


def retry_failed(context: Context, form: RetryFailed) -> Answer:
    """Let failed jobs wait again."""
    known = (RECEIVE_UPLOAD, PREPROCESS_SCENE, *WARM_WORK)
    unknown = sorted(set(form.kinds) - set(known))
    if unknown:
        raise Sen4capError(unknown_word(unknown[0], sorted(known), "kind of work"))
    with context.session() as session:
        if form.site is not None:
            known_site(session, form.site)
        count = jobs.retry_failed(session, form.kinds or known, form.site)
    if not count:
        raise NothingToDoError("no job has failed")
    return {"jobs that wait again": count}


def export_by_form(context: Context, form: ExportProducts) -> Answer:
    """Copy products for others."""
    found = find_products(
        context,
        form.site,
        kinds=form.kinds,
        tile=form.tile,
        start=form.start,
        end=form.end,
        every_version=form.every_version,
    )
    done = export_products(context, found, Path(form.target))
    return {
        "products": done.n_items,
        "files": done.n_files,
        "bytes": done.n_bytes,
        "target": str(form.target),
    }


def known_season(session: Session, site: Site, name: str, year: int | None) -> Season:
    """Return a season by its name. Raises Sen4capError without one, or where the year must be said."""
    found = rows.seasons_named(session, site.id, name, year)
    if not found:
        known = ", ".join(f"{s.name} {s.year}" for s in site_rows.seasons_of(session, site.id)) or "none"
        raise Sen4capError(f"{site.slug} has no season {name!r}; known: {known}")
    if len(found) > 1:
        raise Sen4capError(f"{site.slug} has {len(found)} seasons {name!r}: say which year")
    return found[0]


def _is_within(day: date, start: date | None, end: date | None) -> bool:
    return (start is None or day >= start) and (end is None or day <= end)


def _tried(context: Context, processor: Evaluated, season_id: int, otherwise: Otherwise) -> Answer | str:
    try:
        return _evaluate(context, processor, season_id, otherwise)
    except NothingToDoError as reason:
        return str(reason)


def _composites(context: Context, site: str, until: date) -> Answer | str:
    try:
        report = composite_optical(context, site, composite_day(until))
    except NothingToDoError as reason:
        return str(reason)
    return {"made": [one.relative for one in report.made if one.result is not None]}


def _evaluate(context: Context, processor: Evaluated, season_id: int, otherwise: Otherwise) -> Answer:
    if processor == "l4a":
        crops = classify_crops(context, season_id, otherwise=otherwise)
        return {"as of": str(crops.given.as_of), "files": _names(crops.published.files)}
    if processor == "l4b":
        values = {"until": otherwise.until, "thresholds": otherwise.thresholds, **otherwise.switch}
        mowing = detect_mowing(context, season_id, checked(MowingRequest, values, "l4b"))
        return {"as of": str(mowing.as_of), "files": _names(mowing.files)}
    practices = monitor_practices(context, season_id, otherwise)
    files = {
        f"{one.task.practice} {name}": path for one in practices.practices for name, path in one.files.items()
    }
    return {"as of": str(practices.evaluation.last_day), "files": _names(files)}


def _names(files: dict[str, Path]) -> dict[str, str]:
    return {title: str(path) for title, path in files.items()}
