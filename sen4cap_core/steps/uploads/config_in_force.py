"""The configuration a processor runs with for a site and year, and where each value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.models import ProcessorConfig, Site
from sen4cap_core.declarations.settings.l4b_layers import DEFAULT, EffectiveL4B, effective_l4b
from sen4cap_core.declarations.settings.l4c_config import PracticeCode
from sen4cap_core.declarations.settings.l4c_layers import EffectiveL4C, effective_l4c
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.processors.l4b.detection import effective_method
from sen4cap_core.steps.uploads.practices import L4C
from sen4cap_core.steps.uploads.tables import L4B

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Setting:
    """One value in force."""

    name: str
    value: Any
    source: str


def l4c_in_force(
    session: Session, site: Site, year: int, by_hand: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[EffectiveL4C, int | None]:
    """Return the practices configuration of a site and year, and the row of the uploaded file, if any.

    Parameters
    ----------
    by_hand : values by practice and key that go over all others.
    """
    stored = declaration_rows.current_config(session, site.id, year, L4C)
    upload = None if stored is None else (_named(stored), stored.values)
    switch = SiteConfig.model_validate(site.config).processors.l4c
    settings = {str(practice): values for practice, values in switch.settings.items()}
    return effective_l4c(year, site.country, settings, upload, by_hand), stored.id if stored else None


def l4c_settings(session: Session, site: Site, year: int, practice: PracticeCode) -> list[Setting]:
    """Return every setting of a practice in force, with its source."""
    effective, _ = l4c_in_force(session, site, year)
    values = effective.config.settings[practice].model_dump(mode="json")
    sources = effective.sources[practice]
    return [Setting(name.upper(), value, sources[name]) for name, value in values.items()]


def l4b_in_force(session: Session, site: Site, year: int) -> tuple[EffectiveL4B, int | None]:
    """Return the mowing configuration of a site and year, and the row of the uploaded file, if any."""
    stored = declaration_rows.current_config(session, site.id, year, L4B)
    upload = None if stored is None else (_named(stored), stored.values)
    switch = SiteConfig.model_validate(site.config).processors.l4b
    return effective_l4b(year, site.country, switch.settings, upload), stored.id if stored else None


def l4b_settings(session: Session, site: Site, year: int) -> list[Setting]:
    """Return every setting of mowing detection in force, with its source."""
    effective, _ = l4b_in_force(session, site, year)
    switch = SiteConfig.model_validate(site.config).processors.l4b
    found = [
        Setting(name, value if value is not None else default, "site.yaml" if value is not None else DEFAULT)
        for name, value, default in (
            ("mowing_start", switch.mowing_start, None),
            ("compat", switch.compat, "default"),
            ("method", switch.method, effective_method(switch.compat or "default", None)),
        )
    ]
    for name, source in effective.sources.items():
        if name == "compliance":
            continue
        value: Any = effective.config
        for part in name.split("."):
            value = getattr(value, part)
        found.append(Setting(name, ", ".join(value) if isinstance(value, tuple) else value, source))
    for period in effective.config.compliance:
        text = f"{period.start} to {period.end}, rule {period.rule}"
        found.append(Setting(f"compliance {period.crop_code}", text, effective.sources["compliance"]))
    return found


def _named(stored: ProcessorConfig) -> str:
    return f"upload {stored.upload_id}" if stored.upload_id is not None else "stored"
