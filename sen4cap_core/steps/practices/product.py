"""The answer of one practice as a product: tables, STAC item, rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from sen4cap_core import __version__
from sen4cap_core.db.made import practice_results as result_rows
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.db.models import PracticeRun
from sen4cap_core.declarations.tables.practice_tables import PRACTICE_NAMES
from sen4cap_core.errors import Sen4capError
from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.processors.l4c.monitoring import Monitored
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.naming import L4C_PRACTICES, item_id, l4c_folder, version_of
from sen4cap_core.products.practice_exports import COLUMN_TEXTS, write_practice_exports
from sen4cap_core.products.stac import CSV, GEOPACKAGE, Input, Origin, table_item
from sen4cap_core.steps.practices.evaluation import PracticeEvaluation, PracticeTask
from sen4cap_core.steps.shared.context import Context

MARKERS = tuple(f"M{i}" for i in range(1, 11))


def publish_practice(
    context: Context,
    evaluation: PracticeEvaluation,
    task: PracticeTask,
    parcels: gpd.GeoDataFrame,
    monitored: Monitored,
    table: pa.Table,
) -> dict[str, Path]:
    """Write the tables and their STAC item, then all rows in one transaction; return the files by title."""
    root = context.settings.data
    folder = root / l4c_folder(evaluation.site, evaluation.year, task.practice)
    start, end = date(evaluation.year, 1, 1), evaluation.last_day
    place = f"{evaluation.site}-{task.practice.lower()}"
    stem = item_id(L4C_PRACTICES, place, min(start, end), end, version_of(task.input_key))
    geopackage, parquet, plain = write_practice_exports(table, parcels, folder, stem)
    stac = folder / f"{stem}.json"
    outlines = parcels.geometry[~parcels.geometry.isna()]
    item = table_item(
        collection=L4C_PRACTICES,
        item_id=stem,
        parquet=parquet,
        footprint=shapely.box(*outlines.total_bounds) if len(outlines) else shapely.Polygon(),
        start=min(start, end),
        end=end,
        origin=Origin(
            software_version=__version__,
            lineage=f"{PRACTICE_NAMES[task.practice]}: markers and grades of declared parcels from weekly "
            "Sentinel-1 backscatter and coherence and Sentinel-2 NDVI means.",
            inputs=_inputs(root, evaluation, task),
            content_key=task.input_key,
            level="L4",
        ),
        column_texts=COLUMN_TEXTS,
        others={
            "geopackage": (geopackage, GEOPACKAGE, "GeoPackage"),
            "csv": (plain, CSV, "The original's table, separated by semicolons"),
        },
        properties={"sen4cap:practice": task.practice},
    )
    publish_item(root, item, stac)
    _store(context, evaluation, task, monitored, table, parquet, stac)
    return {"GeoPackage": geopackage, "GeoParquet": parquet, "CSV": plain}


def _inputs(root: Path, evaluation: PracticeEvaluation, task: PracticeTask) -> list[Input]:
    """List the observations, and the earlier evaluation whose harvest weeks stay."""
    inputs = [Input(str(root / f.file.path), Path(f.file.path).stem) for f in evaluation.files]
    if task.previous is not None:
        earlier = Path(task.previous.stac_path or task.previous.path)
        inputs.append(Input(str(root / earlier), earlier.stem))
    return inputs


def _store(
    context: Context,
    evaluation: PracticeEvaluation,
    task: PracticeTask,
    monitored: Monitored,
    table: pa.Table,
    parquet: Path,
    stac: Path,
) -> None:
    root = context.settings.data
    refs = [f"observations:{f.file.set_id}" for f in evaluation.files]
    refs += [
        f"declarations:{evaluation.declaration_set_id}",
        f"practices:{task.practice_set_id}",
    ]
    if evaluation.config_id is not None:
        refs.append(f"config:{evaluation.config_id}")
    if task.previous is not None:
        # Not as ``product:``: retention would keep each evaluation of a year for the one after it.
        refs.append(f"earlier:{task.previous.product_id}")
    out = monitored.judgements
    with context.session() as session:
        if not result_rows.lock_practice(
            session, evaluation.site_id, evaluation.year, task.practice, task.last_run_id
        ):
            raise Sen4capError("another evaluation of this practice came first: this one is done anew")
        product_id = product_rows.register_product(
            session,
            {
                "key": task.input_key,
                "site_id": evaluation.site_id,
                "kind": L4C_PRACTICES,
                "season_id": None,
                "tile": None,
                "start": datetime(evaluation.year, 1, 1, tzinfo=UTC),
                "end": datetime.combine(evaluation.last_day, time(23, 59, 59), tzinfo=UTC),
                "path": str(parquet.relative_to(root)),
                "stac_path": str(stac.relative_to(root)),
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
            refs,
        )
        run = PracticeRun(
            site_id=evaluation.site_id,
            year=evaluation.year,
            practice=task.practice,
            practice_set_id=task.practice_set_id,
            declaration_set_id=evaluation.declaration_set_id,
            config_id=evaluation.config_id,
            product_id=product_id,
            as_of=evaluation.last_day,
            input_key=task.input_key,
            n_rows=table.num_rows,
            n_harvests=int((out.harvest_week > NO_DAY).sum()),
            made_by=__version__,
            flow_run_id=context.flow_run_id,
        )
        result_rows.store_practice_run(session, run, result_table(monitored, table))


def result_table(monitored: Monitored, table: pa.Table) -> pa.Table:
    """Return the judgements as rows of the database: dates as dates, null where there is none."""
    out = monitored.judgements
    texts = [table[name].to_pylist() for name in MARKERS]
    return pa.table(
        {
            "row": pa.array(np.arange(table.num_rows, dtype=np.int32)),
            "new_id": pa.array([int(text) for text in table["FIELD_ID"].to_pylist()], pa.int32()),
            "c_index": table["C_INDEX"],
            "last_week": _dates(out.last_week),
            "harvest_week": _dates(out.harvest_week),
            "radar_harvest_week": _dates(out.radar_harvest_week),
            "tillage_week": _dates(out.tillage_week),
            "p_start": _dates(out.practice_start),
            "p_end": _dates(out.practice_end),
            "markers": pa.array([",".join(row) for row in zip(*texts, strict=True)], pa.string()),
        }
    )


def _dates(days: NDArray[np.int32]) -> pa.Array:
    return pa.array(days, pa.int32(), mask=days <= NO_DAY).cast(pa.date32())
