"""Small examples of what comes out, made by the code that writes the real ones."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.declarations.tables.crop_codes import COLUMNS as CODE_COLUMNS
from sen4cap_core.observations.store import write_observations
from sen4cap_core.processors.l4a.crop_type.tables_out import PREDICTION_COLUMNS
from sen4cap_core.processors.l4a.diversification.command import assess_files
from sen4cap_core.products.naming import L3B_NDVI, content_key, item_id, version_of
from sen4cap_core.products.practice_exports import ORIGINAL_COLUMNS, write_original_csv
from sen4cap_core.products.stac import Band, Input, Origin, raster_item, write_item
from sen4cap_core.products.tables import write_mowing_exports
from sen4cap_core.rasters.blockwise.variables import Quantisation
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.passes.sums import ParcelSums, VariableSums
from sen4cap_core.steps.crop_types.product import CSV_COLUMNS

_ACQUIRED = datetime(2019, 6, 12, 10, 50, 31, tzinfo=UTC)
_OUTLINE = shapely.box(5.5000, 52.4000, 5.5030, 52.4020)

MOWING = {
    "NewID": 17, "Ori_hold": "0042", "Ori_id": "31.001", "Ori_crop": "265", "Area_meter": 45367.5, "mow_n": 1,
    "m1_dstart": "2019-05-18 10:30:00", "m1_dend": "2019-05-23 10:30:00", "m1_conf": 0.87, "m1_mis": "S2/S1",
    **{f"m{slot}_{part}": none for slot in (2, 3, 4)
       for part, none in (("dstart", "0"), ("dend", "0"), ("conf", 0.0), ("mis", "0"))},
    "proc": 1, "compl": 1, "reason": None, "n_observations": 23,
    "gap_days": 18, "n_radar": 31, "no_radar": 0, "mow_total": 1,
    "explanation": "mown 18–23 May 2019 (NDVI fell and coherence rose, confidence 0.87), inside 1 April – "
    "31 July: compliant; 23 clear dates, longest gap 18 days, 31 coherence values",
}  # fmt: skip
PRACTICE = {
    "FIELD_ID": "17", "ORIG_ID": "31.001", "COUNTRY": "NLD", "YEAR": "2019", "MAIN_CROP": "1933",
    "VEG_START": "2019-05-20", "H_START": "2019-06-03", "H_END": "2019-10-15", "PRACTICE": "CatchCrop",
    "P_TYPE": "CatchCrop_1", "P_START": "2019-10-21", "P_END": "2019-12-15", "L_WEEK": "2019-12-09",
    "M1": "TRUE", "M2": "FALSE", "M3": "FALSE", "M4": "FALSE", "M5": "FALSE", "H_WEEK": "36",
    "H_W_START": "2019-09-02", "H_W_END": "2019-09-08", "H_W_S1": "2019-09-02", "M6": "TRUE", "M7": "TRUE",
    "M8": "TRUE", "M9": "NR", "M10": "NR", "C_INDEX": "STRONG", "S1PIX": "112", "S1GAPS": "0",
    "H_S1GAPS": "0", "P_S1GAPS": "0", "H_W_S1GAPS": "0", "H_QUALITY": "", "C_QUALITY": "",
    "TL_WEEK": "NO-TILLAGE", "TL_W_START": "NO-TILLAGE", "TL_W_END": "NO-TILLAGE",
}  # fmt: skip
CROP_TYPES = (
    (17, 3, 1, 0, 0, 185000.0, 1700, 425, 1, 46, 46, 46, 0.93, 47, 0.04),
    (18, 3, 1, 0, 0, 21000.0, 170, 42, 1, 71, 71, 46, 0.81, 71, 0.12),
)
"""Rows of CropType.csv: a wheat parcel that is wheat, a beet parcel that looks like wheat."""
CODES = (
    ("0461", 461, "Winter wheat", 1, 46, "Wheat", 46, "Wheat", 1, 1, 0, 0, 0, 0),
    ("0710", 710, "Sugar beet", 1, 71, "Beet", 71, "Beet", 1, 1, 0, 0, 0, 0),
)


def mowing_example() -> dict[str, str]:
    """Return a row of the mowing GeoPackage, read back from one that was written."""
    frame = geopandas.GeoDataFrame([MOWING], geometry=[_OUTLINE], crs="EPSG:4326")
    event = {
        "NewID": MOWING["NewID"], "Ori_id": MOWING["Ori_id"], "start": MOWING["m1_dstart"],
        "end": MOWING["m1_dend"], "confidence": MOWING["m1_conf"], "missions": MOWING["m1_mis"],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        written, _ = write_mowing_exports(frame, Path(folder), "example", pd.DataFrame([event]))
        row = pyogrio.read_dataframe(written, read_geometry=False).iloc[0]
    return {str(name): "" if pd.isna(value) else str(value) for name, value in row.items()}


def practice_example() -> str:
    """Return the original's CSV of practices, header and a row."""
    columns = {name: pa.array([PRACTICE[name]]) for name in ORIGINAL_COLUMNS}
    with tempfile.TemporaryDirectory() as folder:
        return write_original_csv(pa.table(columns), Path(folder) / "example.csv").read_text(encoding="utf-8")


def crop_type_examples() -> dict[str, str]:
    """Return ``CropType.csv`` and what crop diversification makes of it: file name -> text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crop_types, codes = folder / "CropType.csv", folder / "CropType_LUT.csv"
        parcels, holdings = folder / "Diversification_parcels.csv", folder / "Diversification_holdings.csv"
        header = [*CSV_COLUMNS, *PREDICTION_COLUMNS]
        pd.DataFrame(CROP_TYPES, columns=header).to_csv(crop_types, index=False)
        pd.DataFrame(CODES, columns=list(CODE_COLUMNS)).to_csv(codes, index=False)
        assess_files(crop_types, codes, parcels, holdings, Thresholds(), "default")
        return {path.name: path.read_text(encoding="utf-8") for path in (crop_types, parcels, holdings)}


def observations_example() -> str:
    """Return the rows of an observation set as CSV: a parcel of 12 pixels, and one under cloud."""
    stored = np.array([7000, 7200, 7400], np.int64)
    ndvi = VariableSums(
        Quantisation(),
        n_valid=np.array([3, 0], np.int64),
        total=np.array([stored.sum(), 0], np.int64),
        squares=np.array([(stored**2).sum(), 0], np.int64),
    )
    sums = ParcelSums(np.array([17, 18], np.int32), np.array([12, 4], np.int64), {"ndvi": ndvi})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.parquet"
        write_observations(path, sums, metadata={})
        table = pq.read_table(path)
    texts = [",".join(table.column_names)]
    for row in table.to_pylist():
        texts.append(",".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    return "\n".join(texts)


def item_example() -> str:
    """Return the STAC item of an NDVI raster. Times, checksum, key and version are those of the example."""
    key = content_key(["scene:example"], {"variable": "ndvi"}, "1.0.0")
    stem = item_id(L3B_NDVI, "31UFU", _ACQUIRED, _ACQUIRED, version_of(key))
    with tempfile.TemporaryDirectory() as folder:
        raster = Path(folder) / f"{stem}.tif"
        raster.write_bytes(b"example")
        item = raster_item(
            collection=L3B_NDVI,
            item_id=stem,
            asset=raster,
            grid=Grid(32631, 600_000.0, 5_900_040.0, 10.0, 10980, 10980),
            tile="31UFU",
            acquired_at=_ACQUIRED,
            bands=[Band("ndvi", "NDVI", "int16", scale=1e-4, nodata=-32768.0)],
            origin=Origin(
                software_version="1.0.0",
                lineage="NDVI of surface reflectance.",
                inputs=[
                    Input("/eodata/S2A_MSIL2A_20190612T105031_N0212_R051_T31UFU_20190612T133140.SAFE", "S2A")
                ],
                content_key=key,
                level="L3",
                expression="(B08 - B04) / (B08 + B04)",
            ),
            platform="S2A",
            cloud_cover_percent=12.5,
            footprint=shapely.box(4.48, 52.23, 6.12, 53.24),
            created=_ACQUIRED,
        )
        text = json.loads(write_item(item, raster.with_suffix(".json")).read_text(encoding="utf-8"))
    text["properties"]["updated"] = text["properties"]["created"]
    for link in text["links"]:
        # Told relative to the item; where a temporary folder lies is nobody's business.
        link["href"] = "/eodata/" + link["href"].rsplit("/", 1)[-1]
    # Coordinates and the like on one line.
    return re.sub(
        r"\[[-0-9.,\s\[\]]+\]", lambda found: " ".join(found[0].split()), json.dumps(text, indent=2)
    )
