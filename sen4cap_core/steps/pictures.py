"""Pictures for the runs: the quicklook of a scene, the charts of a few parcels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from sen4cap_core.observations.series import build_matrix
from sen4cap_core.processors.l3b.groups import NDVI_GROUP
from sen4cap_core.rasters.preview import read_preview
from sen4cap_core.reports.chart import ChartEvent, parcel_chart_png
from sen4cap_core.reports.mowing import compliance_text, latest_mowing
from sen4cap_core.reports.quicklook import Ramp, quicklook_png, spread_of
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.detect_mowing import MowingAnswer
from sen4cap_core.steps.optical import raster_band
from sen4cap_core.steps.parcel_labels import outlines_on
from sen4cap_core.steps.radar_picture import radar_quicklook
from sen4cap_core.steps.subject import ProcessedScene

QUICKLOOK_PX = 600
RAMPS = {
    "lai": Ramp("LAI", 0.0, 6.0),
    "fapar": Ramp("fAPAR"),
    "fcover": Ramp("fCover"),
}
"""Ranges shown; an index without one is spread over what the scene holds."""
N_CHARTS = 3


@dataclass(frozen=True)
class ParcelChart:
    """The picture of one parcel's season."""

    new_id: int
    ori_id: str
    png: bytes


def scene_quicklooks(context: Context, done: ProcessedScene) -> dict[str, bytes]:
    """Draw the rasters of a scene with parcel outlines, missing pixels hatched: title -> PNG.

    Those that were made now; where none was, the NDVI raster that is there. Empty without a raster.
    """
    if done.subject.is_radar:
        picture = radar_quicklook(context, done)
        return {"Quicklook": picture} if picture else {}
    subject = done.subject
    shown = done.made or [variable for variable in done.rasters if variable == "ndvi"]
    pictures: dict[str, bytes] = {}
    outlines = None
    for variable in shown:
        band, full_grid = raster_band(variable, done.rasters[variable])
        if outlines is None:
            outlines = (
                outlines_on(context, done.observed[0].declaration_set_id, full_grid) if done.observed else []
            )
        pixels, grid = read_preview([band], QUICKLOOK_PX)
        ramp = RAMPS.get(variable, Ramp("NDVI") if variable == "ndvi" else spread_of(variable, pixels[0]))
        title = f"{subject.site}  T{subject.tile}  {subject.acquired_at:%Y-%m-%d}  {ramp.name}"
        pictures[f"Quicklook: {ramp.name}"] = quicklook_png(
            pixels[0], grid, title=title, outlines=outlines, ramp=ramp, max_size_px=QUICKLOOK_PX
        )
    return pictures


def parcel_charts(context: Context, answer: MowingAnswer) -> Iterator[ParcelChart]:
    """Draw the parcels people look at first: those mown last, and most often."""
    rows = _chosen(answer.table)
    if rows.empty:
        return
    where = answer.evaluation
    root = context.settings.data
    series = build_matrix(
        [(file.acquired_at.date(), root / file.path, file.tile) for file in where.optical],
        NDVI_GROUP,
        rows["NewID"].to_numpy().astype(np.int32),
    )
    periods = {p.crop_code: (p.start, p.end) for p in where.config.compliance}
    for place, row in enumerate(rows.itertuples(index=False)):
        events = answer.events[answer.events["NewID"] == row.NewID]
        png = parcel_chart_png(
            series.days,
            series.mean[place],
            title=f"Parcel {row.Ori_id}, crop {row.Ori_crop}",
            subtitle=f"{row.Area_meter / 1e4:.2f} ha, {compliance_text(row.compl, row.reason)}",
            events=[
                ChartEvent(e.start.date(), e.end.date(), e.confidence, e.missions)
                for e in events.itertuples(index=False)
            ],
            periods=[periods[row.Ori_crop]] if row.Ori_crop in periods else [],
            season=(where.start, where.end),
        )
        yield ParcelChart(int(row.NewID), row.Ori_id, png)


def _chosen(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    order = table.assign(_last=latest_mowing(table)).sort_values(
        ["mow_n", "_last", "NewID"], ascending=[False, False, True]
    )
    return order.head(N_CHARTS)
