"""``sen4cap retry``: let failed work wait again, once its cause is gone."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the top level."""
    app.command()(retry)


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
