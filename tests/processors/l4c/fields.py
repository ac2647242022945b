"""Made-up parcels of one year, with all that can be missing, and configurations in the original's form."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COMMON = {
    "OPTTHRVEGCYCLE": "350",
    "NDVIDW": "300",
    "NDVIUP": "350",
    "NDVISTEP": "5",
    "OPTTHRMIN": "100",
    "COHTHRBASE": "0.05",
    "COHTHRHIGH": "0.15",
    "COHTHRABS": "0.75",
    "AMPTHRMIN": "0.1",
    "CATCHPERIOD": "56",
    "EFANDVITHR": "325",
    "EFANDVIUP": "400",
    "EFANDVIDW": "300",
    "EFACOHCHANGE": "0.2",
    "EFACOHVALUE": "0.7",
    "EFANDVIMIN": '"-10000"',
    "EFAAMPTHR": '"-10000"',
    "STDDEVINAMPTHR": "1",
    "OPTTHRBUFDEN": "4",
    "AMPTHRBREAKDEN": "6",
    "AMPTHRVALDEN": "2",
}
COLUMNS = (
    *("SEQ_ID", "FIELD_ID", "COUNTRY", "YEAR", "MAIN_CROP", "VEG_START", "H_START", "H_END"),
    *("PRACTICE", "P_TYPE", "P_START", "P_END", "GeomValid", "Duplic", "Overlap", "Area_meter"),
    *("ShapeInd", "LC", "CTnum", "CT", "S1Pix", "S2Pix"),
)


def write_config(path: Path, practice: str, **changes: str) -> Path:
    """Write a configuration whose section of one practice holds some changes."""
    lines = ["[COMMON]", "# nothing", "[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]"]
    lines += [f"{key}={value} " for key, value in COMMON.items()]
    lines += [f"[{practice}_TIME_SERIES_ANALYSIS_PARAMS]"]
    lines += [f"{practice}_{key}={value}" for key, value in changes.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def make_observations(
    rng: np.random.Generator, n: int, *, repeat: int = 6, extra_years: bool = False
) -> list[tuple]:
    """Return (parcel, kind, pol, orbit, day, mean) rows of parcels with crops, harvests and regrowth."""
    rows = []
    first = date(2018, 12, 3) if extra_years else date(2019, 1, 2)
    last = date(2020, 1, 20) if extra_years else date(2019, 12, 31)
    for parcel in range(1, n + 1):
        harvest = date(2019, 1, 1) + timedelta(int(rng.integers(150, 280)))
        sown = harvest + timedelta(int(rng.integers(10, 60)))
        spring = date(2019, 1, 1) + timedelta(int(rng.integers(60, 110)))
        regrows = rng.random() < 0.5
        level = rng.choice([1.0, 0.6, 0.45], p=[0.7, 0.15, 0.15])
        noise = rng.choice([0.5, 1.0, 2.0])
        lost = set()
        if rng.random() < 0.3:
            start = first + timedelta(int(rng.integers(0, 330)))
            lost = {start + timedelta(k) for k in range(int(rng.integers(10, 90)))}

        def is_green(day, spring=spring, harvest=harvest, sown=sown, regrows=regrows):
            return spring <= day < harvest or (regrows and day >= sown + timedelta(25))

        orbits = ("088", "139") if rng.random() < 0.85 else ("088",)
        for k, orbit in enumerate(orbits):
            day = first + timedelta(3 * k)
            while day <= last:
                if day not in lost and rng.random() < 0.97:
                    green = is_green(day)
                    vv = rng.normal(-11.0, 0.5 * noise) + (10 if rng.random() < 0.01 else 0)
                    ratio = rng.normal(5.0 if green else 7.5, 0.5 * noise)
                    rows.append((parcel, "AMP", "VV", orbit, day, round(vv, 4)))
                    rows.append((parcel, "AMP", "VH", orbit, day, round(vv - ratio, 4)))
                    coherence = rng.normal(0.32 if green else 0.72, 0.07 * noise)
                    rows.append(
                        (parcel, "COHE", "VV", orbit, day, round(float(np.clip(coherence, 0.05, 0.95)), 5))
                    )
                    rows.append((parcel, "COHE", "VH", orbit, day, 0.9))
                day += timedelta(repeat)
        day = first + timedelta(5)
        density = rng.choice([0.75, 0.3, 0.08])
        while day <= last:
            if rng.random() < density:
                ndvi = (rng.normal(720, 60) if is_green(day) else rng.normal(230, 50)) * level
                rows.append((parcel, "NDVI", "", "", day, round(float(ndvi), 3)))
            day += timedelta(5)
    return rows


def write_observations(path: Path, rows: list) -> Path:
    """Write rows as Parquet."""
    columns = list(zip(*rows, strict=True))
    texts = {day: day.isoformat() for day in set(columns[4])}
    table = pa.table(
        {
            "parcel_id": pa.array(columns[0], pa.int32()),
            "kind": pa.array(columns[1]),
            "pol": pa.array(columns[2]),
            "orbit": pa.array(columns[3]),
            "date": pa.array([texts[day] for day in columns[4]]),
            "mean": pa.array(columns[5], pa.float64()),
            "std": pa.array([0.5] * len(rows)),
        }
    )
    pq.write_table(table, path)
    return path


def make_practices(
    rng: np.random.Generator, n: int, practice: str, country: str, p_types: list[str]
) -> list[dict]:
    """Return rows of a 22-column table; some dates are missing."""
    name = {"NA": "NA", "CC": "CatchCrop", "FL": "Fallow", "NFC": "NFC"}[practice]
    rows = []
    for parcel in range(1, n + 1):
        row = dict.fromkeys(COLUMNS, "0")
        veg = date(2019, 1, 1) + timedelta(int(rng.choice([0, 6, 31, 60, 100])))
        h_start = date(2019, 1, 1) + timedelta(int(rng.integers(120, 240)))
        h_end = h_start + timedelta(int(rng.integers(20, 160)))
        p_start, p_end = date(2019, 8, 1), date(2019, 9, 30)
        if practice == "CC":
            p_start = date(2019, 1, 1) + timedelta(int(rng.integers(200, 300)))
            p_end = p_start + timedelta(69) if rng.random() < 0.3 else None
        elif practice in ("FL", "NFC"):
            p_start = date(2019, 1, 1) + timedelta(int(rng.integers(60, 200)))
            p_end = p_start + timedelta(int(rng.integers(20, 120)))
        row |= {
            "SEQ_ID": str(parcel),
            "FIELD_ID": f"F.{parcel}",
            "COUNTRY": country,
            "YEAR": "2019",
            "MAIN_CROP": "233",
            "VEG_START": veg.isoformat() if rng.random() < 0.97 else "2018-10-15",
            "H_START": h_start.isoformat(),
            "H_END": h_end.isoformat() if rng.random() < 0.96 else "NA",
            "PRACTICE": name if rng.random() < 0.94 else str(rng.choice(["NA", "Other", "CatchCropIsMain"])),
            "P_TYPE": str(rng.choice(p_types)),
            "P_START": p_start.isoformat() if practice != "NA" and rng.random() < 0.96 else "NA",
            "P_END": p_end.isoformat() if p_end and practice != "NA" and rng.random() < 0.96 else "NA",
            "S1Pix": str(rng.choice(["40", "0", "", "1"], p=[0.9, 0.03, 0.03, 0.04])),
        }
        rows.append(row)
    return rows


def write_practices(path: Path, rows: list[dict], separator: str = ",") -> Path:
    """Write a practice table."""
    lines = [separator.join(COLUMNS), *(separator.join(row[name] for name in COLUMNS) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path
