"""Numba on bare arrays: no files, no dates, no Python objects, no database.

Compiled kernels are kept on disk, in a folder of their own for each state of the sources: numba looks at the
time of a kernel's own file only, and would go on using an old version of a kernel that another one calls.

``practices``   agricultural practices: weeks, markers, harvest, catch crops, fallow, tillage
``grass``       cuts of grass by the neighbourhood method
``mowing``      mowings by the original's rule, and what both methods share
``series``      series of a parcel in time: gaps, smoothing, rises of coherence
``composites``  composites of reflectance over dates
``optical``     optical pixels: status, clouds, indices, LAI, fAPAR, fCover
``radar``       radar images: to the map, coherence and power, composites over time
``outlines``    outlines of polygons: read, measured, proved sound, moved, put onto pixels
``pixels``      pixels of any raster: parcel sums, order statistics, overviews
``tables``      columns of tables: bitmaps, hashes, JSON, wide marker columns
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from numba import config


def _cache_folder() -> Path:
    """Return where compiled kernels belong: below ``NUMBA_CACHE_DIR``, else below the user's cache folder."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(given) if given else Path(cache) / "sen4cap" / "numba"
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in sorted(room.rglob("*.py")):
        digest.update(path.relative_to(room).as_posix().encode() + b"\0" + path.read_bytes())
    return base / digest.hexdigest()[:16]


def _keep_compiled() -> None:
    folder = _cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Nowhere to keep them: each process compiles anew, some seconds.
        vars(config)["CACHE_DIR"] = ""
        return
    vars(config)["CACHE_DIR"] = str(folder)


_keep_compiled()
