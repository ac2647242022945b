"""Our own radar rasters as products: where they lie, their STAC item, their scene row and lineage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.db.acquired.radar import supersede_longer_pairs, supersede_same_slice
from sen4cap_core.db.made.products import register_product
from sen4cap_core.db.models import SceneRow
from sen4cap_core.products import naming
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.naming import S1_BACKSCATTER, S1_COHERENCE
from sen4cap_core.products.radar_item import radar_item
from sen4cap_core.products.stac import Input, Origin
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.writing.float_cog import write_float_cog
from sen4cap_core.steps.radar.ingest import ingest_radar
from sen4cap_core.steps.radar.subject import RadarSubject
from sen4cap_core.steps.shared.context import Context

_LINEAGE = {
    "slc": "Bursts of a single-look complex product calibrated, noise removed, brought to the tile's grid "
    "with terrain heights, averaged to 20 m and merged; linear power, no speckle filter.",
    "grd": "A detected product calibrated, noise removed, brought to the tile's 20 m cells with terrain "
    "heights; linear power, no speckle filter.",
    "coherence": "Two passes brought to the same 5 m by 10 m cells, the phase of the ranges removed; "
    "coherence in windows of 80 m by 70 m every 20 m, biased as the estimator is.",
}
UNSEEN = ("layover", "shadow")
"""What is masked of the terrain, where it is."""
_QUANTITIES = {
    "sigma0": " Over the ellipsoid.",
    "gamma0": " Flattened by the area of the terrain in each pixel (Small 2011).",
    "coherence": "",
}


@dataclass(frozen=True)
class RadarRaster:
    """Rasters that are to be made, and what they are made of."""

    quantity: str
    method: str
    """How they are made: ``slc``, ``grd`` or ``coherence``."""
    site: str
    site_id: int
    year: int
    tile: str
    grid: Grid
    started_at: datetime
    acquired_at: datetime
    platform: str
    relative_orbit: int
    direction: str
    sources: list[tuple[int, Path, str]]
    """(acquisition, path, product name)"""
    inputs: list[str]
    """What identifies the work, for the content key."""
    masked: tuple[str, ...] = ()
    """See `sen4cap_core.products.radar_item.radar_item`."""

    @property
    def collection(self) -> str:
        """STAC collection."""
        return S1_COHERENCE if self.quantity == "coherence" else S1_BACKSCATTER


def raster_of(
    quantity: str,
    method: str,
    earlier: RadarSubject,
    later: RadarSubject,
    tile: str,
    grid: Grid,
    inputs: list[str],
    masked: tuple[str, ...] = (),
) -> RadarRaster:
    """Describe the rasters of a pair, or of one acquisition that is both ``earlier`` and ``later``."""
    return RadarRaster(
        quantity=quantity,
        method=method,
        site=later.site,
        site_id=later.site_id,
        year=later.year,
        tile=tile,
        grid=grid,
        started_at=earlier.pairing.started_at,
        acquired_at=later.pairing.started_at,
        platform=later.platform,
        relative_orbit=later.pairing.relative_orbit,
        direction=later.direction,
        sources=[(one.number, one.path, one.product_id) for one in dict.fromkeys([earlier, later])],
        inputs=inputs,
        masked=masked,
    )


def publish_radar(
    context: Context, raster: RadarRaster, rasters: Callable[[], dict[str, NDArray[np.float32]]]
) -> str | None:
    """Write the rasters, their item and their rows, and ask for their parcels; return the item's id.

    What lies there already is not made again. None where no cell has a value.
    """
    facts = {"quantity": raster.quantity, "tile": raster.tile, "masked": list(raster.masked)}
    key = naming.content_key(raster.inputs, facts, __version__)
    relative = naming.radar_path(
        raster.site,
        raster.year,
        raster.collection,
        raster.tile,
        raster.started_at,
        raster.acquired_at,
        naming.version_of(key),
    )
    item_path = context.settings.data / relative
    if not item_path.is_file():
        made = {pol: values for pol, values in rasters().items() if np.isfinite(values).any()}
        if not made:
            return None
        _write(context, raster, made, item_path, key)
    found = ingest_radar(context, raster.site, None, item_path)
    with context.session() as session:
        for one in found:
            scene = session.get_one(SceneRow, one.scene_id)
            supersede_longer_pairs(session, scene)
            supersede_same_slice(session, scene)
            register_product(
                session,
                {
                    "key": key,
                    "site_id": raster.site_id,
                    "kind": raster.collection,
                    "scene_id": one.scene_id,
                    "season_id": None,
                    "tile": raster.tile,
                    "start": raster.started_at,
                    "end": raster.acquired_at,
                    "path": str(relative),
                    "stac_path": str(relative),
                    "made_by": __version__,
                    "flow_run_id": context.flow_run_id,
                },
                [f"radar-acquisition:{number}" for number, _, _ in raster.sources],
            )
    return item_path.stem


def _write(
    context: Context, raster: RadarRaster, made: dict[str, NDArray[np.float32]], item_path: Path, key: str
) -> None:
    files = {}
    for pol, values in made.items():
        path = item_path.with_name(f"{item_path.stem}_{pol}.tif")
        write_float_cog(path, raster.grid, {pol: values})
        files[pol] = path
    item = radar_item(
        collection=raster.collection,
        item_id=item_path.stem,
        rasters=files,
        grid=raster.grid,
        tile=raster.tile,
        quantity=raster.quantity,
        started_at=raster.started_at,
        acquired_at=raster.acquired_at,
        platform=raster.platform,
        relative_orbit=raster.relative_orbit,
        direction=raster.direction,
        masked=raster.masked,
        origin=Origin(
            software_version=__version__,
            lineage=_LINEAGE[raster.method] + _QUANTITIES[raster.quantity],
            inputs=[Input(str(path), name) for _, path, name in raster.sources],
            content_key=key,
            level="L3",
        ),
    )
    publish_item(context.settings.data, item, item_path)
