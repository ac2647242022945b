"""Simulated passes as detected products in ground range (GRD): pixels of 10 m, four looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.scatter import paint_scatterers
from sen4cap_core.rasters.decoding.radar_image import write_uint16
from sen4cap_core.simulation.radar.radar_detected_xml import (
    NUMBERS_PER_ROOT,
    detected_annotation_xml,
    detected_calibration_xml,
    detected_noise_xml,
)
from sen4cap_core.simulation.radar.radar_ground_range import (
    DETECTED_INTERVAL_S,
    PIXEL_M,
    GroundRangeModel,
    ground_range_model,
)
from sen4cap_core.simulation.radar.radar_model import LINE_INTERVAL_S, SAMPLING_HZ, PassModel, response
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S
from sen4cap_core.simulation.radar.radar_product import footprint_of, packed, product_name, stem_of
from sen4cap_core.simulation.radar.radar_scene import OVERSAMPLING, REACH, SimulatedRadar
from sen4cap_core.simulation.radar.radar_xml import manifest_xml

LOOKS = 4
BANDWIDTH = 0.5
"""A resolution of 20 m on pixels of 10 m."""


def detected_image(radar: SimulatedRadar, model: GroundRangeModel, polarisation: str) -> NDArray[np.uint16]:
    """Simulate the amplitudes of one polarisation, uint16 (lines, samples)."""
    along = response(BANDWIDTH, REACH, OVERSAMPLING)
    energy = (float((along**2).sum()) / OVERSAMPLING) ** 2
    # The same area of the map is fewer pixels of this image than samples of the complex one.
    slope = np.gradient(model.ground_m[1], model.ranges_m)
    power = np.zeros((model.n_lines, model.n_samples))
    for _ in range(LOOKS):
        time_s, range_m, amplitude = radar.scattered(model.flight, polarisation)
        line, sample = model.line_of(time_s), model.sample_of(time_s, range_m)
        fewer = LINE_INTERVAL_S / DETECTED_INTERVAL_S * LIGHT_M_S / 2 / SAMPLING_HZ / PIXEL_M
        share = fewer * np.interp(range_m, model.ranges_m, slope)
        numbers = (amplitude * NUMBERS_PER_ROOT * np.sqrt(share / energy)).astype(np.complex64)
        look = np.zeros(power.shape, np.complex64)
        paint_scatterers(line, sample, numbers, np.zeros(len(line)), along, along, OVERSAMPLING, look)
        power += np.abs(look) ** 2
    return np.round(np.sqrt(power / LOOKS)).astype(np.uint16)


def write_grd(
    folder: Path,
    radar: SimulatedRadar,
    flight: PassModel,
    polarisations: Sequence[str],
    height_m: float,
    *,
    as_zip: bool = False,
) -> Path:
    """Simulate a pass and write it below ``folder`` as a GRD product; returns the product's path.

    Parameters
    ----------
    height_m : height at which distances on the ground and the geolocation grid are computed
    """
    product = folder / f"{product_name(flight, polarisations, 'GRD')}.SAFE"
    for name in ("annotation/calibration", "measurement"):
        (product / name).mkdir(parents=True, exist_ok=True)
    model = ground_range_model(flight, height_m)
    for number, polarisation in enumerate(polarisations, start=1):
        stem = stem_of(flight, "IW", polarisation, number, "grd")
        texts = {
            f"annotation/{stem}.xml": detected_annotation_xml(model, polarisation, height_m),
            f"annotation/calibration/calibration-{stem}.xml": detected_calibration_xml(model, polarisation),
            f"annotation/calibration/noise-{stem}.xml": detected_noise_xml(model, polarisation),
        }
        for name, text in texts.items():
            (product / name).write_text(text, encoding="utf-8")
        write_uint16(
            str(product / "measurement" / f"{stem}.tiff"), detected_image(radar, model, polarisation)
        )
    manifest = manifest_xml(flight, ["IW"], polarisations, footprint_of(flight, height_m))
    (product / "manifest.safe").write_text(manifest, encoding="utf-8")
    return packed(product) if as_zip else product
