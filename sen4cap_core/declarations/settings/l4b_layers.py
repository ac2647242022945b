"""Where each setting of mowing comes from: default, country, site, upload.

An uploaded file is whole, as in the original: beside it the country's settings do not count. What it leaves
out is taken from site.yaml, and else is the default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sen4cap_core.declarations.settings.l4b_config import MODELS, L4BConfig
from sen4cap_core.declarations.settings.l4b_file import values_of_sections
from sen4cap_core.errors import ConfigurationError, Problem

FOLDER = Path(__file__).parent / "l4b_defaults"
DEFAULT = "default"

Values = Mapping[str, Any]
"""What a layer sets, shaped as `L4BConfig`; what it leaves out is not there."""


@dataclass(frozen=True)
class EffectiveL4B:
    """The configuration in force and the source of each of its values."""

    config: L4BConfig
    sources: Mapping[str, str]
    """By setting, ``s2.low_abs_th`` or ``compliance``: ``default``, ``country NLD``, ``site.yaml``,
    ``upload 12``."""


def effective_l4b(
    year: int,
    country: str | None,
    site: Mapping[str, Mapping[str, Any]] | None,
    upload: tuple[str, Values] | None,
) -> EffectiveL4B:
    """Put the layers over each other, later ones on top; a list of periods replaces the one below it.

    Parameters
    ----------
    country : three letters; one without settings of its own has the default's
    site : sections and keys that site.yaml sets
    upload : name and values of the uploaded file

    Raises
    ------
    ConfigurationError
        When a value is of the wrong kind or out of range; the message names its source.
    """
    layers: list[tuple[str, Values]] = []
    own = _shipped(country.upper(), year) if country and upload is None else None
    if country and own is not None:
        layers.append((f"country {country.upper()}", own))
    if site:
        layers.append(("site.yaml", values_of_sections(site)))
    if upload is not None:
        layers.append(upload)
    merged: dict[str, Any] = {}
    sources = dict.fromkeys(_names(), DEFAULT)
    for source, layer in layers:
        for name, value in _flat(layer):
            sources[name] = source
            group, _, field = name.partition(".")
            if field:
                merged.setdefault(group, {})[field] = value
            else:
                merged[group] = value
    try:
        return EffectiveL4B(L4BConfig.model_validate(merged), sources)
    except ValidationError as error:
        problems = [_problem(".".join(map(str, e["loc"][:2])), e["msg"], sources) for e in error.errors()]
        raise ConfigurationError("mowing configuration", "it cannot be used.", problems=problems) from error


def countries() -> list[str]:
    """Return the countries that have settings of their own."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _names() -> Iterator[str]:
    for name in L4BConfig.model_fields:
        if name in MODELS:
            yield from (f"{name}.{field}" for field in MODELS[name].model_fields)
        else:
            yield name


def _flat(layer: Values) -> Iterator[tuple[str, Any]]:
    for name, value in layer.items():
        if name in MODELS:
            yield from ((f"{name}.{field}", one) for field, one in value.items())
        else:
            yield name, value


def _problem(name: str, message: str, sources: Mapping[str, str]) -> Problem:
    return Problem(f"{name} ({sources.get(name, 'unknown')}): {message}")


def _shipped(country: str, year: int) -> Values | None:
    raw = _read(country)
    if raw is None:
        return None
    sections = {name: keys for name, keys in raw.items() if name != "compliance"}
    return {**values_of_sections(sections), "compliance": _periods(raw["compliance"], year)}


def _periods(groups: list[dict[str, Any]], year: int) -> list[dict[str, str]]:
    def dated(text: str) -> str:
        return text.replace("${YEAR}", str(year)).replace("${NEXT_YEAR}", str(year + 1))

    return [
        {"crop_code": code, "start": dated(group["start"]), "end": dated(group["end"])}
        for group in groups
        for code in group["crop_codes"]
    ]


@cache
def _read(country: str) -> dict[str, Any] | None:
    path = FOLDER / f"{country}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
