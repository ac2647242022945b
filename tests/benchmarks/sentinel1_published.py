"""Flattened backscatter against sarsen on published geometry: a real annotation, orbit and relief.

``python -m tests.benchmarks.sentinel1_published``: the metadata of a real GRD product and real terrain, put
below the middle of its image; every pixel holds the same number, so that gamma0 is the inverse of the area
that the terrain has in each pixel. Ours and sarsen's, on the same cells.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter

from sen4cap_core.rasters.grid import Grid
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


def constant_product(folder: Path) -> Product:
    """The published product with images of one number."""
    with zipfile.ZipFile(SHARED / PRODUCT) as archive:
        archive.extractall(folder)
    root = next(folder.rglob("manifest.safe")).parent
    for path in root.glob("annotation/s1a-*.xml"):
        text = path.read_text()
        lines, samples = (
            int(text.split(f"<{name}>")[1].split("<")[0]) for name in ("numberOfLines", "numberOfSamples")
        )
        target = root / "measurement" / f"{path.stem}.tiff"
        target.parent.mkdir(exist_ok=True)
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
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32",
        crs=f"EPSG:{epsg}", transform=cells.transform,
    ) as model:  # fmt: skip
        model.write(heights, 1)
    return Box(cells, 0, 0, rows, columns)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        product, dem = constant_product(folder), folder / "relief.tif"
        box = relief_below(product, dem)
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
        seen = np.isfinite(a) & np.isfinite(b) & (b > 0)
        ratio_db = 10.0 * np.log10(a[seen] / b[seen])
        print(f"{product.name}, {pol}: {a.shape[0]} x {a.shape[1]} cells, heights "
              f"{np.nanmin(heights):.0f} to {np.nanmax(heights):.0f} m")  # fmt: skip
        means, r = (float(a[seen].mean()), float(b[seen].mean())), np.corrcoef(a[seen], b[seen])[0, 1]
        print(
            f"gamma0 ours {means[0]:.5f}, sarsen {means[1]:.5f}, ratio {means[0] / means[1]:.4f}, r {r:.4f}"
        )
        print("dB between them: median {:.3f}, 5 % {:.3f}, 95 % {:.3f}".format(
            *np.percentile(ratio_db, [50, 5, 95])))  # fmt: skip


if __name__ == "__main__":
    main()
