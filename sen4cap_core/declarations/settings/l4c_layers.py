"""Where each setting of the practices monitoring comes from: default, country, site, upload.

An uploaded file is whole, as in the original: beside it the default and the country's settings do not count.
What it leaves out is taken from site.yaml, and else is the method's own default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sen4cap_core.declarations.settings.l4c_config import (
    PRACTICES,
    L4CConfig,
    PracticeCode,
    PracticeSettings,
)
from sen4cap_core.errors import ConfigurationError, Problem

FOLDER = Path(__file__).parent / "l4c_defaults"
BUILT_IN = "built-in"
ALL = "all"

Settings = Mapping[str, Mapping[str, Any]]
"""Values by practice (or `ALL`) and key in upper case."""


@dataclass(frozen=True)
class EffectiveL4C:
    """The configuration in force and the source of each of its values."""

    config: L4CConfig
    sources: Mapping[PracticeCode, Mapping[str, str]]
    """By practice and setting: ``built-in``, ``default``, ``country NLD``, ``site.yaml``, ``upload 12``."""


def effective_l4c(
    year: int,
    country: str | None,
    site: Settings | None,
    upload: tuple[str, Settings] | None,
    by_hand: Settings | None = None,
) -> EffectiveL4C:
    """Put the layers over each other, later ones on top.

    Parameters
    ----------
    country : three letters; one without settings of its own has the default's
    site : what site.yaml sets
    upload : name and values of the uploaded file (`L4CConfig.values`)
    by_hand : what is given for one run, over all else

    Raises
    ------
    ConfigurationError
        When a value is of the wrong kind or out of range; the message names its source.
    """
    layers: list[tuple[str, Settings]] = []
    if upload is None:
        layers.append(("default", _shipped("default", year) or {}))
        own = _shipped(country.upper(), year) if country else None
        if country and own is not None:
            layers.append((f"country {country.upper()}", own))
    if site:
        layers.append(("site.yaml", site))
    if upload is not None:
        layers.append(upload)
    if by_hand:
        layers.append(("by hand", by_hand))
    settings, sources = {}, {}
    for practice in PRACTICES:
        settings[practice], sources[practice] = _merge(practice, layers)
    name = upload[0] if upload is not None else " + ".join(source for source, _ in layers)
    return EffectiveL4C(L4CConfig(Path(name), year, settings), sources)


def _merge(
    practice: PracticeCode, layers: Sequence[tuple[str, Settings]]
) -> tuple[PracticeSettings, dict[str, str]]:
    values: dict[str, Any] = {}
    sources = dict.fromkeys(PracticeSettings.model_fields, BUILT_IN)
    for source, layer in layers:
        for section in (ALL, practice):
            for key, value in layer.get(section, {}).items():
                values[key.lower()] = value
                sources[key.lower()] = source
    try:
        return PracticeSettings.model_validate(values), sources
    except ValidationError as error:
        problems = [
            Problem(
                f"{str(e['loc'][0]).upper()} ({sources.get(str(e['loc'][0]), 'unknown key')}): {e['msg']}"
            )
            for e in error.errors()
        ]
        raise ConfigurationError(
            "practices configuration", f"the settings of {practice} cannot be used.", problems=problems
        ) from error


def countries() -> list[str]:
    """Return the countries that have settings of their own."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != "default")


def _shipped(name: str, year: int) -> Settings | None:
    raw = _read(name)
    if raw is None:
        return None
    return {
        section: {
            key: value.replace("${YEAR}", str(year)) if isinstance(value, str) else value
            for key, value in keys.items()
        }
        for section, keys in raw.items()
    }


@cache
def _read(name: str) -> dict[str, dict[str, Any]] | None:
    path = FOLDER / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
