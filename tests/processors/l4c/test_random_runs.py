"""Random configurations, countries, options and file forms: the command against plain Python."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from processors.l4c.fields import (
    make_observations,
    make_practices,
    write_config,
    write_observations,
    write_practices,
)
from processors.l4c.twin import Evaluation, Parcel, as_settings

from sen4cap_core.declarations.settings.l4c_config import read_l4c_config
from sen4cap_core.processors.l4c.command import MonitoringOptions, PracticeJob, monitor_tables

N = 50
TYPES = {
    "NLD": ["CatchCrop_1", "CatchCrop_3"],
    "LTU": ["PDJ", "PDZ", "PO", "IS"],
    "CZE": ["UHOM", "-"],
    "ITA": ["a", "-"],
    "ITA-25": ["a", "CatchCropIsMain"],
    "ESP": ["a"],
    "ROU": ["-", "x"],
    "FRA": ["NA", "x"],
}
CHOICES = {
    "OPTTHRVEGCYCLE": ("325", "350", "400", "500"),
    "NDVIDW": ("150", "300", "", "301.5"),
    "NDVIUP": ("350", "400", "450", "500"),
    "NDVISTEP": ("5", "1", "25", "7"),
    "OPTTHRMIN": ("10", "100", "300"),
    "COHTHRBASE": ("0.05", "0.1", "0.3"),
    "COHTHRHIGH": ("0.1", "0.15", "0.2", "0.35"),
    "COHTHRABS": ("0.6", "0.7", "0.75", "0.9"),
    "TLCOHTHRBASE": ("0.05", "0.2", ""),
    "TLCOHTHRABS": ("0.6", "0.75", ""),
    "TLMONITORINGENDDATE": ("", "${YEAR}-10-14", '"2019-12-31"'),
    "AMPTHRMIN": ("0.1", "0.2", "0.5"),
    "CATCHMAIN": ('"CatchCrop_3"', '"-"', '"IS"'),
    "CATCHCROPISMAIN": ('""', "PO", "CatchCrop_1"),
    "CATCHPERIOD": ("56", "30", "80", '"-10000"'),
    "CATCHPERIODSTART": ("", "${YEAR}-07-15", "${YEAR}-08-01"),
    "CATCHPROPORTION": ("", "0.5", "0.1"),
    "EFANDVITHR": ("325", "400", "500"),
    "EFANDVIUP": ("400", "600", '"-10000"'),
    "EFANDVIDW": ("300", "600", '"-10000"'),
    "EFACOHCHANGE": ("0.2", '"-10000"', ""),
    "EFACOHVALUE": ("0.7", '"-10000"', ""),
    "EFANDVIMIN": ("250", '"-10000"'),
    "EFAAMPTHR": ("0.03", '"-10000"', "0.001"),
    "STDDEVINAMPTHR": ("0", "1"),
    "OPTTHRBUFDEN": ("4", "6", "8"),
    "AMPTHRBREAKDEN": ("3", "4", "6"),
    "AMPTHRVALDEN": ("1", "2", "3"),
    "FLMARKSTARTDATE": ("${YEAR}-06-04", "2019-03-31"),
    "FLMARKSTENDDATE": ("${YEAR}-08-31", "2019-10-10"),
}
ALWAYS = ("CATCHMAIN", "FLMARKSTARTDATE", "FLMARKSTENDDATE")
NEEDED = ("NDVIDW", *ALWAYS)


def random_changes(rng: np.random.Generator, practice: str) -> dict[str, str]:
    """Return some settings of a practice's section; now and then the section is empty."""
    if rng.random() < 0.1 and practice != "CC":
        return {"FLMARKSTARTDATE": "2019-06-04", "FLMARKSTENDDATE": "2019-08-31"}
    picked = {
        key: str(rng.choice([v for v in values if v or key not in NEEDED]))
        for key, values in CHOICES.items()
        if key in ALWAYS or rng.random() < 0.6
    }
    if practice == "NA":
        picked |= dict.fromkeys(("EFANDVITHR", "EFANDVIUP", "EFANDVIDW"), '"-10000"')
    return picked


def read_rows(path: Path) -> list[dict]:
    """Read a result of any form."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(io.StringIO(text)))


def roughen(rng: np.random.Generator, rows: list[tuple]) -> list[tuple]:
    """Put in what series may hold: no value, zero, a value that repeats, a parcel that lacks a kind."""
    lacking = {(int(rng.integers(1, N)), str(rng.choice(["AMP", "COHE", "NDVI"]))) for _ in range(3)}
    rough = []
    for row in rows:
        chance = rng.random()
        value = row[5]
        if chance < 0.01:
            value = float("nan")
        elif chance < 0.02:
            value = 0.0
        elif chance < 0.03 and rough:
            value = rough[-1][5]
        if (row[0], row[1]) not in lacking:
            rough.append((*row[:5], value))
    return rough


def put_on_edges(rng: np.random.Generator, table: list[dict]) -> None:
    """Move some dates to the ends of years, of weeks and of the other periods."""
    edges = {
        "VEG_START": ("2018-12-30", "2018-12-31", "2019-01-06", "2019-01-07", "2019-07-01"),
        "H_START": ("2019-01-01", "2018-12-31", "2019-06-02", "2019-06-03", "2019-12-30"),
        "H_END": ("2019-12-31", "2019-12-30", "2020-01-05", "2019-02-01", "2019-08-04"),
        "P_START": ("2019-01-01", "2019-12-29", "2019-12-30", "2019-09-15", "2019-09-16"),
        "P_END": ("2019-12-31", "2019-12-30", "2020-03-01", "2019-01-15", "2019-11-17"),
    }
    for row in table:
        for name, days in edges.items():
            if row[name] != "NA" and rng.random() < 0.06:
                row[name] = str(rng.choice(days))


def compare_run(folder: Path, seed: int) -> int:
    """Run one random case both ways; return how many harvests were found."""
    rng = np.random.default_rng(seed)
    practice = ("NA", "CC", "CC", "FL", "NFC")[seed % 5]
    country = str(rng.choice(sorted(TYPES)))
    repeat = int(rng.choice([6, 6, 12]))
    minacqs = int(rng.choice([15, 15, 0, 29]))
    tillage = bool(rng.random() < 0.4)
    with_doubles = bool(rng.random() < 0.3)
    rows = make_observations(rng, N, repeat=repeat, extra_years=bool(rng.random() < 0.3))
    if with_doubles:
        rows += [
            (p, k, pol, "110", day, mean * (0.9 if p % 2 else 1.0))
            for p, k, pol, o, day, mean in rows
            if o and day.day % 7 == 0
        ]
    rows = roughen(rng, rows)
    table = make_practices(rng, N, practice, country, TYPES[country])
    put_on_edges(rng, table)
    config = write_config(folder / "C.cfg", practice, **random_changes(rng, practice))
    until = date(2019, 9, 29) if rng.random() < 0.3 else None
    limit = date(2019, 12, 31) if rng.random() < 0.6 else None
    previous: dict = {}
    earlier = None
    if rng.random() < 0.4:
        for i in range(1, N, 3):
            week = date(2019, 7, 1) + timedelta(7 * int(rng.integers(0, 12)))
            previous[str(i)] = (week if rng.random() < 0.8 else None, int(rng.integers(0, 4)))
        earlier = folder / "previous.csv.gz"
        lines = ["FIELD_ID,H_W_START,H_W_S1GAPS"]
        lines += [f"{k},{w or 'NO-HARVEST'},{g or 'NR'}" for k, (w, g) in previous.items()]
        earlier.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    out = folder / f"R.{rng.choice(['csv', 'csv.gz', 'parquet'])}"
    weekly = folder / "W.parquet"
    # Sorted by parcel, or not; rows that stand there twice have to keep their order.
    keeps_order = with_doubles or seed % 2 == 0
    shuffled = rows if keeps_order else [rows[i] for i in rng.permutation(len(rows))]
    separator = str(rng.choice([",", ";"]))
    monitor_tables(
        write_observations(folder / "O.parquet", shuffled),
        config,
        [PracticeJob(practice, write_practices(folder / "T.csv", table, separator), out, weekly, earlier)],
        MonitoringOptions(
            country=country,
            year=2019,
            until=until,
            acquisitions_limit=limit,
            min_acquisitions=minacqs,
            with_tillage=tillage,
            compat="sen4cap",
        ),
    )
    by_parcel = defaultdict(list)
    used = [r for r in rows if (until is None or r[4] <= until) and not np.isnan(r[5])]
    for parcel, kind, pol, orbit, day, mean in used:
        by_parcel[str(parcel)].append((kind, pol, orbit, day, mean))
    last = max(r[4] for r in used if r[1] != "COHE" or r[2] == "VV")
    options = {
        "practice": practice,
        "tillage": tillage,
        "minacqs": minacqs,
        "limit": min(limit or last, date(2019, 12, 31)),
        "previous": previous,
    }
    settings = as_settings(read_l4c_config(config, 2019).for_practice(practice))
    parcels = {k: Parcel(v) for k, v in by_parcel.items()}
    twins = [Evaluation(row, parcels.get(row["SEQ_ID"]), settings, options) for row in table]
    expected = [twin.run() for twin in twins]
    got = read_rows(out)
    assert len(got) == len(expected)
    for found, wanted in zip(got, expected, strict=True):
        assert {name: found[name] for name in wanted} == wanted
    weeks = pq.read_table(weekly).to_pylist()
    wanted_weeks = [[int(twin.row["SEQ_ID"]), *markers] for twin in twins for markers in twin.weekly()]
    assert [[w["parcel_id"], *(w[f"M{i}"] for i in range(1, 6))] for w in weeks] == wanted_weeks
    return sum(row["H_W_START"].startswith("2019") for row in got)


@pytest.mark.parametrize("seed", range(6))
def test_random_runs_equal_the_twin(tmp_path: Path, seed: int) -> None:
    compare_run(tmp_path, seed)
