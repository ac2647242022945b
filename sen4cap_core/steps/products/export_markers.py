"""Marker databases of a site: everything known of its parcels between two days, as wide tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.clock import midnight, to_days
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.declarations.settings.l4c_config import MANDATORY, L4CConfig, PracticeSettings
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.declarations.sites.site_processors import L4ASwitch
from sen4cap_core.declarations.tables.practice_rows import from_rows
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.observations.store import read_observations
from sen4cap_core.processors.l4c.monitoring import Run, group_weeks, monitor
from sen4cap_core.processors.markers.columns import METRICS, ORDER_METRICS, VARIABLES, column_name
from sen4cap_core.processors.markers.wide import WideTable, practice_markers, ratio_table
from sen4cap_core.products.marker_files import write_markers
from sen4cap_core.products.naming import MARKERS, content_key, version_of, year_folder
from sen4cap_core.steps.practices.series import HALF_DB, PRACTICE_GROUPS, GroupedFile, read_series
from sen4cap_core.steps.products.feature_table import FEATURE_GROUPS, feature_table
from sen4cap_core.steps.products.marker_product import marker_key, publish_markers
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Database = Literal["MDB1", "MDB2", "MDB3", "L4A"]
DATABASES: Final[tuple[Database, ...]] = get_args(Database)
LAND_COVERS: Final = range(1, 5)
"""Crops of these land covers are in MDB3: arable and permanent crops, grassland."""


@dataclass(frozen=True)
class MarkerExport:
    """What was written."""

    site: str
    year: int
    files: dict[Database, Path]
    """By name of the database: the Arrow IPC file; index and Parquet lie beside it."""
    n_rows: dict[Database, int]
    n_columns: dict[Database, int]


@dataclass(frozen=True)
class _Subject:
    site_id: int
    site: str
    year: int
    set_id: int
    season: tuple[date, date, date]
    """Start, middle and end."""
    parcels: pd.DataFrame
    """new_id (ascending), ori_id, ori_crop."""
    lc: dict[str, int]
    files: tuple[GroupedFile, ...]
    crop_types: L4ASwitch
    """What site.yaml says of crop types."""


def export_markers(
    context: Context, site: str, start: date, end: date, databases: Sequence[Database] | None = None
) -> MarkerExport:
    """Write marker databases of a site with everything observed from ``start`` to ``end`` (inclusive).

    MDB1 holds mean, deviation and pixel count of every observation, MDB2 the differences of VV and VH, MDB3
    the markers M1 to M5 of all parcels as of the last observation, beside those of the MDB3 before, L4A the
    features crop types are told from. The year is that of ``end``. By default all are written, L4A where
    the site makes crop types.

    Raises
    ------
    NothingToDoError
        Without season, declarations or observations, or when the files are there already.
    Sen4capError
        There is no such site.
    """
    with context.session() as session:
        subject = _subject(session, site, start, end)
        known = product_rows.product_keys(session, subject.site_id, MARKERS)
    is_asked = databases is not None
    if databases is None:
        databases = [name for name in DATABASES if name != "L4A" or subject.crop_types.is_on]
    folder = context.settings.data / year_folder(site, subject.year) / "markers"
    refs = [f"declarations:{subject.set_id}"]
    refs += [f"observations:{f.file.set_id}:{f.file.path}" for f in subject.files]
    settings = subject.crop_types.settings
    made_with = {"start": start, "end": end, "lc": subject.lc, "l4a": settings.model_dump(mode="json")}
    key = content_key(refs, made_with, __version__)
    stems = {
        name: f"SEN4CAP_{name}_S{subject.site_id}_V{start:%Y%m%d}_{end:%Y%m%d}_{version_of(key)}"
        for name in databases
    }
    wanted = [
        name
        for name in databases
        if marker_key(key, name) not in known or not (folder / name / f"{stems[name]}.parquet").is_file()
    ]
    if not wanted:
        raise NothingToDoError(f"nothing new: {folder / databases[0] / stems[databases[0]]}.ipc is there")
    ids = subject.parcels.new_id.to_numpy(np.int32)
    tables: dict[Database, pa.Table] = {}
    if "MDB1" in wanted or "MDB2" in wanted:
        mdb1 = wide_table(context.settings.data, subject.files, ids)
        tables["MDB1"] = mdb1
        tables["MDB2"] = ratio_table(mdb1)
    if "MDB3" in wanted:
        tables["MDB3"] = _mdb3(context, subject, _newest(folder / "MDB3"))
    if "L4A" in wanted:
        files = [f.file for f in subject.files if f.group in FEATURE_GROUPS]
        try:
            tables["L4A"] = feature_table(context.settings.data, files, ids, settings)
        except NothingToDoError:
            # Observations without any such series keep nobody from the databases that can be written.
            if not tables or is_asked:
                raise
    made = {name: tables[name] for name in wanted if name in tables}
    written = {name: write_markers(table, folder / name, stems[name])[0] for name, table in made.items()}
    for name, ipc in written.items():
        publish_markers(context, subject.site_id, name, key, ipc, (start, end), subject.set_id, subject.files)
    return MarkerExport(
        site,
        subject.year,
        written,
        {name: table.num_rows for name, table in made.items()},
        {name: table.num_columns - 1 for name, table in made.items()},
    )


def wide_table(root: Path, files: Sequence[GroupedFile], ids: NDArray[np.int32]) -> pa.Table:
    """Return MDB1 of some parcels: a column for each metric, variable, day, orbit (bands: tile).

    A variable or statistic a set does not hold has no column. Two sets of one column (tiles that overlap)
    give each parcel the value with more pixels.
    """
    table = WideTable(ids)
    for item in files:
        path = root / item.file.path
        names = pq.read_schema(path).names
        day = item.file.acquired_at.date()
        for variable, marker in VARIABLES[item.group].items():
            if f"{variable}_mean" not in names:
                continue
            orders = [part for part in ORDER_METRICS if f"{variable}_{part}" in names]
            found = read_observations([path], variable, ids, statistics=orders)
            n_valid = found["n_valid"].to_numpy()
            for part, metric in [*METRICS.items(), *zip(orders, orders, strict=True)]:
                column = column_name(day, metric, marker, item.file.relative_orbit, item.file.tile)
                factor = 1.0 if part == "n_valid" else marker.factor
                table.put(column, found["parcel"].to_numpy(), found[part].to_numpy(), n_valid, factor)
    return table.to_arrow()


def _subject(session: Session, slug: str, start: date, end: date) -> _Subject:
    site = site_rows.known_site(session, slug)
    seasons = [season for season in site_rows.seasons_of(session, site.id) if season.year == end.year]
    if not seasons:
        raise NothingToDoError(f"{slug} has no season of {end.year}")
    declared = declaration_rows.current_set(session, site.id, end.year)
    if declared is None:
        raise NothingToDoError(f"{slug} has no declarations of {end.year} yet")
    first, last = (midnight(day) for day in (start, end + timedelta(days=1)))
    files = tuple(
        GroupedFile(group, file)
        for group in VARIABLES
        for file in product_rows.observation_files(session, declared.id, group, first, last)
    )
    if not files:
        raise NothingToDoError(f"{slug} has no observations from {start} to {end}")
    parcels = declaration_rows.load_parcels(session, declared.id)
    frame = pd.DataFrame(parcels[["new_id", "ori_id", "ori_crop"]]).sort_values("new_id")
    codes = declaration_rows.crop_codes(session, site.id, end.year)
    season = seasons[0]
    middle = season.mid or season.start + (season.end - season.start) / 2
    return _Subject(
        site.id,
        slug,
        end.year,
        declared.id,
        (season.start, middle, season.end),
        frame.reset_index(drop=True),
        {code.ori_crop: code.lc for code in codes},
        files,
        SiteConfig.model_validate(site.config).processors.l4a,
    )


def _mdb3(context: Context, subject: _Subject, earlier: pa.Table | None) -> pa.Table:
    """Judge the harvest of all parcels of an agricultural land cover with the original's fixed thresholds, as
    of the last observation.
    """
    end = max(item.file.acquired_at for item in subject.files).date()
    parcels = subject.parcels
    if subject.lc:
        cover = parcels.ori_crop.map(subject.lc)
        parcels = parcels[cover.isin(LAND_COVERS)].reset_index(drop=True)
    if parcels.empty:
        raise NothingToDoError("no parcel has a crop of land cover 1 to 4")
    ids = parcels.new_id.to_numpy(np.int32)
    files = [item for item in subject.files if item.group in PRACTICE_GROUPS]
    series = read_series(context.settings.data, files, ids, 0, False)
    weeks = group_weeks(series, False)
    start, middle, last = subject.season
    rows = pd.DataFrame(
        {
            "new_id": ids, "ori_id": parcels.ori_id, "main_crop": "NA", "country": "NA", "practice": "NA",
            "p_type": "NA", "veg_start": start, "h_start": middle, "h_end": last, "s1_pix": 1,
        }
    )  # fmt: skip
    rows["p_start"] = rows["p_end"] = pd.Series([None] * len(rows), dtype=object)
    table = from_rows(rows, "NA", subject.year, "all parcels")
    config = L4CConfig(Path("MDB3"), subject.year, {"NA": _fixed_settings()})
    run = Run("NA", "NA", subject.year, to_days(end), False, False, "default", HALF_DB)
    found = monitor(series, weeks, table, np.arange(len(ids), dtype=np.int32), config, run)
    return practice_markers(ids[found.kept], found.judgements.markers[:, :5], f"{end:%Y%m%d}", earlier)


def _fixed_settings() -> PracticeSettings:
    """Return the thresholds of MDB3: the method's own defaults, each of them named."""
    defaults = PracticeSettings()
    return PracticeSettings.model_validate({name: getattr(defaults, name) for name in MANDATORY})


def _newest(folder: Path) -> pa.Table | None:
    files = sorted(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime)
    return pq.read_table(files[-1]) if files else None


def current_years(context: Context) -> list[tuple[str, date, date]]:
    """Return (site, first day, last day) of the years with declarations, of enabled sites."""
    with context.session() as session:
        found = []
        for declared in declaration_rows.current_sets(session):
            site = site_rows.site_by_id(session, declared.site_id)
            if site.enabled:
                found.append((site.slug, date(declared.year, 1, 1), date(declared.year, 12, 31)))
        return found
