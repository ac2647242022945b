"""Backscatter of detected products (GRD) on the grid of a tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.errors import NothingToDoError
from sen4cap_core.kernels.radar.detected import detected_cells, ground_samples
from sen4cap_core.rasters.decoding.radar_image import open_radar_image, read_samples
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.sentinel1.acquisition import Terrain, parcels_around, parcels_met
from sen4cap_core.sentinel1.annotation import Annotation
from sen4cap_core.sentinel1.border import Borders, find_borders, has_border_noise
from sen4cap_core.sentinel1.box import Box, box_around
from sen4cap_core.sentinel1.flattening import MARGIN_CELLS, AreaGatherer, TerrainArea
from sen4cap_core.sentinel1.geometry import Nodes, solve_box
from sen4cap_core.sentinel1.luts import Lut
from sen4cap_core.sentinel1.orbit import OrbitFit
from sen4cap_core.sentinel1.product import Product, SwathFiles
from sen4cap_core.sentinel1.threads import in_rows
from sen4cap_core.sentinel1.visibility import unseen_cells

STRIP_ROWS = 256
"""Rows of 20 m worked off together: the nodes of a whole tile would take a gigabyte."""


@dataclass(frozen=True)
class _Band:
    """One polarisation, ready to be read."""

    swath: SwathFiles
    annotation: Annotation
    calibration: Lut
    noise: Lut


def plan_detected(product: Product, grid: Grid, parcels_deg: NDArray[np.object_]) -> Box:
    """Return the cells of a tile that hold parcels which the product may have seen.

    Raises
    ------
    NothingToDoError
        There are none.
    """
    # Heights displace the outline by a few cells at most; one per cent of a degree holds.
    outline = product.footprint.buffer(0.01)
    met = parcels_met(shapely.STRtree(parcels_deg), outline)
    if len(met):
        wanted = parcels_around(parcels_deg[met], outline).intersection(outline)
        box = box_around(outline if wanted.is_empty else wanted, grid)
        if box is not None:
            return box
    raise NothingToDoError(f"{product.name} sees no parcel on this tile")


def detected_backscatter(
    product: Product,
    box: Box,
    orbit: OrbitFit,
    terrain: Terrain,
    threads: int,
    quantity: Literal["sigma0", "gamma0"] = "sigma0",
    *,
    mask_unseen: bool = False,
) -> dict[str, NDArray[np.float32]]:
    """Return linear power of each polarisation, float32 of the box's shape, NaN where not seen.

    sigma0 is over the ellipsoid, gamma0 flattened by the terrain. Noise is taken off the average of a cell;
    what then falls below zero is zero. ``mask_unseen``: cells in layover or shadow have no value.

    Raises
    ------
    UnreadableSceneError
        A file of the product is damaged.
    """
    flat = quantity == "gamma0"
    bands = [_open(product, swath, "beta0" if flat else "sigma0") for swath in product.swaths]
    out = {band.swath.polarisation: np.full(box.shape, np.nan, np.float32) for band in bands}
    middle = product.start + (product.stop - product.start) / 2
    borders = _borders(product, bands) if has_border_noise(product) else None
    area = _area(box, bands[0].annotation, orbit, terrain, middle, threads) if flat else None
    for top, strip in _strips(box):
        heights = terrain.heights_m(strip)
        if not np.isfinite(heights).any():
            continue
        nodes = solve_box(strip, heights, orbit, middle, threads)
        unseen = _unseen(strip, bands[0].annotation, orbit, terrain, middle, threads) if mask_unseen else None
        for band in bands:
            cells = out[band.swath.polarisation][top : top + strip.height]
            _fill(product, band, nodes, orbit, borders, threads, cells)
            if area is not None:
                cells /= area.on_cells(nodes, threads)
            if unseen is not None:
                cells[unseen] = np.nan
    for cells in out.values():
        np.maximum(cells, 0.0, out=cells)
    return out


def detected_samples(
    nodes: Nodes, annotation: Annotation, orbit: OrbitFit, threads: int
) -> NDArray[np.float64]:
    """Fractional samples of nodes in an image in ground range, float64 of their shape."""
    entries = annotation.ground_ranges
    out = np.empty_like(nodes.time_s)
    times_s = np.array([orbit.seconds(entry.time) for entry in entries])
    origins_m = np.array([entry.origin_m for entry in entries])
    coefficients = np.array([entry.coefficients for entry in entries])
    spacing_m = annotation.pixel_spacing_m

    def rows(first: int, last: int) -> None:
        ground_samples(
            nodes.time_s, nodes.range_m, times_s, origins_m, coefficients, spacing_m, first, last, out
        )

    in_rows(rows, len(out), threads)
    return out


def _strips(box: Box) -> Iterator[tuple[int, Box]]:
    """Parts of a box and the row at which each begins in it."""
    for top in range(0, box.height, STRIP_ROWS):
        height = min(STRIP_ROWS, box.height - top)
        yield top, Box(box.grid, box.row + top, box.column, height, box.width)


def _area(
    box: Box, annotation: Annotation, orbit: OrbitFit, terrain: Terrain, middle: datetime, threads: int
) -> TerrainArea | None:
    """Gather the land of a box and what lies around it; None where no height is known."""
    around = box.grown(MARGIN_CELLS)
    strips = [strip for _, strip in _strips(around)]
    # Solved twice: the nodes of a whole tile would not fit into memory.
    spans = (solve_box(s, terrain.heights_m(s), orbit, middle, threads) for s in strips)
    gatherer = AreaGatherer.over(spans, orbit, annotation)
    if gatherer is None:
        return None
    for strip in strips:
        heights = terrain.heights_m(strip)
        gatherer.add(strip, heights, solve_box(strip, heights, orbit, middle, threads))
    return gatherer.result()


def _unseen(
    strip: Box, annotation: Annotation, orbit: OrbitFit, terrain: Terrain, middle: datetime, threads: int
) -> NDArray[np.bool_]:
    """Cells of a strip in layover or shadow, of the land around it, too."""
    around = strip.grown(MARGIN_CELLS)
    heights = terrain.heights_m(around)
    found = unseen_cells(heights, solve_box(around, heights, orbit, middle, threads), annotation)
    return found[strip.within(around)]


def _open(product: Product, swath: SwathFiles, quantity: str) -> _Band:
    annotation = product.annotation(swath)
    table = product.calibration(swath, annotation, (quantity,))[quantity]
    return _Band(swath, annotation, table, product.noise(swath, annotation))


def _borders(product: Product, bands: list[_Band]) -> Borders:
    """Find the borders of an old product, from VV where it has it: the brighter one."""
    band = next(b for b in bands if b.swath.polarisation == product.polarisations[0])
    annotation = band.annotation
    name = f"{product.name}/{band.swath.measurement}"
    shape = (annotation.n_lines, annotation.n_samples)
    sigma0 = product.calibration(band.swath, annotation, ("sigma0",))["sigma0"]
    with open_radar_image(product.files.uri(band.swath.measurement), name, shape) as image:
        return find_borders(image, name, band.noise, sigma0)


def _fill(
    product: Product,
    band: _Band,
    nodes: Nodes,
    orbit: OrbitFit,
    borders: Borders | None,
    threads: int,
    out: NDArray[np.float32],
) -> None:
    annotation = band.annotation
    lines = nodes.lines(orbit.seconds(annotation.first_line_at), annotation.line_interval_s)
    samples = detected_samples(nodes, annotation, orbit, threads)
    window = _window(lines, samples, annotation)
    if window is None:
        return
    first_line, first_sample, n_lines, n_samples = window
    name = f"{product.name}/{band.swath.measurement}"
    shape = (annotation.n_lines, annotation.n_samples)
    with open_radar_image(product.files.uri(band.swath.measurement), name, shape) as image:
        amplitudes = read_samples(image, name, first_line, first_sample, n_lines, n_samples)
    if borders is not None:
        borders.clear(amplitudes, first_line, first_sample)

    def rows(first: int, last: int) -> None:
        detected_cells(
            amplitudes,
            first_line,
            first_sample,
            lines,
            samples,
            band.calibration.values,
            band.noise.values,
            band.calibration.steps,
            first,
            last,
            out,
        )

    in_rows(rows, out.shape[0], threads)


def _window(
    lines: NDArray[np.float64], samples: NDArray[np.float64], annotation: Annotation
) -> tuple[int, int, int, int] | None:
    """First line, first sample and size of the part of the image that the nodes need."""
    inside = (lines > -1) & (lines < annotation.n_lines) & (samples > -1) & (samples < annotation.n_samples)
    if not inside.any():
        return None
    margin = 4
    first_line = max(int(lines[inside].min()) - margin, 0)
    first_sample = max(int(samples[inside].min()) - margin, 0)
    last_line = min(int(lines[inside].max()) + margin, annotation.n_lines)
    last_sample = min(int(samples[inside].max()) + margin, annotation.n_samples)
    return first_line, first_sample, last_line - first_line, last_sample - first_sample
