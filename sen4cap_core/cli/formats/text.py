"""Models as markdown tables: what each field takes, its default, its range, its meaning."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from datetime import date
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_PLAIN = {str: "text", bool: "true or false", int: "whole number", float: "number", date: "`YYYY-MM-DD`"}
_MARKS = {"ge": "≥ ", "gt": "> ", "le": "≤ ", "lt": "< "}


@cache
def attribute_docs(owner: type) -> dict[str, str]:
    """Return the text below each field of a class, its bases' included, in one line; empty where none is."""
    docs: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if base.__module__.startswith("sen4cap_core."):
            docs |= _own_docs(base)
    return docs


def _own_docs(owner: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    name = ""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            docs[name] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            docs[name] = " ".join(str(node.value.value).split()).replace("``", "`")
            name = ""
        else:
            name = ""
    return docs


def model_table(model: type[BaseModel]) -> str:
    """Return a table with a row for each field of a model."""
    docs = attribute_docs(model)
    rows = [
        (f"`{name}`", type_text(field.annotation), default_text(field), range_text(field), docs[name])
        for name, field in model.model_fields.items()
    ]
    return table(("key", "value", "default", "range", "meaning"), rows)


def type_text(annotation: Any) -> str:
    """Return what a field takes, in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(inner[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, UnionType):
        texts = [type_text(one) for one in inner if one is not NoneType]
        return " or ".join(dict.fromkeys(texts))
    if origin in (tuple, list):
        return f"list of {type_text(inner[0])}"
    if origin is dict:
        return f"mapping, {type_text(inner[0])} to {type_text(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "see below"
    if annotation is Any:
        return "any"
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    return {"HttpUrl": "address", "PurePosixPath": "path"}.get(annotation.__name__, str(annotation))


def default_text(field: FieldInfo) -> str:
    """Return the default of a field as a file would have it."""
    if field.is_required():
        return "must be given"
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value in ((), "", {}):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def range_text(field: FieldInfo) -> str:
    """Return the limits of a number, ``≥ 0, ≤ 1``; empty where there are none."""
    limits = [*field.metadata]
    for part in get_args(field.annotation):
        if get_origin(part) is Annotated:
            limits += [one for info in part.__metadata__ for one in getattr(info, "metadata", [info])]
    found = [
        f"{mark}{getattr(limit, name)}"
        for limit in limits
        for name, mark in _MARKS.items()
        if getattr(limit, name, None) is not None
    ]
    return ", ".join(found)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def block(text: str, language: str) -> str:
    """Return a fenced block of code."""
    return f"```{language}\n{text.strip()}\n```"
