"""Which parcels of a mowing evaluation are drawn, and with what."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sen4cap_core.declarations.settings.l4b_config import CompliancePeriod, L4BConfig
from sen4cap_core.processors.l4b.model import ObservationMatrix, Source
from sen4cap_core.steps.mowing import pictures as mowing_pictures
from sen4cap_core.steps.mowing.pictures import N_CHARTS, examples, parcel_charts

N = 30
OPTICAL = np.arange(18000, 18200, 5, dtype=np.int32)
RADAR = np.arange(18003, 18200, 6, dtype=np.int32)


@pytest.fixture
def answer():
    """Thirty parcels: ten never mown, the last two not judged, one mown by radar alone."""
    times = np.repeat([0, 1, 3], 10)
    empty = {f"m{i}_dend": "0" for i in range(2, 5)}
    table = pd.DataFrame(
        {
            "NewID": np.arange(N) + 1,
            "Ori_id": [f"p{i}" for i in range(N)],
            "Ori_crop": "265",
            "Area_meter": 10_000.0,
            "mow_total": times,
            "m1_dend": ["0" if n == 0 else f"2019-06-{10 + i % 20} 10:30:00" for i, n in enumerate(times)],
            **empty,
            "compl": np.where(times > 0, 1, 2),
            "proc": np.arange(N) < N - 2,
            "reason": None,
            "explanation": "said in words",
        }
    )
    rng = np.random.default_rng(3)
    values = rng.uniform(0.2, 0.8, (N, OPTICAL.size + RADAR.size))
    matrix = ObservationMatrix(
        values,
        (
            Source("S2", np.arange(OPTICAL.size), OPTICAL, OPTICAL),
            Source("S1", np.arange(OPTICAL.size, values.shape[1]), RADAR, RADAR - 6, "088", "VH"),
        ),
    )
    events = pd.DataFrame(
        {
            "NewID": [13, 25],
            "start": pd.to_datetime(["2019-06-01", "2019-06-03"], utc=True),
            "end": pd.to_datetime(["2019-06-07", "2019-06-09"], utc=True),
            "confidence": [0.6, 0.9],
            "missions": ["S1", "S2/S1"],
        }
    )
    period = CompliancePeriod(crop_code="265", start=date(2019, 4, 1), end=date(2019, 7, 31))
    where = SimpleNamespace(
        config=L4BConfig(compliance=(period,)), start=date(2019, 3, 1), end=date(2019, 11, 30)
    )
    series = SimpleNamespace(matrix=matrix, optical_pixels=rng.integers(0, 90, (N, OPTICAL.size)))
    return SimpleNamespace(table=table, events=events, evaluation=where, series=series)


def test_ten_parcels_of_all_kinds(answer):
    chosen = examples(answer.table, answer.events)
    assert len(set(chosen)) == len(chosen) == N_CHARTS == 10
    table = answer.table.iloc[chosen]
    assert table["m1_dend"].iloc[0] == answer.table["m1_dend"].max()
    assert table["compl"].isin((2, 3)).any()
    assert (table["mow_total"] == 3).any()
    assert 13 in set(table["NewID"]), "seen by radar alone"
    assert (~table["proc"]).any()


def test_each_is_drawn_with_both_series_its_mowings_and_its_period(answer, monkeypatch):
    drawn = {}

    def draw(days, ndvi, **options):
        drawn[options["title"].split()[1].rstrip(",")] = (days, ndvi, options)
        return b"png"

    monkeypatch.setattr(mowing_pictures, "parcel_chart_png", draw)
    charts = list(parcel_charts(answer))
    assert [chart.ori_id for chart in charts] == list(drawn)
    assert len(charts) == 10
    values = answer.series.matrix.values
    for chart in charts:
        days, ndvi, options = drawn[chart.ori_id]
        at = chart.new_id - 1
        assert days.tolist() == OPTICAL.tolist()
        assert ndvi.tolist() == values[at, : OPTICAL.size].tolist()
        (coherence,) = options["coherence"]
        assert coherence.days.tolist() == RADAR.tolist()
        assert coherence.values.tolist() == values[at, OPTICAL.size :].tolist()
        assert options["periods"] == [(date(2019, 4, 1), date(2019, 7, 31))]
        own = [event.missions for event in options["events"]]
        assert own == {13: ["S1"], 25: ["S2/S1"]}.get(chart.new_id, [])
    assert drawn["p12"][2]["events"][0].start == date(2019, 6, 1)
