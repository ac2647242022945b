"""Write simulated passes as Sentinel-1 SLC products: a ``.SAFE`` folder or a zip of one."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sen4cap_core.rasters.decoding.radar_image import write_complex_int16
from sen4cap_core.simulation.radar.radar_model import LINE_INTERVAL_S, PassModel
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, ground_point
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
from sen4cap_core.simulation.radar.radar_xml import (
    annotation_xml,
    calibration_xml,
    manifest_xml,
    noise_xml,
    orbit_file_xml,
)


def write_slc(
    folder: Path,
    radar: SimulatedRadar,
    flight: PassModel,
    polarisations: Sequence[str],
    height_m: float,
    *,
    as_zip: bool = False,
    velocity_error_m_s: float = 0.0,
) -> Path:
    """Simulate a pass and write it below ``folder``; returns the product's path.

    Parameters
    ----------
    height_m : height at which the annotation's geolocation grid is computed
    velocity_error_m_s : how far the annotation's velocities contradict its positions
    """
    product = folder / f"{product_name(flight, polarisations)}.SAFE"
    for name in ("annotation/calibration", "measurement"):
        (product / name).mkdir(parents=True, exist_ok=True)
    number = 0
    for polarisation in polarisations:
        bursts = radar.swath_bursts(flight, polarisation)
        for swath, images in zip(flight.swaths, bursts, strict=True):
            number += 1
            stem = stem_of(flight, swath.name, polarisation, number)
            lines = swath.lines_per_burst
            texts = {
                f"annotation/{stem}.xml": annotation_xml(
                    flight, swath, polarisation, height_m, velocity_error_m_s=velocity_error_m_s
                ),
                f"annotation/calibration/calibration-{stem}.xml": calibration_xml(
                    flight, swath, polarisation
                ),
                f"annotation/calibration/noise-{stem}.xml": noise_xml(flight, swath, polarisation),
            }
            for name, text in texts.items():
                (product / name).write_text(text, encoding="utf-8")
            write_complex_int16(str(product / "measurement" / f"{stem}.tiff"), images, lines)
    swaths = [swath.name for swath in flight.swaths]
    manifest = manifest_xml(flight, swaths, polarisations, footprint_of(flight, height_m))
    (product / "manifest.safe").write_text(manifest, encoding="utf-8")
    return packed(product) if as_zip else product


def write_orbit_file(folder: Path, flight: PassModel, kind: str = "RESORB") -> Path:
    """Write the orbit file of a pass; returns its path."""
    start, stop, made = (flight.instant(s) for s in (-600.0, 600.0, 10_800.0))
    name = (
        f"{flight.platform}_OPER_AUX_{kind}_OPOD_{made:%Y%m%dT%H%M%S}"
        f"_V{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}.EOF"
    )
    path = folder / name
    path.write_text(orbit_file_xml(flight), encoding="utf-8")
    return path


def product_name(flight: PassModel, polarisations: Sequence[str], kind: str = "SLC") -> str:
    """Name of a pass's product; ``kind``: ``SLC`` or ``GRD``."""
    first, last = period_of(flight)
    start, stop = flight.instant(first), flight.instant(last)
    dual = "DV" if "VH" in polarisations else "SV"
    level = "GRDH" if kind == "GRD" else "SLC_"
    return (
        f"{flight.platform}_IW_{level}_1S{dual}_{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}"
        f"_{flight.absolute_orbit:06d}_{flight.absolute_orbit + 4096:06X}_{start.day * 257:04X}"
    )


def packed(product: Path) -> Path:
    """Put a product's folder into a zip in its place; returns the zip's path."""
    target = product.with_name(f"{product.name}.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(p for p in product.rglob("*") if p.is_file()):
            archive.write(path, f"{product.name}/{path.relative_to(product).as_posix()}")
    shutil.rmtree(product)
    return target


def stem_of(flight: PassModel, swath: str, polarisation: str, number: int, kind: str = "slc") -> str:
    """Name of the files of a swath and polarisation, without suffix."""
    first, last = period_of(flight)
    start, stop = flight.instant(first), flight.instant(last)
    return (
        f"{flight.platform}-{swath}-{kind}-{polarisation}-{start:%Y%m%dt%H%M%S}-{stop:%Y%m%dt%H%M%S}"
        f"-{flight.absolute_orbit:06d}-{flight.absolute_orbit + 4096:06x}-{number:03d}"
    ).lower()


def period_of(flight: PassModel) -> tuple[float, float]:
    """When the first line of a pass begins and the last one ends."""
    last = max(s.burst_starts_s[-1] + s.lines_per_burst * LINE_INTERVAL_S for s in flight.swaths)
    return min(s.burst_starts_s[0] for s in flight.swaths), last


def footprint_of(flight: PassModel, height_m: float) -> list[tuple[float, float]]:
    """Corners (longitude, latitude) of what a pass sees."""
    first, last = period_of(flight)
    near_m = min(s.first_range_s for s in flight.swaths) * LIGHT_M_S / 2
    far_m = max(s.first_range_s + s.n_samples / 6.4345e7 for s in flight.swaths) * LIGHT_M_S / 2
    corners = [(first, near_m), (first, far_m), (last, far_m), (last, near_m)]
    return [ground_point(flight.orbit, time_s, range_m, height_m)[:2] for time_s, range_m in corners]
