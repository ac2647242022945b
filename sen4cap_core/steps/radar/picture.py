"""The quicklook of a radar product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.db.acquired.scenes import RADAR_PREFIX
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.kernels.radar.values import to_physical
from sen4cap_core.rasters.decoding.preview import read_preview
from sen4cap_core.rasters.passes.radar_sums import SCALE_CODES
from sen4cap_core.reports.pictures.quicklook import quicklook_png
from sen4cap_core.scenes.radar.s1_model import RadarBand, RadarScene
from sen4cap_core.steps.acquisitions.parcel_labels import outlines_on
from sen4cap_core.steps.acquisitions.subject import ProcessedScene
from sen4cap_core.steps.radar.observe import open_subject
from sen4cap_core.steps.radar.site import radar_config
from sen4cap_core.steps.shared.context import Context

QUICKLOOK_PX = 600
_DARKEST_DB = {"vv": -20.0, "vh": -27.0}
_SPAN_DB = 18.0
_RATIO_DB = (-14.0, 12.0)
"""Darkest VH / VV, and the span to the brightest."""


def radar_quicklook(context: Context, done: ProcessedScene) -> bytes | None:
    """Draw a radar product with parcel outlines; None where it has no raster of its own (complex bursts).

    Backscatter of both polarisations is red VV, green VH, blue VH / VV in decibel; else it is grey.
    """
    subject = done.subject
    with context.session() as session:
        config = radar_config(site_rows.site_by_id(session, subject.site_id))
    scene = open_subject(subject, config)
    if not scene.bands or scene.format == "dimap":
        return None
    values, grid = read_preview([band.source for band in scene.bands.values()], QUICKLOOK_PX)
    physical: dict[str, NDArray[np.float32]] = {
        pol: _physical(image, band) for image, (pol, band) in zip(values, scene.bands.items(), strict=True)
    }
    outlines = outlines_on(context, done.observed[0].declaration_set_id, scene.grid) if done.observed else []
    pixels, label = _picture(scene, physical)
    quantity = subject.sensor.removeprefix(RADAR_PREFIX)
    title = f"{subject.site}  T{subject.tile}  {subject.acquired_at:%Y-%m-%d}  {quantity}"
    return quicklook_png(pixels, grid, title=title, outlines=outlines, max_size_px=QUICKLOOK_PX, label=label)


def _physical(image: NDArray[np.float32], band: RadarBand) -> NDArray[np.float32]:
    out = np.empty(image.shape, np.float32)
    missing = 0.0 if band.source.nodata is None else np.nan
    to_physical(image, SCALE_CODES[band.scale], 1.0, 0.0, missing, out)
    return out


def _picture(scene: RadarScene, values: dict[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], str]:
    if scene.quantity == "coherence":
        pol, image = next(iter(values.items()))
        return np.stack([image] * 3), f"coherence {pol.upper()}"
    with np.errstate(invalid="ignore", divide="ignore"):
        channels = {p: (10 * np.log10(one) - _DARKEST_DB[p]) / _SPAN_DB for p, one in values.items()}
        if len(channels) < 2:
            pol = next(iter(channels))
            return np.stack([channels[pol]] * 3).astype(np.float32), f"{pol.upper()} dB"
        ratio = (10 * np.log10(values["vh"] / values["vv"]) - _RATIO_DB[0]) / _RATIO_DB[1]
    return np.stack([channels["vv"], channels["vh"], ratio]).astype(np.float32), "VV, VH, VH/VV dB"
