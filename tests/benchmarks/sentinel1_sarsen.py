"""The same detected product for sarsen: its engine, our reading of the annotation."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import sarsen
import xarray as xr
import xarray_sentinel
from numpy.typing import NDArray
from rasterio.windows import Window
from sarsen import apps

from sen4cap_core.sentinel1.annotation import Annotation
from sen4cap_core.sentinel1.product import Product


class SarsenProduct(sarsen.GroundRangeSarProduct):
    """What sarsen asks of a product, of one polarisation."""

    def __init__(self, product: Product, window: Window | None = None) -> None:
        super().__init__()
        swath = product.swaths[0]
        self._annotation = product.annotation(swath)
        table = product.calibration(swath, self._annotation, ("beta0",))["beta0"].values
        # The tables of beta0 hold one number, the simulated and the published ones.
        if float(np.ptp(table)) > 1e-4 * float(table[0, 0]):
            raise ValueError("the table of beta0 is not constant")
        self._gain = float(table[0, 0])
        self._window = window or Window(0, 0, self._annotation.n_samples, self._annotation.n_lines)
        self._path = product.files.uri(swath.measurement)

    @property
    def product_type(self) -> str:
        return "GRD"

    def state_vectors(self) -> xr.DataArray:
        vectors = self._annotation.state_vectors
        coords = {"axis": [0, 1, 2], "azimuth_time": [_ns(t) for t in vectors.times]}
        return xr.DataArray(vectors.position_m.T, coords, ("axis", "azimuth_time"))

    def beta_nought(self) -> xr.DataArray:
        a = self._annotation
        part = self._window
        with rasterio.open(self._path) as image:
            values = (image.read(1, window=part).astype(np.float32) / np.float32(self._gain)) ** 2
        lines, samples = part.row_off + np.arange(part.height), part.col_off + np.arange(part.width)
        steps = (lines * a.line_interval_s * 1e9).astype("timedelta64[ns]")
        coords = {
            "azimuth_time": _ns(a.first_line_at) + steps,
            "ground_range": samples * a.pixel_spacing_m,
        }
        return xr.DataArray(values, coords, ("azimuth_time", "ground_range"))

    def slant_range_time_to_ground_range(
        self, azimuth_time: xr.DataArray, slant_range_time: xr.DataArray
    ) -> xr.DataArray:
        return xarray_sentinel.slant_range_time_to_ground_range(
            azimuth_time, slant_range_time, _conversion(self._annotation)
        )

    def grid_parameters(self, grouping_area_factor: tuple[float, float] = (3.0, 3.0)) -> dict[str, Any]:
        a = self._annotation
        along, across = grouping_area_factor
        range_m = a.pixel_spacing_m * across
        return {
            "slant_range_time0": a.first_range_time_s,
            "slant_range_time_interval_s": range_m * 2 / 299_792_458.0,
            "slant_range_spacing_m": range_m,
            "azimuth_time0": _ns(a.first_line_at),
            "azimuth_time_interval_s": a.line_interval_s * along,
            "azimuth_spacing_m": a.line_spacing_m * along,
        }


def run_sarsen(
    product: Product, dem: Path, out: Path, *, flatten: bool, window: Window | None = None
) -> NDArray[np.float32]:
    """Return beta0, or terrain-flattened gamma0, on the cells of an elevation model.

    ``window`` is the part of the image that is read, all by default.
    """
    apps.terrain_correction(
        SarsenProduct(product, window),
        str(dem),
        output_urlpath=str(out),
        correct_radiometry="gamma_bilinear" if flatten else None,
        interp_method="linear",
    )
    with rasterio.open(out) as raster:
        values: NDArray[np.float32] = raster.read(1)
        # It writes rows from south to north.
        return values[::-1] if raster.transform.e > 0 else values


def _conversion(annotation: Annotation) -> xr.Dataset:
    entries = annotation.ground_ranges
    table = np.array([entry.coefficients for entry in entries])
    coords = {"azimuth_time": [_ns(e.time) for e in entries], "degree": np.arange(table.shape[1])}
    variables = {
        "sr0": ("azimuth_time", [e.origin_m for e in entries]),
        "srgrCoefficients": (("azimuth_time", "degree"), table),
    }
    return xr.Dataset(variables, coords)


def _ns(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.replace(tzinfo=None), "ns")
