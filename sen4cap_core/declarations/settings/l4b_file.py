"""The original's file of the grassland mowing configuration, read into the model.

Sections and keys are the original's (``S4C_L4B_Default_Config.cfg``). A key the file does not name keeps the
original's default; a key nobody knows, or a value of the wrong kind, is an error that names its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from sen4cap_core.declarations.settings.grass_settings import GrassSettings
from sen4cap_core.declarations.settings.l4b_config import MODELS, CompliancePeriod, L4BConfig, normal_orbit
from sen4cap_core.declarations.texts.ini import Entry, parse_ini, read_text
from sen4cap_core.errors import ConfigurationError, Problem, nearest_word

RULES = (
    "0 (at least one mowing inside the period) or 1 (at least one mowing inside the period and none outside)"
)
"""What ``crop_rule`` may be."""


@dataclass(frozen=True)
class Key:
    """What a key of the file means to us: a field of a group and how its text is read."""

    group: Literal["general", "s2", "s1", "grass", "lists", "fixed", "unused"]
    field: str = ""
    kind: Literal["number", "count", "switch", "time", "words", "text"] = "text"


def _unused(*names: str) -> dict[str, Key]:
    return {name: Key("unused") for name in names}


KEYS: dict[str, dict[str, Key]] = {
    "GENERAL_CONFIG": {
        "CTNUM_FILTER": Key("general", "ct_numbers", "words"),
        "ADDITIONAL_COLUMNS": Key("general", "additional_columns", "words"),
        "s1_orbit_list_filter": Key("s1", "orbits", "words"),
        "s1_orbit_type_list_filter": Key("s1", "orbit_types", "words"),
        **_unused("s2_tiles_list_filter", "s2_tiles_type_list_filter"),
    },
    "S1_constants": {
        "S1_time_interval": Key("s1", "time_interval_days", "number"),
        "min_cohe_var": Key("s1", "min_coherence_variance", "number"),
        "locAcqTimeASC": Key("s1", "ascending_time_s", "time"),
        "locAcqTimeDESC": Key("s1", "descending_time_s", "time"),
        **_unused("SAR_spacing", "cohe_ENL"),
    },
    "S2_constants": {
        "S2_time_interval": Key("s2", "time_interval_days", "number"),
        "locAcqTime": Key("s2", "acquisition_time_s", "time"),
    },
    "S2_model": {
        "apply_model": Key("fixed", "False", "switch"),
        **_unused(
            "modelDir",
            "NDVI_nomow_model_perc",
            "sampling_days",
            "minimum_parcels_th",
            "model_temporal_range_str",
            "start_params",
            "bounds",
        ),
    },
    "S1_processing": {
        "pol_types": Key("s1", "polarisations", "words"),
        "data_types": Key("fixed", "COHE", "words"),
        "invalid_data": Key("unused"),
        "saturate_sigma": Key("s1", "saturate_sigma", "switch"),
        "pfa": Key("s1", "pfa", "number"),
        "stat_smpl_n": Key("s1", "window_samples", "count"),
        "non_overlap_interval_days": Key("s1", "non_overlap_interval_days", "number"),
        "options_layer_burning": Key("unused"),
        "erode_pixels": Key("s1", "erode_pixels", "count"),
    },
    "S2_processing": {
        "prod_type_list": Key("fixed", "SNDVI", "words"),
        "sc_fact": Key("s2", "scale", "number"),
        "corrupted_th": Key("s2", "corrupted_th", "number"),
        "invalid_data": Key("unused"),
        "decreasing_abs_th": Key("s2", "decreasing_abs_th", "number"),
        "decreasing_rate_th": Key("s2", "decreasing_rate_th", "number"),
        "increasing_rate_th": Key("s2", "increasing_rate_th", "number"),
        "high_abs_th": Key("s2", "high_abs_th", "number"),
        "low_abs_th": Key("s2", "low_abs_th", "number"),
        "erode_pixels": Key("s2", "erode_pixels", "count"),
        "options_layer_burning": Key("unused"),
        "no_mowing_after_det": Key("s2", "no_mowing_after_det_days", "number"),
        "non_overlap_interval_days": Key("s2", "non_overlap_interval_days", "number"),
        "stat_smpl_n": Key("s2", "back_window_samples", "count"),
    },
    "compliancy": {
        "crop_codes": Key("lists", "crop_codes"),
        "crop_time_intervals": Key("lists", "crop_time_intervals"),
        "crop_rule": Key("lists", "crop_rule"),
    },
    "validation": _unused("fwd_tol_days", "bkw_tol_days", "validation_temporal_range_str"),
    "neighbourhood_method": {
        name: Key("grass", name, "count" if field.annotation is int else "number")
        for name, field in GrassSettings.model_fields.items()
    },
}
"""Every section and key of the original's file, and a section of our own. ``fixed`` keys are accepted with
one value only, because another value asks for a method this system does not have; ``unused`` keys are
accepted and have no effect, as in the original."""


def read_l4b_config(path: Path) -> L4BConfig:
    """Read a mowing configuration of the original's form.

    Raises
    ------
    ConfigurationError
        When the file is not text of that form, names an unknown section or key, holds a value of the wrong
        kind or out of range, or lists of unequal length; each problem carries its line number.
    """
    known = {section: list(keys) for section, keys in KEYS.items()}
    found = parse_ini(read_text(path), known, continued_lines=True)
    problems = found.problems
    entries = {(section, name): e for section, keys in found.sections.items() for name, e in keys.items()}
    values, lines = _values(entries, problems)
    try:
        config = L4BConfig.model_validate(values)
    except ValidationError as error:
        problems += [_range_problem(e["loc"], e["msg"], lines) for e in error.errors()]
    else:
        if not problems:
            return config
    raise ConfigurationError(
        path,
        "the mowing configuration cannot be used.",
        problems=problems,
        remedy="Correct these lines and drop the file again; a key left out keeps its default.",
    )


def values_of_sections(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return settings by section and key, as site.yaml has them, in the shape of `L4BConfig`.

    Raises
    ------
    ConfigurationError
        For unknown sections and keys, with the nearest known one, and for values of the wrong kind.
    """
    problems: list[Problem] = []
    entries: dict[tuple[str, str], Entry] = {}
    for section, keys in sections.items():
        if section not in KEYS:
            problems.append(Problem(f"unknown section [{section}]; {_nearest(section, list(KEYS))}"))
            continue
        for name, value in keys.items():
            if name not in KEYS[section]:
                problems.append(
                    Problem(f"[{section}] has no key {name}; {_nearest(name, list(KEYS[section]))}")
                )
                continue
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            entries[section, name] = Entry(text, 0)
    values, lines = _values(entries, problems)
    try:
        L4BConfig.model_validate(values)
    except ValidationError as error:
        problems += [_range_problem(e["loc"], e["msg"], lines) for e in error.errors()]
    if problems:
        raise ConfigurationError("settings of l4b", "they cannot be used.", problems=problems)
    return values


def _nearest(name: str, known: list[str]) -> str:
    close = nearest_word(name, known)
    return f"did you mean {close}?" if close else f"known: {', '.join(known)}"


def _values(
    entries: dict[tuple[str, str], Entry], problems: list[Problem]
) -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
    """Return what entries set, in the shape of `L4BConfig`, and the line of each field."""
    groups: dict[str, dict[str, object]] = {"general": {}, **{name: {} for name in MODELS}}
    lines: dict[tuple[str, str], int] = {}
    for (section, name), entry in entries.items():
        key = KEYS[section][name]
        if key.group in ("unused", "lists"):
            continue
        try:
            value = _value(entry.text, key.kind)
            if key.group == "fixed":
                _check_fixed(name, value, key.field)
                continue
        except ValueError as error:
            problems.append(Problem(f"{_at(entry.line)}[{section}] {name}: {error}"))
            continue
        groups[key.group][key.field] = value
        lines[key.group, key.field] = entry.line
    compliance = _compliance(entries, problems)
    radar = groups["s1"]
    if isinstance(radar.get("orbits"), tuple):
        radar["orbits"] = tuple(normal_orbit(o) for o in radar["orbits"])  # type: ignore[attr-defined]
        types, orbits = radar.get("orbit_types"), radar["orbits"]
        if isinstance(types, tuple) and types and len(types) != len(orbits):  # type: ignore[arg-type]
            problems.append(
                Problem(
                    f"{_at(lines['s1', 'orbit_types'])}s1_orbit_type_list_filter has {len(types)} entries, "
                    f"s1_orbit_list_filter has {len(orbits)}"  # type: ignore[arg-type]
                )
            )
    values: dict[str, Any] = {**groups["general"], **{name: groups[name] for name in MODELS if groups[name]}}
    if compliance:
        values["compliance"] = compliance
    return values, lines


def _at(line: int | None) -> str:
    """Return where a problem is; nothing for settings that come from no line."""
    return f"line {line}: " if line else ""


def _words(text: str) -> tuple[str, ...]:
    """Comma list with or without brackets and quotes."""
    parts = (part.strip().strip("'\"").strip() for part in text.strip().strip("()[]").split(","))
    return tuple(part for part in parts if part)


def _value(text: str, kind: str) -> object:
    """Read one value; ValueError says what was expected."""
    bare = text.strip().strip("'\"")
    if kind == "words":
        return _words(text)
    if kind == "switch":
        if bare.lower() in ("true", "yes", "on", "1"):
            return True
        if bare.lower() in ("false", "no", "off", "0"):
            return False
        raise ValueError(f"expected True or False, found {text!r}")
    if kind == "time":
        try:
            time = datetime.strptime(bare, "%H:%M:%S")
        except ValueError:
            raise ValueError(f"expected a time as HH:MM:SS, found {text!r}") from None
        return time.hour * 3600 + time.minute * 60 + time.second
    try:
        number = float(bare)
    except ValueError:
        raise ValueError(f"expected a number, found {text!r}") from None
    if kind == "count":
        if not number.is_integer():
            raise ValueError(f"expected a whole number, found {text!r}")
        return int(number)
    return number


def _check_fixed(name: str, value: object, only: str) -> None:
    found = ", ".join(value) if isinstance(value, tuple) else str(value)
    if found.lower() != only.lower():
        raise ValueError(f"only {only} is supported, found {found or 'nothing'!r}")


def _compliance(
    entries: dict[tuple[str, str], Entry], problems: list[Problem]
) -> tuple[CompliancePeriod, ...]:
    """Join the three lists of [compliancy] into periods."""
    empty = Entry("", 0)
    codes, intervals, rules = (
        entries.get(("compliancy", name), empty)
        for name in ("crop_codes", "crop_time_intervals", "crop_rule")
    )
    names = _words(codes.text)
    quote = r"[\s'\"]*"
    pairs = re.findall(
        rf"[(\[]{quote}([^\s'\",()\[\]]+){quote},{quote}([^\s'\",()\[\]]+){quote}[)\]]", intervals.text
    )
    numbers = _words(rules.text)
    if not (len(names) == len(pairs) == len(numbers)):
        at = codes.line or intervals.line or rules.line
        problems.append(
            Problem(
                f"{_at(at)}crop_codes has {len(names)} entries, crop_time_intervals {len(pairs)}, "
                f"crop_rule {len(numbers)}: they must have one entry for each crop code; crop_rule is {RULES}"
            )
        )
        return ()
    periods: dict[str, CompliancePeriod] = {}
    for code, (start_text, end_text), rule_text in zip(names, pairs, numbers, strict=True):
        try:
            start, end = (datetime.strptime(t, "%d/%m/%Y").date() for t in (start_text, end_text))
            if end < start:
                raise ValueError
        except ValueError:
            problems.append(
                Problem(
                    f"{_at(intervals.line)}crop code {code}: expected ('dd/mm/yyyy', 'dd/mm/yyyy'), "
                    f"the earlier date first, found ({start_text!r}, {end_text!r})"
                )
            )
            continue
        if rule_text not in ("0", "1", "0.0", "1.0"):
            problems.append(Problem(f"{_at(rules.line)}crop code {code}: rule {rule_text!r} is not {RULES}"))
            continue
        period = CompliancePeriod(crop_code=code, start=start, end=end, rule=1 if float(rule_text) else 0)
        if periods.setdefault(code, period) != period:
            problems.append(
                Problem(f"{_at(codes.line)}crop code {code} is listed twice with different periods")
            )
    return tuple(periods.values())


def _range_problem(where: tuple[int | str, ...], message: str, lines: dict[tuple[str, str], int]) -> Problem:
    """Say a model's complaint with the file's words."""
    group, field = (str(where[0]), str(where[1])) if where[0] in MODELS else ("general", str(where[0]))
    line = lines.get((group, field))
    for section, keys in KEYS.items():
        for name, key in keys.items():
            if (key.group, key.field) == (group, field):
                return Problem(f"{_at(line)}[{section}] {name}: {message}")
    return Problem(f"{'.'.join(map(str, where))}: {message}")
