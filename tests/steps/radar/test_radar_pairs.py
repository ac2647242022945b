"""Which acquisitions of S1A to S1D are paired, and what takes whose place; no pixel is read here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

from sen4cap_core.db.acquired import radar as radar_rows
from sen4cap_core.db.models import RadarAcquisition, SceneRow
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.sentinel1.orbit import choose_orbit_file, describe_orbit_file
from sen4cap_core.sentinel1.pairing import pairs_of
from sen4cap_core.simulation.radar.radar_model import PassModel
from sen4cap_core.simulation.radar.radar_pair import small_pair
from sen4cap_core.simulation.radar.radar_product import footprint_of, product_name, stem_of, write_orbit_file
from sen4cap_core.simulation.radar.radar_xml import manifest_xml
from sen4cap_core.simulation.uploads import write_shapefile_zip
from sen4cap_core.steps.radar.process_grd import process_grd
from sen4cap_core.steps.radar.subject import find_acquisitions
from sen4cap_core.steps.scenes.ingest import ingest_scene
from sen4cap_core.steps.uploads.declarations import receive_declarations
from sen4cap_core.steps.uploads.scene import receive_scene
from sen4cap_core.steps.uploads.site import assumed_season
from tests.steps.conftest import SITE, Desk

pytestmark = pytest.mark.service
YEAR = 2022
AT = datetime(YEAR, 6, 1, 17, 6, tzinfo=UTC)


def manifest_only(folder: Path, flight: PassModel, unique: str, kind: str = "SLC") -> Path:
    """A product whose other files hold nothing of use; ``unique`` is the end of its name."""
    swaths = [swath.name for swath in flight.swaths] if kind == "SLC" else ["IW"]
    product = folder / f"{product_name(flight, ['VV'], kind)[:-4]}{unique}.SAFE"
    for number, swath in enumerate(swaths, start=1):
        stem = stem_of(flight, swath, "VV", number, kind.lower())
        for name in (
            f"annotation/{stem}.xml",
            f"annotation/calibration/calibration-{stem}.xml",
            f"annotation/calibration/noise-{stem}.xml",
            f"measurement/{stem}.tiff",
        ):
            path = product / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"-")
    (product / "manifest.safe").write_text(manifest_xml(flight, swaths, ["VV"], footprint_of(flight, 130.0)))
    return product


@pytest.fixture
def enter(desk: Desk) -> Callable[..., int]:
    """Drop a pass of a satellite: days and seconds after the first; returns the acquisition's number."""
    assumed_season(desk.context, SITE, YEAR)
    first = small_pair().first
    x_min, y_min, x_max, y_max = small_pair().ground.grid.bounds_m
    field = gpd.GeoDataFrame(
        {"PARCEL_ID": ["P"], "FARM_ID": ["F"], "CROP_CODE": ["1"]},
        geometry=[shapely.box(x_min, y_min, x_max, y_max)],
        crs=small_pair().ground.grid.epsg,
    )
    path = desk.folder / "field.zip"
    write_shapefile_zip(path, field, "p")
    receive_declarations(desk.context, desk.enter(path, "declarations", YEAR))

    def drop(
        platform: str, days: float, unique: str = "AAAA", seconds: float = 0.0, kind: str = "SLC"
    ) -> int:
        later = first.middle_at + timedelta(days=days, seconds=seconds)
        product = manifest_only(desk.folder, replace(first, platform=platform, middle_at=later), unique, kind)
        one = desk.enter(product, "scene", YEAR)
        assert receive_scene(desk.context, one).stored["platform"] == platform
        _, (found,) = ingest_scene(desk.context, one.upload_id)
        return found.scene_id

    return drop


def pairs_with(desk: Desk, number: int) -> list[tuple[int, int]]:
    subject, others = find_acquisitions(desk.context, number)
    return [(a.id, b.id) for a, b in pairs_of(subject.pairing, [one.pairing for one in others])]


def test_satellites_are_mixed(desk: Desk, enter: Callable[..., int]) -> None:
    # S1A alone every 12 days, S1B between, S1C in its place, S1D a week and a cycle later.
    a0, a12, a24 = enter("S1A", 0), enter("S1A", 12), enter("S1A", 24)
    b18, c30, d36, d48 = enter("S1B", 18), enter("S1C", 30), enter("S1D", 36), enter("S1D", 48)
    # One day behind S1A, as S1D began: of the same track, but no pair of 6 or 12 days with any.
    enter("S1D", 1)

    assert pairs_with(desk, a12) == [(a0, a12), (a12, b18)]
    assert pairs_with(desk, b18) == [(a12, b18), (b18, a24)]
    assert pairs_with(desk, c30) == [(a24, c30), (c30, d36)]
    assert pairs_with(desk, d48) == [(d36, d48)]


def test_an_orbit_file_serves_its_own_satellite_only(tmp_path: Path) -> None:
    flights = [replace(small_pair().first, platform=f"S1{letter}") for letter in "ABCD"]
    files = [describe_orbit_file(write_orbit_file(tmp_path, flight)) for flight in flights]
    for flight, file in zip(flights, files, strict=True):
        assert choose_orbit_file(files, flight.platform, flight.middle_at, flight.middle_at) == file
    assert choose_orbit_file(files[:3], "S1D", flights[3].middle_at, flights[3].middle_at) is None


def test_of_two_processings_of_a_slice_the_last_counts(desk: Desk, enter: Callable[..., int]) -> None:
    first, other = enter("S1A", 0), enter("S1B", 6)
    again = enter("S1B", 6, "BBBB", seconds=1.2)
    following = enter("S1B", 6, "CCCC", seconds=25)

    assert pairs_with(desk, first) == [(first, again), (first, following)]
    assert pairs_with(desk, again) == [(first, again)]
    with pytest.raises(NothingToDoError, match=r"_BBBB takes its place, another processing"):
        find_acquisitions(desk.context, other)
    with desk.context.session() as session:
        session.get_one(RadarAcquisition, again).state = "failed"
    # One that cannot be used takes nobody's place.
    assert pairs_with(desk, first) == [(first, other), (first, following)]

    detected = enter("S1C", 12, kind="GRD")
    enter("S1C", 12, "BBBB", seconds=-0.8, kind="GRD")
    with pytest.raises(NothingToDoError, match=r"_BBBB takes its place"):
        process_grd(desk.context, detected)


def test_what_two_processings_were_made_into(desk: Desk) -> None:
    with desk.context.engine.begin() as connection:
        site = connection.execute(text("SELECT id FROM site")).scalar_one()

    def scene(name: str, seconds: float, pair: timedelta | None = None, pair_seconds: float = 0.0) -> int:
        at = AT + timedelta(seconds=seconds)
        started = None if pair is None else AT - pair + timedelta(seconds=pair_seconds)
        with desk.context.session() as session:
            row = SceneRow(
                site_id=site, product_id=name, sensor="s1-coherence" if pair else "s1-backscatter",
                platform="S1A", acquired_at=at, pair_started_at=started, tile="33TTG",
                acquisition_key=f"{at}/{started}", relative_orbit=117, format="stac-item", path=name,
                state="processed",
            )  # fmt: skip
            session.add(row)
            session.flush()
            radar_rows.supersede_longer_pairs(session, row)
            radar_rows.supersede_same_slice(session, row)
            return row.id

    def in_force() -> set[str]:
        with desk.context.session() as session:
            return {row.product_id for row in session.query(SceneRow) if row.state != "superseded"}

    scene("grd", 0), scene("slc", 3), scene("slc-again", 2), scene("next-slice", 27)
    assert in_force() == {"slc-again", "next-slice"}
    twelve, six = timedelta(days=12), timedelta(days=6)
    # Two slices of the earlier pass are partners of one slice: both stay.
    scene("long-1", 0, twelve), scene("long-2", 0, twelve, 25)
    assert in_force() == {"slc-again", "next-slice", "long-1", "long-2"}
    scene("short-1", 1, six), scene("short-2", 1, six, 25)
    assert in_force() == {"slc-again", "next-slice", "short-1", "short-2"}
    scene("short-1-again", 0, six, 1.5)
    assert in_force() == {"slc-again", "next-slice", "short-1-again", "short-2"}
