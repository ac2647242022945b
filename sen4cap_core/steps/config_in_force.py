"""The configuration a processor runs with for a site and year, and where each value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sen4cap_core.db import declarations as declaration_rows
from sen4cap_core.db.models import ProcessorConfig, Site
from sen4cap_core.declarations.l4b_config import L4BConfig
from sen4cap_core.declarations.l4c_config import PracticeCode
from sen4cap_core.declarations.l4c_layers import BUILT_IN, EffectiveL4C, effective_l4c
from sen4cap_core.declarations.site import SiteConfig
from sen4cap_core.steps.receive_practices import L4C
from sen4cap_core.steps.receive_tables import L4B

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Setting:
    """One value in force."""

    name: str
    value: Any
    source: str


def l4c_in_force(session: Session, site: Site, year: int) -> tuple[EffectiveL4C, int | None]:
    """Return the practices configuration of a site and year, and the row of the uploaded file, if any."""
    stored = declaration_rows.current_config(session, site.id, year, L4C)
    upload = None if stored is None else (_named(stored), stored.values)
    switch = SiteConfig.model_validate(site.config).processors.l4c
    settings = {str(practice): values for practice, values in switch.settings.items()}
    return effective_l4c(year, site.country, settings, upload), stored.id if stored else None


def l4c_settings(session: Session, site: Site, year: int, practice: PracticeCode) -> list[Setting]:
    """Return every setting of a practice in force, with its source."""
    effective, _ = l4c_in_force(session, site, year)
    values = effective.config.settings[practice].model_dump(mode="json")
    sources = effective.sources[practice]
    return [Setting(name.upper(), value, sources[name]) for name, value in values.items()]


def l4b_settings(session: Session, site: Site, year: int) -> list[Setting]:
    """Return every setting of mowing detection in force, with its source."""
    stored = declaration_rows.current_config(session, site.id, year, L4B)
    config = L4BConfig.model_validate(stored.values) if stored else L4BConfig()
    default = L4BConfig()
    source = _named(stored) if stored else BUILT_IN
    switch = SiteConfig.model_validate(site.config).processors.l4b
    found = [
        Setting("mowing_start", switch.mowing_start, "site.yaml" if switch.mowing_start else BUILT_IN),
        Setting("compat", switch.compat or "default", "site.yaml" if switch.compat else BUILT_IN),
    ]
    for group in ("s2", "s1"):
        for name, value in getattr(config, group).model_dump(mode="json").items():
            is_default = value == getattr(default, group).model_dump(mode="json")[name]
            found.append(Setting(f"{group}.{name}", value, BUILT_IN if is_default else source))
    for name in ("ct_numbers", "additional_columns"):
        value = list(getattr(config, name))
        found.append(Setting(name, value, source if value else BUILT_IN))
    for period in config.compliance:
        text = f"{period.start} to {period.end}, rule {period.rule}"
        found.append(Setting(f"compliance {period.crop_code}", text, source))
    return found


def _named(stored: ProcessorConfig) -> str:
    return f"upload {stored.upload_id}" if stored.upload_id is not None else "stored"
