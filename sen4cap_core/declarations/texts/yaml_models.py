"""YAML files that people write by hand, read into pydantic models with the line number of each mistake."""

from __future__ import annotations

import re
import types
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sen4cap_core.errors import ConfigurationError, LineProblem, nearest_word

MAX_YAML_BYTES = 1024 * 1024

Location = tuple[str | int, ...]
_MUST_BE = {
    "bool": "true or false",
    "date": "a date such as 2019-06-15",
    "int": "a whole number",
    "float": "a number",
    "string_type": "a text",
    "tuple_type": "a list, such as [a, b]",
    "list_type": "a list, such as [a, b]",
    "dict_type": "a section of `key: value` lines",
    "model_type": "a section of `key: value` lines",
    "model_attributes_type": "a section of `key: value` lines",
}
"""What a value must be, by the start of pydantic's name of the mistake."""
_CORRECT = "correct the lines named in a text editor and drop the file again"
M = TypeVar("M", bound=BaseModel)


class StrictModel(BaseModel):
    """Base of hand-written files: frozen, and a key nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _PlainLoader(yaml.SafeLoader):
    """YAML without its traps: true, false and null are themselves, all else is text for the model to read.

    So NO stays Norway, 007 keeps its zeros, and a date that does not exist is reported with its line.
    """


_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _words in (("bool", ("true", "false")), ("null", ("null", "~"))):
    for _word in _words:
        for _first in {_word[0], _word[0].upper()}:
            _PlainLoader.add_implicit_resolver(
                f"tag:yaml.org,2002:{_tag}",
                re.compile(rf"^(?:{_word}|{_word.title()}|{_word.upper()})$"),
                [_first],
            )
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])


def read_yaml_model(path: Path, model: type[M], *, see: str = "") -> M:
    """Read a YAML file into a model; ``see`` tells where all its keys are described.

    Raises
    ------
    ConfigurationError
        The file is not UTF-8 or not YAML, repeats a key, has unknown keys (with the nearest known one) or
        values that do not fit. All mistakes are reported at once, each with its line.
    """
    node = _compose(path)
    if node is None:
        return _validate(path, model, {}, {}, see)
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(
            path,
            "this file is not a list of `key: value` lines.",
            expected=f"keys such as {', '.join(list(model.model_fields)[:4])}",
            remedy=_remedy("write each setting as `key: value` on a line of its own", see),
        )
    lines: dict[Location, int] = {}
    problems = list(_walk(node, (), lines))
    if problems:
        raise ConfigurationError(
            path, "keys are given twice.", problems=[*problems], remedy=_remedy(_CORRECT, see)
        )
    try:
        value = _PlainLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(
            path, f"a value cannot be read: {_yaml_message(error)}.", remedy=_remedy(_CORRECT, see)
        ) from error
    return _validate(path, model, value, lines, see)


def _remedy(what: str, see: str) -> str:
    return f"{what}; {see}." if see else f"{what}."


def _compose(path: Path) -> yaml.Node | None:
    content = path.read_bytes()
    if len(content) > MAX_YAML_BYTES:
        raise ConfigurationError(
            path,
            f"this file has {len(content)} bytes; a configuration has at most {MAX_YAML_BYTES}.",
            remedy="check that the file is what its name says.",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            path, "this file is not UTF-8 text.", problems=[LineProblem("not UTF-8", line=line)],
            remedy="save it as UTF-8.",
        ) from error  # fmt: skip
    try:
        for event in yaml.parse(text, Loader=_PlainLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ConfigurationError(
                    path,
                    "aliases (`*name`) are not accepted.",
                    problems=[LineProblem(f"alias *{event.anchor}", line=_line(event.start_mark))],
                    remedy="write the value out.",
                )
        return yaml.compose(text, Loader=_PlainLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationError(
            path,
            "this is not valid YAML.",
            problems=[LineProblem(_yaml_message(error), line=_line(mark))],
            remedy="check the indentation, colons and brackets around that line.",
        ) from error


def _line(mark: Any) -> int | None:
    return mark.line + 1 if mark is not None else None


def _yaml_message(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]


def _walk(node: yaml.Node, at: Location, lines: dict[Location, int]) -> Iterator[LineProblem]:
    """Note the line of every key and item; yield keys given twice."""
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*at, index), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*at, str(key.value))
            if place in lines:
                yield LineProblem(
                    f"{key.value!r} was given in line {lines[place]} already", line=key.start_mark.line + 1
                )
            lines[place] = key.start_mark.line + 1
            yield from _walk(value, place, lines)


def _validate(path: Path, model: type[M], value: object, lines: dict[Location, int], see: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        items = error.errors(include_url=False)
        places = [item["loc"] for item in items]
        # A list counts as too short when its only item is wrong: that is one mistake, not two. And a union
        # reports each of its members: the same mistake is said once.
        problems = dict.fromkeys(
            _problem(model, dict(item), lines)
            for item in items
            if item["type"] != "too_short"
            or not any(place[: len(item["loc"])] == item["loc"] != place for place in places)
        )
        raise ConfigurationError(
            path,
            "some keys or values cannot be used.",
            problems=[*sorted(problems, key=lambda problem: problem.line or 0)],
            remedy=_remedy(_CORRECT, see),
        ) from error


def _problem(model: type[BaseModel], item: dict[str, Any], lines: dict[Location, int]) -> LineProblem:
    place, known = _resolve(model, item["loc"], lines)
    name = ".".join(str(part) for part in place)
    line = next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), None)
    if item["type"] == "extra_forbidden":
        close = nearest_word(str(place[-1]), known)
        hint = f"did you mean {close!r}?" if close else f"known keys: {', '.join(known)}"
        return LineProblem(f"unknown key {name!r}; {hint}", line=line)
    if item["type"] == "missing":
        return LineProblem(f"{name!r} is missing", line=line)
    message = _plain(item)
    given = item.get("input")
    shown = "" if isinstance(given, dict | list) or item["type"] == "value_error" else f" (not {given!r})"
    return LineProblem(f"{name}: {message}{shown}" if name else f"{message}{shown}", line=line)


def _plain(item: dict[str, Any]) -> str:
    """Say what a value must be in words of people, with the nearest of the values that are allowed."""
    kind, message = str(item["type"]), str(item["msg"]).removeprefix("Value error, ")
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(item["ctx"]["expected"]))
        near = nearest_word(str(item.get("input")), allowed)
        hint = f"; did you mean {near!r}?" if near else ""
        return f"must be {'one of ' if len(allowed) > 1 else ''}{', '.join(allowed)}{hint}"
    _, _, reason = message.partition(", ")
    for start, words in _MUST_BE.items():
        if kind.startswith(start):
            return f"must be {words}; {reason}" if start == "date" and reason else f"must be {words}"
    return re.sub(r"^Input should be ", "must be ", message)


def _resolve(
    model: type[BaseModel], where: Location, lines: dict[Location, int]
) -> tuple[Location, list[str]]:
    """Strip the union tags pydantic puts into a location; return the keys known at its last level."""
    models, known, place = {model}, list(model.model_fields), ()  # type: set[type[BaseModel]], list[str], Location
    for position, part in enumerate(where):
        last = position == len(where) - 1
        fields = {name: field for one in models for name, field in one.model_fields.items()}
        if isinstance(part, int) or part in fields or (*place, part) in lines:
            known = list(fields) if not isinstance(part, int) else known
            place = (*place, part)
            if part in fields:
                models = set(_models_in(fields[part].annotation))
        elif last and not _is_tag(part, models):
            known, place = list(fields), (*place, part)
        else:
            models = {one for one in models if _is_tag(part, {one})} or models
    return place, known


def _is_tag(part: Hashable, models: set[type[BaseModel]]) -> bool:
    """Whether pydantic put this part into a location to name a member of a union."""
    tags = {one.__name__ for one in models}
    for one in models:
        kind = one.model_fields.get("kind")
        tags.update(get_args(kind.annotation) if kind is not None else ())
    return part in tags or not str(part).isidentifier() or str(part) in {"bool", "str", "date"}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
    elif get_origin(annotation) in (Union, types.UnionType) or get_args(annotation):
        for part in get_args(annotation):
            yield from _models_in(part)
