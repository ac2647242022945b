"""Extraction from rasters that are already there: what it refuses, and several variables at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.errors import NothingToDoError, UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import burn_labels
from sen4cap_core.rasters.passes.cog_pass import extract_from_cog
from sen4cap_core.rasters.writing.cog import write_cog
from tests.rasters.conftest import WriteBand, make_grid, make_parcels


def write(path: Path, values: np.ndarray, grid: Grid, quantisation: Quantisation) -> BandSource:
    write_cog(path, values, grid, quantisation, threads=1, description=path.stem)
    return BandSource(path.stem, str(path), grid, quantisation.scale, 0.0, quantisation.nodata)


def test_several_variables_with_their_own_scales(tmp_path: Path) -> None:
    grid = make_grid(90, 110)
    labels = burn_labels(make_parcels(grid, 12, 3), range(12), grid, 0.0)
    rng = np.random.default_rng(1)
    ndvi = rng.integers(-2000, 9000, grid.shape).astype(np.int16)
    lai = rng.integers(0, 7000, grid.shape).astype(np.int16)
    sources = {
        "ndvi": write(tmp_path / "ndvi.tif", ndvi, grid, Quantisation()),
        "lai": write(tmp_path / "lai.tif", lai, grid, Quantisation(1e-3, -1)),
    }
    seen: list[float] = []
    sums = extract_from_cog(sources, labels, threads=2, progress=seen.append)
    assert seen[-1] == pytest.approx(1.0)
    image = np.full(grid.shape, -1)
    for row, first, last, parcel in zip(labels.rows, labels.first, labels.last, labels.parcel, strict=True):
        image[row, first : last + 1] = parcel
    for name, values, scale in (("ndvi", ndvi, 1e-4), ("lai", lai, 1e-3)):
        expected = [values[image == p].mean() * scale if (image == p).any() else np.nan for p in range(12)]
        np.testing.assert_allclose(sums.variables[name].mean(), expected, rtol=1e-6)


def test_what_is_refused(tmp_path: Path, write_band: WriteBand) -> None:
    grid = make_grid(40, 40)
    labels = burn_labels(make_parcels(grid, 3, 3), range(3), grid, 0.0)
    own = write(tmp_path / "ndvi.tif", np.zeros(grid.shape, np.int16), grid, Quantisation())
    with pytest.raises(NothingToDoError):
        extract_from_cog({}, labels, threads=1)
    reflectance = write_band("B04", np.ones(grid.shape, np.uint16), grid)
    with pytest.raises(UnreadableSceneError, match="it is uint16, expected int16"):
        extract_from_cog({"B04": reflectance}, labels, threads=1)
    with pytest.raises(ValueError, match="rasters of 2 grids"):
        extract_from_cog({"a": own, "b": replace(own, grid=make_grid(40, 41))}, labels, threads=1)
    other_zone = burn_labels([None], [1], replace(grid, epsg=32631), 0.0)
    with pytest.raises(ValueError, match="do not fit the pixels"):
        extract_from_cog({"ndvi": own}, other_zone, threads=1)
    Path(own.uri).write_bytes(Path(own.uri).read_bytes()[:700])
    with pytest.raises(UnreadableSceneError, match=r"ndvi\.tif"):
        extract_from_cog({"ndvi": own}, labels, threads=1)
