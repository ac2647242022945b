"""From dropped SLC products to parcel observations of backscatter and coherence."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from sqlalchemy import select, text

from flows.by_hand import pair_again
from flows.composite_radar import composite_radar
from flows.process_radar import process_grd as process_grd_flow
from flows.process_radar import process_slc as process_slc_flow
from flows.worker import run_work
from sen4cap_core.db.acquired.radar import acquisitions_to_look_at
from sen4cap_core.db.made.products import observation_files
from sen4cap_core.db.models import DeclarationSet, Job, ProductInput, RadarAcquisition, SceneRow, Season
from sen4cap_core.db.models import Product as ProductRow
from sen4cap_core.errors import BadUploadError, NothingToDoError, UnreadableSceneError
from sen4cap_core.inbox.layout import Kind, place_of
from sen4cap_core.sentinel1.acquisition import BurstOnMap, geocode_bursts
from sen4cap_core.sentinel1.product import Product
from sen4cap_core.simulation.radar.radar_detected import write_grd
from sen4cap_core.simulation.radar.radar_pair import TRUE_COHERENCE, small_pair
from sen4cap_core.simulation.radar.radar_product import write_orbit_file, write_slc
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
from sen4cap_core.simulation.uploads import write_shapefile_zip
from sen4cap_core.steps.radar.process_grd import process_grd
from sen4cap_core.steps.radar.process_slc import process_slc
from sen4cap_core.steps.radar.receive_slc import receive_radar_file
from sen4cap_core.steps.scenes.ingest import ingest_scene
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.shared.leases import claim_next
from sen4cap_core.steps.shared.work import SCENE_WORK
from sen4cap_core.steps.upkeep.by_hand_forms import PairAgain
from sen4cap_core.steps.uploads.declarations import receive_declarations
from sen4cap_core.steps.uploads.scene import receive_scene
from sen4cap_core.steps.uploads.site import assumed_season
from tests.external.snap_stand_in import stand_in
from tests.flows.conftest import Server, server
from tests.steps.conftest import SITE, Desk

pytestmark = pytest.mark.service
__all__ = ["server"]

YEAR = 2022


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two passes, an orbit file of the second, and an elevation model."""
    folder = tmp_path_factory.mktemp("slc")
    pair = small_pair()
    radar = SimulatedRadar(pair.ground, seed=7)
    return {
        "first": write_slc(folder, radar, pair.first, ["VV"], 130.0),
        "second": write_slc(folder, radar, pair.second, ["VV"], 130.0),
        "orbit": write_orbit_file(folder, pair.second),
        "dem": radar.write_dem(folder / "dem.tif"),
    }


def drop(desk: Desk, path: Path, kind: str = "scene"):
    return desk.enter(path, kind, YEAR)


def enter(desk: Desk, path: Path) -> int:
    """Receive and enter a product; return the number of the acquisition."""
    one = drop(desk, path)
    taken = receive_scene(desk.context, one)
    assert taken.stored["relative orbit"] == 117
    _, (found,) = ingest_scene(desk.context, one.upload_id)
    return found.scene_id


def declare(desk: Desk) -> gpd.GeoDataFrame:
    """Declare a field in the middle of each strip."""
    pair = small_pair()
    ground = pair.ground.grid
    middle = ground.y_max_m - ground.height * 10
    edges = [pair.strip_cells(n, 250.0) for n in range(6)]
    squares = [shapely.box(w, middle - 600, e, middle + 600) for w, e in edges]
    columns = {
        "PARCEL_ID": [f"P{n}" for n in range(6)],
        "FARM_ID": ["F"] * 6,
        "CROP_CODE": ["1"] * 6,
    }
    fields = gpd.GeoDataFrame(columns, geometry=squares, crs=ground.epsg)
    path = desk.folder / "strips.zip"
    write_shapefile_zip(path, fields, "parcels")
    receive_declarations(desk.context, desk.enter(path, "declarations", YEAR))
    return fields


def receive_file(desk: Desk, path: Path):
    one = drop(desk, path, "radar")
    taken = receive_radar_file(desk.context, one)
    with desk.context.engine.begin() as connection:
        connection.execute(
            text("UPDATE upload SET state = 'received', received_at = now() WHERE kind = 'radar'")
        )
    return taken


def test_two_passes_become_coherence_and_backscatter_of_parcels(
    desk: Desk, products: dict[str, Path], server: Server
) -> None:
    assumed_season(desk.context, SITE, YEAR)
    with desk.context.engine.begin() as connection:
        connection.execute(text("UPDATE site SET tiles = '{33TTG}'"))
    first = enter(desk, products["first"])

    # Each thing that is missing is named, in the run and in the row.
    with pytest.raises(NothingToDoError, match="nothing is declared yet"):
        process_slc(desk.context, first)
    declare(desk)
    with pytest.raises(
        NothingToDoError, match="no elevation model covers it: drop a GeoTIFF into polder/2022/radar"
    ):
        process_slc(desk.context, first)
    assert receive_file(desk, products["dem"]).stored["heights above"] == "ellipsoid"
    assert receive_file(desk, products["orbit"]).stored["kind"] == "RESORB"

    alone = process_slc(desk.context, first)
    assert alone.orbit == "annotation"
    assert len(alone.made) == 1
    with desk.context.session() as session:
        row = session.get_one(RadarAcquisition, first)
        assert row.state == "processed"
        assert row.state_reason == (
            "coherence waits for an acquisition of relative orbit 117 of 2022-04-27 or 2022-04-21"
        )

    second = enter(desk, products["second"])
    done = process_slc(desk.context, second)
    assert done.orbit == "RESORB"
    assert done.waits is None
    assert [name.split("_")[0] for name in done.made] == ["sen4cap-s1-backscatter", "sen4cap-s1-coherence"]
    again = server.run(process_slc_flow, second)
    assert (again.state, again.result) == ("Completed", done.made)
    assert again.name.startswith("process-slc S1A 2022-")
    assert any("RESORB" in page for page in again.pages.values())

    with desk.context.session() as session:
        rows = session.scalars(select(SceneRow).order_by(SceneRow.id)).all()
        facts = [(r.sensor, r.tile, r.relative_orbit, r.orbit_direction, r.platform) for r in rows]
        numbers = [r.id for r in rows]
    assert facts == [
        ("s1-backscatter", "33TTG", 117, "ascending", "S1A"),
        ("s1-backscatter", "33TTG", 117, "ascending", "S1A"),
        ("s1-coherence", "33TTG", 117, "ascending", "S1A"),
    ]
    for number in numbers:
        process_scene(desk.context, number)

    means = table_of(desk, "coherence")["coh_vv_mean"].to_numpy()
    assert np.all(np.diff(means) > 0)
    assert np.abs(means[2:] - np.array(TRUE_COHERENCE[2:])).max() < 0.04
    power = table_of(desk, "backscatter")["vv_mean"].to_numpy()
    assert power.mean() == pytest.approx(0.1, rel=0.03)

    with desk.context.session() as session:
        season_id = session.scalars(select(Season.id).where(Season.year == YEAR)).one()
    composed = server.run(composite_radar, season_id, ["season"])
    assert (composed.state, composed.name) == ("Completed", f"composite-radar {SITE} {YEAR}")
    assert len(server.run(pair_again, PairAgain(site=SITE, dry_run=True)).pages) == 1


def days_later(product: Path, folder: Path, first: str, later: str) -> Path:
    """A copy of a product as if it had been taken on another day."""
    names = (first, later), (first.replace("-", ""), later.replace("-", ""))

    def moved(text: str) -> str:
        for one, other in names:
            text = text.replace(one, other)
        return text

    copy = folder / moved(product.name)
    for path in (p for p in product.rglob("*") if p.is_file()):
        target = copy / moved(str(path.relative_to(product)))
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".tiff":
            shutil.copy(path, target)
        else:
            target.write_text(moved(path.read_text()))
    return copy


def test_the_worker_geocodes_each_pass_once_also_when_one_comes_late(
    desk: Desk, products: dict[str, Path], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assumed_season(desk.context, SITE, YEAR)
    with desk.context.engine.begin() as connection:
        connection.execute(text("UPDATE site SET tiles = '{33TTG}'"))
    # One field in the south-western corner: below the near swath, in its first burst.
    x_min, y_min, _, _ = small_pair().ground.grid.bounds_m
    field = shapely.box(x_min + 300, y_min + 300, x_min + 700, y_min + 700)
    columns = {"PARCEL_ID": ["P1"], "FARM_ID": ["F"], "CROP_CODE": ["1"]}
    path = desk.folder / "field.zip"
    write_shapefile_zip(
        path, gpd.GeoDataFrame(columns, geometry=[field], crs=small_pair().ground.grid.epsg), "p"
    )
    receive_declarations(desk.context, desk.enter(path, "declarations", YEAR))
    receive_file(desk, products["dem"])
    # It lies between the two that are paired before it comes.
    late = days_later(products["first"], desk.folder, "2022-05-03", "2022-05-09")
    geocoded: list[tuple[str, str, float]] = []

    def counted(product: Product, *rest: Any, **options: Any) -> Iterator[BurstOnMap]:
        for burst in geocode_bursts(product, *rest, **options):
            geocoded.append((product.name, burst.swath, round(burst.since_node_s)))
            yield burst

    monkeypatch.setattr("sen4cap_core.steps.radar.process_slc.geocode_bursts", counted)
    kinds = []
    for product in (products["first"], products["second"], late):
        receive_scene(desk.context, drop(desk, product))
        while job := claim_next(desk.context, SCENE_WORK, "worker"):
            run_work(desk.context, [job])
            kinds.append(job.kind)

    # Of four bursts one meets the field; three passes, three pairs, each pass brought to the map once.
    assert kinds.count("process-slc") == 3
    assert len(geocoded) == len(set(geocoded)) == 3
    assert {(swath, since) for _, swath, since in geocoded} == {("IW1", geocoded[0][2])}
    with desk.context.session() as session:
        assert {job.state for job in session.scalars(select(Job).where(Job.kind.in_(SCENE_WORK)))} == {"done"}
        made = session.scalars(select(ProductRow).order_by(ProductRow.id)).all()
        rasters = [one for one in made if one.kind.startswith("sen4cap-s1-")]
        inputs = {
            one.id: sorted(session.scalars(select(ProductInput.ref).where(ProductInput.product_id == one.id)))
            for one in rasters
        }
        scenes = {one.id: one for one in session.scalars(select(SceneRow))}
        pairs = {
            tuple(int(ref.rsplit(":", 1)[1]) for ref in inputs[one.id]): scenes[one.scene_id]
            for one in rasters
            if one.kind.endswith("coherence") and one.scene_id is not None
        }
        assert sum(one.kind == "sen4cap-s1-backscatter" for one in rasters) == 3
        assert set(pairs) == {(1, 2), (1, 3), (2, 3)}
        # The late one took the place of the first as the partner of the second.
        assert (pairs[1, 2].state, pairs[1, 2].superseded_by) == ("superseded", pairs[2, 3].id)
        assert (pairs[1, 2].state_reason or "").startswith("superseded by the shorter pair")
        assert "superseded" not in (pairs[1, 3].state, pairs[2, 3].state)
        # What an item says is masked is read again: nothing, where backscatter is sigma0.
        item = json.loads((desk.context.settings.data / rasters[0].stac_path).read_text())
        assert item["properties"]["sen4cap:masked"] == []
    assert len(table_of(desk, "coherence", pair_days=6)) == 1


def test_a_damaged_partner_is_its_own_fault(desk: Desk, products: dict[str, Path]) -> None:
    assumed_season(desk.context, SITE, YEAR)
    with desk.context.engine.begin() as connection:
        connection.execute(
            text("""UPDATE site SET tiles = '{33TTG}', config = '{"radar": {"backscatter": "gamma0"}}'""")
        )
    broken = desk.folder / products["first"].name
    shutil.copytree(products["first"], broken)
    whole = {path: path.read_bytes() for path in broken.glob("measurement/*")}
    for path, content in whole.items():
        path.write_bytes(content[: len(content) // 3])
    first, second = enter(desk, broken), enter(desk, products["second"])
    declare(desk)
    receive_file(desk, products["dem"])

    alone = process_slc(desk.context, second)
    assert [name.split("_")[0] for name in alone.made] == ["sen4cap-s1-backscatter"]
    with desk.context.session() as session:
        row = session.get_one(RadarAcquisition, second)
        assert row.state == "processed"
        said = f"coherence with {products['first'].stem} waits for a better file"
        assert said in (row.state_reason or "") == alone.waits
        scene = session.scalars(select(SceneRow)).one()
        item = json.loads(Path(scene.path).read_text())
    assert scene.radar_quantity == "gamma0"
    assert item["properties"]["sen4cap:masked"] == ["layover", "shadow"]
    with pytest.raises(UnreadableSceneError):
        process_slc(desk.context, first)

    # Dropped again and whole, it is paired.
    for path, content in whole.items():
        path.write_bytes(content)
    again = process_slc(desk.context, enter(desk, broken))
    assert [name.split("_")[0] for name in again.made] == ["sen4cap-s1-backscatter", "sen4cap-s1-coherence"]


def table_of(desk: Desk, group: str, pair_days: int = 12):
    """Observations of the last acquisition, in order of parcels."""
    with desk.context.session() as session:
        one = session.scalars(select(DeclarationSet).where(DeclarationSet.valid_to.is_(None))).one()
        start, end = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
        file = observation_files(session, one.id, group, start, end)[-1]
        if group == "coherence":
            assert file.pair_started_at is not None
            assert (file.acquired_at - file.pair_started_at).days == pair_days
    return pq.read_table(desk.context.settings.data / file.path)


def test_a_detected_product_becomes_backscatter_of_parcels(
    desk: Desk, products: dict[str, Path], tmp_path: Path, server: Server
) -> None:
    assumed_season(desk.context, SITE, YEAR)
    with desk.context.engine.begin() as connection:
        connection.execute(text("UPDATE site SET tiles = '{33TTG}'"))
    pair = small_pair()
    radar = SimulatedRadar(pair.ground, seed=3)
    # The GRD product of a slice begins some seconds after its SLC product.
    flight = replace(pair.first, middle_at=pair.first.middle_at + timedelta(seconds=3))
    number = enter(desk, write_grd(tmp_path, radar, flight, ["VV"], 130.0, as_zip=True))
    with desk.context.session() as session:
        (job,) = session.scalars(select(Job).where(Job.kind == "process-grd")).all()
        assert job.payload == {"acquisition_id": number}
    declare(desk)
    receive_file(desk, radar.write_dem(tmp_path / "dem.tif"))

    done = process_grd(desk.context, number)
    assert server.run(process_grd_flow, number).result == done.made
    with desk.context.session() as session:
        scene = session.scalars(select(SceneRow)).one()
        assert (scene.sensor, scene.tile, scene.relative_orbit) == ("s1-backscatter", "33TTG", 117)
        assert session.get_one(RadarAcquisition, number).state == "processed"
        scene_id = scene.id
    process_scene(desk.context, scene_id)

    power = table_of(desk, "backscatter")["vv_mean"].to_numpy()
    assert power == pytest.approx(np.full(6, 0.1), rel=0.05)

    # The SLC product of the slice takes its place: it is not counted twice.
    process_slc(desk.context, enter(desk, products["first"]))
    with desk.context.session() as session:
        old, new = session.scalars(select(SceneRow).order_by(SceneRow.id)).all()
        assert (old.state, old.superseded_by, new.radar_quantity) == ("superseded", new.id, "sigma0")
    with pytest.raises(NothingToDoError, match="is made of its SLC product S1A_IW_SLC__1SSV_2022"):
        process_grd(desk.context, number)


def test_the_operators_snap_takes_the_place_of_our_chain(
    desk: Desk, products: dict[str, Path], tmp_path: Path
) -> None:
    assumed_season(desk.context, SITE, YEAR)
    with desk.context.engine.begin() as connection:
        connection.execute(text("UPDATE site SET tiles = '{33TTG}'"))
    first, second = enter(desk, products["first"]), enter(desk, products["second"])
    declare(desk)
    settings = desk.context.settings.model_copy(update={"gpt": stand_in(tmp_path)})
    context = replace(desk.context, settings=settings)

    made = process_slc(context, second).made
    assert process_slc(context, first).made == made

    with desk.context.session() as session:
        rows = session.scalars(select(SceneRow).order_by(SceneRow.sensor)).all()
        assert [(r.sensor, r.tile, r.format) for r in rows] == [
            ("s1-backscatter", "33TTG", "sen4cap-l2"),
            ("s1-coherence", "33TTG", "sen4cap-l2"),
        ]
        numbers = [r.id for r in rows]
    for number in numbers:
        process_scene(context, number)
    # The stand-in writes 0.5 everywhere; amplitude becomes power.
    assert table_of(desk, "coherence")["coh_vv_mean"].to_numpy() == pytest.approx(np.full(6, 0.5))
    assert table_of(desk, "backscatter")["vv_mean"].to_numpy() == pytest.approx(np.full(6, 0.25))


def test_a_bad_orbit_file_makes_the_acquisition_wait_for_a_better_one(
    desk: Desk, products: dict[str, Path], tmp_path: Path
) -> None:
    assumed_season(desk.context, SITE, YEAR)
    with desk.context.engine.begin() as connection:
        connection.execute(text("UPDATE site SET tiles = '{33TTG}'"))
    second = enter(desk, products["second"])
    declare(desk)
    receive_file(desk, products["dem"])
    # Positions that jump by a hundred metres, in a file that is dropped as any other.
    name = products["orbit"].name
    bad = tmp_path / name.replace("RESORB", "POEORB")
    entries = products["orbit"].read_text().split("<OSV>")
    bad.write_text("<OSV>".join(e if n % 2 else _jump(e) for n, e in enumerate(entries)))
    receive_file(desk, bad)

    with pytest.raises(NothingToDoError, match="m off a smooth orbit"):
        process_slc(desk.context, second)
    with desk.context.session() as session:
        row = session.get_one(RadarAcquisition, second)
        assert row.state == "waiting"
        assert "drop the orbit file" in (row.state_reason or "")
        assert acquisitions_to_look_at(session) == []

    # Made later: it takes the place of the bad one.
    better = tmp_path / name.replace("RESORB", "POEORB").replace("_OPOD_2022", "_OPOD_2023")
    shutil.copy(products["orbit"], better)
    receive_file(desk, better)
    with desk.context.session() as session:
        assert [number for number, _, _ in acquisitions_to_look_at(session)] == [second]
    assert process_slc(desk.context, second).orbit == "POEORB"


def _jump(vector: str) -> str:
    return re.sub(r'<X unit="m">([-\d.]+)<', lambda m: f'<X unit="m">{float(m[1]) + 100.0}<', vector)


def test_a_product_that_cannot_be_used_is_refused(
    desk: Desk, products: dict[str, Path], tmp_path: Path
) -> None:
    copy = tmp_path / products["first"].name
    shutil.copytree(products["first"], copy)
    next(copy.glob("annotation/*iw1*.xml")).unlink()

    with pytest.raises(BadUploadError, match="annotation of IW1 VV is missing"):
        receive_scene(desk.context, drop(desk, copy))


def test_places_and_files_of_the_radar_folder(desk: Desk, tmp_path: Path) -> None:
    place = place_of(tmp_path / "nl" / "2022" / "radar" / "dem.tif", tmp_path)
    assert place is not None
    assert place.kind is Kind.RADAR  # type: ignore[union-attr]
    assert not place.latest_counts  # type: ignore[union-attr]

    stray = tmp_path / "readme.pdf"
    stray.write_bytes(b"%PDF")
    with pytest.raises(BadUploadError, match="no file that radar processing uses"):
        receive_radar_file(desk.context, drop(desk, stray, "radar"))
