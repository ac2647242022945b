"""Play the season of docs/tour.md through the steps of the service, in one process, and draw its pictures.

    python -m tests.benchmarks.tour_pictures --folder /tmp/tour --images docs/images

The same files and settings as in the tour, a PostGIS of its own, no Prefect: a minute or two of one core.
Prints what was found; `tests.benchmarks.tour` plays the commands themselves. What is left in the folder (data
root with QGIS project) is for whoever wants to open it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from sen4cap_core.db import databases, jobs, migrate
from sen4cap_core.db.models import Season as SeasonRow
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.inbox.register import register_all
from sen4cap_core.reports.crop_type_page import map_png
from sen4cap_core.service.cluster import DATABASE, ROLE, Cluster
from sen4cap_core.settings import Settings
from sen4cap_core.simulation.season import simulate_season
from sen4cap_core.simulation.uploads import write_practice_table
from sen4cap_core.steps.check_files import check_files
from sen4cap_core.steps.classify_crops import classify_crops
from sen4cap_core.steps.context import Context, open_context
from sen4cap_core.steps.detect_mowing import detect_mowing
from sen4cap_core.steps.export_products import export_products, find_products
from sen4cap_core.steps.extract_parcels import extract_parcels
from sen4cap_core.steps.ingest_scene import ingest_scene
from sen4cap_core.steps.leases import claim_next
from sen4cap_core.steps.monitor_practices import monitor_practices
from sen4cap_core.steps.mowing_pictures import parcel_charts
from sen4cap_core.steps.pictures import scene_quicklooks
from sen4cap_core.steps.practice_pictures import practice_pictures
from sen4cap_core.steps.process_scene import process_scene
from sen4cap_core.steps.receive import receive_upload
from sen4cap_core.steps.subject import ProcessedScene

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
SITE = "tour"
FROM, TO = date(2019, 4, 1), date(2019, 9, 15)


def site_yaml() -> str:
    """Return the settings as the tour writes them."""
    tour = TOUR.read_text(encoding="utf-8")
    (text,) = re.findall(r"site\.yaml\" <<'EOF'\n(.*?)^EOF$", tour, re.MULTILINE | re.DOTALL)
    return str(text)


def work_off(context: Context, seen: list[ProcessedScene]) -> Counter[str]:
    """Register what lies in the upload folder and do all that is asked for, but evaluations of the season."""
    register_all(context.settings, context.engine, sleep=time.sleep)
    done: Counter[str] = Counter()

    def process(payload: dict[str, Any]) -> None:
        seen.append(process_scene(context, int(payload["scene_id"])))

    hands: dict[str, Callable[[dict[str, Any]], object]] = {
        "receive-upload": lambda payload: receive_upload(context, int(payload["upload_id"])),
        "ingest-scene": lambda payload: ingest_scene(context, int(payload["upload_id"])),
        "process-scene": process,
        "extract-parcels": lambda payload: extract_parcels(context, int(payload["declaration_set_id"])),
    }
    while (job := claim_next(context, list(hands), "tour")) is not None:
        try:
            hands[job.kind](job.payload)
            done[job.kind] += 1
        except NothingToDoError as reason:
            done[f"{job.kind}, {reason}"] += 1
        with context.session() as session:
            jobs.finish(session, job.id, job.owner)
    return done


def drop(context: Context, season: Path, images: Path) -> int:
    """Drop the season in the tour's order; return its number."""
    uploads = context.settings.uploads_root / SITE
    scenes: list[ProcessedScene] = []
    (uploads / "2019" / "scenes").mkdir(parents=True)
    shutil.copy(season / "site" / "site.zip", uploads)
    (uploads / "site.yaml").write_text(site_yaml(), encoding="utf-8")
    print("site:", dict(work_off(context, scenes)), flush=True)
    for name in ("declarations", "crop-codes", "l4b-config", "practices"):
        shutil.copytree(season / "site" / "2019" / name, uploads / "2019" / name)
    print("declarations:", dict(work_off(context, scenes)), flush=True)
    for path in sorted((season / "site" / "2019" / "scenes").iterdir()):
        target = uploads / "2019" / "scenes" / path.name
        shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)
    print("scenes:", dict(work_off(context, scenes)), flush=True)
    optical = [one for one in scenes if not one.subject.is_radar and one.made]
    clearest = max(optical, key=lambda one: (one.clear_fraction or 0, one.subject.acquired_at))
    (images / "tour-scene.png").write_bytes(next(iter(scene_quicklooks(context, clearest).values())))
    with context.session() as session:
        return session.scalars(select(SeasonRow.id).where(SeasonRow.name == "main")).one()


def draw_mowing(context: Context, season_id: int, images: Path) -> None:
    """Evaluate mowing; draw the parcel people look at first."""
    mowing = detect_mowing(context, season_id)
    print(f"mowing: {len(mowing.events)} events on {mowing.table.shape[0]} parcels", flush=True)
    chart = next(iter(parcel_charts(mowing)))
    (images / "tour-parcel.png").write_bytes(chart.png)


def draw_practices(context: Context, season_id: int, images: Path) -> None:
    """Evaluate practices; draw a parcel."""
    practices = monitor_practices(context, season_id)
    for practice in practices.practices:
        drawn = practice_pictures(practices, practice)
        told = f"practice {practice.task.practice}: {practice.table.num_rows} rows"
        print(f"{told}; {', '.join(drawn)}", flush=True)
        (images / "tour-practice.png").write_bytes(list(drawn.values())[-1])


def draw_crops(context: Context, season_id: int, images: Path) -> None:
    """Tell crop types; draw the map."""
    crops = classify_crops(context, season_id)
    overall = crops.crop_map.accuracy.overall if crops.crop_map.accuracy else float("nan")
    n_told = int((crops.crop_map.conform >= 0).sum())
    print(f"crop types: {n_told} parcels, accuracy {overall:.3f}", flush=True)
    picture = map_png(crops.parcels.geometry.to_numpy(), crops.crop_map, crops.classes)
    if picture is not None:
        (images / "tour-crops.png").write_bytes(picture)


def take_home(context: Context, season_id: int, images: Path) -> None:
    """Export everything; compare tables and disk."""
    products = find_products(context, SITE)
    target = context.settings.home / "taken-home"
    exported = export_products(context, products, target)
    print(f"products: {exported.n_items} items, {exported.n_bytes / 1e6:.1f} MB, {target}", flush=True)
    print("check:", check_files(context).found() or "tables, disk and catalogue agree", flush=True)


CHAPTERS = (draw_mowing, draw_practices, draw_crops, take_home)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    options = parser.parse_args()
    season = options.folder / "season"
    if not season.is_dir():
        truth = simulate_season(
            season / "site", size_m=2400, n_dates=16, start=FROM, end=TO, radar_orbits=(154,),
            truth=season / "truth",
        )  # fmt: skip
        table = season / "site" / "2019" / "practices" / "NA" / "harvest-2019.csv"
        write_practice_table(table, truth.parcels, 2019)
    database = Path(tempfile.mkdtemp(prefix="sen4cap-tour-"))
    database.chmod(0o755)
    cluster = Cluster(database, fast=True, die_with_parent=True)
    cluster.start()
    try:
        admin = cluster.url("postgres", superuser=True)
        databases.ensure_database(admin, DATABASE, owner=ROLE)
        databases.ensure_extension(cluster.url(DATABASE, superuser=True))
        migrate.upgrade(cluster.url(DATABASE))
        context = open_context(Settings(home=options.folder / "home"), cluster.url(DATABASE))
        season_id = drop(context, season, options.images)
        for chapter in CHAPTERS:
            chapter(context, season_id, options.images)
        context.engine.dispose()
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
