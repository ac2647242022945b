"""Crop codes, strata and processor configurations."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made import crop_types as crop_rows
from sen4cap_core.db.models import Site
from sen4cap_core.declarations.settings.l4b_file import read_l4b_config
from sen4cap_core.declarations.sites.strata import read_strata
from sen4cap_core.declarations.tables.crop_codes import read_crop_codes
from sen4cap_core.steps.acquisitions.wanted import scenes_to_observe
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.grassland import grassland_codes
from sen4cap_core.steps.shared.taken import Drop, Taken, as_problems
from sen4cap_core.steps.shared.work import ask_crop_types, ask_extract, ask_mowing
from sen4cap_core.steps.uploads.crop_code_check import codes_not_in, missing_codes_warning

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

L4B = "l4b"
_TOLD = ("decreasing_abs_th", "increasing_rate_th", "high_abs_th", "low_abs_th")
"""Settings of a mowing configuration that its receipt shows, where the file has them."""
STRATA = "l4a-strata"


def receive_crop_codes(context: Context, drop: Drop) -> Taken:
    """Store the look-up table of crop codes of a site and year."""
    table = read_crop_codes(drop.path)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        rows = [
            {name: value for name, value in asdict(code).items() if name != "other"}
            for code in table.codes.values()
        ]
        declaration_rows.replace_crop_codes(session, site.id, drop.year, drop.upload_id, rows)
        missing = codes_not_in(session, site.id, drop.year, table)
        _ask_year(session, site, drop.year)
        n_maps = _ask_maps(session, site, drop.year)
        current = declaration_rows.current_set(session, site.id, drop.year)
        grass = grassland_codes(declaration_rows.crop_codes(session, site.id, drop.year))
        n_grass = declaration_rows.n_parcels_of(session, current.id, grass) if current is not None else 0
        # Crop types are told from ten bands, which scenes processed before the table may lack.
        if current is not None and scenes_to_observe(session, current):
            ask_extract(session, site.slug, current.id)
    return Taken(
        "crop code table (L4A look-up table)",
        {
            "codes": len(table),
            "encoding": table.encoding,
            "separator": repr(table.delimiter),
            "codes of grassland (mowing)": len(grass),
            **({"parcels of grassland": n_grass} if current is not None else {}),
            **({"crop type maps made again": n_maps} if n_maps else {}),
        },
        [*as_problems(table.warnings), *missing_codes_warning(missing)],
        {"declared codes that are not in the table": missing} if missing else {},
    )


def receive_l4b_config(context: Context, drop: Drop) -> Taken:
    """Store the mowing configuration of a site and year and ask for a new evaluation."""
    config = read_l4b_config(drop.path)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        # What the file leaves out is not stored: site.yaml may have it.
        values = config.model_dump(mode="json", exclude_unset=True)
        declaration_rows.store_config(session, site.id, drop.year, L4B, drop.upload_id, values)
        _ask_year(session, site, drop.year)
    periods = [
        {"crop code": p.crop_code, "from": str(p.start), "to": str(p.end), "rule": p.rule}
        for p in config.compliance
    ]
    return Taken(
        "mowing configuration (L4B)",
        {
            **{name: values["s2"][name] for name in _TOLD if name in values.get("s2", {})},
            "settings in the file": sum(len(one) if isinstance(one, dict) else 1 for one in values.values()),
            "crop codes with a compliance period": len(periods),
        },
        details={"compliance periods": periods} if periods else {},
    )


def receive_strata(context: Context, drop: Drop) -> Taken:
    """Store the regions whose crop types are learnt apart; the next map takes them."""
    strata = read_strata(drop.path)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        declaration_rows.store_config(session, site.id, drop.year, STRATA, drop.upload_id, strata.as_json())
    return Taken("strata (regions of the crop type map)", {"strata": list(strata.names)})


def _ask_year(session: Session, site: Site, year: int) -> None:
    if declaration_rows.current_set(session, site.id, year) is None:
        return
    for season in site_rows.seasons_of(session, site.id, enabled_only=True):
        if season.year == year:
            ask_mowing(session, site.slug, season.id)


def _ask_maps(session: Session, site: Site, year: int) -> int:
    """Ask for the crop type maps there are of a year anew, crop diversification with them; return how many.

    Where there is none yet, or more has come since, the calendar asks.
    """
    n_maps = 0
    for season in site_rows.seasons_of(session, site.id, enabled_only=True):
        last = crop_rows.latest_run(session, season.id) if season.year == year else None
        if last is not None:
            ask_crop_types(session, site.slug, season.id, last.as_of)
            n_maps += 1
    return n_maps
