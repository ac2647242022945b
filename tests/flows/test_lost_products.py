"""Composites and marker databases of which a file is lost are made again; the check is content after it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from flows.claims import next_long
from flows.runs import run_work
from sen4cap_core.db.models import Job, Product
from sen4cap_core.products.naming import L3A_COMPOSITE, MARKERS, S1_COMPOSITE
from sen4cap_core.steps.composites.optical import composite_optical
from sen4cap_core.steps.composites.radar import composite_radar
from sen4cap_core.steps.products.export_markers import export_markers
from sen4cap_core.steps.scenes.ingest import ingest_scene
from sen4cap_core.steps.upkeep.check_files import check_files, repair
from tests.flows.conftest import Server
from tests.scenes.radar_products import write_radar
from tests.steps.conftest import GRID, SITE, Desk

pytestmark = pytest.mark.service

DAY, START, END = date(2019, 6, 16), date(2019, 1, 1), date(2019, 12, 31)
BANDS = {"B04": 0.05, "B08": 0.30, "B05": 0.10}


def content(root: Path) -> dict[str, bytes]:
    """Every raster and table by its path: they hold no time of their making."""
    kinds = {".tif", ".ipc", ".parquet"}
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.suffix in kinds}


def products(desk: Desk) -> dict[str, tuple[str, str]]:
    with desk.context.session() as session:
        query = select(Product.key, Product.kind, Product.path).where(Product.scene_id.is_(None))
        return {key: (kind, path) for key, kind, path in session.execute(query).tuples()}


def test_lost_files_of_composites_and_marker_databases_are_made_again(desk: Desk, server: Server) -> None:
    assert server
    context = desk.context
    desk.declare()
    for day in (6, 16, 26):
        desk.process(desk.scene(day, reflectance=BANDS, aot=0.1))
    image = np.random.default_rng(3).uniform(0.1, 0.9, (60, 60)).astype(np.float32)
    for day in ("20190404", "20190410"):
        for pol in ("VH", "VV"):
            name = f"SEN4CAP_L2A_S7_V{day}T061041_20190329T061122_{pol}_154_AMP_30TUM.tif"
            path = write_radar(desk.folder / name, image, corner_m=(GRID.x_min_m, GRID.y_max_m))
        ingest_scene(context, desk.enter(path, "scene").upload_id)
    composite_optical(context, SITE, DAY, days_after=20, method="median", bands=["B04", "B08"])
    composite_optical(context, SITE, DAY)
    composite_radar(context, 1)
    export_markers(context, SITE, START, END, ["MDB1"])
    with context.session() as session:
        # Only what the repair asks for is looked at.
        session.execute(update(Job).values(state="done"))
    assert check_files(context).found() == {}
    before, rows = content(context.settings.data), products(desk)
    assert {kind for kind, _ in rows.values()} == {L3A_COMPOSITE, S1_COMPOSITE, MARKERS}

    lost = []
    for kind, path in rows.values():
        first = context.settings.data / path
        if kind == L3A_COMPOSITE:
            lost.append(min(first.parent.glob(f"{first.stem}_b*.tif")))
        elif kind == MARKERS:
            lost.append(first.with_suffix(".ipc"))
    lost.append(context.settings.data / min(path for kind, path in rows.values() if kind == S1_COMPOSITE))
    for path in lost:
        path.unlink()
    found = check_files(context)
    assert set(found.found()) == {"missing products"}
    assert len(found.missing_products) == len(lost)
    repair(context, found)
    runs = 0
    while work := next_long(context, "me"):
        run_work(context, work)
        runs += 1

    # Two composites of reflectance of one day, of which one has two sizes of pixels, radar, and markers.
    assert runs == 5
    assert check_files(context).found() == {}
    assert products(desk) == rows
    assert content(context.settings.data) == before
    with context.session() as session:
        assert set(session.scalars(select(Job.state))) == {"done"}
