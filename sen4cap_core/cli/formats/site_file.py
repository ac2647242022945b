"""The part of the page of formats that explains site.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from sen4cap_core.cli.formats.text import block, model_table
from sen4cap_core.declarations.sites import site

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


def parts(model: type[BaseModel] = site.SiteConfig, path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield heading and model of each table: the model, and whatever its fields are made of."""
    yield path, model
    for name, field in model.model_fields.items():
        place = f"{path}.{name}" if path else name
        for inner in _models_in(field.annotation):
            kinds = get_args(inner.model_fields["kind"].annotation) if "kind" in inner.model_fields else ()
            yield from parts(inner, f"{place}, kind {kinds[0]}" if kinds else place)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def site_section() -> str:
    """Return what site.yaml may say, key by key."""
    places: dict[type[BaseModel], list[str]] = {}
    for path, model in parts():
        places.setdefault(model, []).append(f"`{path}`" if path else "")
    tables = "\n\n".join(
        f"{', '.join(paths)}\n\n{model_table(model)}".strip() for model, paths in places.items()
    )
    return f"""## site.yaml

Everything is optional; an empty file is complete. `true` and `false` in the place of a processor's keys
switch it on and off; a list in the place of those of `l3b` is its `indices`, a word in the place of those of
a schedule its `every`. An unknown key is an error with its line and the nearest known key. `sen4cap site
schema` prints the same as a JSON schema for editors. Beside it lies the extent, `site.zip` (shapefile) or
`site.gpkg`: one or more polygons in any projection, their union is the site.

{tables}

Example:

{block(SITE_EXAMPLE, "yaml")}"""
