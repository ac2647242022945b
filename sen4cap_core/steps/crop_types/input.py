"""What one classification of a season rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sen4cap_core import __version__
from sen4cap_core.clock import midnight
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.made import crop_types as crop_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.made.products import ObservationFile
from sen4cap_core.db.models import CropCode, Site
from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig, Method
from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.declarations.sites.strata import Strata, read_strata
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.processors.l4a.crop_type.observations import ObservationSource
from sen4cap_core.products.naming import content_key, season_slug
from sen4cap_core.steps.products.feature_table import FEATURE_GROUPS, observation_sources
from sen4cap_core.steps.shared.product_files import is_whole
from sen4cap_core.steps.shared.season_input import AS_STATED, Otherwise, find_season_input
from sen4cap_core.steps.uploads.tables import STRATA

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sen4cap_core.settings import Settings
    from sen4cap_core.steps.shared.context import Context


@dataclass(frozen=True)
class CropTypeInput:
    """A season's parcels, crop codes, settings and observations."""

    season_id: int
    site_id: int
    site: str
    season: str
    year: int
    start: date
    until: date
    declaration_set_id: int
    config: CropTypeConfig
    thresholds: Thresholds
    method: Method
    files: tuple[ObservationFile, ...]
    codes: tuple[CropCode, ...]
    strata: Strata | None
    """Regions that are learnt apart; None: all is one."""
    last_run_id: int | None

    @property
    def season_slug(self) -> str:
        """Name of the season as a folder."""
        return season_slug(self.season, self.season_id)

    @property
    def as_of(self) -> date:
        """Day of the last acquisition."""
        return max(file.acquired_at for file in self.files).date()

    @property
    def input_key(self) -> str:
        """Hash of everything the answer rests on."""
        return content_key(
            [
                f"declarations:{self.declaration_set_id}",
                *(f"file:{file.set_id}:{file.path}" for file in self.files),
                *(f"code:{_all_of(code)}" for code in self.codes),
            ],
            {
                "config": self.config.model_dump(mode="json"),
                "thresholds": self.thresholds.model_dump(mode="json"),
                "method": self.method,
                "start": self.start,
                "strata": self.strata.as_json() if self.strata else None,
            },
            __version__,
        )

    def sources(self, context: Context) -> list[ObservationSource]:
        """Return the observation files as the reader takes them."""
        return observation_sources(context.settings.data, self.files)


def find_input(
    session: Session,
    settings: Settings,
    season_id: int,
    until: date | None = None,
    method: Method | None = None,
    otherwise: Otherwise = AS_STATED,
) -> CropTypeInput:
    """Look up what is to be classified, and whether anything is new.

    Parameters
    ----------
    settings : where data and uploads lie: the last map's file, and a file of strata that site.yaml names.

    Raises
    ------
    NothingToDoError
        Without season, declarations, crop codes or observations, where L4A is off, or when nothing is new.
    """
    begun = find_season_input(session, season_id, "l4a", otherwise)
    season, site, current = begun.season, begun.site, begun.declared
    switch = begun.config.processors.l4a
    codes = declaration_rows.crop_codes(session, site.id, season.year)
    if not codes:
        raise NothingToDoError(
            f"{site.slug} has no crop code table of {season.year}: drop one into crop-codes/"
        )
    last_day = min(until or otherwise.until or season.end, season.end)
    first, after = midnight(season.start), midnight(last_day + timedelta(days=1))
    files = [
        file
        for group in FEATURE_GROUPS
        for file in product_rows.observation_files(session, current.id, group, first, after)
    ]
    if not files:
        raise NothingToDoError(f"{site.slug} has no observations between {season.start} and {last_day} yet")
    last = crop_rows.latest_run(session, season_id)
    found = CropTypeInput(
        season_id=season_id,
        site_id=site.id,
        site=site.slug,
        season=season.name,
        year=season.year,
        start=season.start,
        until=last_day,
        declaration_set_id=current.id,
        config=switch.settings,
        thresholds=switch.diversification,
        method=method or ("sen4cap" if switch.compat == "sen4cap" else "default"),
        files=tuple(files),
        codes=tuple(codes),
        strata=_strata(session, site, season.year, switch.strata, settings.uploads_root),
        last_run_id=last.id if last else None,
    )
    is_known = last is not None and last.input_key == found.input_key
    if last is not None and is_known and is_whole(session, settings.data, last.product_id):
        raise NothingToDoError(f"nothing new since the map of {last.created_at:%Y-%m-%d %H:%M} UTC")
    return found


def _all_of(code: CropCode) -> str:
    """A row of the crop code table, the sets of crop diversification with it."""
    facts = (
        code.ori_crop, code.ctnum_l4a, code.ct_l4a, code.lc, code.ctnum_div, code.ct_div,
        code.eaa, code.al, code.pgrass, code.tgrass, code.fallow, code.cwater,
    )  # fmt: skip
    return ":".join(str(fact) for fact in facts)


def _strata(
    session: Session, site: Site, year: int, named: PurePosixPath | None, uploads: Path
) -> Strata | None:
    """Return the regions of a year: those uploaded for it, else those of the file that site.yaml names."""
    uploaded = declaration_rows.current_config(session, site.id, year, STRATA)
    if uploaded is not None:
        return Strata.from_json(uploaded.values)
    if named is None:
        return None
    path = uploads / site.slug / named
    if not path.is_file():
        raise NothingToDoError(f"site.yaml of {site.slug} names strata that are not there: {path}")
    return read_strata(path)
