"""Well-known binary of polygons into plain arrays of vertices, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_POLYGON, _MULTI = 3, 6
_HAS_SRID = 0x20000000
_POINT_BYTES = 16


@kernel
def _whole_number(data: NDArray[np.uint8], at: int) -> int:
    return int(data[at]) | int(data[at + 1]) << 8 | int(data[at + 2]) << 16 | int(data[at + 3]) << 24


@kernel
def _point_bytes(kind: int, base: int) -> int:
    """Bytes of a point of a shape of this kind, 0 where it is not of the base kind.

    Heights and measures are told by thousands (ISO) or by the highest two bits (the older way).
    """
    more = (kind >> 31 & 1) + (kind >> 30 & 1)
    kind &= 0x3FFFFFFF
    if kind % 1000 != base or kind // 1000 > 3:
        return 0
    thousands = kind // 1000
    more += (thousands & 1) + (thousands >> 1)
    return _POINT_BYTES + 8 * more


@kernel
def find_plain(
    data: NDArray[np.uint8], firsts: NDArray[np.int64], ends: NDArray[np.int64], plain: NDArray[np.bool_]
) -> None:
    """Say which shapes are little-endian Polygons or MultiPolygons, whole and not empty.

    Every length is checked, so that damaged bytes are never followed out of their shape.

    Parameters
    ----------
    data : WKB of any kind
    firsts, ends : (shapes,), first byte of each, and the one after its last
    plain : (shapes,), written
    """
    for shape in range(firsts.size):
        plain[shape] = _is_plain(data, firsts[shape], ends[shape])


@kernel
def _is_plain(data: NDArray[np.uint8], at: int, end: int) -> bool:
    if at + 9 > end or data[at] != 1:
        return False
    polygons = 1
    kind = _whole_number(data, at + 1)
    point = _point_bytes(kind, _MULTI)
    if point:
        polygons = _whole_number(data, at + 5)
        at += 9
    else:
        point = _point_bytes(kind, _POLYGON)
    if polygons < 1 or not point:
        return False
    for _ in range(polygons):
        if at + 9 > end or data[at] != 1 or _point_bytes(_whole_number(data, at + 1), _POLYGON) != point:
            return False
        rings = _whole_number(data, at + 5)
        if rings < 1:
            return False
        at += 9
        for _ in range(rings):
            if at + 4 > end:
                return False
            points = _whole_number(data, at)
            at += 4
            if points < 4 or points > (end - at) // point:
                return False
            at += points * point
    return bool(at == end)


@kernel
def count_outlines(
    data: NDArray[np.uint8], firsts: NDArray[np.int64], ends: NDArray[np.int64], counts: NDArray[np.int64]
) -> None:
    """Count what shapes are made of.

    Parameters
    ----------
    data : WKB; of the shapes only plain ones (see `find_plain`) have bytes here
    firsts, ends : (shapes,), first byte of each, and the one after its last; a shape of no bytes is empty
    counts : (shapes, 3), written: polygons, rings, vertices; a polygon without ring does not count
    """
    for shape in range(firsts.size):
        polygons, rings, vertices = 0, 0, 0
        at = firsts[shape]
        if at < ends[shape]:
            parts = 1
            point = _point_bytes(_whole_number(data, at + 1), _MULTI)
            if point:
                parts = _whole_number(data, at + 5)
                at += 9
            else:
                point = _point_bytes(_whole_number(data, at + 1), _POLYGON)
            for _ in range(parts):
                of_polygon = _whole_number(data, at + 5)
                at += 9
                polygons += of_polygon > 0
                rings += of_polygon
                for _ in range(of_polygon):
                    of_ring = _whole_number(data, at)
                    vertices += of_ring
                    at += 4 + point * of_ring
        counts[shape, 0], counts[shape, 1], counts[shape, 2] = polygons, rings, vertices


@kernel
def read_outlines(
    data: NDArray[np.uint8],
    firsts: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    vertex_bytes: NDArray[np.uint8],
    ring_starts: NDArray[np.int64],
    polygon_starts: NDArray[np.int64],
) -> None:
    """Write the vertices of all shapes, and where rings and polygons begin.

    Parameters
    ----------
    data, firsts, ends, counts : as `count_outlines` has them
    vertex_bytes : (16 * vertices,), the memory of a float64 array (vertices, 2)
    ring_starts : (rings + 1,), first vertex of each ring
    polygon_starts : (polygons + 1,), first ring of each polygon
    """
    polygon, ring, vertex = 0, 0, 0
    for shape in range(firsts.size):
        at = firsts[shape]
        if at == ends[shape]:
            continue
        kind = _whole_number(data, at + 1)
        point = _point_bytes(kind, _MULTI)
        if point:
            at += 9
        else:
            point = _point_bytes(kind, _POLYGON)
        last = polygon + counts[shape, 0]
        while polygon < last:
            of_polygon = _whole_number(data, at + 5)
            at += 9
            if of_polygon == 0:
                continue
            polygon_starts[polygon] = ring
            polygon += 1
            for _ in range(of_polygon):
                ring_starts[ring] = vertex
                ring += 1
                of_ring = _whole_number(data, at)
                at += 4
                to = vertex * _POINT_BYTES
                if point == _POINT_BYTES:
                    for byte in range(of_ring * _POINT_BYTES):
                        vertex_bytes[to + byte] = data[at + byte]
                else:
                    for k in range(of_ring):
                        for byte in range(_POINT_BYTES):
                            vertex_bytes[to + k * _POINT_BYTES + byte] = data[at + k * point + byte]
                at += of_ring * point
                vertex += of_ring
    ring_starts[ring] = vertex
    polygon_starts[polygon] = ring


@kernel
def write_outlines(
    vertex_bytes: NDArray[np.uint8],
    ring_starts: NDArray[np.int64],
    polygon_starts: NDArray[np.int64],
    first_polygons: NDArray[np.int64],
    srid: int,
    starts: NDArray[np.int64],
    data: NDArray[np.uint8],
) -> None:
    """Write shapes as little-endian MultiPolygons; one without polygon has no byte.

    Parameters
    ----------
    vertex_bytes : (16 * vertices,), the memory of the vertices
    ring_starts : (rings + 1,), first vertex of each ring
    polygon_starts : (polygons + 1,), first ring of each polygon
    first_polygons : (shapes + 1,), first polygon of each shape
    srid : written as PostGIS does (EWKB) where it is above 0
    starts : (shapes + 1,), first byte of each shape in ``data``
    data : written; each shape takes 9 bytes (13 with srid), 9 for each polygon, 4 for each ring, 16 for each
        vertex
    """
    for shape in range(first_polygons.size - 1):
        first, end = first_polygons[shape], first_polygons[shape + 1]
        if first == end:
            continue
        at = starts[shape]
        data[at] = 1
        if srid > 0:
            _write_number(data, at + 1, _MULTI | _HAS_SRID)
            _write_number(data, at + 5, srid)
            at += 4
        else:
            _write_number(data, at + 1, _MULTI)
        _write_number(data, at + 5, end - first)
        at += 9
        for polygon in range(first, end):
            data[at] = 1
            _write_number(data, at + 1, _POLYGON)
            _write_number(data, at + 5, polygon_starts[polygon + 1] - polygon_starts[polygon])
            at += 9
            for ring in range(polygon_starts[polygon], polygon_starts[polygon + 1]):
                points = ring_starts[ring + 1] - ring_starts[ring]
                _write_number(data, at, points)
                at += 4
                source = ring_starts[ring] * _POINT_BYTES
                for byte in range(points * _POINT_BYTES):
                    data[at + byte] = vertex_bytes[source + byte]
                at += points * _POINT_BYTES


@kernel
def _write_number(data: NDArray[np.uint8], at: int, number: int) -> None:
    for byte in range(4):
        data[at + byte] = (number >> (8 * byte)) & 255
