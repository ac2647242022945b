"""Flattened backscatter against sarsen on published geometry: a real annotation, orbit and relief.

``python -m tests.benchmarks.sentinel1_published``: the metadata of a real GRD product and real terrain, put
below the middle of its image; every pixel holds the same number, so that gamma0 is the inverse of the area
that the terrain has in each pixel. Ours and sarsen's, on the same cells.

``--scene sarsen-0.9.6.tar.gz`` takes sarsen's own test scene out of its source archive (``pip download
--no-deps --no-binary :all: sarsen==0.9.6``): the metadata of a product over Rome and the elevation model of
the place. Its pixels are all 0 there, and its tests ask no more of a result than to be one, so they get the
same number here, too.
"""

from __future__ import annotations

import argparse
import re
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter, uniform_filter

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.sentinel1.acquisition import Terrain, acquisition_orbit
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.detected import detected_backscatter, detected_samples
from sen4cap_core.sentinel1.geometry import solve_box
from sen4cap_core.sentinel1.product import Product, open_product
from tests.benchmarks.sentinel1_sarsen import run_sarsen

SHARED = Path(__file__).parents[3] / "shared" / "data"
PRODUCT = "s1-grd-metadata/tests/data/S1A_IW_GRDH_1SDV_20200708T182643_20200708T182708_033367_03DDAA_9550.zip"
RELIEF = "dem-rome/tests/data/Rome-30m-DEM.tif"
NUMBER = 2000
"""Far above the noise."""


def published_product(folder: Path) -> Product:
    """The published product with images of one number."""
    with zipfile.ZipFile(SHARED / PRODUCT) as archive:
        archive.extractall(folder)
    return constant_product(next(folder.rglob("manifest.safe")).parent)


def constant_product(root: Path) -> Product:
    """Give each annotation of a product an image of one number."""
    for path in root.glob("annotation/s1*.xml"):
        text = path.read_text()
        lines, samples = (
            int(text.split(f"<{name}>")[1].split("<")[0]) for name in ("numberOfLines", "numberOfSamples")
        )
        target = root / "measurement" / f"{path.stem}.tiff"
        target.parent.mkdir(exist_ok=True)
        target.unlink(missing_ok=True)
        with rasterio.open(
            target, "w", driver="GTiff", width=samples, height=lines, count=1, dtype="uint16",
            compress="deflate", zlevel=1, blockysize=64,
        ) as image:  # fmt: skip
            for line in range(0, lines, 1024):
                rows = min(1024, lines - line)
                image.write(
                    np.full((rows, samples), NUMBER, np.uint16), 1, window=Window(0, line, samples, rows)
                )
    return open_product(root)


def sarsen_scene(archive: Path, folder: Path) -> tuple[Product, Path]:
    """The product and the elevation model that sarsen's tests run on."""
    with tarfile.open(archive) as packed:
        wanted = [m for m in packed.getmembers() if re.search(r"tests/data/(S1B_IW_GRDH|Rome-)", m.name)]
        packed.extractall(folder, wanted, filter="data")
    root = next(folder.rglob("S1B_IW_GRDH_*/manifest.safe")).parent
    manifest = root / "manifest.safe"
    # The archive holds VV alone.
    found = re.compile(r"<[^<>]*transmitterReceiverPolarisation>VH</[^<>]*>")
    manifest.write_text(found.sub("", manifest.read_text()))
    return constant_product(root), next(folder.rglob("Rome-30m-DEM.tif"))


def relief_in_place(model: Path, path: Path) -> Box:
    """An elevation model of degrees on cells of 20 m, where it lies; heights are taken for ellipsoidal."""
    with rasterio.open(model) as source:
        bounds = source.bounds
        epsg = 32600 + int(((bounds.left + bounds.right) / 2 + 180.0) // 6.0) + 1
        west, south, east, north = transform_bounds("EPSG:4326", f"EPSG:{epsg}", *bounds)
        # Cells along the edges of a turned square have no height.
        x_min, y_max = (np.ceil(west / 20) + 30) * 20.0, (np.floor(north / 20) - 30) * 20.0
        columns, rows = int((east - x_min) // 20 - 30), int((y_max - south) // 20 - 30)
        cells = Grid(epsg, x_min, y_max, 20.0, columns, rows)
        heights = np.full((rows, columns), np.nan, np.float32)
        reproject(
            gaussian_filter(source.read(1).astype(np.float32), 2.0), heights,
            src_transform=source.transform, src_crs="EPSG:4326", dst_transform=cells.transform,
            dst_crs=f"EPSG:{epsg}", dst_nodata=np.nan, resampling=Resampling.cubic,
        )  # fmt: skip
    write_heights(path, cells, heights)
    return Box(cells, 0, 0, rows, columns)


def write_heights(path: Path, cells: Grid, heights: NDArray[np.float32]) -> None:
    rows, columns = heights.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32",
        crs=f"EPSG:{cells.epsg}", transform=cells.transform,
    ) as model:  # fmt: skip
        model.write(heights, 1)


def relief_below(product: Product, path: Path) -> Box:
    """Real heights on cells of 20 m below the middle of the image."""
    with rasterio.open(SHARED / RELIEF) as source:
        # The file holds whole metres, steps that would be slopes of three degrees.
        heights = gaussian_filter(source.read(1).astype(np.float32), 2.0)
    grid = product.annotation(product.swaths[0]).grid
    lon, lat = float(np.mean(grid.lon_deg)), float(np.mean(grid.lat_deg))
    epsg = 32600 + int((lon + 180.0) // 6.0) + 1
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    rows, columns = heights.shape
    cells = Grid(epsg, round(x / 20) * 20.0, round(y / 20) * 20.0, 20.0, columns, rows)
    write_heights(path, cells, heights)
    return Box(cells, 0, 0, rows, columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", type=Path, metavar="ARCHIVE", help="sarsen's source archive")
    scene: Path | None = parser.parse_args().scene
    with tempfile.TemporaryDirectory() as place:
        folder, dem = Path(place), Path(place) / "relief.tif"
        if scene is None:
            product = published_product(folder)
            box = relief_below(product, dem)
        else:
            product, model = sarsen_scene(scene, folder)
            box = relief_in_place(model, dem)
        annotation, terrain = product.annotation(product.swaths[0]), Terrain((dem,))
        orbit = acquisition_orbit(product, annotation, None)
        pol = product.swaths[0].polarisation
        ours = detected_backscatter(product, box, orbit, terrain, 2, "gamma0")[pol]
        heights = terrain.heights_m(box)
        nodes = solve_box(box, heights, orbit, product.start, 2)
        lines = nodes.lines(orbit.seconds(annotation.first_line_at), annotation.line_interval_s)
        samples = detected_samples(nodes, annotation, orbit, 2)
        first = [int(np.nanmin(v)) - 150 for v in (lines, samples)]
        size = [int(np.nanmax(v)) + 150 - f for v, f in zip((lines, samples), first, strict=True)]
        window = Window(first[1], first[0], size[1], size[0])
        theirs = run_sarsen(product, dem, folder / "out.tif", flatten=True, window=window)
        inner = slice(20, -20), slice(20, -20)
        a, b = ours[inner], theirs[inner]
        print(f"{product.name}, {pol}: {a.shape[0]} x {a.shape[1]} cells, heights "
              f"{np.nanmin(heights):.0f} to {np.nanmax(heights):.0f} m")  # fmt: skip
        for side in (1, 5, 15):
            compare(side, *(uniform_filter(values, side) if side > 1 else values for values in (a, b)))


def compare(side: int, ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
    """Print how two images agree whose values are means over squares of some cells."""
    seen = np.isfinite(ours) & np.isfinite(theirs) & (theirs > 0)
    a, b = ours[seen], theirs[seen]
    spread = [float(10.0 * np.log10(v).std()) for v in (a, b)]
    low, middle, high = np.percentile(10.0 * np.log10(a / b), [5, 50, 95])
    print(
        f"{side * 20:4d} m: ours {a.mean():.4f}, sarsen {b.mean():.4f}, ratio {a.mean() / b.mean():.4f}, "
        f"r {np.corrcoef(a, b)[0, 1]:.4f}, spread {spread[0]:.3f} and {spread[1]:.3f} dB, "
        f"between them {low:.3f}, {middle:.3f}, {high:.3f} dB (5, 50, 95 %)"
    )


if __name__ == "__main__":
    main()
