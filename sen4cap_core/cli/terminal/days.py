"""Days as options of commands: shown and asked for as ``YYYY-MM-DD``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import typer

DAY = "YYYY-MM-DD"


def day_option(*names: str, help: str, **options: Any) -> Any:
    """Return the option of a day; without names it is called as the parameter is."""
    return typer.Option(*names, parser=read_day, metavar=DAY, help=help, **options)


def read_day(stated: str | datetime) -> datetime:
    """Return the midnight a day begins with; a default is taken as it is.

    Raises
    ------
    typer.BadParameter
        It is no day, or not written as ``YYYY-MM-DD``.
    """
    if isinstance(stated, datetime):
        return stated
    try:
        return datetime.strptime(stated, "%Y-%m-%d")
    except ValueError as error:
        raise typer.BadParameter(f"{stated!r} is no day; write {DAY}, such as 2019-06-14.") from error
