"""How long people wait: from the closing of a file to its receipt, to parcel means, to the answer.

    python -m tests.benchmarks.latency --files 20

Against the services of ``SEN4CAP_HOME``, which must be up. A file that comes when no drain lingers pays for
the start of an interpreter. Prints medians and 95th centiles.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import select

from sen4cap_core.db.models import MowingRun, ObservationSet, SceneRow, Season, Site, Upload
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.service.connection import open_step_context
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.simulation.uploads import write_shapefile_zip
from sen4cap_core.steps.shared.context import Context
from tests.steps.conftest import fields

WHOLE = tile_grid("30TUM")
GRID = Grid(WHOLE.epsg, WHOLE.x_min_m, WHOLE.y_max_m, 10.0, 120, 120)


def main() -> None:
    """Drop files one by one and print how long each stage took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--pause", type=float, default=25.0, help="seconds between drops of the cold series")
    arguments = parser.parse_args()
    context = open_step_context()
    with tempfile.TemporaryDirectory() as scratch:
        warm = series(context, Path(scratch), "latency-warm", arguments.files, pause=3.0)
        cold = series(
            context, Path(scratch), "latency-cold", max(arguments.files // 4, 3), pause=arguments.pause
        )
    tell("one after the other", warm)
    tell(f"{arguments.pause:.0f} s apart (the drain has ended)", cold)


def series(
    context: Context, scratch: Path, site: str, number: int, *, pause: float
) -> list[dict[str, float]]:
    """Drop declarations and scenes; return the waiting times of each scene in seconds."""
    site = f"{site}-{int(time.time())}"
    uploads = context.settings.uploads_root / site / "2019"
    parcels = uploads / "declarations" / "parcels.zip"
    parcels.parent.mkdir(parents=True)
    write_shapefile_zip(parcels, fields(), "parcels")
    (uploads / "scenes").mkdir()
    wait_for(lambda: parcels.with_name("parcels.zip.receipt.json").exists())
    rng = np.random.default_rng(1)
    waits = []
    for day in range(number):
        time.sleep(pause)
        when = datetime(2019, 4, 1, 11, tzinfo=UTC) + timedelta(days=day)
        values = {"B04": rng.uniform(0.02, 0.1, GRID.shape), "B08": rng.uniform(0.2, 0.5, GRID.shape)}
        path = tile_scene(scratch, values, grid=GRID, acquired_at=when, as_zip=True)
        target = uploads / "scenes" / path.name
        shutil.move(path, target)
        waits.append(measure(context, site, target, when, datetime.now(UTC)))
    return waits


def measure(
    context: Context, site: str, target: Path, acquired_at: datetime, closed: datetime
) -> dict[str, float]:
    """Wait until the answer holds the new date; return seconds since the file was closed."""

    def answer() -> dict[str, datetime] | None:
        with context.session() as session:
            upload = session.scalars(select(Upload).where(Upload.path == str(target))).one_or_none()
            observed = session.scalars(
                select(ObservationSet.created_at)
                .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
                .join(Upload, Upload.id == SceneRow.upload_id)
                .where(Upload.path == str(target))
            ).one_or_none()
            run = session.scalars(
                select(MowingRun.created_at)
                .join(Season, Season.id == MowingRun.season_id)
                .join(Site, Site.id == Season.site_id)
                .where(Site.slug == site, MowingRun.as_of == acquired_at.date())
            ).first()
            if not (upload and upload.received_at and observed and run):
                return None
            return {
                "registered": upload.registered_at,
                "receipt": upload.received_at,
                "parcel means": observed,
                "mowing answer": run,
            }

    found = wait_for(answer)
    return {name: (moment - closed).total_seconds() for name, moment in found.items()}


def wait_for(what, seconds: float = 180.0):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError("the services do not answer: sen4cap status")
        time.sleep(0.1)
    return found


def tell(title: str, waits: list[dict[str, float]]) -> None:
    """Print median and 95th centile of each stage."""
    print(f"{title}: {len(waits)} scenes, seconds after the file was closed")
    for name in waits[0]:
        values = np.array([wait[name] for wait in waits])
        print(f"  {name:14} p50 {np.percentile(values, 50):6.1f}   p95 {np.percentile(values, 95):6.1f}")


if __name__ == "__main__":
    main()
