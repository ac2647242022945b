"""The rules by which countries judge fallow and nitrogen-fixing crops, one file for each country."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sen4cap_core.declarations.settings.l4c_config import PracticeCode
from sen4cap_core.errors import ConfigurationError, Problem
from sen4cap_core.kernels.practices.rules import FACTS, REPORTS, Rulesets

RULES_FOLDER = Path(__file__).parent / "rules"
INDEX_CODES = {"NR": -2, "NA": -1, "POOR": 1, "WEAK": 2, "MODERATE": 3, "STRONG": 4}
Report = Literal["not relevant", "presence", "presence or na", "true", "false"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Frozen):
    """If these facts are all there, this is the index."""

    when: tuple[str, ...]
    index: Literal["NR", "POOR", "WEAK", "MODERATE", "STRONG"]
    m6: Report | None = None
    """What M6 says; None: as its set says."""
    m8: bool = False
    """Whether M8 is reported."""
    forget_harvest: bool = False
    """Whether the harvest found is taken for none."""

    @field_validator("when")
    @classmethod
    def _known_facts(cls, facts: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [fact for fact in facts if fact not in FACTS]
        if unknown:
            raise ValueError(f"unknown fact {unknown[0]!r}; known are {', '.join(FACTS)}")
        return facts


class RuleSet(_Frozen):
    """Rules of one practice for some practice types; the first rule that fits counts."""

    p_types: tuple[str, ...] = ()
    """Empty: all types no earlier set names."""
    m6: Report
    m10: bool = False
    """Whether M10 is reported."""
    period_ends_at_mark: bool = False
    """The period ends at FLMARKSTARTDATE instead of P_END."""
    mark_margin_days: int = Field(0, ge=0, le=366)
    """NDVI losses are sought so many days before and after the mark dates too."""
    stable_weeks: int = Field(9, ge=1, le=60)
    early_days: int = Field(0, ge=0, le=366)
    late_days: int = Field(0, ge=0, le=366)
    rules: tuple[Rule, ...]


class CountryRules(_Frozen):
    """One rule file."""

    format: Literal[1]
    version: str
    countries: tuple[str, ...] = ()
    country_prefixes: tuple[str, ...] = ()
    fallow: tuple[RuleSet, ...] = ()
    nfc: tuple[RuleSet, ...] = ()


@dataclass(frozen=True)
class RuleBook:
    """All rule sets of one practice, and which one is for whom."""

    files: tuple[CountryRules, ...]
    """The default file last."""
    sets: tuple[RuleSet, ...]
    starts: tuple[int, ...]
    """Position of each file's first set in ``sets``."""
    practice: Literal["FL", "NFC"]

    def find(self, country: str, p_type: str) -> int:
        """Position of the set for a country code and P_TYPE."""
        for file, start in zip(self.files, self.starts, strict=True):
            own = _sets(file, self.practice)
            is_default = not file.countries and not file.country_prefixes
            is_meant = country in file.countries or any(country.startswith(p) for p in file.country_prefixes)
            if not own or not (is_default or is_meant):
                continue
            for i, rule_set in enumerate(own):
                if not rule_set.p_types or p_type in rule_set.p_types:
                    return start + i
        raise KeyError(f"no rule for country {country!r} and type {p_type!r}")

    def version_of(self, country: str) -> str:
        """Version of the rule file a country is judged by."""
        for file in self.files:
            if country in file.countries or any(country.startswith(p) for p in file.country_prefixes):
                return f"{country} {file.version}"
        return f"default {self.files[-1].version}"


def _sets(file: CountryRules, practice: str) -> tuple[RuleSet, ...]:
    return file.fallow if practice == "FL" else file.nfc


def read_country_rules(path: Path) -> CountryRules:
    """Read one rule file.

    Raises
    ------
    ConfigurationError
        When it is no TOML, or names an unknown key, fact or index.
    """
    try:
        return CountryRules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(path, f"is not TOML: {error}") from error
    except ValidationError as error:
        problems = [Problem(f"{'.'.join(map(str, e['loc']))}: {e['msg']}") for e in error.errors()]
        raise ConfigurationError(path, "the country rules cannot be used.", problems=problems) from error


@cache
def load_rule_book(practice: PracticeCode, folder: Path = RULES_FOLDER) -> RuleBook:
    """Gather the rules of all countries for fallow (``FL``) or nitrogen-fixing crops (``NFC``)."""
    if practice not in ("FL", "NFC"):
        raise ValueError(f"no country rules for practice {practice}")
    paths = sorted(folder.glob("*.toml"), key=lambda path: (path.stem == "default", path.stem))
    files = tuple(read_country_rules(path) for path in paths)
    sets: list[RuleSet] = []
    starts = []
    for file in files:
        starts.append(len(sets))
        sets += _sets(file, practice)
    return RuleBook(files, tuple(sets), tuple(starts), practice)


def as_arrays(sets: Sequence[RuleSet], mark_start: int, mark_end: int) -> Rulesets:
    """Write rule sets as the arrays the kernel takes; the mark dates are days, 0 where not given."""
    shape = (max(1, len(sets)), max([1, *(len(s.rules) for s in sets)]))
    asks = np.zeros(shape, np.int32)
    grade = np.zeros(shape, np.int8)
    m6 = np.zeros(shape, np.int8)
    m8 = np.zeros(shape, np.bool_)
    forgets = np.zeros(shape, np.bool_)
    for s, rule_set in enumerate(sets):
        for r, rule in enumerate(rule_set.rules):
            asks[s, r] = sum(1 << FACTS.index(fact) for fact in set(rule.when))
            grade[s, r] = INDEX_CODES[rule.index]
            m6[s, r] = REPORTS.index(rule.m6 or rule_set.m6)
            m8[s, r] = rule.m8
            forgets[s, r] = rule.forget_harvest

    def each(values: Sequence[int], kind: type[np.generic]) -> NDArray[Any]:
        return np.array([*values] or [0], kind)

    return Rulesets(
        n_rules=each([len(s.rules) for s in sets], np.int32),
        asks=asks,
        grade=grade,
        m6=m6,
        reports_m8=m8,
        forgets_harvest=forgets,
        m6_otherwise=each([REPORTS.index(s.m6) for s in sets], np.int8),
        reports_m10=each([s.m10 for s in sets], np.bool_),
        period_ends_at_mark=each([s.period_ends_at_mark for s in sets], np.bool_),
        mark_margin_days=each([s.mark_margin_days for s in sets], np.int32),
        stable_weeks=each([s.stable_weeks for s in sets], np.int32),
        early_days=each([s.early_days for s in sets], np.int32),
        late_days=each([s.late_days for s in sets], np.int32),
        mark_start=mark_start,
        mark_end=mark_end,
    )
