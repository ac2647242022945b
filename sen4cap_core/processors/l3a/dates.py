"""From a scene to a date of a composite: its weights, its distance to clouds, its directions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from sen4cap_core.processors.l3a.direction import COEFFICIENTS, nadir_factor
from sen4cap_core.processors.l3a.weights import CompositeSettings, date_weight, sensor_weight
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.decoding.decode import BandFiles, decode_environment
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.cloud_distance import cloud_cover, distance_weight, gaussian_weight
from sen4cap_core.rasters.masks.status_masks import shadow_as_cloud
from sen4cap_core.rasters.passes.composite_dates import ComposedDate, Field, Method
from sen4cap_core.scenes.acquisition.model import Scene


def composed_date(
    scene: Scene,
    day: date,
    *,
    days_before: int,
    days_after: int,
    method: Method,
    settings: CompositeSettings | None = None,
) -> ComposedDate:
    """Weigh a scene for the composite of a day. Of its pixels only the masks are decoded.

    Raises
    ------
    UnreadableSceneError
        When a mask cannot be read.
    ValueError
        When the scene lies outside the period.
    """
    settings = settings or CompositeSettings()
    at_midnight = datetime.combine(day, time.min, UTC)
    minute = int((scene.acquired_at - at_midnight).total_seconds() // 60)
    apart = (scene.acquired_at.date() - day).days
    original = method == "weighted-sen4cap"
    weight, cloud = 1.0, None
    if method.startswith("weighted"):
        reach = days_before if apart < 0 else days_after
        weight = date_weight(apart, reach, settings.date_least, original=original)
        weight *= sensor_weight(scene.sensor)
        cloud = _cloud_field(scene, settings, original)
    directions = {
        band: factor
        for band in COEFFICIENTS
        if band in scene.bands and (factor := nadir_factor(scene.angles, band, original=original)) is not None
    }
    return ComposedDate(
        minute=minute,
        day_of_year=scene.acquired_at.timetuple().tm_yday,
        bands=bands_of_scene(scene),
        masks=scene.masks,
        aot=scene.aot,
        weight=weight,
        cloud=cloud,
        directions=directions,
    )


def bands_of_scene(scene: Scene) -> dict[str, BandSource]:
    """Bands of a scene by the Sentinel-2 band they stand for: Landsat's near infrared for B8A as for B08."""
    bands = dict(scene.bands)
    if scene.sensor.startswith("landsat") and "B08" in bands:
        bands.setdefault("B8A", bands["B08"])
    return bands


def _cloud_field(scene: Scene, settings: CompositeSettings, original: bool) -> Field | None:
    if not scene.masks:
        return None
    grid = _mask_grid(scene)
    cell = max(1, round(settings.cloud_cell_m / grid.resolution_m))
    with decode_environment():
        files = BandFiles()
        try:
            cloudy = cloud_cover(files, shadow_as_cloud(scene.masks), grid, cell, no_data_too=original)
        finally:
            files.close()
    weigh = gaussian_weight if original else distance_weight
    values = weigh(cloudy, cell, settings.sigma_small, settings.sigma_large)
    step = cell * grid.resolution_m
    return Field(values, grid.x_min_m + step / 2, grid.y_max_m - step / 2, step, step)


def _mask_grid(scene: Scene) -> Grid:
    """Twenty metres are fine enough for cells of 240 m; coarser masks keep their own size."""
    grid = scene.grid
    coarsest = max(20.0, *(mask.source.grid.resolution_m for mask in scene.masks))
    zoom = max(1, int(coarsest // grid.resolution_m))
    return grid.zoomed(zoom) or grid
