"""A marker database as a product: STAC item, row, lineage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import shapely

from sen4cap_core import __version__
from sen4cap_core.clock import midnight
from sen4cap_core.db.made import products as product_rows
from sen4cap_core.products.catalog import publish_item
from sen4cap_core.products.naming import MARKERS, content_key
from sen4cap_core.products.stac import Input, Origin, table_item
from sen4cap_core.steps.practices.series import GroupedFile
from sen4cap_core.steps.shared.context import Context

ARROW = "application/vnd.apache.arrow.file"


def marker_key(key: str, database: str) -> str:
    """Return the content key of one database of an export."""
    return content_key([key], {"database": database}, __version__)


def publish_markers(
    context: Context,
    site_id: int,
    database: str,
    key: str,
    ipc: Path,
    period: tuple[date, date],
    declaration_set_id: int,
    files: Sequence[GroupedFile],
) -> None:
    """Describe a written database in STAC and enter it with its lineage.

    ``key`` is that of the export; ``ipc`` the Arrow file, beside which index and Parquet lie.
    """
    root = context.settings.data
    parquet, stac = ipc.with_suffix(".parquet"), ipc.with_suffix(".json")
    own_key = marker_key(key, database)
    start, end = period
    item = table_item(
        collection=MARKERS,
        item_id=ipc.stem,
        parquet=parquet,
        footprint=shapely.Polygon(),
        start=start,
        end=end,
        origin=Origin(
            software_version=__version__,
            lineage=f"{database}: the parcel observations of a period as one wide table.",
            inputs=[Input(str(root / f.file.path), Path(f.file.path).stem) for f in files],
            content_key=own_key,
            level="L4",
        ),
        others={
            "arrow": (ipc, ARROW, "Arrow IPC"),
            "index": (ipc.with_name(f"{ipc.name}.idx"), "application/octet-stream", "First and last NewID"),
        },
        properties={"sen4cap:database": database},
    )
    publish_item(root, item, stac)
    refs = [f"observations:{f.file.set_id}" for f in files] + [f"declarations:{declaration_set_id}"]
    with context.session() as session:
        product_rows.register_product(
            session,
            {
                "key": own_key,
                "site_id": site_id,
                "kind": MARKERS,
                "season_id": None,
                "tile": None,
                "start": midnight(start),
                "end": datetime.combine(end, time(23, 59, 59), tzinfo=UTC),
                "path": str(parquet.relative_to(root)),
                "stac_path": str(stac.relative_to(root)),
                "made_by": __version__,
                "flow_run_id": context.flow_run_id,
            },
            refs,
        )
