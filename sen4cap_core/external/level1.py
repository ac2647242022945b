"""What a Level-1 product is called, and what its Level-2A by MAJA or Sen2Cor will be called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.scenes.acquisition.s2_names import match_product

_LANDSAT = re.compile(
    r"LC0(?P<satellite>[89])_L1(?:TP|GT|GS)_(?P<path>\d{3})(?P<row>\d{3})_(?P<day>\d{8})_\d{8}_\d\d_(?:RT|T1|T2)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Level1:
    """A product to be corrected: an unpacked folder under its own name."""

    folder: Path
    platform: str
    """``S2A``, ``L8``."""
    tile: str
    """``30TUM``; of Landsat WRS-2 path and row, ``201031``."""
    track: str
    """Relative orbit, ``137``; of Landsat the path."""
    instant: str
    """``20190616T110621``; of Landsat the day alone. Sorts by time."""

    @property
    def is_landsat(self) -> bool:
        """Whether it is one of Landsat 8 or 9, which MAJA alone corrects."""
        return self.platform.startswith("L")

    @property
    def history(self) -> tuple[str, str, str]:
        """Products that share this are made one from the other in the order of their dates."""
        return self.platform, self.tile, self.track

    @property
    def maja_pattern(self) -> str:
        """Name of the folder that MAJA writes, as a glob pattern."""
        sensor, tile = f"SENTINEL{self.platform[1:]}", f"T{self.tile}"
        if self.is_landsat:
            sensor, tile = f"LANDSAT{self.platform[1:]}-OLITIRS-XS", f"{self.tile[:3]}*{self.tile[3:]}"
        return f"{sensor}_{self.instant[:8]}-*_L2A_{tile}_[CHD]_V*"

    def names(self, file_name: str) -> bool:
        """Whether the name of a file (terrain of a tile) is about this tile."""
        return self.tile in file_name or (self.is_landsat and f"{self.tile[:3]}-{self.tile[3:]}" in file_name)


def level_1(folder: Path) -> Level1:
    """Describe a Level-1 folder by its name. Raises BadUploadError where the name does not tell."""
    found = name_of_level_1(folder.name)
    if found is None:
        raise BadUploadError(
            folder,
            "its name does not say which acquisition it is.",
            expected="S2A_MSIL1C_<datatake>_N<baseline>_R<orbit>_T<tile>_<made>.SAFE, or "
            "LC08_L1TP_<path and row>_<day>_<made>_02_T1",
            remedy="drop it under the name it was published with.",
        )
    return Level1(folder, *found)


def name_of_level_1(name: str) -> tuple[str, str, str, str] | None:
    """Return platform, tile, track and instant in the name of a product, None where it is no Level-1."""
    if match := _LANDSAT.match(name):
        tile = match["path"] + match["row"]
        return f"L{match['satellite']}", tile, match["path"], match["day"]
    match = match_product(name)
    if match is None or match["level"] != "1C":
        return None
    return match["platform"], match["tile"], match["orbit"], match["datatake"]
