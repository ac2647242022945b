"""``sen4cap alerts``: who is told when something needs a person."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Alerts by webhook and e-mail: set, clear.", no_args_is_help=True)


@app.command("set")
def set_(
    webhook: Annotated[
        str | None, typer.Option(envvar="SEN4CAP_ALERT_WEBHOOK", help="Address that is called with JSON.")
    ] = None,
    mail: Annotated[
        bool, typer.Option("--mail", help="Also by e-mail, to SEN4CAP_ALERT_EMAIL over SEN4CAP_SMTP_URL.")
    ] = False,
) -> None:
    """Make the automations that tell of failed runs, stuck gates, disks, work given up and silent sources."""
    from sen4cap_core.errors import ServiceError
    from sen4cap_core.service.alerts import set_alerts
    from sen4cap_core.service.place import Place, point_prefect_here
    from sen4cap_core.settings import Settings

    settings = Settings()
    if not webhook and not mail:
        raise typer.BadParameter("give --webhook, --mail or both")
    if mail and (settings.smtp_url is None or not settings.alert_email):
        raise ServiceError("for e-mail set SEN4CAP_SMTP_URL and SEN4CAP_ALERT_EMAIL, and restart: sen4cap up")
    for name in set_alerts(point_prefect_here(Place(settings)), webhook_url=webhook, by_mail=mail):
        typer.echo(f"made: {name}")


@app.command()
def clear() -> None:
    """Remove the automations."""
    from sen4cap_core.service.alerts import clear_alerts
    from sen4cap_core.service.place import Place, point_prefect_here
    from sen4cap_core.settings import Settings

    typer.echo(f"{clear_alerts(point_prefect_here(Place(Settings())))} automations removed")
