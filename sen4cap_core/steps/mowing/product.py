"""The answer of an evaluation as a product: tables, STAC item, rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.clock import midnight
from sen4cap_core.db.made import mowing as mowing_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.made.mowing import MowingMarker, ParcelAnswer
from sen4cap_core.db.models import MowingRun
from sen4cap_core.errors import Sen4capError
from sen4cap_core.kernels.mowing.slots import MISSION_TEXTS
from sen4cap_core.processors.l4b.detection import OUTSIDE
from sen4cap_core.processors.l4b.model import MowingOutcome
from sen4cap_core.processors.l4b.table import mowing_table
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.naming import L4B_MOWING, l4b_folder, l4b_stem, version_of
from sen4cap_core.products.stac import CSV, GEOPACKAGE, GEOPARQUET, ZIP, Input, Origin, table_item
from sen4cap_core.products.tables import (
    COLUMN_TEXTS,
    write_events_parquet,
    write_mowing_csv,
    write_mowing_exports,
    write_mowing_shapefile,
)
from sen4cap_core.steps.mowing.evaluation import Evaluation
from sen4cap_core.steps.mowing.news import new_mowings
from sen4cap_core.steps.shared.context import Context

_NO_PIXEL = "too small or too narrow for a whole pixel, or outside of every scene"
"""In the service a parcel without a pixel is mostly one that its inner buffer leaves nothing of."""


@dataclass(frozen=True)
class Published:
    """What was written and entered."""

    item_id: str
    files: dict[str, Path]
    """By title."""
    run_id: int | None
    """The evaluation now in force; None where this one stands aside."""
    is_new: NDArray[np.bool_]
    """(events,) the mowing was not known to the evaluation before."""


def export_frame(parcels: gpd.GeoDataFrame, outcome: MowingOutcome, explained: list[str]) -> gpd.GeoDataFrame:
    """Return one row per parcel in the original's columns, with ours: reason and what the answer rests on."""
    new_ids = pa.array(parcels.new_id.to_numpy())
    answers = mowing_table(new_ids, outcome).to_pandas().drop(columns="parcel_id")
    frame = gpd.GeoDataFrame(
        {
            "NewID": parcels.new_id.to_numpy(),
            "Ori_hold": parcels.ori_hold.to_numpy(),
            "Ori_id": parcels.ori_id.to_numpy(),
            "Ori_crop": parcels.ori_crop.to_numpy(),
            "Area_meter": parcels.area_m2.to_numpy(),
        },
        geometry=parcels.geometry.to_numpy(),
        crs=parcels.crs,
    )
    for name in answers.columns:
        frame[name] = answers[name].to_numpy()
    frame["reason"] = pd.Series([_NO_PIXEL if r == OUTSIDE else r for r in outcome.reason], dtype=object)
    frame["n_observations"] = outcome.evidence.n_clear
    frame["gap_days"] = outcome.evidence.longest_gap_days
    frame["n_radar"] = outcome.evidence.n_radar_tests
    frame["no_radar"] = outcome.no_radar.astype(np.int32)
    frame["mow_total"] = outcome.n_mowings
    frame["explanation"] = explained
    return frame


def events_frame(parcels: gpd.GeoDataFrame, outcome: MowingOutcome) -> pd.DataFrame:
    """Return all events: NewID, Ori_id, start, end (UTC), confidence, missions."""
    events = outcome.events
    return pd.DataFrame(
        {
            "NewID": parcels.new_id.to_numpy()[events.parcel],
            "Ori_id": parcels.ori_id.to_numpy()[events.parcel],
            "start": _instants(events.start_s),
            "end": _instants(events.end_s),
            "confidence": events.confidence,
            "missions": np.array(MISSION_TEXTS, dtype=object)[events.mission],
        }
    )


def _instants(seconds: NDArray[np.int64]) -> pd.DatetimeIndex:
    return pd.to_datetime(seconds, unit="s", utc=True)


def publish_mowing(
    context: Context, evaluation: Evaluation, table: gpd.GeoDataFrame, events: pd.DataFrame, as_of: date
) -> Published:
    """Write the tables and their STAC item, then all rows in one transaction.

    An evaluation that stands aside enters its product and no answers.
    """
    key = evaluation.input_key
    root = context.settings.data
    folder = root / l4b_folder(evaluation.site, evaluation.year, evaluation.season_slug)
    stem = l4b_stem(evaluation.site, evaluation.start, as_of, version_of(key))
    geopackage, parquet = write_mowing_exports(table, folder, stem, events)
    all_events = write_events_parquet(events, folder / f"{stem}_events.parquet")
    plain = write_mowing_csv(table, folder / f"{stem}.csv")
    files = {"GeoPackage": geopackage, "GeoParquet": parquet, "CSV": plain, "all events": all_events}
    others = {
        "geopackage": (geopackage, GEOPACKAGE, "GeoPackage"),
        "csv": (plain, CSV, "The same without outlines"),
        "events": (all_events, GEOPARQUET, "All events, also those beyond the fourth of a parcel"),
    }
    if evaluation.with_shapefile:
        missions = "_".join(sorted(evaluation.missions))
        shapefile = write_mowing_shapefile(table, folder / f"{stem}.shp.zip", missions)
        files["shapefile"] = shapefile
        others["shapefile"] = (shapefile, ZIP, "The original's shapefile")
    stac = folder / f"{stem}.json"
    item = table_item(
        collection=L4B_MOWING,
        item_id=stem,
        parquet=parquet,
        footprint=_footprint(table),
        start=evaluation.start,
        end=as_of,
        origin=Origin(
            software_version=__version__,
            lineage=_lineage(evaluation),
            inputs=[Input(str(root / f.path), Path(f.path).stem) for f in evaluation.files],
            content_key=key,
            level="L4",
        ),
        column_texts=COLUMN_TEXTS,
        others=others,
    )
    publish_item(root, item, stac)
    run_id, is_new = _store_rows(context, evaluation, table, events, as_of, parquet, stac)
    return Published(stem, files, run_id, is_new)


def _lineage(evaluation: Evaluation) -> str:
    inputs = [
        name
        for name, files in (
            ("Sentinel-2 NDVI", evaluation.optical),
            ("Sentinel-1 coherence", evaluation.radar),
        )
        if files
    ]
    rule = {
        "neighbourhood": "falls of NDVI that the grassland around does not show, with rises of coherence as "
        "a witness",
        "falls": "falls of NDVI between two clear dates that a third clear date confirms, and rises of "
        "coherence above its own past",
    }[evaluation.method]
    return f"Mowing of declared parcels from parcel means of {' and '.join(inputs)}: {rule}."


def _footprint(table: gpd.GeoDataFrame) -> shapely.Geometry:
    outlines = table.geometry[~table.geometry.isna()]
    return shapely.box(*outlines.total_bounds) if len(outlines) else shapely.Polygon()


def _store_rows(
    context: Context,
    evaluation: Evaluation,
    table: gpd.GeoDataFrame,
    events: pd.DataFrame,
    as_of: date,
    parquet: Path,
    stac: Path,
) -> tuple[int | None, NDArray[np.bool_]]:
    root = context.settings.data
    answers = [
        ParcelAnswer(*row)
        for row in zip(
            table["NewID"].tolist(),
            table["mow_n"].tolist(),
            table["proc"].tolist(),
            table["compl"].tolist(),
            table["n_observations"].tolist(),
            table["reason"].where(table["reason"].notna(), None).tolist(),
            strict=True,
        )
    ]
    markers = [
        MowingMarker(*row)
        for row in zip(
            events["NewID"].tolist(),
            events["start"].dt.to_pydatetime().tolist(),
            events["end"].dt.to_pydatetime().tolist(),
            events["confidence"].tolist(),
            events["missions"].tolist(),
            strict=True,
        )
    ]
    refs = [f"observations:{file.set_id}" for file in evaluation.files]
    refs.append(f"declarations:{evaluation.declaration_set_id}")
    if evaluation.config_id is not None:
        refs.append(f"config:{evaluation.config_id}")
    with context.session() as session:
        is_first = evaluation.stands_aside or mowing_rows.lock_season(
            session, evaluation.season_id, evaluation.last_run_id
        )
        if not is_first:
            raise Sen4capError("another evaluation of this season came first: this one is done anew")
        product_id = product_rows.register_product(
            session,
            {
                "key": evaluation.input_key,
                "site_id": evaluation.site_id,
                "kind": L4B_MOWING,
                "season_id": evaluation.season_id,
                "tile": None,
                "start": midnight(evaluation.start),
                "end": datetime.combine(as_of, time(23, 59, 59), tzinfo=UTC),
                "path": str(parquet.relative_to(root)),
                "stac_path": str(stac.relative_to(root)),
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
            refs,
        )
        known = mowing_rows.mowings_of_run(session, evaluation.last_run_id) if evaluation.last_run_id else []
        is_new = new_mowings(events, known)
        if evaluation.stands_aside:
            return None, is_new
        run = MowingRun(
            season_id=evaluation.season_id,
            declaration_set_id=evaluation.declaration_set_id,
            config_id=evaluation.config_id,
            product_id=product_id,
            as_of=as_of,
            input_key=evaluation.input_key,
            n_parcels=len(table),
            n_mowed=int((table["mow_n"] > 0).sum()),
            n_events=len(events),
            made_by=__version__,
            flow_run_id=context.flow_run_id,
        )
        return mowing_rows.store_run(session, run, answers, markers), is_new
