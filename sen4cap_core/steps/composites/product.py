"""A composite as a product: where it lies, its STAC item, its row and lineage, its picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from sen4cap_core import __version__
from sen4cap_core.clock import midnight
from sen4cap_core.db.made.products import register_product
from sen4cap_core.products import naming
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.composite_item import composite_item
from sen4cap_core.products.naming import L3A_COMPOSITE
from sen4cap_core.products.stac import Band, Input, Origin
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.decoding.preview import read_preview
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import NO_DATA
from sen4cap_core.rasters.passes.composite_block import FLAGS, outputs_of_plan
from sen4cap_core.rasters.passes.composite_dates import CompositePlan, Method
from sen4cap_core.rasters.passes.composite_pass import CompositeResult
from sen4cap_core.reports.pictures.quicklook import quicklook_png, spread_of
from sen4cap_core.scenes.acquisition.s2_names import BAND_COMMON_NAMES
from sen4cap_core.steps.composites.input import TileScene
from sen4cap_core.steps.shared.context import Context

QUICKLOOK_PX = 600
_TRUE_COLOUR = ("B04", "B03", "B02")
_LINEAGE: dict[Method, str] = {
    "weighted": "Average of the clear reflectance of each pixel, weighted by aerosol, distance to clouds, "
    "date and sensor; where no date is clear, what stands in is flagged.",
    "weighted-sen4cap": "Average of the clear reflectance of each pixel, weighted and updated date by date "
    "in 16 bits as Sen2Agri and Sen4CAP do.",
    "median": "Median of the clear reflectance of each pixel, band by band.",
    "max-ndvi": "Reflectance of each pixel on the clear date of its highest NDVI.",
}


@dataclass(frozen=True)
class MadeComposite:
    """A composite of one tile and pixel size."""

    site: str
    site_id: int
    year: int
    tile: str
    day: date
    reach: tuple[int, int]
    """Days before and after."""
    plan: CompositePlan
    grid: Grid
    members: list[TileScene]
    key: str
    result: CompositeResult | None = None
    """None where it was there before."""

    @property
    def relative(self) -> str:
        """Path of the STAC item below the data root."""
        start, end = self.day - timedelta(days=self.reach[0]), self.day + timedelta(days=self.reach[1])
        version = naming.version_of(self.key)
        size = self.grid.resolution_m
        return str(naming.l3a_path(self.site, self.year, self.tile, self.day, start, end, size, version))

    def item_path(self, context: Context) -> Path:
        """Return where the STAC item lies; it is written last."""
        return context.settings.data / self.relative

    def raster_path(self, context: Context, name: str) -> Path:
        """Return where a raster lies: beside the item."""
        item = self.item_path(context)
        return item.with_name(f"{item.stem}_{name}.tif")


def publish_composite(context: Context, composite: MadeComposite) -> None:
    """Write the STAC item where there is none, and enter the product with its lineage."""
    path = composite.item_path(context)
    acquired = [member.scene.acquired_at for member in composite.members]
    if not path.is_file():
        _write_item(context, composite, path)
    with context.session() as session:
        register_product(
            session,
            {
                "key": composite.key,
                "site_id": composite.site_id,
                "kind": L3A_COMPOSITE,
                "scene_id": None,
                "season_id": None,
                "tile": composite.tile,
                "start": min(acquired),
                "end": max(acquired),
                "path": composite.relative,
                "stac_path": composite.relative,
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
            [f"scene:{member.scene_id}" for member in composite.members],
        )


def _write_item(context: Context, composite: MadeComposite, path: Path) -> None:
    plan = composite.plan
    rasters = {
        output.name: (
            composite.raster_path(context, output.name),
            Band(output.name, output.description, "int16", scale=output.quantisation.scale,
                 nodata=float(output.quantisation.nodata),
                 common_name=BAND_COMMON_NAMES.get(output.name.upper())),
        )
        for output in outputs_of_plan(plan)
    }  # fmt: skip
    if plan.method.startswith("weighted"):
        text = "0 land, 1 water, 3 snow, 4 cloud: what stands in where no date is clear"
        flags = Band(FLAGS, text, "uint8", nodata=float(NO_DATA))
        rasters[FLAGS] = (composite.raster_path(context, FLAGS), flags)
    acquired = [member.scene.acquired_at for member in composite.members]
    item = composite_item(
        item_id=path.stem,
        rasters=rasters,
        grid=composite.grid,
        tile=composite.tile,
        at=midnight(composite.day),
        first=min(acquired),
        last=max(acquired),
        origin=Origin(
            software_version=__version__,
            lineage=_LINEAGE[plan.method],
            inputs=[Input(str(m.scene.path), m.scene.product_id) for m in composite.members],
            content_key=composite.key,
            level="L3",
        ),
        properties={"sen4cap:method": plan.method, "sen4cap:n_scenes": len(composite.members)},
    )
    publish_item(context.settings.data, item, path)


def composite_quicklook(context: Context, composite: MadeComposite) -> bytes:
    """Draw a composite: in true colour where it has the bands, else its first band."""
    names = _TRUE_COLOUR if set(_TRUE_COLOUR) <= set(composite.plan.bands) else composite.plan.bands[:1]
    stored = {o.name: o.quantisation for o in outputs_of_plan(composite.plan)}
    sources = [_source(context, composite, name.lower(), stored[name.lower()]) for name in names]
    pixels, grid = read_preview(sources, QUICKLOOK_PX)
    title = f"{composite.site}  T{composite.tile}  {composite.day:%Y-%m-%d}  {composite.plan.method}"
    if len(names) == 3:
        return quicklook_png(pixels, grid, title=title, max_size_px=QUICKLOOK_PX)
    image = np.asarray(pixels[0])
    return quicklook_png(
        image, grid, title=title, ramp=spread_of(f"reflectance {names[0]}", image), max_size_px=QUICKLOOK_PX
    )


def _source(context: Context, composite: MadeComposite, name: str, quantisation: Quantisation) -> BandSource:
    path = composite.raster_path(context, name)
    return BandSource(
        name, str(path), composite.grid, scale=quantisation.scale, nodata=float(quantisation.nodata)
    )
