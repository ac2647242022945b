"""Where the pixels of one band are and how to turn its numbers into physical values."""

from __future__ import annotations

from dataclasses import dataclass

from sen4cap_core.rasters.grids.grid import Grid


@dataclass(frozen=True)
class BandSource:
    """One band of one acquisition, as a file GDAL can open.

    Physical value = ``DN * scale + offset``, applied exactly once; ``DN == nodata`` is missing.
    """

    name: str
    """Sentinel-2 band name (``B04``, ``B08``, ``SCL``) or the reader's own."""
    uri: str
    """A path, or a ``/vsizip/...`` path for a band inside an archive (read in place)."""
    grid: Grid
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    band_index: int = 1
    warped_from: Grid | None = None
    """The file's own grid, of another zone, where its pixels are brought to ``grid`` as they are read: each
    pixel takes the one of the file that holds its centre. None where the file lies on ``grid``."""
    outside: float | None = None
    """What a warped band holds beyond its file."""
