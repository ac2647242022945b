"""``sen4cap run``: every operation by hand at the terminal, with the options of its form."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import typer
from typer.core import TyperGroup

from sen4cap_core.cli.terminal.days import day_option

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from sen4cap_core.steps.upkeep.by_hand_forms import Form

OPERATIONS: dict[str, tuple[str, str]] = {
    "reprocess-scenes": ("ReprocessScenes", "by_hand.reprocess_scenes"),
    "pair-again": ("PairAgain", "by_hand.pair_again"),
    "run-again": ("RunAgain", "by_hand.run_again"),
    "replay-interval": ("ReplayInterval", "by_hand.replay_interval"),
    "import-folder": ("ImportFolder", "by_hand.import_folder"),
    "edit-site": ("EditSite", "site_life.edit_site"),
    "retry-failed": ("RetryFailed", "by_hand.retry_failed"),
    "export-products": ("ExportProducts", "by_hand.export_by_form"),
}
"""Names of form and step of each command; the steps are those of ``steps/upkeep``."""


class Operations(TyperGroup):
    """Commands made when they are asked for: the forms need pydantic, ``sen4cap --help`` does not."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all operations."""
        return list(OPERATIONS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of an operation; None where there is none."""
        if cmd_name not in OPERATIONS:
            return None
        from sen4cap_core.steps.upkeep import by_hand_forms

        form, step = OPERATIONS[cmd_name]
        alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        alone.command(cmd_name)(command_of(getattr(by_hand_forms, form), step))
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=Operations,
    help="Work started by hand: scenes or seasons again, imports, exports. Each is a form in Prefect, too.",
    no_args_is_help=True,
)


def command_of(form: type[Form], step: str) -> Callable[..., None]:
    """Return a command whose options are the fields of a form."""

    def command(**values: Any) -> None:
        from importlib import import_module

        from sen4cap_core.reports.pages.answer import answer_lines
        from sen4cap_core.service.connection import open_step_context

        module, _, name = step.partition(".")
        asked = _filled(form, values)
        operation = getattr(import_module(f"sen4cap_core.steps.upkeep.{module}"), name)
        # A season replayed takes a while: whoever waits is told of each part, beside what a program reads.
        context = replace(open_step_context(), say=lambda part: typer.echo(f"... {part}", err=True))
        answer = operation(context, asked)
        for line in answer_lines(answer):
            typer.echo(line)

    command.__doc__ = form.__doc__
    parameters = [_option(name, info) for name, info in form.model_fields.items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _filled(form: type[Form], values: dict[str, Any]) -> Form:
    from pydantic import ValidationError

    said = {name: value for name, value in values.items() if value is not None}
    given = {name: _plain(form.model_fields[name], value) for name, value in said.items()}
    # An option that takes several values says nothing with none.
    given = {name: value for name, value in given.items() if value != []}
    try:
        return form.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"--{str(first['loc'][0]).replace('_', '-')}" if first["loc"] else "these options"
        raise typer.BadParameter(first["msg"], param_hint=where) from error


def _plain(info: FieldInfo, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, list | tuple):
        return [item.value if isinstance(item, StrEnum) else item for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if _bare(info.annotation) is dict:
        try:
            return json.loads(value)
        except ValueError as error:
            raise typer.BadParameter(f"{value!r} is not JSON: {error}") from error
    return value


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(inner for inner in get_args(annotation) if inner is not type(None))
    return annotation


def _bare(annotation: Any) -> Any:
    """Return a type without its None and its inner types."""
    annotation = _without_none(annotation)
    return get_origin(annotation) or annotation


def _option(name: str, info: FieldInfo) -> inspect.Parameter:
    bare = _bare(info.annotation)
    kind: Any = bare
    if bare is date:
        kind = datetime
    elif bare is list:
        kind = types.GenericAlias(list, (_item(info.annotation),))
    elif bare is Literal:
        kind = _choices(name, get_args(info.annotation))
    elif bare is dict:
        kind = str
    elif isinstance(bare, type) and issubclass(bare, PurePath):
        kind = Path
    required = info.is_required()
    default: Any = inspect.Parameter.empty if required else (info.default if bare is bool else None)
    text = info.description or ""
    if bare is date:
        option = day_option(help=text)
    else:
        option = typer.Option(help=f"{text} As JSON." if bare is dict else text)
    stated: Any = kind if required or bare is bool else kind | None
    annotation: Any = Annotated.__class_getitem__((stated, option))  # type: ignore[attr-defined]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _item(annotation: Any) -> Any:
    (inner,) = get_args(_without_none(annotation))
    return _choices("item", get_args(inner)) if get_origin(inner) is Literal else inner


def _choices(name: str, values: tuple[str, ...]) -> type[StrEnum]:
    make: Any = StrEnum
    made: type[StrEnum] = make(name, {value: value for value in values})
    return made
