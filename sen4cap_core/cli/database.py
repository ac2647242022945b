"""``sen4cap db``: who may do what in the database; its backup and return."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sen4cap_core.db.server.roles import Role
    from sen4cap_core.service.backup import Named
    from sen4cap_core.service.place import Place

Result = TypeVar("Result")

app = typer.Typer(help="The database: backup and return, roles and logins.", no_args_is_help=True)


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


@app.command()
def dump(
    file: Annotated[Path, typer.Argument(help="File to write, such as sen4cap.dump.")],
) -> None:
    """Write all tables into one file, services up or not. Uploads and data are to be copied beside it."""
    from sen4cap_core.service.backup import dump as write

    typer.echo(f"{write(_place(), file.absolute()) / 1e6:.1f} MB in {file}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What db dump of this or an earlier version wrote.")],
    moved: Annotated[
        list[str] | None,
        typer.Option(help="OLD=NEW: a folder that lies elsewhere now, such as the home; may be repeated."),
    ] = None,
) -> None:
    """Fill the tables of a new installation from a dump, before its first "sen4cap up"."""
    from sen4cap_core.service.backup import restore as read

    _tell(read(_place(), file, [_two_folders(one) for one in moved or ()]))


@app.command()
def moved(
    old: Annotated[Path, typer.Argument(help="Folder the tables name, such as the former home.")],
    new: Annotated[Path, typer.Argument(help="Folder that has its files now.")],
) -> None:
    """Let the tables find files in the folder they were moved to, while services are down."""
    from sen4cap_core.service.backup import move

    _tell(move(_place(), old.absolute(), new.absolute()))


def _two_folders(text: str) -> tuple[Path, Path]:
    old, is_pair, new = text.partition("=")
    if not is_pair or not old.startswith("/") or not new.startswith("/"):
        raise typer.BadParameter(f"{text!r}: expected OLD=NEW, two absolute paths", param_hint="--moved")
    return Path(old), Path(new)


def _tell(named: Named) -> None:
    typer.echo(f"{named.uploads} uploads are known, {named.renamed} paths were renamed")
    if named.lost:
        typer.echo(
            f"The files of {named.lost} uploads are not where the tables look for them. Copy them there with "
            "their times (cp -a), or name their folder: sen4cap db moved OLD NEW"
        )
    if named.elsewhere:
        typer.echo(
            f"{len(named.elsewhere)} uploads lie outside of this installation, such as {named.elsewhere[0]}. "
            "That is right for an archive. What was moved here is taken for new or for a second copy at the "
            "next up, unless you say: sen4cap db moved OLD NEW"
        )


def _place() -> Place:
    from sen4cap_core.service.place import Place
    from sen4cap_core.settings import Settings

    return Place(Settings())


def _as_admin(work: Callable[[str], Result]) -> Result:
    """Do something as the administrator of the database, or as whom SEN4CAP_DATABASE_URL names."""
    from sen4cap_core.db.server.databases import PrivilegeError, plain_url
    from sen4cap_core.errors import ServiceError
    from sen4cap_core.service.cluster import DATABASE

    place = _place()
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
