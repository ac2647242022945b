"""What the cloud screening looks at of a scene: three bands and the product's masks, on pixels of 60 m."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.kernels.composites.fields import to_stored
from sen4cap_core.rasters.blockwise.blocks import Block, cut
from sen4cap_core.rasters.blockwise.workers import Task, Workers
from sen4cap_core.rasters.decoding.decode import BandFiles, decode_environment, enter_decode_environment
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.on_grid import read_on, status_on
from sen4cap_core.rasters.masks.screening import SCREENING_RESOLUTION_M, ScreenedDate
from sen4cap_core.rasters.masks.status import LAND
from sen4cap_core.rasters.masks.status_masks import shadow_as_cloud
from sen4cap_core.scenes.acquisition.model import Scene

BANDS = ("B02", "B04", "B08")
_SIDE = 512
"""At 60 m three tiles of 1024 pixels of 10 m, so that no tile is decoded twice."""


def screening_grid(scene: Scene) -> Grid | None:
    """Return the 60 m grid of a scene; None where its pixels do not fill one or it lacks a band."""
    if any(band not in scene.bands for band in BANDS):
        return None
    zoom = round(SCREENING_RESOLUTION_M / scene.grid.resolution_m)
    return scene.grid.zoomed(zoom) if zoom >= 1 else None


def read_screened_date(scene: Scene, grid: Grid, threads: int) -> ScreenedDate:
    """Read a scene for the screening. Of JPEG 2000 only the coarse wavelet levels are decoded.

    Raises
    ------
    UnreadableSceneError
        When a band or a mask cannot be read.
    """
    bands = np.empty((len(BANDS), *grid.shape), np.int16)
    status = np.empty(grid.shape, np.uint8)
    with decode_environment():
        files = BandFiles()
        blocks = cut(grid.shape, (_SIDE, _SIDE))
        tasks: list[Task] = [
            (partial(_read_band, files, scene, grid, block, index, bands), 0.0)
            for block in blocks
            for index in range(len(BANDS))
        ]
        tasks += [(partial(_read_status, files, scene, grid, block, status), 0.0) for block in blocks]
        try:
            with Workers(threads, 1.0, None, enter_decode_environment) as workers:
                workers.run(tasks)
        finally:
            files.close()
    return ScreenedDate(
        to_days(scene.acquired_at.date()), bands, status, scene.sun_zenith_deg, scene.sun_azimuth_deg
    )


def _read_band(
    files: BandFiles, scene: Scene, grid: Grid, block: Block, index: int, bands: NDArray[np.int16]
) -> None:
    source = scene.bands[BANDS[index]]
    values, _ = read_on(files, source, grid, block)
    missing = np.nan if source.nodata is None else source.nodata
    out = np.empty((block.height, block.width), np.int16)
    to_stored(values, source.scale, source.offset, missing, out)
    bands[index][block.slices] = out


def _read_status(files: BandFiles, scene: Scene, grid: Grid, block: Block, status: NDArray[np.uint8]) -> None:
    # Beside shadows as beside clouds, edges are looked for.
    found = status_on(files, shadow_as_cloud(scene.masks), grid, block)
    status[block.slices] = LAND if found is None else found
