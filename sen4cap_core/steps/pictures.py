"""Pictures for the runs: the quicklook of a scene, the charts of a few parcels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from sen4cap_core.observations.series import build_matrix
from sen4cap_core.rasters.preview import read_preview
from sen4cap_core.reports.chart import ChartEvent, parcel_chart_png
from sen4cap_core.reports.mowing import compliance_text, latest_mowing
from sen4cap_core.reports.quicklook import quicklook_png
from sen4cap_core.scenes.raster_header import read_raster_header
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.detect_mowing import MowingAnswer
from sen4cap_core.steps.ndvi_product import raster_band
from sen4cap_core.steps.parcel_labels import outlines_on
from sen4cap_core.steps.process_scene import ProcessedScene
from sen4cap_core.steps.radar_picture import radar_quicklook
from sen4cap_core.steps.work import NDVI_GROUP

QUICKLOOK_PX = 600
N_CHARTS = 3


@dataclass(frozen=True)
class ParcelChart:
    """The picture of one parcel's season."""

    new_id: int
    ori_id: str
    png: bytes


def scene_quicklook(context: Context, done: ProcessedScene) -> bytes | None:
    """Draw a scene with parcel outlines: NDVI with clouds hatched, or radar; None without a raster."""
    if done.subject.is_radar:
        return radar_quicklook(context, done)
    if done.raster_path is None:
        return None
    subject = done.subject
    full_grid = read_raster_header(done.raster_path).grid
    band = raster_band(done.raster_path, full_grid)
    pixels, grid = read_preview([band], QUICKLOOK_PX)
    outlines = []
    if done.observed:
        outlines = outlines_on(context, done.observed[0].declaration_set_id, full_grid)
    title = f"{subject.site}  T{subject.tile}  {subject.acquired_at:%Y-%m-%d}  NDVI"
    return quicklook_png(pixels[0], grid, title=title, outlines=outlines, max_size_px=QUICKLOOK_PX)


def parcel_charts(context: Context, answer: MowingAnswer) -> Iterator[ParcelChart]:
    """Draw the parcels people look at first: those mown last, and most often."""
    rows = _chosen(answer.table)
    if rows.empty:
        return
    where = answer.evaluation
    root = context.settings.data
    series = build_matrix(
        [(file.acquired_at.date(), root / file.path, file.tile) for file in where.files],
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
