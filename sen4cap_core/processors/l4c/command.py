"""A whole run on table files: read the observations once, judge each practice, write."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from sen4cap_core.clock import from_days, to_days
from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.declarations.settings.l4c_config import PracticeCode, read_l4c_config
from sen4cap_core.declarations.tables.practice_tables import (
    PracticeTable,
    check_practice_table,
    read_practice_table,
)
from sen4cap_core.errors import BadUploadError, ConfigurationError, NothingToDoError
from sen4cap_core.kernels.compiling import load_compiler
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.kernels.practices.series import NEVER
from sen4cap_core.processors.l4c.monitoring import Monitored, Run, group_weeks, monitor, previous_of
from sen4cap_core.processors.l4c.observations_in import ParcelSeries, read_parcel_series
from sen4cap_core.processors.l4c.previous import read_previous
from sen4cap_core.processors.l4c.table import coded_practice_table, weekly_table
from sen4cap_core.processors.l4c.tables_out import write_table
from sen4cap_core.tables.parcels import ParcelTable
from sen4cap_core.tables.reading import table_format

MAX_REPORTED_PROBLEMS = 10


@dataclass(frozen=True)
class PracticeJob:
    """One practice of a run: its table, where the result goes, and what it may build on."""

    practice: PracticeCode
    table: Path
    out: Path
    weekly: Path | None = None
    previous: Path | None = None


@dataclass(frozen=True)
class MonitoringOptions:
    """What all practices of a run share."""

    country: str
    year: int
    until: date | None = None
    acquisitions_limit: date | None = None
    """Gaps are counted up to this day; by default up to the last observation."""
    min_acquisitions: int = 15
    """Only for ``compat="sen4cap"``: coherences at least one orbit must have."""
    with_tillage: bool = False
    compat: Compat = "default"


def monitor_tables(
    observations: Path, config_path: Path, jobs: Sequence[PracticeJob], options: MonitoringOptions
) -> list[str]:
    """Monitor practices from table files and write the results; return lines that say what was done.

    Raises
    ------
    BadUploadError, ConfigurationError
        When a file cannot be used.
    NothingToDoError
        When no practice table has a row that can be judged.
    """
    for job in jobs:
        for path in (job.out, job.weekly):
            if path is not None:
                table_format(path)
    if not config_path.is_file():
        raise ConfigurationError(config_path, "there is no such file.", remedy="Check the path.")
    config = read_l4c_config(config_path, options.year)
    original = options.compat == "sen4cap"
    with ThreadPoolExecutor() as pool:
        reading = pool.map(read_practice_table, [job.table for job in jobs])
        # Reading text leaves the interpreter to what the first kernel waits for.
        load_compiler()
        tables = list(reading)
    parcels = all_parcels(tables)
    read = read_parcel_series(observations, parcels, options.until, options.min_acquisitions, original)
    _check_year(observations, read, options)
    weeks = group_weeks(read.series, original)
    limit = read.last_day if options.acquisitions_limit is None else to_days(options.acquisitions_limit)
    lines = list(config.notes)
    # A result is written while the next practice is judged.
    with ThreadPoolExecutor(1) as writer:
        written = []
        for job, table in zip(jobs, tables, strict=True):
            run = Run(
                job.practice,
                options.country,
                options.year,
                limit,
                options.with_tillage,
                job.weekly is not None,
                options.compat,
            )
            previous = None if job.previous is None else previous_of(table, read_previous(job.previous))
            found = monitor(
                read.series, weeks, table, read.place[parcels.locate(table.ids)], config, run, previous
            )
            if found.kept.size == 0:
                raise NothingToDoError(f"{job.table.name}: no row has a date in VEG_START and H_START.")
            written.append(writer.submit(_write, job, found, run))
            lines += _summary(job, table, found.kept.size, int((found.judgements.harvest_week > 0).sum()))
            if not original:
                lines += _problem_lines(job, table, options.year)
        for writing in written:
            writing.result()
    if read.n_foreign_rows:
        lines.append(f"{read.n_foreign_rows} observations of parcels no practice table names were left out.")
    return lines


def _check_year(path: Path, read: ParcelSeries, options: MonitoringOptions) -> None:
    """Refuse observations of which none is of the year: all dates would be told to be of another season."""
    days = (read.series.pair_day, read.series.coherence_day, read.series.ndvi_day)
    first = min((int(of_kind.min()) for of_kind in days if of_kind.size), default=NEVER)
    if first >= NEVER or read.last_day == NO_DAY:
        return
    earliest, latest = from_days(first), from_days(read.last_day)
    if earliest.year <= options.year <= latest.year:
        return
    years = str(latest.year) if earliest.year == latest.year else f"{earliest.year} to {latest.year}"
    until = "" if options.until is None else f" up to {options.until}"
    raise BadUploadError(
        path,
        f"no observation{until} is of the year {options.year}: they are of {years} ({earliest} to {latest}).",
        remedy="Give the year of the season as --year, or the observations of that year.",
    )


def all_parcels(tables: Sequence[PracticeTable]) -> ParcelTable:
    """Parcels of all practice tables, each once."""
    ids = pa.chunked_array([table.ids for table in tables]).unique()
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    return ParcelTable(ids, ("",) * len(ids), None, None, None)


def _write(job: PracticeJob, found: Monitored, run: Run) -> None:
    write_table(job.out, coded_practice_table(found, run))
    if job.weekly is not None:
        write_table(job.weekly, weekly_table(found))


def _summary(job: PracticeJob, table: PracticeTable, n_rows: int, n_harvests: int) -> list[str]:
    lines = [f"{job.practice}: {n_rows} rows, {n_harvests} with a harvest: {job.out}"]
    if n_rows < len(table):
        lines.append(
            f"{job.practice}: {len(table) - n_rows} rows of {job.table.name} without a date in VEG_START or "
            "H_START were left out."
        )
    return lines


def _problem_lines(job: PracticeJob, table: PracticeTable, year: int) -> list[str]:
    problems = check_practice_table(table, job.practice, year)
    lines = [f"{job.table.name}: {problem}" for problem in problems[:MAX_REPORTED_PROBLEMS]]
    if len(problems) > MAX_REPORTED_PROBLEMS:
        lines.append(f"{job.table.name}: and {len(problems) - MAX_REPORTED_PROBLEMS} more problems.")
    return lines
