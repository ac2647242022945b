"""``sen4cap retry`` and ``sen4cap wait``: let failed work wait again; wait for work to be done."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add these commands to the top level."""
    app.command()(retry)
    app.command()(wait)


def retry(
    site: Annotated[str | None, typer.Option(help="Only the work of this site.")] = None,
) -> None:
    """Try failed jobs again, with a fresh count of attempts."""
    from sen4cap_core.db.jobs import retry_failed
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.work import PREPROCESS_SCENE, RECEIVE_UPLOAD, WARM_WORK

    with open_step_context().session() as session:
        count = retry_failed(session, (RECEIVE_UPLOAD, PREPROCESS_SCENE, *WARM_WORK), site)
    typer.echo(f"{count} failed jobs wait again" if count else "no job has failed")


def wait(
    site: Annotated[str, typer.Option(help="Folder name of the site.")],
    minutes: Annotated[float, typer.Option(help="Give up when nothing has happened for so long.")] = 15.0,
) -> None:
    """Wait until everything dropped for a site is answered and none of its work is open.

    Exit code 1 when work failed or an upload was rejected; the reason is said.
    """
    import time

    from sen4cap_core.db.progress import site_progress
    from sen4cap_core.errors import Sen4capError
    from sen4cap_core.service.connection import open_step_context

    context = open_step_context()
    # What was dropped just now is seen when it has stood still; on network storage at the next listing.
    settled_s = context.settings.settle_seconds + 5.0
    last, changed, quiet_since = None, time.monotonic(), time.monotonic()
    while True:
        with context.session() as session:
            now = site_progress(session, site)
        moment = time.monotonic()
        if now != last:
            last, changed = now, moment
        if now.failures:
            raise Sen4capError("; ".join(now.failures))
        if not now.is_quiet or not now.uploads:
            quiet_since = moment
        if moment - quiet_since > settled_s:
            typer.echo(f"{now.uploads} uploads answered, {now.scenes_processed} scenes processed")
            return
        if moment - changed > 60.0 * minutes:
            still = f"nothing has happened for {minutes:g} minutes, {now.jobs_open} jobs are open"
            raise Sen4capError(f"{still}: see sen4cap status")
        time.sleep(0.5)
