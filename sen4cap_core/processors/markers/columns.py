"""Names of marker columns: ``{YYYYMMDD}_{metric}_{TYPE}[_{POL}][_{ORBIT}][_{TILE}][_{BAND}]``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

INDEX_FACTOR: Final = 1000.0
REFLECTANCE_FACTOR: Final = 10_000.0
METRICS: Final = {"mean": "mean", "std": "stdev", "n_valid": "valid_pixels_cnt"}
"""Parts of an observation -> the original's names."""
ORDER_METRICS: Final = ("min", "max", "median", "p25", "p75")
"""Parts that are there where site.yaml asks for them; the original calls them the same."""


@dataclass(frozen=True)
class MarkerType:
    """How one variable of the observations is called, and by what the original multiplies it."""

    type: str
    polarisation: str = ""
    band: str = ""
    factor: float = 1.0


BANDS: Final = ("b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b11", "b12")
VARIABLES: Final[dict[str, dict[str, MarkerType]]] = {
    "ndvi": {"ndvi": MarkerType("NDVI", factor=INDEX_FACTOR)},
    "biophysical": {
        name: MarkerType(name.upper(), factor=INDEX_FACTOR) for name in ("lai", "fapar", "fcover")
    },
    "indices": {name: MarkerType(name.upper(), factor=INDEX_FACTOR) for name in ("ndwi", "brightness")},
    "bands": {name: MarkerType("L2A", band=name.upper(), factor=REFLECTANCE_FACTOR) for name in BANDS},
    "backscatter": {f"{pol}_db": MarkerType("AMP", pol.upper()) for pol in ("vv", "vh")},
    "coherence": {f"coh_{pol}": MarkerType("COHE", pol.upper()) for pol in ("vv", "vh")},
}
"""Variables by group of observations."""


def column_name(day: date, metric: str, marker: MarkerType, orbit: int | None, tile: str) -> str:
    """Return the name of a column; orbits have three digits, and only bands name their tile.

    Example
    -------
    >>> column_name(date(2019, 5, 12), "mean", MarkerType("AMP", "VV"), 88, "30TUM")
    '20190512_mean_AMP_VV_088'
    """
    parts = [f"{day:%Y%m%d}", metric, marker.type, marker.polarisation]
    if marker.polarisation and orbit is not None:
        parts.append(f"{orbit:03d}")
    if marker.band:
        parts += [tile, marker.band]
    return "_".join(part for part in parts if part)


def ratio_name(name: str) -> str | None:
    """Return the MDB2 name of a VV backscatter column of mean or deviation; None for any other column."""
    is_source = "_AMP_" in name and "_VV_" in name and ("_mean_" in name or "_stdev_" in name)
    return name.replace("_VV_", "_VVVH_") if is_source else None
