"""Pictures for the runs on scenes: quicklooks."""

from __future__ import annotations

from sen4cap_core.rasters.decoding.preview import read_preview
from sen4cap_core.reports.pictures.quicklook import Ramp, quicklook_png, spread_of
from sen4cap_core.steps.acquisitions.parcel_labels import outlines_on
from sen4cap_core.steps.acquisitions.subject import ProcessedScene
from sen4cap_core.steps.radar.picture import radar_quicklook
from sen4cap_core.steps.scenes.optical import raster_band
from sen4cap_core.steps.shared.context import Context

QUICKLOOK_PX = 600
RAMPS = {
    "lai": Ramp("LAI", 0.0, 6.0),
    "fapar": Ramp("fAPAR"),
    "fcover": Ramp("fCover"),
}
"""Ranges shown; an index without one is spread over what the scene holds."""


def scene_quicklooks(context: Context, done: ProcessedScene) -> dict[str, bytes]:
    """Draw the rasters of a scene with parcel outlines, missing pixels hatched: title -> PNG.

    Those that were made now; where none was, the NDVI raster that is there. Empty without a raster.
    """
    if done.subject.is_radar:
        picture = radar_quicklook(context, done)
        return {"Quicklook": picture} if picture else {}
    subject = done.subject
    shown = done.made or [variable for variable in done.rasters if variable == "ndvi"]
    pictures: dict[str, bytes] = {}
    outlines = None
    for variable in shown:
        band, full_grid = raster_band(variable, done.rasters[variable])
        if outlines is None:
            outlines = (
                outlines_on(context, done.observed[0].declaration_set_id, full_grid) if done.observed else []
            )
        pixels, grid = read_preview([band], QUICKLOOK_PX)
        ramp = RAMPS.get(variable, Ramp("NDVI") if variable == "ndvi" else spread_of(variable, pixels[0]))
        title = f"{subject.site}  T{subject.tile}  {subject.acquired_at:%Y-%m-%d}  {ramp.name}"
        pictures[f"Quicklook: {ramp.name}"] = quicklook_png(
            pixels[0], grid, title=title, outlines=outlines, ramp=ramp, max_size_px=QUICKLOOK_PX
        )
    return pictures
