"""Small parcel files, made as agencies make them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

PackZip = Callable[..., Path]


@pytest.fixture
def parcels() -> gpd.GeoDataFrame:
    """Four squares of 100 m in a row, each touching the next, on UTM zone 30."""
    boxes = [shapely.box(400_000 + 100 * n, 4_600_000, 400_100 + 100 * n, 4_600_100) for n in range(4)]
    return gpd.GeoDataFrame(
        {
            "PARCEL_ID": ["004", "003", "002", "001"],
            "FARM_ID": ["B", "A", "A", "B"],
            "CROP_CODE": ["0101", "205", "205", "999"],
            "NAME": ["Příkop", "Ö", "ñ", "plain"],
        },
        geometry=boxes,
        crs="EPSG:32630",
    )


@pytest.fixture
def pack(tmp_path: Path) -> PackZip:
    """Zip some files, each under its own name below a folder of the archive."""

    def make(name: str, files: Iterable[Path], folder: str = "") -> Path:
        target = tmp_path / name
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, f"{folder}{file.name}")
        return target

    return make


@pytest.fixture
def shapefile(tmp_path: Path, parcels: gpd.GeoDataFrame) -> Path:
    """The four squares as a shapefile with all its parts."""
    folder = tmp_path / "shapefile"
    folder.mkdir()
    parcels.to_file(folder / "parcels.shp", encoding="utf-8")
    return folder / "parcels.shp"
