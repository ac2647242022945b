"""The files that an agency drops beside the scenes: extent, declarations, look-up table, configuration."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from datetime import date, timedelta
from pathlib import Path

import geopandas
import numpy as np
import shapely
import yaml

from sen4cap_core.files import atomic_path, write_text_atomic
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.simulation.land.crops import CROPS, GRASSLAND_CODES

FIXED_TIME = (2019, 1, 1, 0, 0, 0)
LUT_HEADER = (
    "Ori_crop", "CTnum", "CT", "LC", "CTnumL4A", "CTL4A", "CTnumDIV", "CTDIV",
    "EAA", "AL", "PGrass", "TGrass", "Fallow", "Cwater",
)  # fmt: skip


def write_site(
    folder: Path, grid: Grid, name: str, country: str, start: date, end: date, *, with_radar: bool = False
) -> None:
    """Write ``site.zip`` (the extent as a shapefile) and ``site.yaml``."""
    extent = geopandas.GeoDataFrame({"NAME": [name]}, geometry=[shapely.box(*grid.bounds_m)], crs=grid.epsg)
    write_shapefile_zip(folder / "site.zip", extent, "site")
    middle = start + (end - start) / 2
    site = {
        "name": name,
        "country": country,
        "satellites": ["S1", "S2"] if with_radar else ["S2"],
        "seasons": [
            {
                "name": "main",
                "start": start.isoformat(),
                "mid": middle.isoformat(),
                "end": end.isoformat(),
                "enabled": True,
            }
        ],
        "processors": {
            "l3a": False,
            "l3b": ["ndvi"],
            "l4a": False,
            "l4b": {"mowing_start": start.isoformat()},
            "l4c": False,
        },
        "enabled": True,
    }
    write_text_atomic(folder / "site.yaml", yaml.safe_dump(site, sort_keys=False))


def write_declarations(
    target: Path, parcels: geopandas.GeoDataFrame, epsg: int, stem: str = "declaraciones"
) -> None:
    """Write the declarations as a zipped shapefile with .prj and .cpg, in another projection where wanted.

    Columns in a Spanish style: PARCELA, EXPLOT (holding), COD_CULT, CULTIVO, SUP_HA, MUNICIPIO.
    """
    table = geopandas.GeoDataFrame(
        {
            "PARCELA": parcels["parcel_id"],
            "EXPLOT": parcels["holding_id"],
            "COD_CULT": parcels["crop_code"],
            "CULTIVO": parcels["crop_name"],
            "SUP_HA": parcels["area_ha"].round(4),
            "MUNICIPIO": "Villaverde de la Peña",
        },
        geometry=parcels.geometry,
        crs=parcels.crs,
    )
    write_shapefile_zip(target, table.to_crs(epsg), stem)


def write_shapefile_zip(target: Path, table: geopandas.GeoDataFrame, stem: str) -> None:
    """Write a shapefile (UTF-8, with .cpg) as one zip; the same table gives the same bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        table.to_file(Path(scratch) / f"{stem}.shp", engine="pyogrio", encoding="UTF-8")
        with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for path in sorted(Path(scratch).iterdir()):
                content = bytearray(path.read_bytes())
                if path.suffix == ".dbf":
                    content[1:4] = bytes((119, 1, 1))  # the day of writing
                entry = zipfile.ZipInfo(path.name, FIXED_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, bytes(content))


def write_crop_codes(target: Path) -> None:
    """Write the look-up table of all crops of the simulator."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LUT_HEADER)
    for crop in CROPS:
        flags = (True, crop.arable, crop.permanent_grass, crop.temporary_grass, crop.fallow, False)
        writer.writerow(
            (crop.code, crop.ctnum, crop.name, crop.land_cover, crop.ctnum_l4a, crop.name_l4a,
             crop.ctnum_div, crop.name_div, *(int(flag) for flag in flags))
        )  # fmt: skip
    write_text_atomic(target, text.getvalue())


def write_l4b_config(target: Path, year: int) -> None:
    """Write a grassland mowing configuration in the original's form, with compliance periods of the year."""
    last = {"051": "31/10", "052": "31/10", "046": "31/10", "265": "31/07"}
    intervals = ", ".join(f"('01/04/{year}', '{last[code]}/{year}')" for code in GRASSLAND_CODES)
    grassland = ", ".join(str(crop.ctnum) for crop in CROPS if crop.land_cover == 3)
    write_text_atomic(
        target,
        f"""[GENERAL_CONFIG]
CTNUM_FILTER = {grassland}
s1_orbit_list_filter =
s1_orbit_type_list_filter =
[S1_constants]
S1_time_interval = 6
min_cohe_var = 0.024
locAcqTimeASC = 18:00:00
locAcqTimeDESC = 06:00:00
[S2_constants]
S2_time_interval = 5
locAcqTime = 10:30:00
[S2_model]
apply_model = False
[S1_processing]
pol_types = VH
data_types = COHE
invalid_data = nan
saturate_sigma = True
pfa = 3.0e-8
stat_smpl_n = 5
non_overlap_interval_days = 28
erode_pixels = 0
[S2_processing]
prod_type_list = SNDVI
sc_fact = 1000
corrupted_th = 0.1
invalid_data = -10000
decreasing_abs_th = 0.12
decreasing_rate_th = -0.000001
increasing_rate_th = 0.05
high_abs_th = 0.75
low_abs_th = 0.5
erode_pixels = 0
no_mowing_after_det = 30
non_overlap_interval_days = 45
stat_smpl_n = 0
[compliancy]
crop_codes = {", ".join(GRASSLAND_CODES)}
crop_time_intervals = {intervals}
crop_rule = {", ".join("0" for _ in GRASSLAND_CODES)}
""",
    )


def holdings_of(blocks: np.ndarray, seed: int) -> list[str]:
    """Give each parcel a holding: neighbours often share one, and a holding has land in several blocks."""
    rng = np.random.default_rng([seed, 51])
    n_holdings = max(3, len(blocks) // 9)
    # Four holdings work in a block, chosen anew for each block.
    local = rng.integers(0, n_holdings, (int(blocks.max(initial=0)) + 1, 4))
    chosen = local[blocks, rng.integers(0, 4, len(blocks))]
    return [f"H{number:06d}" for number in chosen + 1]


def write_practice_table(target: Path, parcels: geopandas.GeoDataFrame, year: int) -> int:
    """Write the practice table ``NA`` (harvest alone) of all parcels of arable crops; return how many rows.

    The harvest is expected from six weeks before to eight weeks after the crop's usual day of ripening.
    """
    crops = {crop.code: crop for crop in CROPS if crop.arable and not (crop.fallow or crop.temporary_grass)}
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    header = "FIELD_ID MAIN_CROP VEG_START H_START H_END PRACTICE P_TYPE P_START P_END"
    writer.writerow(header.split())
    n_rows = 0
    for parcel, code in zip(parcels["parcel_id"], parcels["crop_code"], strict=True):
        if code not in crops:
            continue
        ripe = date(year, 1, 1) + timedelta(days=round(crops[code].curve.fall_day) - 1)
        window = ripe - timedelta(weeks=6), min(ripe + timedelta(weeks=8), date(year, 12, 31))
        row = [parcel, code, f"{year}-01-01", *(day.isoformat() for day in window), "NA", "NA", "NA", "NA"]
        writer.writerow(row)
        n_rows += 1
    write_text_atomic(target, text.getvalue())
    return n_rows
