"""Write simulated pixels as a Sentinel-2 Level-2A product: a ``.SAFE`` folder or a zip of one."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.files import CHUNK_BYTES, atomic_path
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.writing.jp2 import write_jp2
from sen4cap_core.simulation.optical.acquisition import QUANTIFICATION, Acquisition, plan_acquisition
from sen4cap_core.simulation.optical.safe_xml import manifest, product_metadata, tile_metadata

NATIVE_RESOLUTION_M = {
    "B01": 60,
    "B02": 10,
    "B03": 10,
    "B04": 10,
    "B05": 20,
    "B06": 20,
    "B07": 20,
    "B08": 10,
    "B8A": 20,
    "B09": 60,
    "B11": 20,
    "B12": 20,
    "SCL": 20,
    "AOT": 60,
    "TCI": 10,
}
"""Each band is written at this pixel size only; published products repeat them at the coarser ones."""
TCI_WHITE = 0.25
"""Reflectance shown as white in the true colour image."""

Images = Mapping[str, NDArray[np.uint16] | NDArray[np.uint8]]


def write_safe(
    folder: Path,
    acquisition: Acquisition,
    images: Images,
    *,
    as_zip: bool = False,
    name: str | None = None,
    threads: int = 1,
) -> Path:
    """Write a product below ``folder``; it appears whole, under its final name.

    Parameters
    ----------
    folder : Path
        Where to put it; made where needed.
    acquisition : Acquisition
        What the metadata say.
    images : band -> uint16 or uint8 (rows, columns)
        Numbers as stored (see `to_numbers`), at the pixel size of `NATIVE_RESOLUTION_M`; TCI has (3, rows,
        columns).
    as_zip : bool
        A zip that holds the ``.SAFE`` folder, members stored as the images are already compressed.
    name : str
        Another name than the product's own, without suffix.

    Returns
    -------
    Path
        ``<folder>/<product>.SAFE`` or ``<folder>/<product>.SAFE.zip``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    safe_name = f"{name or acquisition.product_id}.SAFE"
    target = folder / safe_name
    building = folder / f".{safe_name}.part"
    shutil.rmtree(building, ignore_errors=True)
    try:
        _write_files(building, acquisition, images, threads)
        if as_zip:
            target = folder / f"{safe_name}.zip"
            with atomic_path(target) as temporary:
                _pack(building, f"{acquisition.product_id}.SAFE", temporary, acquisition.generated_at)
        else:
            if target.exists():
                shutil.rmtree(target)
            building.replace(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def tile_scene(
    folder: Path,
    reflectance: Mapping[str, float | NDArray[np.floating]] | None = None,
    scl: int | NDArray[np.integer] = 4,
    *,
    tile: str = "30TUM",
    grid: Grid | None = None,
    acquired_at: datetime = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC),
    baseline: str = "05.10",
    platform: str = "S2A",
    relative_orbit: int = 137,
    generated_at: datetime | None = None,
    as_zip: bool = False,
    name: str | None = None,
    aot: float | NDArray[np.floating] | None = None,
) -> Path:
    """Write one small product with chosen values and return its path; for tests.

    Parameters
    ----------
    reflectance : band -> number, or (rows, columns) at the band's own pixel size
        Surface reflectance 0..1, NaN where there are no data. Default: red 0.05, near infrared 0.35.
    scl : int, or (rows, columns) at 20 m
        Scene classes.
    aot : number, or (rows, columns) at 60 m
        Aerosol optical thickness; no map is written where None.
    tile, grid
        The tile, and the 10 m grid of the product within it; default: 1.2 km at the tile's upper left corner.
        Width and height are multiples of 6.

    Other parameters are those of `plan_acquisition` and `write_safe`.
    """
    if grid is None:
        whole = tile_grid(tile)
        grid = Grid(whole.epsg, whole.x_min_m, whole.y_max_m, 10.0, 120, 120)
    acquisition = plan_acquisition(
        tile,
        grid,
        acquired_at,
        baseline=baseline,
        platform=platform,
        relative_orbit=relative_orbit,
        generated_at=generated_at,
    )
    images: dict[str, NDArray[np.uint16] | NDArray[np.uint8]] = {}
    for band, values in (reflectance or {"B04": 0.05, "B08": 0.35}).items():
        shape = grid.at_resolution(NATIVE_RESOLUTION_M[band]).shape
        images[band] = to_numbers(np.broadcast_to(np.asarray(values, float), shape), acquisition.boa_offset)
    images["SCL"] = np.broadcast_to(np.asarray(scl, np.uint8), grid.at_resolution(20).shape)
    if aot is not None:
        shape = grid.at_resolution(NATIVE_RESOLUTION_M["AOT"]).shape
        images["AOT"] = np.rint(np.broadcast_to(np.asarray(aot), shape) * 1000.0).astype(np.uint16)
    return write_safe(folder, acquisition, images, as_zip=as_zip, name=name)


def to_numbers(reflectance: NDArray[np.floating], boa_offset: int) -> NDArray[np.uint16]:
    """Return the stored numbers of reflectance: ``reflectance * 10000 - offset``, 0 where it is NaN.

    Numbers of valid pixels stay within 1..65534: 0 means no data and 65535 saturation.
    """
    numbers = np.rint(np.nan_to_num(reflectance, nan=0.0) * QUANTIFICATION) - boa_offset
    return np.where(np.isnan(reflectance), 0, np.clip(numbers, 1, 65534)).astype(np.uint16)


def true_colour(
    red: NDArray[np.uint16], green: NDArray[np.uint16], blue: NDArray[np.uint16], boa_offset: int
) -> NDArray[np.uint8]:
    """Return the true colour image (3, rows, columns) of stored numbers; 0 is no data."""
    out = np.empty((3, *red.shape), np.uint8)
    # A look-up table: no floating-point copy of a whole tile.
    bright = (np.arange(2**16, dtype=np.float32) + boa_offset) * (255 / (QUANTIFICATION * TCI_WHITE))
    shades = np.clip(bright, 1, 255).astype(np.uint8)
    shades[0] = 0
    for layer, numbers in zip(out, (red, green, blue), strict=True):
        np.take(shades, numbers, out=layer)
    return out


def _write_files(folder: Path, acquisition: Acquisition, images: Images, threads: int) -> None:
    listed = []
    files: dict[str, bytes | tuple[int, str]] = {}
    for band, pixels in sorted(images.items(), key=lambda item: (NATIVE_RESOLUTION_M[item[0]], item[0])):
        resolution = NATIVE_RESOLUTION_M[band]
        name = f"{acquisition.image_path(band, resolution)}.jp2"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jp2(path, pixels, acquisition.grid.at_resolution(resolution), threads=threads)
        listed.append((band, resolution))
        files[name] = (path.stat().st_size, _md5(path))
    scl = images.get("SCL")
    counts = np.bincount(scl.ravel(), minlength=12) if scl is not None else np.zeros(12)
    shares = {number: float(count) / max(1, int(counts.sum())) for number, count in enumerate(counts)}
    texts = {
        "MTD_MSIL2A.xml": product_metadata(acquisition, listed),
        f"{acquisition.granule_folder}/MTD_TL.xml": tile_metadata(acquisition, shares),
    }
    for name, text in texts.items():
        files[name] = text.encode()
        (folder / name).write_bytes(text.encode())
    (folder / "manifest.safe").write_text(manifest(acquisition, files), encoding="utf-8")


def _pack(folder: Path, root: str, target: Path, packed_at: datetime) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            # A fixed time, so that the same product gives the same bytes.
            entry = zipfile.ZipInfo(
                f"{root}/{path.relative_to(folder).as_posix()}", packed_at.timetuple()[:6]
            )
            entry.external_attr = 0o100644 << 16
            with path.open("rb") as source, archive.open(entry, "w") as sink:
                shutil.copyfileobj(source, sink, CHUNK_BYTES)


def _md5(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "md5").hexdigest()
