"""Clouds and shadows that a product's own masks leave out, as one more mask of the scene."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sen4cap_core import __version__
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.kernels.optical.cloud_screening import CLOUD as MARKED_CLOUD
from sen4cap_core.kernels.optical.cloud_screening import SHADOW as MARKED_SHADOW
from sen4cap_core.products import naming
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.screening import ScreeningSettings
from sen4cap_core.rasters.masks.screening_store import MARKS_MISSING, JudgedBy, ScreeningStore, judged_by
from sen4cap_core.rasters.masks.status import CLOUD, LAND, NO_DATA, SHADOW
from sen4cap_core.rasters.masks.status_masks import StatusMask
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.screening_input import read_screened_date, screening_grid
from sen4cap_core.steps.shared.context import Context

if TYPE_CHECKING:
    from sen4cap_core.steps.acquisitions.subject import Subject

MASK = "SCREENING"
"""Name of the mask among those of a scene."""


def screened(context: Context, subject: Subject, scene: Scene) -> tuple[Scene, str | None]:
    """Return a scene with the screening as its last mask, where its site asks for one.

    The scene is screened if it was not yet; the second answer says why it could not be.

    Raises
    ------
    UnreadableSceneError
        When a band cannot be read.
    """
    with context.session() as session:
        config = SiteConfig.model_validate(site_rows.site_by_id(session, subject.site_id).config)
    if not config.cloud_screening:
        return scene, None
    grid = screening_grid(scene)
    if grid is None:
        return scene, "clouds are those of the product alone: no blue band, or pixels that do not fill 60 m"
    store = _store(context, subject.site, subject.year, scene, grid)
    path = store.screen(
        _name(scene), partial(read_screened_date, scene, grid, context.settings.decode_threads)
    )
    return with_marks(scene, path, grid), None


def screened_before(context: Context, site: str, year: int, scene: Scene) -> Scene:
    """Return a scene with its marks, where it was screened when it was processed."""
    grid = screening_grid(scene)
    if grid is None:
        return scene
    path = _store(context, site, year, scene, grid).marks_of(_name(scene))
    return with_marks(scene, path, grid) if path.is_file() else scene


def with_marks(scene: Scene, path: Path, grid: Grid) -> Scene:
    """Return a scene with a raster of marks as its last mask: what its own masks say comes first."""
    table = np.full(256, LAND, np.uint8)
    table[MARKED_CLOUD], table[MARKED_SHADOW] = CLOUD, SHADOW
    table[MARKS_MISSING] = NO_DATA
    return replace(scene, masks=(*scene.masks, StatusMask(BandSource(MASK, str(path), grid), table)))


def is_screened(scene: Scene) -> bool:
    """Whether the screening is among a scene's masks."""
    return any(mask.source.name == MASK for mask in scene.masks)


def judged(scene: Scene) -> JudgedBy | None:
    """Return the dates that a scene was compared with; None where it is not screened, or it is not known."""
    paths = [Path(mask.source.uri) for mask in scene.masks if mask.source.name == MASK]
    return judged_by(paths[0]) if paths else None


def marks_files(data_root: Path, site: str, tile: str, product_id: str) -> list[Path]:
    """Return the marks of a scene, of whichever year and thresholds."""
    pattern = f"*/screening/{tile}/*/*_{escape(product_id)}_marks.tif"
    return sorted((data_root / "sites" / site).glob(pattern))


def _store(context: Context, site: str, year: int, scene: Scene, grid: Grid) -> ScreeningStore:
    settings = ScreeningSettings()
    key = naming.content_key([grid.key], asdict(settings), __version__)
    folder = naming.screening_folder(site, year, scene.tile, naming.version_of(key))
    return ScreeningStore(context.settings.data / folder, grid, settings)


def _name(scene: Scene) -> str:
    return f"{naming.stamp(scene.acquired_at)}_{scene.product_id}"
