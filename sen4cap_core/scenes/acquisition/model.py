"""What an acquisition is, whatever the format it came in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status_masks import StatusMask
from sen4cap_core.scenes.acquisition.angles import SceneAngles

SceneFormat = Literal["safe", "safe-zip", "stac-item", "maja", "maja-zip", "landsat", "landsat-archive"]


@dataclass(frozen=True)
class Scene:
    """One acquisition over one tile, ready to be read: no pixel has been decoded yet."""

    product_id: str
    """The provider's product name without any suffix (``S2A_MSIL2A_20190616T...``) or the STAC item id."""
    sensor: str
    """``s2-l2a`` (whoever corrected it), ``landsat-l2``."""
    platform: str
    """``S2A``, ``S2B``, ``S2C``, or ``S2`` where the metadata does not say; ``L8``, ``L9``."""
    acquired_at: datetime
    """Sensing time, UTC."""
    tile: str
    """MGRS tile without the leading T, ``30TUM``; of Landsat the WRS-2 path and row, ``198030``."""
    format: SceneFormat
    path: Path
    """What was dropped: the folder, the zip, or the STAC item JSON."""
    acquisition_key: str
    """Equal for two products of the same acquisition, datastrip and tile, whatever baseline or format:
    a newer baseline supersedes the older one, the two halves of a split datatake do not.
    For Sentinel-2 ``s2/<tile>/<datastrip sensing start>``; MAJA does not tell that instant: its products
    have keys of their own until they are entered (`db.overpasses`). For Landsat
    ``landsat/<path row>/<platform>/<day>``."""
    grid: Grid
    """Finest grid of this product, 10 m for Sentinel-2 and 30 m for Landsat (its own extent, which may be
    smaller than the tile)."""
    bands: dict[str, BandSource]
    """By Sentinel-2 band name, of Landsat by the band whose place it takes; only those that exist."""
    masks: tuple[StatusMask, ...]
    """What the product itself says about its pixels, the most important mask first; empty where it says
    nothing (only no-data is masked then, with a warning)."""
    aot: BandSource | None = None
    """Aerosol optical thickness, where the product states it pixel by pixel."""
    baseline: str | None = None
    """Processing baseline ``04.00``, None where unknown."""
    generated_at: datetime | None = None
    relative_orbit: int | None = None
    sun_zenith_deg: float | None = None
    sun_azimuth_deg: float | None = None
    angles: SceneAngles | None = None
    """Sun and view angles, as grids where the product has them; None where it states none."""
    footprint_wkt: str | None = None
    """Footprint in longitude and latitude (EPSG:4326), where the product states one; else from the grid."""
    warnings: list[str] = field(default_factory=list)

    @property
    def scl(self) -> BandSource | None:
        """Sen2Cor's scene classification, None where the product has none."""
        return next((mask.source for mask in self.masks if mask.source.name == "SCL"), None)
