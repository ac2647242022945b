"""The agricultural practices configuration: the original's INI file, one effective set of values a practice.

A file has a section of defaults and one section for each practice, whose keys carry the practice's prefix
(``CC_NDVIUP``) and replace the default. An empty value and a key left out mean the same: the built-in
default. Of a key written twice in a section the last one counts, with a note: the original's own default
file has one. ``${YEAR}`` stands for the season's year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sen4cap_core.declarations.texts.ini import Entry, parse_ini, read_text
from sen4cap_core.errors import ConfigurationError, Problem

PracticeCode = Literal["NA", "CC", "FL", "NFC"]
"""Harvest only, catch crop, fallow, nitrogen-fixing crop."""
PRACTICES: tuple[PracticeCode, ...] = get_args(PracticeCode)

NOT_AVAILABLE = -10000
"""Written in a file where the value of another key is to be used."""


class PracticeSettings(BaseModel):
    """Effective settings of one practice. NDVI thresholds are NDVI x 1000; coherence is 0..1.

    Backscatter thresholds are on the scale of the original's amplitude files, half decibels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    optthrvegcycle: float = Field(350.0, ge=-1000, le=1000)
    """M1: NDVI above this is vegetation."""
    ndvidw: float = Field(300.0, ge=-1000, le=1000)
    """M2: lower threshold of NDVI loss."""
    ndviup: float = Field(350.0, ge=-1000, le=1000)
    """M2: upper threshold of NDVI loss."""
    ndvistep: float = Field(5.0, gt=0, le=1000)
    """M2, M8: the loss threshold is rounded up to a multiple of this."""
    optthrmin: float = Field(100.0, ge=-1000, le=1000)
    """M2: NDVI before the loss must be above this."""
    optthrbufden: int = Field(6, gt=0, le=1000)
    """M2: divisor of the NDVI buffer."""
    cohthrbase: float = Field(0.05, ge=0, le=1)
    """M5: least rise of coherence."""
    cohthrhigh: float = Field(0.15, ge=0, le=1)
    """M3, M4: high rise of coherence."""
    cohthrabs: float = Field(0.75, ge=0, le=1)
    """M5: high coherence."""
    tlcohthrbase: float = Field(0.05, ge=0, le=1)
    """Tillage: least rise of coherence."""
    tlcohthrabs: float = Field(0.75, ge=0, le=1)
    """Tillage: high coherence."""
    tlmonitoringenddate: date | None = None
    """Tillage: last day; the last week of data without it."""
    ampthrmin: float = Field(0.1, ge=0, le=100)
    """M3: least change of the backscatter ratio."""
    ampthrbreakden: int = Field(6, gt=0, le=1000)
    """M3: divisor of the standard deviation."""
    ampthrvalden: int = Field(2, gt=0, le=1000)
    """M4: divisor of the standard deviation."""
    stddevinampthr: bool = False
    """M4: whether the standard deviation is used."""
    catchmain: str = ""
    """P_TYPE of a catch crop sown in or under the main crop."""
    catchcropismain: str = "CatchCropIsMain"
    """P_TYPE of a catch crop that is the main crop."""
    catchperiod: int = Field(56, ge=NOT_AVAILABLE, le=366)
    """Days a catch crop must stay."""
    catchperiodstart: date | None = None
    """Earliest start of the catch crop's period."""
    catchproportion: float = Field(1.0 / 3.0, ge=0, le=1)
    """Share of the NDVI range below which ground is bare."""
    efandvithr: int = Field(325, ge=NOT_AVAILABLE, le=1000)
    """M6: NDVI from this on is vegetation."""
    efandviup: int = Field(400, ge=NOT_AVAILABLE, le=1000)
    """M7, M8: upper threshold of NDVI loss; not available: NDVIUP."""
    efandvidw: int = Field(300, ge=NOT_AVAILABLE, le=1000)
    """M7, M8: lower threshold of NDVI loss; not available: NDVIDW."""
    efandvimin: float = Field(NOT_AVAILABLE, ge=NOT_AVAILABLE, le=1000)
    """M7: least NDVI; not available: 300."""
    efaampthr: float = Field(NOT_AVAILABLE, ge=NOT_AVAILABLE, le=100)
    """M9: least slope of the backscatter ratio for a day; not available: 0.01."""
    efacohchange: float = Field(0.2, ge=NOT_AVAILABLE, le=1)
    """M10: rise of coherence; not available: COHTHRHIGH."""
    efacohvalue: float = Field(0.7, ge=NOT_AVAILABLE, le=1)
    """M10: high coherence; not available: COHTHRABS."""
    flmarkstartdate: date | None = None
    """Fallow: first day of the marker period."""
    flmarkstenddate: date | None = None
    """Fallow: last day of the marker period."""

    @property
    def named(self) -> frozenset[str]:
        """Settings a file gives; the others keep their built-in default."""
        return frozenset(self.model_fields_set)


MANDATORY = (
    "optthrvegcycle",
    "ndvidw",
    "ndviup",
    "ndvistep",
    "optthrmin",
    "cohthrbase",
    "cohthrhigh",
    "cohthrabs",
    "ampthrmin",
)
"""The original does not run without these."""


@dataclass(frozen=True)
class L4CConfig:
    """A practices configuration for one year."""

    path: Path
    year: int
    settings: Mapping[PracticeCode, PracticeSettings]
    notes: tuple[str, ...] = field(default=())
    """What is odd in the file but does no harm."""

    def for_practice(self, practice: PracticeCode) -> PracticeSettings:
        """Return the settings of a practice.

        Raises
        ------
        ConfigurationError
            When the file lacks a setting that has no built-in default.
        """
        settings = self.settings[practice]
        missing = [name.upper() for name in MANDATORY if name not in settings.named]
        if missing:
            raise ConfigurationError(
                self.path,
                f"the practices configuration lacks {', '.join(missing)} for {practice}.",
                remedy=f"Give them in [{_DEFAULTS}] or in [{practice}_TIME_SERIES_ANALYSIS_PARAMS].",
            )
        return settings

    def values(self) -> dict[str, Any]:
        """Return what the file gives, by practice, as JSON can hold it; see ``restore_l4c_config``."""
        return {
            practice: settings.model_dump(mode="json", include=set(settings.named))
            for practice, settings in self.settings.items()
        }


def restore_l4c_config(values: Mapping[str, Any], year: int, name: str) -> L4CConfig:
    """Return a configuration from its stored values; ``name`` stands for the file in messages."""
    settings = {practice: PracticeSettings.model_validate(values[practice]) for practice in PRACTICES}
    return L4CConfig(Path(name), year, settings)


_COMMON = "COMMON"
_DEFAULTS = "DEFAULT_TIME_SERIES_ANALYSIS_PARAMS"
_PREFIXES = {
    _DEFAULTS: "",
    **{f"{practice}_TIME_SERIES_ANALYSIS_PARAMS": f"{practice}_" for practice in PRACTICES},
}
_KEYS = {name.upper(): name for name in PracticeSettings.model_fields}


def read_l4c_config(path: Path, year: int) -> L4CConfig:
    """Read a practices configuration of the original's form for a year.

    Raises
    ------
    ConfigurationError
        When the file is not text of that form, names an unknown section or key, or holds a value of the
        wrong kind or out of range; each problem carries its line number.
    """
    known = {section: [f"{prefix}{key}" for key in _KEYS] for section, prefix in _PREFIXES.items()}
    found = parse_ini(read_text(path), {_COMMON: [], **known}, last_counts=True)
    problems = found.problems
    sections = {
        section: {_KEYS[key.removeprefix(prefix)]: _bare(e) for key, e in found.sections[section].items()}
        for section, prefix in _PREFIXES.items()
    }
    settings: dict[PracticeCode, PracticeSettings] = {}
    for practice in PRACTICES:
        own = sections[f"{practice}_TIME_SERIES_ANALYSIS_PARAMS"]
        entries = {**sections[_DEFAULTS], **own}
        entries = {key: entry for key, entry in entries.items() if entry.text}
        values = {key: entry.text.replace("${YEAR}", str(year)) for key, entry in entries.items()}
        try:
            settings[practice] = PracticeSettings.model_validate(values)
        except ValidationError as error:
            for e in error.errors():
                name = str(e["loc"][0])
                entry = entries[name]
                told = f"line {entry.line}: {name.upper()}: {e['msg']}, found {entry.text!r}"
                if all(problem.text != told for problem in problems):
                    problems.append(Problem(told))
    if problems:
        raise ConfigurationError(
            path,
            "the practices configuration cannot be used.",
            problems=problems,
            remedy="Correct these lines and drop the file again.",
        )
    return L4CConfig(path, year, settings, tuple(found.notes))


def _bare(entry: Entry) -> Entry:
    return Entry(entry.text.strip("'\"").strip(), entry.line)
