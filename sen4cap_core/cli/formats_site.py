"""The part of the page of formats that explains site.yaml."""

from __future__ import annotations

from pydantic import BaseModel

from sen4cap_core.cli.formats_text import block, model_table
from sen4cap_core.declarations import schedule, site
from sen4cap_core.declarations.crop_type_settings import CropTypeConfig
from sen4cap_core.declarations.diversification_settings import Thresholds

SITE_EXAMPLE = """
name: Nederland 2019
country: NLD
satellites: [S1, S2]
seasons:
  - {name: summer, start: 2018-10-01, mid: 2019-05-31, end: 2019-12-31}
processors:
  l3b: [ndvi]
  l4a:
    settings: {pa_min: 20}
    diversification: {min_confidence: 0.9}
  l4b: {mowing_start: 2019-03-01}
  l4c:
    practices: [NA, CC]
    settings: {CC: {CATCHPERIOD: 70}}
schedule: {l4a: {every: month, wait_hours: 48}, l4c: week}
sources:
  - {kind: local, root: /eodata}
  - {kind: stac, url: "https://stac.example.org/v1", secret: copernicus, max_cloud_percent: 80}
enabled: true
"""
PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("", site.SiteConfig),
    ("`seasons`, each", site.SeasonConfig),
    ("`processors`", site.ProcessorsConfig),
    ("`processors.l3a`", site.L3ASwitch),
    ("`processors.l3b`; a list alone is its `indices`", site.L3BSwitch),
    ("`processors.l4a`", site.L4ASwitch),
    ("`processors.l4a.settings`", CropTypeConfig),
    ("`processors.l4a.diversification`", Thresholds),
    ("`processors.l4b`", site.L4BSwitch),
    ("`processors.l4c`", site.L4CSwitch),
    ("`schedule`", schedule.SchedulesConfig),
    ("`schedule`, each; a word alone is its `every`", schedule.Schedule),
    ("`radar`", site.RadarConfig),
    ("`retention`", site.RetentionConfig),
    ("`sources`, `kind: local`", site.LocalSource),
    ("`sources`, `kind: stac`", site.StacSource),
    ("`sources`, `kind: dhus`", site.DhusSource),
)
"""Heading and model of each table."""


def site_section() -> str:
    """Return what site.yaml may say, key by key."""
    tables = "\n\n".join(f"{heading}\n\n{model_table(model)}".strip() for heading, model in PARTS)
    return f"""## site.yaml

Everything is optional; an empty file is complete. `true` and `false` in the place of a processor's keys
switch it on and off. An unknown key is an error with its line and the nearest known key.
`sen4cap site schema` prints the same as a JSON schema for editors. Beside it lies the extent, `site.zip`
(shapefile) or `site.gpkg`: one or more polygons in any projection, their union is the site.

{tables}

Example:

{block(SITE_EXAMPLE, "yaml")}"""
