"""Level-1 products among what was dropped, of Sentinel-2 and Landsat."""

from __future__ import annotations

from pathlib import Path

from sen4cap_core.scenes.files.product_files import ProductFiles
from sen4cap_core.scenes.landsat.product import find_landsat_level_1
from sen4cap_core.scenes.sentinel2.s2_safe import find_level_1c


def find_level_1(path: Path) -> ProductFiles | None:
    """Return the Level-1 product in a folder or archive, None without one. Never raises for content."""
    return find_level_1c(path) or find_landsat_level_1(path)


def level_1_name(files: ProductFiles) -> str:
    """Return the name the product was published with: its folder's, of Landsat that of its metadata file.

    A tar of USGS has no folder in it, and may have been dropped under any name.
    """
    for name in files.names():
        if "/" not in name and "_MTL." in name.upper():
            return name[: name.upper().index("_MTL.")]
    return files.root_name
