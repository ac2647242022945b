"""Sentinel-2 tiles: the pixel grid of an MGRS square, and which tiles an area needs.

A tile is a square of 109 800 m whose upper left corner is that of its 100 km MGRS square, moved outwards
(west, north) to the next multiple of 60 m, so that 10, 20 and 60 m pixels nest. South of the equator the
multiple is counted from the equator, not from the false northing of 10 000 km. No table is needed.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from sen4cap_core.rasters.grids.grid import Grid

TILE_M = 109_800
SQUARE_M = 100_000
SNAP_M = 60
FALSE_NORTHING_M = 10_000_000

_COLUMNS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_TILE = re.compile(rf"T?([0-9]{{2}})([{_BANDS}])([{_COLUMNS}])([{_ROWS}])")
_SQUARES_PER_CYCLE = 20
_SQUARES_PER_DEGREE = 1.1057
"""100 km squares in one degree of latitude, near enough to tell cycles of 2 000 km apart."""
_WIDE_X = {31: (0.0, 9.0), 33: (9.0, 21.0), 35: (21.0, 33.0), 37: (33.0, 42.0)}
_STEPS_PER_SIDE = 20


def tile_grid(tile: str, resolution_m: float = 10) -> Grid:
    """Return the pixel grid of a tile (``30TUM`` or ``T30TUM``); 10 980 pixels a side at 10 m.

    Raises
    ------
    ValueError
        When the text is not the name of an MGRS square.
    """
    zone, band, column, row = _parse(tile)
    east = _column_index(zone, column) * SQUARE_M
    north = (_row_index(zone, band, row) + 1) * SQUARE_M
    x_min = east // SNAP_M * SNAP_M
    y_max = -(-north // SNAP_M) * SNAP_M
    if band < "N":
        y_max += FALSE_NORTHING_M
    side = round(TILE_M / resolution_m)
    return Grid(_epsg(zone, band), float(x_min), float(y_max), float(resolution_m), side, side)


def tile_epsg(tile: str) -> int:
    """EPSG code of the UTM zone of a tile: 326zz in the north, 327zz in the south.

    Raises
    ------
    ValueError
        When the text is not the name of an MGRS square.
    """
    zone, band, _, _ = _parse(tile)
    return _epsg(zone, band)


def find_misplacement(tile: str, grid: Grid) -> str | None:
    """Say what is wrong where a grid has another zone than its tile or shares no ground with it, else None.

    Raises
    ------
    ValueError
        When the text is not the name of an MGRS square.
    """
    own = tile_grid(tile)
    if own.epsg != grid.epsg:
        return f"places tile {tile} in EPSG:{grid.epsg}, it lies in EPSG:{own.epsg}"
    left, bottom, right, top = grid.bounds_m
    x_min, y_min, x_max, y_max = own.bounds_m
    if left >= x_max or right <= x_min or bottom >= y_max or top <= y_min:
        return (
            f"places tile {tile} at {left:.0f}, {top:.0f} in EPSG:{grid.epsg}, its corner is {x_min:.0f}, "
            f"{y_max:.0f}"
        )
    return None


def tile_footprint(tile: str) -> Polygon | MultiPolygon:
    """Outline of a tile in longitude and latitude (EPSG:4326), its sides densified to 5.5 km.

    A tile across the antimeridian comes in two parts, both within -180..180 degrees.

    Raises
    ------
    ValueError
        When the text is not the name of an MGRS square.
    """
    zone = _parse(tile)[0]
    grid = tile_grid(tile)
    x_min, y_min, x_max, y_max = grid.bounds_m
    ring = shapely.segmentize(shapely.box(x_min, y_min, x_max, y_max), TILE_M / _STEPS_PER_SIDE)
    xy = shapely.get_coordinates(ring)
    lon, lat = _to_wgs84(grid.epsg).transform(xy[:, 0], xy[:, 1])
    middle = _middle_deg(zone)
    unwrapped = Polygon(np.column_stack([middle + _from_middle(lon, middle), lat]))
    return _wrap(unwrapped)


def tiles_of_extent(geom_wgs84: BaseGeometry) -> list[str]:
    """Return all tiles whose footprint shares area with a geometry in EPSG:4326, sorted by name.

    Land or sea alike. Where two zones meet, the Sentinel-2 grid has no tile for a square on the western
    edge of a zone that has less than half its width there (the zone to the west sees it); neither has
    this list.
    """
    if geom_wgs84.is_empty:
        return []
    shapely.prepare(geom_wgs84)
    west, south, east, north = geom_wgs84.bounds
    found = []
    for tile in _candidates(west, max(south, -84.0), east, min(north, 84.5)):
        footprint = tile_footprint(tile)
        if geom_wgs84.intersects(footprint) and not geom_wgs84.touches(footprint):
            found.append(tile)
    return sorted(found)


def _parse(tile: str) -> tuple[int, str, str, str]:
    match = _TILE.fullmatch(tile)
    zone = int(match[1]) if match else 0
    if match is None or not 1 <= zone <= 60:
        raise ValueError(
            f"{tile!r} is not an MGRS tile: "
            "expected two digits of the UTM zone (01 to 60) and three letters, as 30TUM"
        )
    return zone, match[2], match[3], match[4]


def _epsg(zone: int, band: str) -> int:
    return (32_700 if band < "N" else 32_600) + zone


def _column_index(zone: int, column: str) -> int:
    """Easting of the square in units of 100 km: letters come in eights that repeat each three zones."""
    return (_COLUMNS.index(column) - 8 * ((zone - 1) % 3)) % 24 + 1


def _row_index(zone: int, band: str, row: str) -> int:
    """Northing of the square from the equator in units of 100 km, negative in the south."""
    within_cycle = (_ROWS.index(row) - (5 if zone % 2 == 0 else 0)) % _SQUARES_PER_CYCLE
    south, north = _band_latitudes(band)
    wanted = (south + north) / 2 * _SQUARES_PER_DEGREE
    cycle = round((wanted - (within_cycle + 0.5)) / _SQUARES_PER_CYCLE)
    return within_cycle + _SQUARES_PER_CYCLE * cycle


def _band_latitudes(band: str) -> tuple[float, float]:
    south = -80.0 + 8.0 * _BANDS.index(band)
    return south, south + (12.0 if band == "X" else 8.0)


def _name(zone: int, band: str, column_index: int, row_index: int) -> str:
    column = _COLUMNS[(8 * ((zone - 1) % 3) + column_index - 1) % 24]
    row = _ROWS[(row_index + (5 if zone % 2 == 0 else 0)) % _SQUARES_PER_CYCLE]
    return f"{zone:02d}{band}{column}{row}"


def _zone_span(zone: int, band: str) -> tuple[float, float] | None:
    """Longitudes of a zone within a latitude band; None where the zone does not exist (Svalbard)."""
    west = -186.0 + 6.0 * zone
    if band == "V" and zone == 31:
        return west, 3.0
    if band == "V" and zone == 32:
        return 3.0, west + 6.0
    if band == "X" and 31 <= zone <= 37:
        return _WIDE_X.get(zone)
    return west, west + 6.0


def _middle_deg(zone: int) -> float:
    return -183.0 + 6.0 * zone


def _from_middle(lon: NDArray[np.float64], middle: float) -> NDArray[np.float64]:
    """Longitudes relative to a meridian, within -180..180."""
    return (np.asarray(lon) - middle + 180.0) % 360.0 - 180.0


def _wrap(polygon: Polygon) -> Polygon | MultiPolygon:
    west, _, east, _ = polygon.bounds
    if west >= -180.0 and east <= 180.0:
        return polygon
    whole = shapely.box(-180.0, -90.0, 180.0, 90.0)
    shift = 360.0 if west < -180.0 else -360.0
    parts = [
        shapely.intersection(p, whole)
        for p in (polygon, shapely.transform(polygon, lambda c: c + np.array([shift, 0.0])))
    ]
    return MultiPolygon([part for part in parts if isinstance(part, Polygon) and not part.is_empty])


@lru_cache(maxsize=256)
def _to_wgs84(epsg: int) -> Transformer:
    return Transformer.from_crs(epsg, 4326, always_xy=True)


@lru_cache(maxsize=256)
def _from_wgs84(epsg: int) -> Transformer:
    return Transformer.from_crs(4326, epsg, always_xy=True)


def _candidates(west: float, south: float, east: float, north: float) -> list[str]:
    """Tiles of the grid whose square can reach into a box: existing ones, with a margin of one square."""
    first_row = int(np.floor(south * _SQUARES_PER_DEGREE)) - 3
    last_row = int(np.ceil(north * _SQUARES_PER_DEGREE)) + 3
    found = []
    for zone in range(1, 61):
        # A tile reaches at most 1.1 of its own width beyond the zone; 12 degrees holds even at 84 degrees
        # north.
        reach = 12.0 if max(abs(south), abs(north)) > 55 else 4.0
        box_west, box_east = west - reach, east + reach
        span = (-186.0 + 6.0 * zone, -180.0 + 6.0 * zone)
        if not any(span[0] + s < box_east and span[1] + s > box_west for s in (-360.0, 0.0, 360.0)):
            continue
        for row in range(max(first_row, -93), min(last_row, 93) + 1):
            found += [t for column in range(1, 9) if (t := existing_tile(zone, column, row)) is not None]
    return found


@lru_cache(maxsize=200_000)
def existing_tile(zone: int, column_index: int, row_index: int) -> str | None:
    """Name of the tile of a 100 km square, or None where the Sentinel-2 grid has none.

    The latitude band is that of the square's centre. A square belongs to the grid when it reaches into
    its zone; on the western edge of a zone (zone 1 keeps all, zone 60 loses them on its eastern edge
    instead) it must have at least half its width there, since the easternmost squares of the zone to the
    west see the rest.
    """
    to_wgs84 = _to_wgs84(32_600 + zone)
    x0, y0 = column_index * SQUARE_M, row_index * SQUARE_M
    corners_x = np.array([x0, x0 + SQUARE_M, x0, x0 + SQUARE_M, x0 + SQUARE_M / 2], float)
    corners_y = np.array([y0, y0, y0 + SQUARE_M, y0 + SQUARE_M, y0 + SQUARE_M / 2], float)
    lon, lat = to_wgs84.transform(corners_x, corners_y)
    band = _band_of(lat[4])
    span = _zone_span(zone, band)
    if span is None:
        return None
    relative = _from_middle(lon, _middle_deg(zone))
    if not any(
        _reaches(zone, relative, band_at) for band_at in {band, _band_of(lat.min()), _band_of(lat.max())}
    ):
        return None
    west, east = span[0] - _middle_deg(zone), span[1] - _middle_deg(zone)
    edge_x, _ = _from_wgs84(32_600 + zone).transform(np.full(2, span[0]), lat[[1, 3]])
    if zone != 1 and relative.min() < west and (x0 + SQUARE_M - edge_x).max() < SQUARE_M / 2:
        return None
    edge_x, _ = _from_wgs84(32_600 + zone).transform(np.full(2, span[1]), lat[[0, 2]])
    if zone == 60 and relative.max() > east and (edge_x - x0).max() < SQUARE_M / 2:
        return None
    return _name(zone, band, column_index, row_index)


def _band_of(lat: float) -> str:
    return _BANDS[min(max(int((lat + 80.0) // 8.0), 0), len(_BANDS) - 1)]


def _reaches(zone: int, relative: NDArray[np.float64], band: str) -> bool:
    """Whether corners (degrees from the central meridian) reach into a zone as wide as in a latitude band.

    Touching counts: at 56 to 64 degrees north zone 31 ends on its own central meridian, where squares begin.
    """
    span = _zone_span(zone, band)
    if span is None:
        return False
    west, east = np.array(span) - _middle_deg(zone)
    return bool(relative.max() > west and relative.min() < east + 1e-9)
