"""What is to be monitored in a year: the practices configuration and the table of each practice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import practices as practice_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.declarations.settings.l4c_config import (
    MANDATORY,
    PRACTICES,
    PracticeCode,
    read_l4c_config,
)
from sen4cap_core.declarations.tables.practice_rows import as_rows
from sen4cap_core.declarations.tables.practice_tables import (
    DATE_COLUMNS,
    MAX_PROBLEMS,
    PRACTICE_NAMES,
    PracticeTable,
    doubtful_rows,
    read_practice_table,
    unreadable_dates,
)
from sen4cap_core.errors import BadUploadError, ConfigurationError, Problem
from sen4cap_core.inbox.layout import Kind
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.practice_asking import ask_practices_of_year
from sen4cap_core.steps.shared.taken import Drop, Taken, as_problems

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

L4C = "l4c"
PRACTICE_OF: dict[str, PracticeCode] = {
    Kind.PRACTICES_NA: "NA",
    Kind.PRACTICES_CC: "CC",
    Kind.PRACTICES_FL: "FL",
    Kind.PRACTICES_NFC: "NFC",
}
SHOWN_WARNINGS = 50


def receive_l4c_config(context: Context, drop: Drop) -> Taken:
    """Store the practices configuration of a site and year."""
    config = read_l4c_config(drop.path, drop.year)
    lacking = {
        practice: [name.upper() for name in MANDATORY if name not in config.settings[practice].named]
        for practice in PRACTICES
    }
    if all(lacking.values()):
        raise ConfigurationError(
            drop.path,
            f"the practices configuration lacks {', '.join(lacking['NA'])}.",
            remedy="Give them in [DEFAULT_TIME_SERIES_ANALYSIS_PARAMS] and drop the file again.",
        )
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        declaration_rows.store_config(session, site.id, drop.year, L4C, drop.upload_id, config.values())
        ask_practices_of_year(session, site, drop.year)
    warnings = as_problems(config.notes)
    warnings += [
        Problem(f"{', '.join(names)} not given: {practice} cannot be monitored with this file")
        for practice, names in lacking.items()
        if names
    ]
    return Taken(
        "practices configuration (L4C)",
        {"practices": [practice for practice in PRACTICES if not lacking[practice]]},
        warnings,
        {"settings the file gives": _settings_table(config.values())},
    )


def receive_practices(context: Context, drop: Drop) -> Taken:
    """Store the table of one practice; it replaces the one before.

    Rows that cannot be read let the whole table be rejected. Rows that can be read and are odd are stored and
    named in the receipt; so are rows of parcels that are not declared (yet): the declarations may come later.
    """
    practice = PRACTICE_OF[drop.kind]
    table = read_practice_table(drop.path)
    _refuse_unusable(drop, table, practice)
    doubtful = doubtful_rows(table, practice, drop.year)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        former = practice_rows.current_practices(session, site.id, drop.year, practice)
        stored = practice_rows.store_practices(
            session, site.id, drop.year, practice, drop.upload_id, as_rows(table)
        )
        replaces = former is not None and former.id != stored.id
        undeclared, warnings, details = _undeclared(session, site.id, drop.year, stored.id)
        ask_practices_of_year(session, site, drop.year)
    warnings += doubtful[:SHOWN_WARNINGS]
    if len(doubtful) > SHOWN_WARNINGS:
        warnings.append(Problem(f"and {len(doubtful) - SHOWN_WARNINGS} more remarks on rows"))
    return Taken(
        f"practice table {practice} ({PRACTICE_NAMES[practice]})",
        {
            "practice table": stored.id,
            "rows": len(table),
            "parcels not declared": undeclared,
            "rows with a remark": len({problem.row for problem in doubtful}),
            "replaces an earlier table": "yes" if replaces else "no",
        },
        warnings,
        details,
    )


def _refuse_unusable(drop: Drop, table: PracticeTable, practice: PracticeCode) -> None:
    problems = unreadable_dates(table)
    if problems:
        raise BadUploadError(
            drop.path,
            f"{len(problems)} dates of this practice table cannot be read.",
            problems=problems[:MAX_PROBLEMS],
            expected=f"dates as 2019-06-15, or NA, in {', '.join(DATE_COLUMNS)}",
            remedy="correct these cells and drop the file again.",
        )
    names = table.columns["PRACTICE"]
    meant = PRACTICE_NAMES[practice]
    if practice != "NA" and not any(meant in text for text in names.texts):
        raise BadUploadError(
            drop.path,
            f"no row of this table is of the practice {meant!r}; it has {', '.join(map(repr, names.texts))}.",
            remedy="put the file into the folder of its practice: practices/NA, CC, FL or NFC.",
        )
    starts = table.columns["VEG_START"].texts
    years = {text.strip()[:4] for text in starts if text.strip()[:4].isdigit()}
    if years and not years & {str(drop.year), str(drop.year - 1)}:
        raise BadUploadError(
            drop.path,
            f"all vegetation starts (VEG_START) are of {', '.join(sorted(years))}, none of {drop.year} "
            "or the year before.",
            remedy="put the file into the folder of its year.",
        )


def _undeclared(
    session: Session, site_id: int, year: int, practice_set_id: int
) -> tuple[int | str, list[Problem], dict[str, object]]:
    """Compare with the declarations in force: a number, warnings, and a table of the first such parcels."""
    declared = declaration_rows.current_set(session, site_id, year)
    if declared is None:
        text = "no declarations of this year yet: whether the parcels are declared is seen when they come"
        return "not known yet", [Problem(text)], {}
    count, first = practice_rows.undeclared_rows(session, practice_set_id, declared.id, SHOWN_WARNINGS)
    if not count:
        return 0, [], {}
    text = f"{count} rows name a parcel that is not in the declarations: they are kept and not monitored"
    return count, [Problem(text)], {"parcels not declared": [{"row": row, "parcel": p} for row, p in first]}


def _settings_table(values: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    """One row for each key, one column for each practice."""
    names = dict.fromkeys(name for settings in values.values() for name in settings)
    return [
        {"key": name.upper(), **{practice: values[practice].get(name, "") for practice in PRACTICES}}
        for name in names
    ]
