"""All bursts of one acquisition that meet a parcel, on the grid of one tile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.errors import NothingToDoError, UnreadableSceneError
from sen4cap_core.rasters.decoding.elevation import heights_at_nodes
from sen4cap_core.rasters.decoding.radar_image import open_radar_image
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.sentinel1.annotation import Annotation, Burst, StateVectors
from sen4cap_core.sentinel1.box import Box, box_around
from sen4cap_core.sentinel1.flattening import MARGIN_CELLS, AreaGatherer
from sen4cap_core.sentinel1.geocode import Channel, GeocodedBurst, Hills, geocode
from sen4cap_core.sentinel1.geometry import burst_outline_deg, burst_reach, solve_box
from sen4cap_core.sentinel1.orbit import OrbitFit, fit_orbit, read_orbit_file
from sen4cap_core.sentinel1.product import Product, SwathFiles
from sen4cap_core.sentinel1.visibility import unseen_cells

MARGIN_DEG = 100.0 / 60_000.0
"""Parcels get about 100 m around them: the window of the coherence reaches 50 m beyond a cell."""


@dataclass(frozen=True)
class Terrain:
    """Elevation models, the first that knows a place counts; the undulation of their geoid, if needed."""

    models: tuple[Path, ...]
    geoid: Path | None = None

    def heights_m(self, box: Box) -> NDArray[np.float32]:
        """Heights above the ellipsoid at the nodes of a box, NaN in holes and beyond the model."""
        x_min, y_max = box.corner_m
        shape = (box.height + 1, box.width + 1)
        heights = np.full(shape, np.nan, np.float32)
        for model in self.models:
            missing = np.isnan(heights)
            if missing.any():
                more = heights_at_nodes(model, box.grid.epsg, x_min, y_max, 20.0, shape, self.geoid)
                heights[missing] = more[missing]
        return heights


@dataclass(frozen=True)
class BurstPlan:
    """A burst to be geocoded, and the part of the tile it is wanted on."""

    swath: str
    burst: Burst
    annotation: Annotation
    """Of any polarisation: time and place are the same in all."""
    box: Box


@dataclass(frozen=True)
class BurstOnMap:
    """A geocoded burst, and which one it is."""

    swath: str
    polarisation: str
    since_node_s: float
    data: GeocodedBurst


def acquisition_orbit(product: Product, annotation: Annotation, orbit_file: Path | None) -> OrbitFit:
    """Fit the orbit of an acquisition: from an orbit file where there is one, else from the annotation.

    Raises
    ------
    BadUploadError
        The orbit file is of another day or satellite, or its vectors lie on no orbit.
    """
    if orbit_file is None:
        vectors: StateVectors = annotation.state_vectors
        return fit_orbit(vectors, product.start, product.stop, source="annotation", name=annotation.name)
    vectors = read_orbit_file(orbit_file, product.platform, product.start, product.stop)
    kind = "POEORB" if "POEORB" in orbit_file.name.upper() else "RESORB"
    return fit_orbit(vectors, product.start, product.stop, source=kind, name=orbit_file.name)


def parcels_met(tree: shapely.STRtree, outline: shapely.Polygon) -> NDArray[np.int64]:
    """Return which parcels an outline meets; one beyond 180 degrees east also from the other side."""
    met = tree.query(outline, predicate="intersects")
    if outline.bounds[2] > 180.0:
        moved = shapely.transform(outline, lambda c: c - np.array([360.0, 0.0]))
        met = np.union1d(met, tree.query(moved, predicate="intersects"))
    return np.asarray(met, np.int64)


def parcels_around(parcels_deg: NDArray[np.object_], outline: shapely.Polygon) -> shapely.Polygon:
    """Return a box around parcels with some land, in an outline's longitudes, which may go beyond 180."""
    west, south, east, north = shapely.bounds(parcels_deg).T
    if outline.bounds[2] > 180.0:
        beyond, across = east < 0.0, east - west > 180.0
        west, east = (np.where(beyond, lon + 360.0, lon) for lon in (west, east))
        west, east = np.where(across, outline.bounds[0], west), np.where(across, outline.bounds[2], east)
    return shapely.box(west.min(), south.min(), east.max(), north.max()).buffer(MARGIN_DEG)


def plan_bursts(product: Product, grid: Grid, parcels_deg: NDArray[np.object_]) -> list[BurstPlan]:
    """Return the bursts that meet a parcel on a tile, each with the cells that hold those parcels.

    Parameters
    ----------
    grid : the tile at 20 m
    parcels_deg : shapely geometries in longitude and latitude

    Raises
    ------
    NothingToDoError
        No burst meets a parcel.
    """
    plans = []
    tree = shapely.STRtree(parcels_deg)
    for swath in _one_polarisation(product):
        annotation = product.annotation(swath)
        for burst in annotation.bursts:
            outline = shapely.Polygon(burst_outline_deg(annotation, burst))
            # Heights displace the outline of the geolocation grid by a few cells at most; one per cent of a
            # degree holds.
            wide = outline.buffer(0.01)
            met = parcels_met(tree, wide)
            if not len(met):
                continue
            wanted = shapely.intersection(wide, parcels_around(parcels_deg[met], wide))
            box = box_around(wanted if not wanted.is_empty else wide, grid)
            if box is not None:
                plans.append(BurstPlan(swath.swath, burst, annotation, box))
    if not plans:
        raise NothingToDoError(f"no burst of {product.name} meets a parcel on this tile")
    return plans


def geocode_bursts(
    product: Product,
    plans: list[BurstPlan],
    orbit: OrbitFit,
    terrain: Terrain,
    threads: int,
    *,
    hills: bool = False,
    folder: Path | None = None,
) -> Iterator[BurstOnMap]:
    """Geocode planned bursts, one after the other, in all polarisations of the product.

    The geometry of a burst is solved once for all its polarisations. A burst that lies outside the elevation
    model, or in a hole of it, gives nothing.

    Parameters
    ----------
    hills : also say what the terrain does to each cell, which gamma0 and the mask of layover and shadow need
    folder : samples are written here as they are made, and whoever takes a burst may move its file; None
        keeps them in memory

    Raises
    ------
    UnreadableSceneError
        A measurement file is damaged, or too short.
    """
    for number, plan in enumerate(plans):
        around = plan.box.grown(MARGIN_CELLS) if hills else plan.box
        heights = terrain.heights_m(around)
        if not np.isfinite(heights).any():
            continue
        wide = solve_box(around, heights, orbit, plan.annotation.burst_middle(plan.burst), threads)
        nodes = wide.part(plan.box.within(around))
        effects = None
        if hills:
            reach = burst_reach(plan.annotation, plan.burst, orbit)
            gatherer = AreaGatherer.over([wide], orbit, plan.annotation, reach)
            if gatherer is None:
                continue
            gatherer.add(around, heights, wide)
            area = gatherer.result().on_cells(nodes, threads)
            unseen = unseen_cells(heights, wide, plan.annotation)[plan.box.within(around)]
            effects = Hills(area, unseen)
            del gatherer
        del wide, heights
        swaths = [swath for swath in product.swaths if swath.swath == plan.swath]
        with ExitStack() as images:
            channels = [_channel(product, swath, plan, images) for swath in swaths]
            files = [folder / f"{number}-{swath.polarisation}.npy" for swath in swaths] if folder else []
            found = geocode(channels, orbit, nodes, plan.box, effects, threads, files)
        del nodes, effects
        for swath in swaths:
            data = found.pop(0)
            if data is not None:
                burst = BurstOnMap(swath.swath, swath.polarisation, plan.burst.since_node_s, data)
                # Whoever takes it decides how long it stays in memory.
                del data
                yield burst
                del burst


def _channel(product: Product, swath: SwathFiles, plan: BurstPlan, images: ExitStack) -> Channel:
    annotation = product.annotation(swath)
    if plan.burst.index >= len(annotation.bursts):
        raise UnreadableSceneError(
            annotation.name,
            f"it has {len(annotation.bursts)} bursts, fewer than the other polarisation.",
            remedy="copy or download the product again.",
        )
    tables = product.calibration(swath, annotation, ("sigma0", "beta0"))
    shape = (annotation.n_lines, annotation.n_samples)
    name = f"{product.name}/{swath.measurement}"
    image = images.enter_context(open_radar_image(product.files.uri(swath.measurement), name, shape))
    return Channel(
        image,
        name,
        annotation,
        annotation.bursts[plan.burst.index],
        tables["sigma0"],
        tables["beta0"],
        product.noise(swath, annotation),
    )


def _one_polarisation(product: Product) -> list[SwathFiles]:
    first = product.polarisations[0]
    return [swath for swath in product.swaths if swath.polarisation == first]
