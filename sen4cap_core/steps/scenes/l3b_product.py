"""The rasters of a scene as products: where they lie, their STAC items, their rows and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core import __version__
from sen4cap_core.db.made.products import register_product
from sen4cap_core.processors.l3b.items import facts_of, quantisation_of
from sen4cap_core.products import naming
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.naming import l3b_collection
from sen4cap_core.products.stac import Band, Input, Origin, raster_item
from sen4cap_core.rasters.masks.status import NO_DATA, STATUS_NAMES
from sen4cap_core.rasters.passes.scene_pass import PassResult
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.files.raster_header import read_raster_header
from sen4cap_core.steps.acquisitions.screen_scene import is_screened, judged
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sen4cap_core.steps.acquisitions.subject import Subject


@dataclass(frozen=True)
class MadeRaster:
    """A raster that is being made: its identity and where it goes."""

    key: str
    version: str
    path: Path
    relative: str


def make_path(context: Context, subject: Subject, scene: Scene, variable: str) -> MadeRaster:
    """Return where the raster of a variable belongs."""
    key = naming.content_key(
        [f"scene:{subject.site}/{subject.product_id}/{subject.tile}"],
        {
            "variable": variable,
            "scale": quantisation_of(variable).scale,
            "mask": _mask(scene),
            "method": facts_of(variable, scene).method,
        },
        __version__,
    )
    version = naming.version_of(key)
    relative = naming.l3b_path(
        subject.site, subject.year, subject.tile, subject.acquired_at, variable, version
    )
    return MadeRaster(key, version, context.settings.data / relative, str(relative))


def _mask(scene: Scene) -> str:
    """Name the masks; the same scene judged by other dates shows other pixels."""
    if not is_screened(scene):
        return "scl"
    by = judged(scene)
    return f"scl, screening {by.chain[:16]}" if by else "scl, screening"


def publish_raster(
    context: Context,
    subject: Subject,
    scene: Scene,
    variable: str,
    raster: MadeRaster,
    result: PassResult,
    found: Mapping[str, object],
) -> None:
    """Describe a finished raster in STAC, with what the pass found, and enter it with its lineage."""
    facts, stored = facts_of(variable, scene), quantisation_of(variable)
    collection = l3b_collection(variable)
    properties: dict[str, object] = {"s2:processing_baseline": scene.baseline} if scene.baseline else {}
    if is_screened(scene):
        properties["sen4cap:cloud_screening"] = True
        if by := judged(scene):
            properties["sen4cap:screened_by_dates"] = by.n_dates
            properties["sen4cap:screened_after"] = by.last
    percent_of = _percent_of_data(result.status_counts)
    item = raster_item(
        collection=collection,
        item_id=raster.path.stem,
        asset=raster.path,
        grid=read_raster_header(raster.path).grid,
        tile=subject.tile,
        acquired_at=subject.acquired_at,
        bands=[Band(variable, facts.description, "int16", scale=stored.scale, nodata=float(stored.nodata))],
        origin=Origin(
            software_version=__version__,
            lineage=facts.lineage,
            inputs=[Input(str(subject.path), subject.product_id)],
            content_key=raster.key,
            level="L3",
            expression=facts.expression,
        ),
        platform=scene.platform,
        cloud_cover_percent=percent_of.get("cloud", 0.0),
        properties={**properties, **_status_facts(percent_of), **found},
    )
    stac = raster.path.with_suffix(".json")
    publish_item(context.settings.data, item, stac)
    with context.session() as session:
        register_product(
            session,
            {
                "key": raster.key,
                "site_id": subject.site_id,
                "kind": collection,
                "scene_id": subject.scene_id,
                "season_id": None,
                "tile": subject.tile,
                "start": subject.acquired_at,
                "end": subject.acquired_at,
                "path": raster.relative,
                "stac_path": str(stac.relative_to(context.settings.data)),
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
            [f"scene:{subject.scene_id}"],
        )


def _percent_of_data(status_counts: Mapping[str, int]) -> dict[str, float]:
    """Share of each status among the pixels with data, percent; empty without data."""
    n_data = sum(n for name, n in status_counts.items() if name != STATUS_NAMES[NO_DATA])
    return {
        name: round(100.0 * n / n_data, 2)
        for name, n in status_counts.items()
        if n_data and name != STATUS_NAMES[NO_DATA]
    }


def _status_facts(percent_of: Mapping[str, float]) -> dict[str, object]:
    return {"eo:snow_cover": percent_of.get("snow", 0.0), "sen4cap:status_percent": dict(percent_of)}
