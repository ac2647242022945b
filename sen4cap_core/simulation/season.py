"""A whole simulated season: what an agency would drop, and the truth beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.declarations.sites.site import season_year
from sen4cap_core.files import write_text_atomic
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.simulation.land.burning import burn
from sen4cap_core.simulation.land.crops import CROPS
from sen4cap_core.simulation.land.growth import Growth, Mowing
from sen4cap_core.simulation.land.landscape import FIELD, FIELD_HA_MEDIAN, WATER, make_landscape
from sen4cap_core.simulation.optical.acquisition import Acquisition, plan_acquisition
from sen4cap_core.simulation.optical.rendering import SPECTRA, coarse_bands, render
from sen4cap_core.simulation.optical.safe_product import true_colour, write_safe
from sen4cap_core.simulation.radar.radar_season import RadarSeason
from sen4cap_core.simulation.sky.weather import (
    CELL_M,
    Pass,
    WrongSeasonError,
    cloud_and_shadow,
    plan_passes,
    smooth_noise,
)
from sen4cap_core.simulation.uploads import (
    holdings_of,
    write_crop_codes,
    write_declarations,
    write_l4b_config,
    write_site,
)

BandChoice = Literal["all", "10m-only-ndvi"]
VERGE_NDVI = 0.42
"""Of what lies between the pieces of land: tracks, verges, hedges."""
SWATH_EDGE_ORBIT = 94
"""Of this orbit's passes the eastern corner of the area is beyond the swath."""
TWENTY_M_BANDS = ("B05", "B06", "B07", "B8A", "B11", "B12")


@dataclass(frozen=True)
class SeasonTruth:
    """What is really there."""

    parcels: geopandas.GeoDataFrame
    """One row for each declared parcel, in the grid's UTM zone: parcel_id, holding_id, crop_code, crop_name,
    area_ha, n_mowings, unit (its number in the landscape)."""
    mowings: list[Mowing]
    """Of declared parcels, in the season; ``unit`` refers to ``parcels``."""
    passes: list[Pass]
    grid: Grid
    year: int
    """Folder of the season below the site."""
    scenes: list[Path] = field(default_factory=list)
    """Products in order of time."""


class Season:
    """A season ready to be written, scene by scene. The same arguments give the same bytes.

    Parameters
    ----------
    seed : int
        Of everything.
    size_m : float
        Edge of the area, from 1000 to 109 800 m (a whole tile); made a multiple of 60 m. Smaller areas lie
        in the middle of the tile.
    tile : str
        MGRS tile.
    start, end : date
        Season, both days included.
    n_dates : int or None
        Number of scenes, spread over the season; None: every passage of both orbits, about two in five days.
    baseline : str
        Processing baseline of all scenes, ``02.12``, ``05.10`` ...; since 04.00 numbers carry the offset.
    bands : "all" or "10m-only-ndvi"
        All twelve bands and the true colour image, or B02, B03, B04, B08 and SCL only (a third of the time).
    field_ha_median : float
        Of the field sizes.
    max_parcels : int or None
        Declare at most so many fields, spread evenly; the others are there but nobody's.
    missed_cloud : float
        Share of the thin cloud that the scene classification overlooks.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        size_m: float = 3000,
        tile: str = "30TUM",
        start: date = date(2019, 3, 1),
        end: date = date(2019, 10, 31),
        n_dates: int | None = 30,
        baseline: str = "05.10",
        bands: BandChoice = "all",
        field_ha_median: float = FIELD_HA_MEDIAN,
        max_parcels: int | None = None,
        missed_cloud: float = 0.15,
    ) -> None:
        self.grid = area_grid(tile, size_m)
        self.seed, self.tile, self.start, self.end = seed, tile, start, end
        self._baseline, self._bands, self._missed_cloud = baseline, bands, missed_cloud
        self.passes = plan_passes(seed, start, end, n_dates)
        landscape = make_landscape(self.grid, seed, field_ha_median)
        self._growth = Growth(landscape, seed, start, end)
        self._geometries = landscape.geometries
        self._labels = burn(landscape.geometries, self.grid)
        self._is_water = np.append(landscape.kinds == WATER, False)
        cells = (self.grid.height // 6, self.grid.width // 6)
        rng = np.random.default_rng([seed, 61])
        self._texture = (0.035 * smooth_noise(rng, *cells, 1.4)).astype(np.float32)
        declared = np.flatnonzero(landscape.kinds == FIELD)
        if max_parcels is not None and len(declared) > max_parcels:
            declared = declared[np.linspace(0, len(declared) - 1, max_parcels).astype(int)]
        units = set(declared.tolist())
        self.truth = SeasonTruth(
            parcels=_parcels(landscape.geometries, landscape.blocks, declared, self._growth, seed, self.grid),
            mowings=[one for one in self._growth.mowings if one.unit in units],
            passes=self.passes,
            grid=self.grid,
            year=season_year(start, end),
        )

    def ndvi_on(self, day: date) -> NDArray[np.float32]:
        """Return the true NDVI of the declared parcels on a day, in the order of ``truth.parcels``."""
        return np.asarray(self._growth.ndvi_on(day)[self.truth.parcels["unit"].to_numpy()])

    def acquisition(self, one: Pass) -> Acquisition:
        """Return what the metadata of a pass say."""
        return plan_acquisition(
            self.tile,
            self.grid,
            one.at,
            baseline=self._baseline,
            platform=one.platform,
            relative_orbit=one.relative_orbit,
            view_zenith_deg=3.5 if one.relative_orbit == 137 else 9.0,
        )

    def images(
        self, one: Pass, clouds: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    ) -> dict[str, NDArray[np.uint16] | NDArray[np.uint8]]:
        """Compute the stored numbers of all bands of a pass.

        ``clouds`` are other clouds and shadows than those of the pass, as `cloud_and_shadow` gives them.
        Memory of a whole tile: 1.5 GB with all bands, 1 GB with the 10 m bands only.
        """
        acquisition = self.acquisition(one)
        cloud, shadow = clouds or cloud_and_shadow(
            one, self.grid, acquisition.sun_zenith_deg, acquisition.sun_azimuth_deg, self.seed
        )
        ndvi = np.append(self._growth.ndvi_on(one.at.date()), np.float32(VERGE_NDVI))
        rows, columns = self.grid.shape
        n_twenty = len(TWENTY_M_BANDS) if self._bands == "all" else 0
        ten = np.empty((4, rows, columns), np.uint16)
        twenty = np.empty((n_twenty, rows // 2, columns // 2), np.uint16)
        scl = np.empty((rows // 2, columns // 2), np.uint8)
        edge = 1.12 * columns if one.relative_orbit == SWATH_EDGE_ORBIT else 2.0 * columns
        render(
            self._labels, ndvi, self._is_water, self._texture, cloud, shadow, SPECTRA, one.haze,
            acquisition.boa_offset, edge, self.seed * 100_003 + one.index * 101, self._missed_cloud,
            ten, twenty, scl,
        )  # fmt: skip
        images: dict[str, NDArray[np.uint16] | NDArray[np.uint8]] = dict(
            zip(("B02", "B03", "B04", "B08"), ten, strict=True)
        )
        images["SCL"] = scl
        if n_twenty:
            images |= dict(zip(TWENTY_M_BANDS, twenty, strict=True))
            offset = acquisition.boa_offset
            images["B01"], images["B09"] = coarse_bands(ten[0], twenty[3], offset)
            images["TCI"] = true_colour(ten[2], ten[1], ten[0], offset)
        return images

    def write_scene(self, one: Pass, folder: Path, *, as_zip: bool = False, threads: int = 1) -> Path:
        """Write the product of a pass; it appears whole."""
        return write_safe(folder, self.acquisition(one), self.images(one), as_zip=as_zip, threads=threads)

    def radar(self, orbits: tuple[int, ...] = (154,)) -> RadarSeason:
        """Return the radar products of the same land and season, of some relative orbits."""
        return RadarSeason(
            self._geometries, self._growth, self.grid, tile=self.tile, seed=self.seed, start=self.start,
            end=self.end, orbits=orbits,
        )  # fmt: skip

    def write_site(
        self, folder: Path, name: str = "Simulated", country: str = "ESP", *, with_radar: bool = False
    ) -> None:
        """Write extent and ``site.yaml`` into the site's upload folder."""
        folder.mkdir(parents=True, exist_ok=True)
        write_site(folder, self.grid, name, country, self.start, self.end, with_radar=with_radar)

    def write_declarations(self, folder: Path, epsg: int | None = None) -> None:
        """Write declarations, crop codes and mowing configuration below ``<folder>/<year>``."""
        year = folder / str(self.truth.year)
        write_declarations(
            year / "declarations" / f"declaraciones-{self.truth.year}.zip",
            self.truth.parcels,
            epsg or self.grid.epsg,
        )
        write_crop_codes(year / "crop-codes" / f"crop-codes-{self.truth.year}.csv")
        write_l4b_config(year / "l4b-config" / f"S4C_L4B_Config_{self.truth.year}.cfg", self.truth.year)

    def write_truth(self, folder: Path) -> None:
        """Write ``parcels.csv``, ``mowings.csv`` and ``passes.csv``; never into an upload folder."""
        parcels = self.truth.parcels
        ids = dict(zip(parcels["unit"], parcels["parcel_id"], strict=True))
        columns = ["parcel_id", "holding_id", "crop_code", "crop_name", "area_ha", "n_mowings"]
        _write_csv(folder / "parcels.csv", columns, parcels[columns].itertuples(index=False))
        _write_csv(
            folder / "mowings.csv",
            ["parcel_id", "date", "ndvi_drop", "regrowth_days"],
            (
                (ids[one.unit], one.day.isoformat(), f"{one.ndvi_drop:.3f}", f"{one.regrowth_days:.1f}")
                for one in self.truth.mowings
            ),
        )
        _write_csv(
            folder / "passes.csv",
            ["product_id", "acquired_at", "relative_orbit", "cloud_cover"],
            (
                (
                    self.acquisition(one).product_id,
                    one.at.isoformat(),
                    one.relative_orbit,
                    f"{one.cloud_cover:.3f}",
                )
                for one in self.passes
            ),
        )


def simulate_season(
    out: Path,
    *,
    seed: int = 1,
    size_m: float = 3000,
    tile: str = "30TUM",
    start: date = date(2019, 3, 1),
    end: date = date(2019, 10, 31),
    n_dates: int | None = 30,
    baseline: str = "05.10",
    bands: BandChoice = "all",
    as_zip: bool = False,
    declarations_epsg: int | None = None,
    field_ha_median: float = FIELD_HA_MEDIAN,
    max_parcels: int | None = None,
    missed_cloud: float = 0.15,
    radar_orbits: tuple[int, ...] = (),
    truth: Path | None = None,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
) -> SeasonTruth:
    """Write a season in the layout of a site's upload folder, and the truth elsewhere.

    Parameters
    ----------
    out : Path
        The site's folder, ``uploads/<site>``.
    as_zip : bool
        Scenes as ``.SAFE.zip`` in place of ``.SAFE`` folders.
    declarations_epsg : int or None
        Projection of the declarations (25830, 3857 ...); None: that of the tile.
    radar_orbits : tuple of int
        Relative orbits of Sentinel-1 whose backscatter and coherence are written too (74, 154).
    truth : Path or None
        Folder of the truth; default ``<out>/../truth``, or one step higher where ``out`` lies in a folder
        ``uploads``, in which it would be taken for another site.
    threads : int
        Of the JPEG 2000 encoder.
    progress : callable
        Called with the share done, 0..1.

    The others are those of `Season`. Raises WrongSeasonError where they do not fit together.
    """
    season = Season(
        seed=seed, size_m=size_m, tile=tile, start=start, end=end, n_dates=n_dates, baseline=baseline,
        bands=bands, field_ha_median=field_ha_median, max_parcels=max_parcels, missed_cloud=missed_cloud,
    )  # fmt: skip
    if truth is None:
        truth = (out.parent.parent if out.parent.name == "uploads" else out.parent) / "truth"
    season.write_truth(truth)
    season.write_site(out, with_radar=bool(radar_orbits))
    season.write_declarations(out, declarations_epsg)
    folder = out / str(season.truth.year) / "scenes"
    for number, one in enumerate(season.passes, start=1):
        season.truth.scenes.append(season.write_scene(one, folder, as_zip=as_zip, threads=threads))
        if progress is not None:
            progress(number / len(season.passes))
    if radar_orbits:
        radar = season.radar(radar_orbits)
        for radar_pass in radar.passes:
            season.truth.scenes.extend(radar.write_pass(radar_pass, folder))
    return season.truth


def area_grid(tile: str, size_m: float) -> Grid:
    """Return the 10 m grid of a square of about ``size_m`` in the middle of a tile, in whole 60 m pixels."""
    whole = tile_grid(tile)
    cells = round(size_m / CELL_M)
    n_cells = whole.width * 10 // CELL_M
    if not size_m >= 1000 or cells > n_cells:
        raise WrongSeasonError(f"size_m is {size_m:g}, 1000 to {n_cells * CELL_M} was expected")
    before = (n_cells - cells) // 2 * CELL_M
    return Grid(whole.epsg, whole.x_min_m + before, whole.y_max_m - before, 10.0, cells * 6, cells * 6)


def _parcels(
    geometries: NDArray[np.object_],
    blocks: NDArray[np.int32],
    declared: NDArray[np.int64],
    growth: Growth,
    seed: int,
    grid: Grid,
) -> geopandas.GeoDataFrame:
    crops = [CROPS[growth.crop_of[unit]] for unit in declared]
    n_mowings = np.bincount([one.unit for one in growth.mowings] or [0], minlength=len(geometries))
    if not growth.mowings:
        n_mowings[:] = 0
    return geopandas.GeoDataFrame(
        {
            # Leading zeros and letters, as real ids have them.
            "parcel_id": [f"0{seed % 10}-{unit:07d}" for unit in declared],
            "holding_id": holdings_of(blocks[declared], seed),
            "crop_code": [crop.code for crop in crops],
            "crop_name": [crop.name for crop in crops],
            "area_ha": shapely.area(geometries[declared]) / 10_000.0,
            "n_mowings": n_mowings[declared],
            "unit": declared,
        },
        geometry=list(geometries[declared]),
        crs=grid.epsg,
    )


def _write_csv(target: Path, header: list[str], rows: object) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)  # type: ignore[arg-type]
    write_text_atomic(target, text.getvalue())
