"""Pictures of a mowing evaluation: the map, and a few parcels with all they rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from sen4cap_core.reports.pages.mowing import compliance_text, latest_mowing
from sen4cap_core.reports.pictures.chart import ChartCoherence, ChartEvent, parcel_chart_png
from sen4cap_core.reports.pictures.parcel_map import parcel_map_png
from sen4cap_core.steps.mowing.detect import MowingAnswer

N_CHARTS = 10
MAP_COLOURS = {
    "mown once": "#9bd1a5",
    "mown twice": "#4aa77a",
    "mown three times or more": "#00694e",
    "not mown": "#f2c14e",
    "not judged": "#c9ced6",
}


@dataclass(frozen=True)
class ParcelChart:
    """The picture of one parcel's season."""

    new_id: int
    ori_id: str
    explanation: str
    png: bytes


def mowing_map(answer: MowingAnswer, title: str) -> bytes:
    """Draw how often each parcel was mown."""
    table = answer.table
    times = list(MAP_COLOURS)
    value = np.array(times, object)[np.clip(table["mow_total"].to_numpy() - 1, 0, 2)]
    value[table["mow_total"] == 0] = "not mown"
    value[(table["mow_total"] == 0) & (table["proc"] == 0)] = "not judged"
    return parcel_map_png(table, value.tolist(), MAP_COLOURS, title)


def parcel_charts(answer: MowingAnswer) -> Iterator[ParcelChart]:
    """Draw the parcels people look at first: NDVI and coherence of the season, mowings, period."""
    table = answer.table
    where, matrix = answer.evaluation, answer.series.matrix
    periods = {p.crop_code: (p.start, p.end) for p in where.config.compliance}
    optical = next((source for source in matrix.sources if source.mission == "S2"), None)
    empty = np.empty(0, np.int32)
    for at in examples(table, answer.events):
        row = table.iloc[at]
        events = answer.events[answer.events["NewID"] == row.NewID]
        png = parcel_chart_png(
            empty if optical is None else optical.days,
            empty.astype(float) if optical is None else matrix.values[at, optical.columns],
            title=f"Parcel {row.Ori_id}, crop {row.Ori_crop}",
            subtitle=f"{row.Area_meter / 1e4:.2f} ha, {compliance_text(row.compl, row.reason)}",
            events=[
                ChartEvent(e.start.date(), e.end.date(), e.confidence, e.missions)
                for e in events.itertuples(index=False)
            ],
            periods=[periods[row.Ori_crop]] if row.Ori_crop in periods else [],
            season=(where.start, where.end),
            weights=answer.series.optical_pixels[at],
            coherence=[
                ChartCoherence(
                    f"coherence {s.polarisation} {s.orbit}".rstrip(),
                    s.start_days,
                    s.days,
                    matrix.values[at, s.columns],
                )
                for s in matrix.sources
                if s.mission == "S1"
            ],
        )
        yield ParcelChart(int(row.NewID), row.Ori_id, row.explanation, png)


def examples(table: gpd.GeoDataFrame, events: pd.DataFrame) -> list[int]:
    """Rows of some parcels of each kind, in turn: latest mown, breaking the rule, most often mown, seen by
    radar alone, not judged.
    """
    by_radar = set(events.loc[events["missions"] == "S1", "NewID"])
    latest = latest_mowing(table)
    kinds = [
        latest[latest != ""].sort_values(ascending=False, kind="stable").index,
        table.index[table["compl"].isin((2, 3))],
        table["mow_total"][table["mow_total"] > 0].sort_values(ascending=False, kind="stable").index,
        table.index[table["NewID"].isin(by_radar)],
        table.index[table["proc"] == 0],
    ]
    queues = [iter(table.index.get_indexer(kind)) for kind in kinds]
    found: list[int] = []
    while queues and len(found) < N_CHARTS:
        for queue in list(queues):
            at = next((int(i) for i in queue if i not in found), None)
            if at is None:
                queues.remove(queue)
            elif len(found) < N_CHARTS:
                found.append(at)
    return found
