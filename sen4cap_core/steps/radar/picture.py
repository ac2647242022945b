"""The quicklook of a radar product."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.db.acquired.scenes import RADAR_PREFIX
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.kernels.radar.values import to_physical
from sen4cap_core.rasters.decoding.preview import read_preview
from sen4cap_core.rasters.passes.radar_sums import SCALE_CODES
from sen4cap_core.reports.pictures.quicklook import Ramp, quicklook_png
from sen4cap_core.scenes.radar.s1_model import Quantity, RadarBand
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

    Backscatter of both polarisations is red VV, green VH, blue VH / VV in decibel. Else it is grey, on a
    scale that is the same on all dates.
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
    pixels, ramp = shown_as(scene.quantity, physical)
    quantity = subject.sensor.removeprefix(RADAR_PREFIX)
    title = f"{subject.site}  T{subject.tile}  {subject.acquired_at:%Y-%m-%d}  {quantity}"
    return quicklook_png(
        pixels, grid, title=title, outlines=outlines, ramp=ramp, max_size_px=QUICKLOOK_PX,
        label="VV, VH, VH/VV dB", channels=() if ramp else ("VV", "VH", "VH/VV"), has_clouds=False,
    )  # fmt: skip


def _physical(image: NDArray[np.float32], band: RadarBand) -> NDArray[np.float32]:
    out = np.empty(image.shape, np.float32)
    missing = 0.0 if band.source.nodata is None else np.nan
    to_physical(image, SCALE_CODES[band.scale], 1.0, 0.0, missing, out)
    return out


def shown_as(
    quantity: Quantity, values: Mapping[str, NDArray[np.float32]]
) -> tuple[NDArray[np.float32], Ramp | None]:
    """Return what is drawn of a product: one quantity with its ramp, or three channels without.

    Parameters
    ----------
    values : polarisation -> float32 (rows, cols), coherence 0..1 or linear backscatter, NaN missing

    Returns
    -------
    float32 (rows, cols) coherence or decibel with its ramp, or (3, rows, cols), darkest 0 and brightest 1
    """
    pol, image = next(iter(values.items()))
    if quantity == "coherence":
        return image, Ramp(f"coherence {pol.upper()}", 0.0, 1.0, is_grey=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        decibels = {name: (10 * np.log10(one)).astype(np.float32) for name, one in values.items()}
    if len(decibels) < 2:
        darkest = _DARKEST_DB[pol]
        return decibels[pol], Ramp(f"{pol.upper()} dB", darkest, darkest + _SPAN_DB, is_grey=True)
    vv, vh = ((decibels[name] - _DARKEST_DB[name]) / _SPAN_DB for name in ("vv", "vh"))
    ratio = (decibels["vh"] - decibels["vv"] - _RATIO_DB[0]) / _RATIO_DB[1]
    return np.stack([vv, vh, ratio]).astype(np.float32), None
