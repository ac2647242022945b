"""Every country's rules, tillage, long pairs and earlier results: the command against plain Python."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
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

N = 120
HIGHER = {
    "COHTHRBASE": "0.1",
    "COHTHRABS": "0.7",
    "AMPTHRMIN": "0.2",
    "AMPTHRBREAKDEN": "3",
    "AMPTHRVALDEN": "3",
}
NONE = dict.fromkeys(("EFANDVIUP", "EFANDVIDW", "EFACOHCHANGE", "EFACOHVALUE"), '"-10000"')
CASES = {
    "nld_cc": (
        "CC",
        "NLD",
        ["CatchCrop_1", "CatchCrop_3", "CatchCropIsMain"],
        {
            **HIGHER,
            "NDVIUP": "500",
            "EFAAMPTHR": "0.03",
            "CATCHMAIN": '"CatchCrop_3"',
            "CATCHPERIODSTART": '"${YEAR}-07-15"',
        },
    ),
    "ltu_cc": (
        "CC",
        "LTU",
        ["IS", "PO"],
        {**HIGHER, "NDVIUP": "500", "EFANDVIUP": "350", "CATCHMAIN": '"IS"', "CATCHPERIOD": '"-10000"'},
    ),
    "rou_cc": (
        "CC",
        "ROU",
        ["-", "x"],
        {
            **HIGHER,
            "OPTTHRVEGCYCLE": "400",
            "NDVIUP": "400",
            "CATCHMAIN": '"-"',
            "CATCHPERIODSTART": "${YEAR}-08-01",
            "EFACOHVALUE": "0.6",
            "OPTTHRBUFDEN": "6",
            "AMPTHRBREAKDEN": "4",
        },
    ),
    "cze_fl": (
        "FL",
        "CZE",
        ["UHOM"],
        {
            **HIGHER,
            "OPTTHRVEGCYCLE": "500",
            "EFANDVITHR": "400",
            "EFANDVIUP": "600",
            "EFANDVIDW": "600",
            "STDDEVINAMPTHR": "0",
            "FLMARKSTARTDATE": "${YEAR}-06-04",
            "FLMARKSTENDDATE": '"${YEAR}-08-31"',
        },
    ),
    "ltu_fl": ("FL", "LTU", ["PDJ", "PDZ", "other"], {**HIGHER, "EFANDVITHR": "400", "COHTHRHIGH": "0.2"}),
    "ita_fl": (
        "FL",
        "ITA-25",
        ["a"],
        {**HIGHER, **NONE, "OPTTHRMIN": "10", "AMPTHRVALDEN": "1", "FLMARKSTARTDATE": "2019-06-30"},
    ),
    "esp_fl": (
        "FL",
        "ESP",
        ["a"],
        {**HIGHER, **NONE, "NDVIDW": "150", "NDVIUP": "400", "STDDEVINAMPTHR": "0"},
    ),
    "fra_nfc": ("NFC", "FRA", ["NA"], {**HIGHER, **NONE}),
    "cze_nfc": ("NFC", "CZE", ["NA"], {**HIGHER, **NONE, "COHTHRHIGH": "0.1", "OPTTHRBUFDEN": "8"}),
    "esp_nfc": (
        "NFC",
        "ESP",
        ["NA"],
        {**HIGHER, **NONE, "OPTTHRVEGCYCLE": "325", "NDVIDW": "150", "NDVIUP": "450"},
    ),
    "ita_nfc": ("NFC", "ITA", ["NA"], {**HIGHER, **NONE}),
    "rou_nfc": ("NFC", "ROU", ["NA"], {**HIGHER, **NONE, "EFANDVITHR": "350"}),
    "na": ("NA", "LTU", ["NA"], {**HIGHER, "NDVIUP": "500"}),
}


def run_both(
    folder: Path,
    case: str,
    seed: int,
    *,
    tillage: bool = False,
    previous: dict | None = None,
    repeat: int = 6,
    extra_years: bool = False,
    minacqs: int = 15,
) -> tuple[list[dict], list[dict]]:
    practice, country, p_types, changes = CASES[case]
    rng = np.random.default_rng(seed)
    rows = make_observations(rng, N, repeat=repeat, extra_years=extra_years)
    table = make_practices(rng, N, practice, country, p_types)
    config = write_config(folder / "C.cfg", practice, **changes)
    limit = date(2020, 2, 1) if extra_years else date(2019, 12, 31)
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    earlier = None
    if previous:
        earlier = folder / "previous.csv"
        lines = ["FIELD_ID,H_WEEK,H_W_START,H_W_S1GAPS"]
        lines += [
            f"{k},1,{w.isoformat() if w else 'NO-HARVEST'},{g or 'NR'}" for k, (w, g) in previous.items()
        ]
        earlier.write_text("\n".join(lines) + "\n")
    monitor_tables(
        write_observations(folder / "O.parquet", shuffled),
        config,
        [PracticeJob(practice, write_practices(folder / "T.csv", table), folder / "R.csv", None, earlier)],
        MonitoringOptions(
            country=country,
            year=2019,
            acquisitions_limit=limit,
            min_acquisitions=minacqs,
            with_tillage=tillage,
            compat="sen4cap",
        ),
    )
    with (folder / "R.csv").open() as file:
        got = list(csv.DictReader(file))
    by_parcel = defaultdict(list)
    for parcel, kind, pol, orbit, day, mean in rows:
        by_parcel[str(parcel)].append((kind, pol, orbit, day, mean))
    settings = as_settings(read_l4c_config(config, 2019).for_practice(practice))
    options = {
        "practice": practice,
        "tillage": tillage,
        "minacqs": minacqs,
        "limit": min(limit, date(2019, 12, 31)),
        "previous": previous or {},
    }
    parcels = {k: Parcel(v) for k, v in by_parcel.items()}
    expected = [Evaluation(row, parcels.get(row["SEQ_ID"]), settings, options).run() for row in table]
    return got, expected


def assert_same(got: list[dict], expected: list[dict]) -> None:
    assert len(got) == len(expected)
    for found, wanted in zip(got, expected, strict=True):
        assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("case", sorted(CASES))
def test_every_country_and_practice_equals_the_twin(tmp_path: Path, case: str) -> None:
    got, expected = run_both(tmp_path, case, seed=sum(case.encode()))
    assert_same(got, expected)
    assert len({row["C_INDEX"] for row in got}) >= (3 if case != "na" else 2)
    assert sum(row["H_W_START"].startswith("2019") for row in got) > N / 4


@pytest.mark.parametrize("case", ["nld_cc", "ltu_fl", "na"])
def test_tillage_equals_the_twin(tmp_path: Path, case: str) -> None:
    got, expected = run_both(tmp_path, case, seed=7, tillage=True)
    assert_same(got, expected)
    weeks = {row["TL_WEEK"] for row in got}
    assert len(weeks - {"NA", "NA1", "NO-TILLAGE"}) > 2


def test_pairs_of_twelve_days_equal_the_twin(tmp_path: Path) -> None:
    got, expected = run_both(tmp_path, "nld_cc", seed=8, repeat=12)
    assert_same(got, expected)


def test_series_beyond_the_year_equal_the_twin(tmp_path: Path) -> None:
    got, expected = run_both(tmp_path, "rou_cc", seed=9, extra_years=True)
    assert_same(got, expected)
    assert any(row["L_WEEK"].startswith("2020") for row in got)


def test_too_few_acquisitions_equal_the_twin(tmp_path: Path) -> None:
    got, expected = run_both(tmp_path, "na", seed=10, minacqs=58)
    assert_same(got, expected)
    assert sum(row["L_WEEK"] == "NA" for row in got) > 10


def test_harvests_of_an_earlier_result_stay(tmp_path: Path) -> None:
    previous = {str(i): (date(2019, 7, 1), i % 4) for i in range(1, N, 2)}
    previous["2"] = (None, 3)
    got, expected = run_both(tmp_path, "nld_cc", seed=11, previous=previous)
    assert_same(got, expected)
    assert all(
        r["H_W_START"] in ("2019-07-01", "NA", "NA1") for r in got if r["FIELD_ID"] in list(previous)[:20]
    )
