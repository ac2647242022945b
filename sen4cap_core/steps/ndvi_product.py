"""The NDVI raster of a scene as a product: where it lies, its STAC item, its row and lineage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core import __version__
from sen4cap_core.db.products import register_product
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.products import naming
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.naming import L3B_NDVI
from sen4cap_core.products.stac import Band, Input, Origin, raster_item
from sen4cap_core.rasters.bands import BandSource
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.scene_pass import PassResult
from sen4cap_core.scenes.model import Scene
from sen4cap_core.steps.context import Context

if TYPE_CHECKING:
    from sen4cap_core.steps.process_scene import Subject

_LINEAGE = (
    "NDVI of surface reflectance on pixels the scene classification calls vegetation or bare soil; "
    "water, cloud, shadow, snow and saturated pixels are missing."
)


@dataclass(frozen=True)
class MadeRaster:
    """A raster that is being made: its identity and where it goes."""

    key: str
    version: str
    path: Path
    relative: str


def make_path(context: Context, subject: Subject) -> MadeRaster:
    """Return where the NDVI raster of a scene belongs."""
    key = naming.content_key(
        [f"scene:{subject.site}/{subject.product_id}/{subject.tile}"],
        {"variable": "ndvi", "scale": NDVI.quantisation.scale, "mask": "scl"},
        __version__,
    )
    version = naming.version_of(key)
    relative = naming.l3b_ndvi_path(subject.site, subject.year, subject.tile, subject.acquired_at, version)
    return MadeRaster(key, version, context.settings.data / relative, str(relative))


def raster_band(path: Path, grid: Grid) -> BandSource:
    """Return our own NDVI raster as a band to read."""
    return BandSource(
        "ndvi", str(path), grid, scale=NDVI.quantisation.scale, nodata=float(NDVI.quantisation.nodata)
    )


def publish_ndvi(
    context: Context, subject: Subject, scene: Scene, raster: MadeRaster, result: PassResult
) -> None:
    """Describe a finished raster in STAC and enter it with its lineage."""
    item = raster_item(
        collection=L3B_NDVI,
        item_id=raster.path.stem,
        asset=raster.path,
        grid=scene.grid,
        tile=subject.tile,
        acquired_at=subject.acquired_at,
        bands=[
            Band(
                "ndvi",
                NDVI.description,
                "int16",
                scale=NDVI.quantisation.scale,
                nodata=float(NDVI.quantisation.nodata),
            )
        ],
        origin=Origin(
            software_version=__version__,
            lineage=_LINEAGE,
            inputs=[Input(str(subject.path), subject.product_id)],
            content_key=raster.key,
            level="L3",
            expression="(B08 - B04) / (B08 + B04)",
        ),
        platform=scene.platform,
        cloud_cover_percent=100.0 * (1.0 - result.clear_fraction),
        properties={"s2:processing_baseline": scene.baseline} if scene.baseline else None,
    )
    stac = raster.path.with_suffix(".json")
    publish_item(context.settings.data, item, stac)
    with context.session() as session:
        register_product(
            session,
            {
                "key": raster.key,
                "site_id": subject.site_id,
                "kind": L3B_NDVI,
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
