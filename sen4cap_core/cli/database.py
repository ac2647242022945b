"""``sen4cap db``: who may do what in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sen4cap_core.db.server.roles import Role

Result = TypeVar("Result")

app = typer.Typer(help="The database: roles and logins for people and programs.", no_args_is_help=True)


@app.command()
def roles() -> None:
    """Make the roles owner, service and analyst, or bring their rights up to date. Harmless when repeated."""
    from sen4cap_core.db.server.roles import ensure_roles
    from sen4cap_core.service.cluster import PREFECT_DATABASE

    names = _as_admin(lambda url: ensure_roles(url, (PREFECT_DATABASE,)))
    what = {
        "owner": "makes and upgrades tables",
        "service": "reads and writes rows: workers and watcher",
        "analyst": "reads: QGIS, notebooks, reports",
    }
    for role, name in names.items():
        typer.echo(f"{name:<20} {what[role]}")
    typer.echo("A login of one of them:  sen4cap db login NAME --role analyst")


@app.command()
def login(
    name: Annotated[str, typer.Argument(help="Name of the login, such as anna.")],
    role: Annotated[str, typer.Option(help="owner, service or analyst.")] = "analyst",
) -> None:
    """Make a login of a role, or give it a new password. The password is shown once and kept nowhere."""
    from sen4cap_core.db.server.roles import ROLES, create_login

    chosen: Role | None = next((one for one in ROLES if one == role), None)
    if chosen is None:
        raise typer.BadParameter(f"{role!r}: expected one of {', '.join(ROLES)}")
    made = _as_admin(lambda url: create_login(url, name, chosen))
    typer.echo(f"login     {made.name}")
    typer.echo(f"password  {made.password}")


def _as_admin(work: Callable[[str], Result]) -> Result:
    """Do something as the administrator of the database, or as whom SEN4CAP_DATABASE_URL names."""
    from sen4cap_core.db.server.databases import PrivilegeError, plain_url
    from sen4cap_core.errors import ServiceError
    from sen4cap_core.service.cluster import DATABASE
    from sen4cap_core.service.place import Place
    from sen4cap_core.settings import Settings

    place = Place(Settings())
    own = place.cluster.url(DATABASE, superuser=True) if place.has_own_database else None
    try:
        return work(own or plain_url(place.database_url()))
    except PrivilegeError as error:
        raise ServiceError(
            f"The role in SEN4CAP_DATABASE_URL may not do that ({error.diag.message_primary}). Run this with "
            "the URL of a role that may create roles and owns the tables."
        ) from error
    except ValueError as error:
        raise ServiceError(str(error)) from error
