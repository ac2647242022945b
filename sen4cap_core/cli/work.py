"""``sen4cap retry`` and ``sen4cap wait``: let failed work wait again; wait for work to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from sen4cap_core.db.overview.progress import SiteProgress
    from sen4cap_core.inbox.heartbeat import Arriving
    from sen4cap_core.inbox.layout import Misplaced
    from sen4cap_core.settings import Settings
    from sen4cap_core.steps.shared.context import Context

MAX_TOLD = 10
"""So many of what failed, was rejected or is misplaced are shown."""


def register(app: typer.Typer) -> None:
    """Add these commands to the top level."""
    app.command(rich_help_panel="What was dropped")(wait)
    app.command(rich_help_panel="What was dropped")(retry)


def retry(
    site: Annotated[str | None, typer.Option(help="Only the work of this site.")] = None,
) -> None:
    """Try failed jobs again, with a fresh count of attempts."""
    from sen4cap_core.db.work.jobs import retry_failed
    from sen4cap_core.db.work.rejections import open_rejections
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.shared.work import PREPROCESS_SCENE, RECEIVE_UPLOAD, WARM_WORK

    with open_step_context().session() as session:
        count = retry_failed(session, (RECEIVE_UPLOAD, PREPROCESS_SCENE, *WARM_WORK), site)
        n_rejected = len(open_rejections(session, site))
    typer.echo(f"{count} failed jobs wait again" if count else "no job has failed")
    if n_rejected:
        typer.echo(
            f"uploads that are rejected: {n_rejected}; correct them and drop them again (sen4cap status)"
        )


def wait(
    site: Annotated[str | None, typer.Option(help="Folder name of the site; default: all sites.")] = None,
    minutes: Annotated[
        float, typer.Option(help="Give up when nothing has happened for so many minutes.")
    ] = 15.0,
) -> None:
    """Wait until everything dropped for a site, or for all, is answered and none of its work is open.

    While a drop is arriving (still growing, or not whole yet) it goes on, and says for which. Exit code 1
    when work failed, or an upload was rejected and that is not settled yet, or at the end a file lies in the
    site's folder where nothing is expected; without --site anywhere in the upload folder. The reason is said,
    and what settles it: a corrected file, or taking the rejected one out of rejected/, the misplaced one to
    where it belongs. Told, and no error, are accepted uploads of late that have warnings and, with --site,
    what lies outside of any site's folder.
    """
    import time

    from sen4cap_core.db.overview.progress import site_progress
    from sen4cap_core.errors import Sen4capError
    from sen4cap_core.inbox.heartbeat import arriving_at
    from sen4cap_core.inbox.misplaced import find_misplaced, had_its_time, misplaced_outside_sites
    from sen4cap_core.inbox.settle import STILL_GROWING
    from sen4cap_core.service.connection import open_step_context

    context = open_step_context()
    if site is not None:
        with context.session() as session:
            require_place(session, context.settings, site)
    # What was dropped just now is seen when it has stood still; on network storage at the next listing.
    settled_s = context.settings.settle_seconds + 5.0
    last: tuple[SiteProgress, list[Arriving]] | None = None
    began = time.monotonic()
    changed = quiet_since = began
    told: set[Arriving] = set()
    told_outside: set[Path] = set()
    while True:
        # Before the rows are counted: what has arrived has its row by the time it is not listed any more.
        coming = arriving_at(context.settings, site)
        with context.session() as session:
            now = site_progress(session, site)
        moment = time.monotonic()
        if (now, coming) != last or any(one.reason == STILL_GROWING for one in coming):
            last, changed = (now, coming), moment
        # What corrects an earlier rejection may have been dropped just now.
        is_settled = now.is_answered and moment - began > settled_s and not coming
        if not coming and (now.failures or (now.rejections and is_settled)):
            raise Sen4capError(_told(_failed(context.settings, now)))
        if coming or not now.is_quiet or not now.uploads:
            quiet_since = moment
        fresh = [one for one in coming if one not in told]
        if fresh and now.is_quiet:
            told.update(fresh)
            typer.echo(_told(_coming(fresh)), err=True)
        # Whose they are nobody knows; perhaps of who waits here, and in vain. Of all sites they are an error.
        outside = [] if site is None else misplaced_outside_sites(context.settings)
        outside = [one for one in outside if one.path not in told_outside and had_its_time(one)]
        if outside:
            told_outside.update(one.path for one in outside)
            typer.echo(_told(_misplaced(context.settings, outside)), err=True)
        is_over = moment - quiet_since > settled_s
        # Where all that came is misplaced, there never is an upload.
        if is_over or (is_settled and not now.uploads):
            misplaced = list(find_misplaced(context.settings, site))
            if misplaced and all(map(had_its_time, misplaced)):
                raise Sen4capError(_told(_misplaced(context.settings, misplaced)))
            if is_over and not misplaced:
                typer.echo(f"{now.uploads} uploads answered, {now.scenes_processed} scenes processed")
                _tell_warned(context, site)
                return
        if moment - changed > 60.0 * minutes:
            still = f"nothing has happened for {minutes:g} minutes, {now.jobs_open} jobs are open"
            open_ends = [*_coming(coming), *_failed(context.settings, now)]
            raise Sen4capError(_told([f"{still}: see sen4cap status", *open_ends]))
        time.sleep(0.5)


def require_place(session: Session, settings: Settings, site: str) -> None:
    """Raise Sen4capError where there is neither a folder nor a site of this name: nothing would ever come.

    A folder without a site may be one into which the first file was dropped just now.
    """
    from sen4cap_core.db.declared.sites import known_site

    if not (settings.uploads_root / site).is_dir():
        known_site(session, site)


def _failed(settings: Settings, progress: SiteProgress) -> list[str]:
    """Return what failed and what was rejected, each with its whole reason below it."""
    from pathlib import Path

    from sen4cap_core.cli.terminal.reasons import indented
    from sen4cap_core.inbox.layout import settled_by
    from sen4cap_core.inbox.receipts import error_note

    told = [f"failed {what}\n{indented(why)}" for what, why in progress.failures]
    told += [
        f"rejected {error_note(settings, Path(one.path)) or one.path}\n{indented(one.why)}\n"
        f"    The rejection stays open until {settled_by(one.kind, is_other_kind=one.is_other_kind)}."
        for one in progress.rejections
    ]
    return told


def _misplaced(settings: Settings, misplaced: list[Misplaced]) -> list[str]:
    """Return what lies where nothing is expected, each with its whole reason below it."""
    from sen4cap_core.cli.terminal.reasons import indented
    from sen4cap_core.inbox.misplaced import printable
    from sen4cap_core.inbox.receipts import error_note

    return [
        f"misplaced {printable(error_note(settings, one.path) or one.path)}\n{indented(one.error.text())}"
        for one in misplaced
    ]


def _tell_warned(context: Context, site: str | None) -> None:
    """Tell of the accepted uploads of late that have warnings, each with its first one."""
    from pathlib import Path

    from sen4cap_core.cli.terminal.warned import warned_lines
    from sen4cap_core.db.work.receipt_warnings import OF_LATE, warned_uploads
    from sen4cap_core.inbox.receipts import find_receipt

    with context.session() as session:
        warned = warned_uploads(session, site)
    if not warned:
        return
    typer.echo(f"accepted with warnings in the last {OF_LATE.days} days: {len(warned)}")
    things = []
    for one in warned:
        receipt = find_receipt(context.settings, Path(one.path)) or one.path
        things.append("\n".join(warned_lines(one.site_slug, str(receipt), one.at, one.first, one.n_warnings)))
    typer.echo(_told(things))


def _coming(coming: list[Arriving]) -> list[str]:
    """Return what is waited for, and why it is not taken yet."""
    return [f"arriving {one.path}: {one.reason}" for one in coming]


def _told(things: list[str]) -> str:
    more = [f"and {len(things) - MAX_TOLD} more"] if len(things) > MAX_TOLD else []
    return "\n".join([*things[:MAX_TOLD], *more])
