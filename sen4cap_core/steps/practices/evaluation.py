"""What one evaluation of L4C rests on, and why a practice is left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sen4cap_core import __version__
from sen4cap_core.clock import midnight
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import practices as practice_rows
from sen4cap_core.db.made import practice_results as result_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.made.practice_results import EarlierTable
from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.declarations.settings.l4c_config import MANDATORY, L4CConfig, PracticeCode
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.processors.l4c.country_rules import load_rule_book
from sen4cap_core.products.naming import content_key
from sen4cap_core.steps.practices.series import PRACTICE_GROUPS, GroupedFile
from sen4cap_core.steps.shared.product_files import is_whole
from sen4cap_core.steps.shared.season_input import AS_STATED, Otherwise, find_season_input
from sen4cap_core.steps.uploads.config_in_force import l4c_in_force

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

UNKNOWN_COUNTRY: Final = "NA"
DAYS_BETWEEN: Final = 3
"""An evaluation whose data end so many days before is an earlier one, as in the original."""
MONTHS_BEFORE: Final = 3
"""Winter crops are sown in the autumn before, and catch crops stay into the spring after."""


@dataclass(frozen=True)
class PracticeTask:
    """One practice that is to be evaluated."""

    practice: PracticeCode
    practice_set_id: int
    last_run_id: int | None
    input_key: str
    previous: EarlierTable | None = None
    """The earlier evaluation whose harvest weeks stay."""


@dataclass(frozen=True)
class PracticeEvaluation:
    """A year's practice tables, configuration and observations."""

    site_id: int
    site: str
    year: int
    country: str
    declaration_set_id: int
    config_id: int | None
    """Row of the uploaded file; None where there is none."""
    config: L4CConfig
    compat: Compat
    with_tillage: bool
    files: tuple[GroupedFile, ...]
    tasks: tuple[PracticeTask, ...]
    left_out: dict[str, str]
    """Practices of the site that are not evaluated, with the reason."""
    crop_names: dict[str, str]

    @property
    def last_day(self) -> date:
        """Day of the last observation."""
        return max(item.file.acquired_at for item in self.files).date()


def find_practices(
    session: Session, root: Path, season_id: int, otherwise: Otherwise = AS_STATED
) -> PracticeEvaluation:
    """Look up what is to be evaluated in the year of a season.

    Raises
    ------
    NothingToDoError
        When L4C is off, something it needs is missing, or nothing is new for any practice.
    """
    given = find_season_input(session, season_id, "l4c", otherwise)
    season, site, declared = given.season, given.site, given.declared
    wanted = given.config
    switch = wanted.processors.l4c
    tables = practice_rows.practices_in_force(session, site.id, season.year)
    if not any(practice in tables for practice in switch.practices):
        raise NothingToDoError(
            f"{site.slug} has no practice table of {season.year} yet: drop one into practices/"
        )
    effective, config_id = l4c_in_force(session, site, season.year, otherwise.thresholds)
    config = effective.config
    files = _files(session, declared.id, season.year, otherwise.until)
    if not files:
        raise NothingToDoError(f"{site.slug} has no observations of {season.year} yet")
    country = wanted.country or UNKNOWN_COUNTRY
    facts = {"compat": switch.compat, "country": country, "tillage": switch.tillage}
    inputs = [f"declarations:{declared.id}", *(f"observations:{f.file.set_id}:{f.file.path}" for f in files)]
    keeps_harvests = switch.compat == "sen4cap" if switch.use_prev_prd is None else switch.use_prev_prd
    earlier = max(f.file.acquired_at for f in files).date() - timedelta(days=DAYS_BETWEEN)
    tasks: list[PracticeTask] = []
    left_out: dict[str, str] = {}
    for practice in switch.practices:
        table = tables.get(practice)
        settings = config.settings[practice]
        lacking = [name.upper() for name in MANDATORY if name not in settings.named]
        if table is None:
            left_out[practice] = f"there is no practice table {practice} of {season.year}"
        elif lacking:
            left_out[practice] = f"the practices configuration lacks {', '.join(lacking)}"
        elif practice == "CC" and switch.compat and not settings.catchmain:
            left_out[practice] = "CATCHMAIN is empty, which the original's method needs"
        else:
            rules = load_rule_book(practice).version_of(country) if practice in ("FL", "NFC") else ""
            previous = None
            if keeps_harvests:
                previous = result_rows.earlier_practice_table(
                    session, site.id, season.year, practice, earlier
                )
            key = content_key(
                [*inputs, f"practices:{table.id}", *([f"previous:{previous.path}"] if previous else [])],
                {**facts, "practice": practice, "rules": rules, "settings": settings.model_dump(mode="json")},
                __version__,
            )
            last = result_rows.latest_practice_run(session, site.id, season.year, practice)
            is_known = last is not None and last.input_key == key
            if last is not None and is_known and is_whole(session, root, last.product_id):
                left_out[practice] = f"nothing new since {last.created_at:%Y-%m-%d %H:%M} UTC"
            else:
                tasks.append(PracticeTask(practice, table.id, last.id if last else None, key, previous))
    if not tasks:
        raise NothingToDoError("; ".join(f"{practice}: {why}" for practice, why in left_out.items()))
    codes = declaration_rows.crop_codes(session, site.id, season.year)
    return PracticeEvaluation(
        site_id=site.id,
        site=site.slug,
        year=season.year,
        country=country,
        declaration_set_id=declared.id,
        config_id=config_id,
        config=config,
        compat=switch.compat or "default",
        with_tillage=switch.tillage,
        files=files,
        tasks=tuple(tasks),
        left_out=left_out,
        crop_names={code.ori_crop: code.ct for code in codes},
    )


def _files(
    session: Session, declaration_set_id: int, year: int, until: date | None
) -> tuple[GroupedFile, ...]:
    first = datetime(year - 1, 13 - MONTHS_BEFORE, 1, tzinfo=UTC)
    last = datetime(year + 1, 1 + MONTHS_BEFORE, 1, tzinfo=UTC)
    if until is not None:
        last = min(last, midnight(until + timedelta(days=1)))
    return tuple(
        GroupedFile(group, file)
        for group in PRACTICE_GROUPS
        for file in product_rows.observation_files(session, declaration_set_id, group, first, last)
    )
