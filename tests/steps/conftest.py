"""Steps against a real PostGIS and real files, without Prefect."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from sen4cap_core.db.models import SceneRow
from sen4cap_core.db.work.uploads import Drop as Found
from sen4cap_core.db.work.uploads import register_upload
from sen4cap_core.files import content_hash
from sen4cap_core.inbox.layout import UploadPlace, place_of
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.service.cluster import Cluster
from sen4cap_core.settings import Settings
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.simulation.uploads import write_shapefile_zip
from sen4cap_core.steps.scenes.ingest import ingest_scene
from sen4cap_core.steps.scenes.process import ProcessedScene, process_scene
from sen4cap_core.steps.shared.context import Context, open_context
from sen4cap_core.steps.shared.taken import Drop, Taken
from sen4cap_core.steps.uploads.declarations import receive_declarations
from sen4cap_core.steps.uploads.receive import Answer, receive_upload
from sen4cap_core.steps.uploads.site import assumed_season
from tests.fixtures_tables import clear_tables, migrated_url

SITE = "polder"
YEAR = 2019
WHOLE = tile_grid("30TUM")
GRID = Grid(WHOLE.epsg, WHOLE.x_min_m, WHOLE.y_max_m, 10.0, 120, 120)


@pytest.fixture(scope="session")
def database_url(postgis_cluster: Cluster) -> str:
    """A migrated database that tests of steps share."""
    return migrated_url(postgis_cluster, "tests_steps")


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    """A context on an empty database and an empty home."""
    settings = Settings(home=tmp_path / "home", decode_threads=2)
    made = open_context(settings, database_url)
    clear_tables(made.engine)
    yield made
    made.engine.dispose()


@dataclass
class Desk:
    """What a test drops and starts."""

    context: Context
    folder: Path

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        assumed_season(self.context, SITE, YEAR)

    def enter(self, path: Path, kind: str, year: int = YEAR) -> Drop:
        """Register a file as the watcher does."""
        found = Found(SITE, year, kind, str(path), 1, 1, content_hash(path))
        with self.context.session() as session:
            upload, _ = register_upload(session, found)
            return Drop(upload.id, SITE, year, kind, path, upload.sha256, 1)

    def place(self, name: str) -> Path:
        """Return a place for declarations in the upload folder."""
        folder = self.context.settings.uploads_root / SITE / str(YEAR) / "declarations"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def scene(self, day: int, month: int = 6, *, ndvi: float | np.ndarray = 0.6, **options: Any) -> Path:
        """Write a scene of a chosen NDVI; red reflectance is 0.05."""
        red = 0.05
        nir = red * (1 + np.asarray(ndvi, float)) / (1 - np.asarray(ndvi, float))
        when = datetime(YEAR, month, day, 11, 6, 21, tzinfo=UTC)
        folder = self.folder / f"scenes-{next(self._numbers)}"
        folder.mkdir()
        options.setdefault("reflectance", {"B04": red, "B08": nir})
        return tile_scene(folder, grid=GRID, acquired_at=when, **options)

    def ingest(self, path: Path) -> int:
        """Register a scene; return its id."""
        drop = self.enter(path, "scene")
        _, found = ingest_scene(self.context, drop.upload_id)
        return found[0].scene_id

    def is_in_force(self, scene_id: int) -> bool:
        """Whether no newer product of the same acquisition is known."""
        with self.context.session() as session:
            return session.get_one(SceneRow, scene_id).state != "superseded"

    def process(self, path: Path) -> ProcessedScene:
        """Register and process a scene."""
        return process_scene(self.context, self.ingest(path))

    def declare(self, **options: Any) -> Taken:
        """Drop declarations of a few square fields."""
        path = self.folder / f"declarations-{next(self._numbers)}.zip"
        write_shapefile_zip(path, fields(**options), "parcels")
        return receive_declarations(self.context, self.enter(path, "declarations"))


def fields(n: int = 4, side_m: float = 200.0, first_id: int = 1, crop: str = "265") -> gpd.GeoDataFrame:
    """Squares in a row on the test grid, 100 m apart."""
    left, top = GRID.x_min_m + 55, GRID.y_max_m - 55
    squares = [
        shapely.box(left + i * (side_m + 50), top - side_m, left + i * (side_m + 50) + side_m, top)
        for i in range(n)
    ]
    ids = [f"{first_id + i:04d}" for i in range(n)]
    columns = {"PARCEL_ID": ids, "FARM_ID": [f"F{i // 2}" for i in range(n)], "CROP_CODE": [crop] * n}
    return gpd.GeoDataFrame(columns, geometry=squares, crs=GRID.epsg)


@pytest.fixture
def desk(context: Context, tmp_path: Path) -> Desk:
    """A site with its assumed season, and a folder to write into."""
    folder = tmp_path / "drops"
    folder.mkdir()
    return Desk(context, folder)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file fail at the moment it is made durable, as on a full disk."""

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture
def receive(context: Context, desk: Desk) -> Callable[[str, str | bytes], Answer]:
    """Put a file into a folder of the test site's year and let it be received."""
    root = context.settings.uploads_root

    def put(relative: str, content: str | bytes) -> Answer:
        path = root / SITE / str(YEAR) / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        place = place_of(path, root)
        assert isinstance(place, UploadPlace)
        return receive_upload(context, desk.enter(path, place.kind).upload_id)

    return put
