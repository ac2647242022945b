"""Tables for ``sen4cap l4a classify`` out of WorldCereal's public extractions of declared parcels.

    python -m tests.benchmarks.crop_type_samples EXTRACTION.geoparquet FOLDER

The extractions hold one pixel series for each declared parcel: Sentinel-2 L2A reflectance (digital numbers)
and Sentinel-1 sigma0 (dB = 20 log10(DN) - 83), by dekad or month, 65535 where nothing was seen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

NOTHING = 65_535
BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")


def write_tables(extraction: Path, folder: Path) -> dict[str, Path]:
    """Write observations.parquet, parcels.csv and codes.csv; a crop type is one code of the extraction."""
    frame = pd.read_parquet(extraction, columns=None)
    wide = pd.DataFrame({"parcel": frame["sample_id"], "date": frame["timestamp"].dt.date})
    for band in BANDS:
        numbers = frame[f"S2-L2A-{band}"].astype(float)
        wide[f"{band.lower()}_mean"] = numbers.where(numbers != NOTHING) / 10_000
    for pol in ("VV", "VH"):
        numbers = frame[f"S1-SIGMA0-{pol}"].astype(float)
        seen = (numbers != NOTHING) & (numbers > 0)
        wide[f"{pol.lower()}_mean"] = numbers.where(seen) ** 2 * 10**-8.3
    one = frame.drop_duplicates("sample_id")
    numbers = {code: i + 1 for i, code in enumerate(np.unique(one["ewoc_code"]).tolist())}
    parcels = pd.DataFrame({"parcel_id": one["sample_id"], "crop_code": one["ewoc_code"]})
    codes = pd.DataFrame(
        [{"Ori_crop": c, "CTnumL4A": i, "CTL4A": str(c), "LC": 1} for c, i in numbers.items()]
    )
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "observations": folder / "observations.parquet",
        "parcels": folder / "parcels.csv",
        "crop_codes": folder / "codes.csv",
    }
    wide.to_parquet(paths["observations"], index=False)
    parcels.to_csv(paths["parcels"], index=False)
    codes.to_csv(paths["crop_codes"], index=False)
    return paths


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extraction", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    for title, path in write_tables(options.extraction, options.folder).items():
        print(f"{title}: {path}")


if __name__ == "__main__":
    main()
