"""The grassland mowing configuration: the original's INI file read into one frozen model.

Sections and keys are the original's (``S4C_L4B_Default_Config.cfg``). A key the file does not name keeps the
original's default; a key nobody knows, or a value of the wrong kind, is an error that names its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sen4cap_core.declarations.grass_settings import GrassSettings
from sen4cap_core.declarations.ini import Entry, parse_ini, read_text
from sen4cap_core.errors import ConfigurationError, Problem

Compat = Literal["default", "sen4cap"]
"""``sen4cap`` reproduces the original with its defects; ``default`` is the same method without them."""

Method = Literal["neighbourhood", "falls"]
"""Of the default mode. ``neighbourhood``: falls beyond what the grassland around shows. ``falls``: the
original's rule on three successive clear values."""

SECONDS_PER_DAY = 86_400


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OpticalSettings(_Frozen):
    """Thresholds of the NDVI branch; NDVI in -1..1, rates in NDVI per day."""

    scale: float = Field(1000.0, gt=0)
    """Stored NDVI of the observation tables divided by this is NDVI (``sc_fact``)."""
    corrupted_th: float = Field(0.1, ge=-1, le=1)
    """NDVI below this is taken for no observation."""
    decreasing_abs_th: float = Field(0.12, ge=-2, le=2)
    """A fall must exceed this."""
    decreasing_rate_th: float = -1e-6
    """The slope of the fall must be below this."""
    increasing_rate_th: float = 0.05
    """The slope after the low value must be below this, else the low was a cloud."""
    high_abs_th: float = Field(0.75, ge=-1, le=2)
    """The low value must be below this."""
    low_abs_th: float = Field(0.5, ge=-1, le=1)
    """The value before the fall must be above this."""
    no_mowing_after_det_days: float = Field(30.0, ge=0, le=366)
    """Longer intervals are cut to this length, ending at the low value."""
    non_overlap_interval_days: float = Field(45.0, ge=0, le=366)
    """Two detections are kept when together they span at least this."""
    back_window_samples: int = Field(0, ge=0)
    """``stat_smpl_n``: so many intervals before the start date are read too."""
    time_interval_days: float = Field(5.0, gt=0, le=100)
    """Assumed time between acquisitions."""
    acquisition_time_s: int = Field(37_800, ge=0, lt=SECONDS_PER_DAY)
    """Fixed local time of the intervals, seconds after midnight."""
    erode_pixels: int = Field(0, ge=0)
    """Acts on the parcel labels, before the observations; recorded here, not applied to tables."""


class RadarSettings(_Frozen):
    """Thresholds of the coherence branch; coherence in 0..1."""

    polarisations: tuple[Literal["VH", "VV"], ...] = ("VH",)
    """Polarisations of the coherence that is looked at, in their order."""
    pfa: float = Field(3.0e-8, gt=0, lt=1)
    """Probability of a false alarm of the CFAR test, per acquisition."""
    window_samples: int = Field(5, ge=2, le=60)
    """``stat_smpl_n``: acquisitions of the line before the tested one."""
    saturate_sigma: bool = True
    """Whether the deviation of the residuals is at least what ``min_cohe_var`` allows."""
    min_coherence_variance: float = Field(0.024, ge=0)
    """Floor of the residual variance of one pixel."""
    non_overlap_interval_days: float = Field(28.0, ge=0, le=366)
    """Two detections are kept when together they span at least this."""
    time_interval_days: float = Field(6.0, gt=0, le=100)
    """Assumed length of a coherence pair where the real one is not known or not used."""
    ascending_time_s: int = Field(64_800, ge=0, lt=SECONDS_PER_DAY)
    """Local time of ascending passes, seconds after midnight."""
    descending_time_s: int = Field(21_600, ge=0, lt=SECONDS_PER_DAY)
    """Local time of descending passes, seconds after midnight."""
    orbits: tuple[str, ...] = ()
    """Relative orbits in the order they are taken; empty: all, ascending."""
    orbit_types: tuple[Literal["ASC", "DESC"], ...] = ()
    """One for each of ``orbits``, or empty."""
    erode_pixels: int = Field(0, ge=0)
    """As that of the NDVI branch."""


class CompliancePeriod(_Frozen):
    """One crop code's period in which it must be mown."""

    crop_code: str
    start: date
    end: date
    rule: Literal[0, 1] = 0
    """0: at least one mowing inside. 1: no mowing outside."""


class L4BConfig(_Frozen):
    """All that L4B can be told. Defaults are the original's; the compliance list is empty."""

    ct_numbers: tuple[str, ...] = ()
    """``CTNUM_FILTER``: crop type numbers to keep; empty keeps all."""
    additional_columns: tuple[str, ...] = ()
    """Further columns of the declarations; recorded here, the tables of the service do not carry them."""
    s2: OpticalSettings = OpticalSettings()
    s1: RadarSettings = RadarSettings()
    compliance: tuple[CompliancePeriod, ...] = ()
    grass: GrassSettings = GrassSettings()
    """Thresholds of the neighbourhood method, which the original does not have."""


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

_MODELS = ("s1", "s2", "grass")
"""Groups that are models of their own."""


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
    groups: dict[str, dict[str, object]] = {"general": {}, "s1": {}, "s2": {}, "grass": {}}
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
            problems.append(Problem(f"line {entry.line}: [{section}] {name}: {error}"))
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
                    f"line {lines['s1', 'orbit_types']}: s1_orbit_type_list_filter has {len(types)} entries, "
                    f"s1_orbit_list_filter has {len(orbits)}"  # type: ignore[arg-type]
                )
            )
    if not problems:
        try:
            return L4BConfig.model_validate(
                {**groups["general"], **{name: groups[name] for name in _MODELS}, "compliance": compliance}
            )
        except ValidationError as error:
            problems = [_range_problem(e["loc"], e["msg"], lines) for e in error.errors()]
    raise ConfigurationError(
        path,
        "the mowing configuration cannot be used.",
        problems=problems,
        remedy="Correct these lines and drop the file again; a key left out keeps its default.",
    )


def normal_orbit(text: str) -> str:
    """Write a relative orbit with three digits (``37``, ``37.0`` -> ``037``); other text is left as it is."""
    number = text.removesuffix(".0")
    return number.zfill(3) if number.isdigit() else text


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
                f"line {at}: crop_codes has {len(names)} entries, crop_time_intervals {len(pairs)}, "
                f"crop_rule {len(numbers)}: they must have one entry for each crop code"
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
                    f"line {intervals.line}: crop code {code}: expected ('dd/mm/yyyy', 'dd/mm/yyyy'), "
                    f"the earlier date first, found ({start_text!r}, {end_text!r})"
                )
            )
            continue
        if rule_text not in ("0", "1", "0.0", "1.0"):
            problems.append(
                Problem(f"line {rules.line}: crop code {code}: rule {rule_text!r} is neither 0 nor 1")
            )
            continue
        period = CompliancePeriod(crop_code=code, start=start, end=end, rule=1 if float(rule_text) else 0)
        if periods.setdefault(code, period) != period:
            problems.append(
                Problem(f"line {codes.line}: crop code {code} is listed twice with different periods")
            )
    return tuple(periods.values())


def _range_problem(where: tuple[int | str, ...], message: str, lines: dict[tuple[str, str], int]) -> Problem:
    """Say a model's complaint with the file's words."""
    group, field = (str(where[0]), str(where[1])) if where[0] in _MODELS else ("general", str(where[0]))
    line = lines.get((group, field))
    for section, keys in KEYS.items():
        for name, key in keys.items():
            if (key.group, key.field) == (group, field):
                return Problem(f"line {line}: [{section}] {name}: {message}")
    return Problem(f"{'.'.join(map(str, where))}: {message}")
