from __future__ import annotations

from datetime import date

import pandas as pd

from sen4cap_core.reports.pages.mowing import (
    compliance_text,
    crop_summary,
    latest_mowing,
    mowing_markdown,
    week_counts,
)


def frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    empty = {f"m{i}_{part}": "0" for i in range(1, 5) for part in ("dstart", "dend", "mis")}
    conf = {f"m{i}_conf": 0.0 for i in range(1, 5)}
    base = {"Ori_crop": "265", "Area_meter": 12_345.0, "mow_n": 0, "proc": 1, "compl": 2, "reason": None}
    return pd.DataFrame(
        [{**base, "NewID": i, "Ori_id": f"p{i}", **empty, **conf, **row} for i, row in enumerate(rows, 1)]
    )


def event(slot: int, start: str, end: str, conf: float = 0.71) -> dict[str, object]:
    return {
        f"m{slot}_dstart": f"{start} 10:30:00",
        f"m{slot}_dend": f"{end} 10:30:00",
        f"m{slot}_conf": conf,
        f"m{slot}_mis": "S2",
    }


PARCELS = frame(
    [
        {"mow_n": 1, "compl": 1, **event(1, "2019-05-11", "2019-05-16")},
        {
            "mow_n": 2,
            "compl": 3,
            **event(1, "2018-12-28", "2019-01-02"),
            **event(2, "2019-07-01", "2019-07-06", 0.9),
        },
        {"Ori_crop": "046", "compl": -1},
        {"proc": 0, "compl": 0, "reason": "too few pixels"},
        {"proc": 0, "compl": 0, "reason": "too few pixels"},
    ]
)


def page(**options: object) -> str:
    return mowing_markdown(PARCELS, title="Mowing in navarra", as_of=date(2019, 7, 20), **options)  # type: ignore[arg-type]


def test_figures_come_first() -> None:
    text = page(n_observation_dates=33)

    assert "| **State of knowledge** | 2019-07-20 |\n| **Acquisitions used** | 33 |" in text
    assert "| **Judged** | 3 of 5 (60.0\u202f%) |" in text
    assert "| **Mown at least once** | 2 of 3 (66.7\u202f%) |" in text
    assert "| **Mowing events** | 3 |" in text
    assert "| **Not compliant** | 1 of 2 (50.0\u202f%) |" in text


def test_the_latest_mowing_stands_first_with_its_dates_confidence_and_compliance() -> None:
    text = page(parcel_links={2: "http://127.0.0.1:4200/artifacts/x"})

    second = (
        "| [p2](http://127.0.0.1:4200/artifacts/x) | 265 "
        "| 07-01 – 07-06 | 0.90 S2 | 01-02 | mown outside too |"
    )
    first = "| p1 | 265 | 05-11 – 05-16 | 0.71 S2 |  | compliant |"
    assert f"{second}\n{first}\n" in text
    assert "p3" not in text


def test_only_so_many_parcels_are_listed_and_the_rest_is_counted() -> None:
    text = page(top=1)

    assert "| p1 |" not in text
    assert "with 1 more mown parcels" in text


def test_parcels_that_could_not_be_judged_are_counted_by_reason() -> None:
    assert "### Not judged\n\n| Why | Parcels |\n| :--- | ---: |\n| too few pixels | 2 |" in page()


def test_crops_are_summed_the_most_frequent_first() -> None:
    summary = crop_summary(PARCELS)

    assert list(summary.index) == ["265", "046"]
    assert list(summary.loc["265"]) == [4, 2, 2, 3, 1, 1]
    assert "| 265 | Grass \\*perm\\* | 4 | 2 | 2 | 3 |\n" in page(crop_names={"265": "Grass *perm*"})


def test_the_page_says_which_parcels_were_looked_at() -> None:
    text = page(looked_on="Mowing was looked for on 2 of 4 parcels: those of grassland.")

    assert "\n\nMowing was looked for on 2 of 4 parcels: those of grassland.\n\n|" in text


def test_exports_are_named_with_their_place() -> None:
    assert "- GeoPackage: /data/a.gpkg" in page(links={"GeoPackage": "file:///data/a.gpkg"})


def test_a_season_without_any_parcel_or_mowing_renders() -> None:
    text = mowing_markdown(PARCELS.iloc[:0], title="Nothing", as_of=None)

    assert "No mowing has been seen yet." in text
    assert "| **Judged** | 0 of 0 |" in text


def test_the_latest_end_is_found_whatever_the_slot() -> None:
    assert list(latest_mowing(PARCELS).str[:10]) == ["2019-05-16", "2019-07-06", "", "", ""]


def test_compliance_is_said_in_words_with_the_reason() -> None:
    assert compliance_text(1) == "compliant"
    assert compliance_text(0, "too cloudy") == "not assessed: too cloudy"
    assert compliance_text(1, float("nan")) == "compliant"
    assert compliance_text(9) == "unknown code 9"


def test_verdicts_and_weeks_are_counted_by_crop() -> None:
    events = pd.DataFrame(
        {
            "NewID": [1, 2, 2],
            "start": pd.to_datetime(["2019-05-11", "2018-12-28", "2019-05-12"], utc=True),
            "end": pd.to_datetime(["2019-05-16", "2019-01-02", "2019-05-14"], utc=True),
        }
    )
    counts = week_counts(PARCELS, events)
    # The middles are 13 May (a Monday), 30 December (a Sunday) and 13 May.
    assert {str(week): int(n) for week, n in counts["265"].items()} == {"2018-12-24": 1, "2019-05-13": 2}
    text = page(events=events)
    assert "| 2019-05-13 | 2 | 2 |" in text
    assert "| 265 | 2 | 1 | 0 | 1 |" in text
