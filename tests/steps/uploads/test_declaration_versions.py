"""Declarations that follow others: update, incremental, replace; what changed, and since when."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.exc import IntegrityError

from sen4cap_core.db.models import DeclarationSet, Parcel
from sen4cap_core.declarations.parcels import attributes
from sen4cap_core.rasters.parcels import pixel_counts
from sen4cap_core.simulation.uploads import write_shapefile_zip
from sen4cap_core.steps.shared.taken import Taken
from sen4cap_core.steps.uploads import declaration_version
from tests.steps.conftest import SITE, fields

pytestmark = pytest.mark.service

COMPUTED = [
    "new_id", "hold_id", "ori_id", "ori_hold", "ori_crop", "geom_valid", "duplic", "overlap",
    "s1_pix", "s2_pix",
]  # fmt: skip


@pytest.fixture
def declare(desk, context):
    """Drop a frame of parcels, in a mode."""
    from sen4cap_core.steps.uploads.declarations import receive_declarations

    def put(parcels: gpd.GeoDataFrame, mode: str | None = None, site: str = SITE) -> Taken:
        path = desk.place(f"{site}-{next(desk._numbers)}.zip")
        write_shapefile_zip(path, parcels, "parcels")
        mapping = path.parent / "declarations.yaml"
        mapping.unlink(missing_ok=True)
        if mode is not None:
            mapping.write_text(f"mode: {mode}\n")
        drop = desk.enter(path, "declarations")
        if site != SITE:
            drop = type(drop)(**{**vars(drop), "site_slug": site})
        return receive_declarations(context, drop)

    return put


def stored(context, set_id: int) -> pd.DataFrame:
    """The parcels of a version, by NewID."""
    names = [*COMPUTED, "area_m2", "shape_index", "change", "geom_change_ratio", "since"]
    query = select(*(getattr(Parcel, name) for name in names)).where(Parcel.set_id == set_id)
    with context.session() as session:
        return pd.DataFrame(session.execute(query.order_by(Parcel.new_id)).all(), columns=names)


def test_an_update_tells_what_changed_and_keeps_the_history(context, declare) -> None:
    first = declare(fields(n=5))
    second = fields(n=6).drop(index=4).reset_index(drop=True)  # 5 is gone, 6 is new
    second.loc[0, "geometry"] = second.geometry[0].buffer(-20, join_style="mitre")
    second.loc[1, "CROP_CODE"] = "9"
    taken = declare(second)

    changes = {name: number for name, number in taken.stored.items() if "parcels" in name.split()[:2]}
    changes.pop("parcels")
    assert changes == {
        "new parcels": 1,
        "parcels with another outline": 1,
        "parcels with other attributes": 1,
        "parcels back again": 0,
        "parcels gone": 1,
        "unchanged parcels": 2,
    }
    shown = {row["change"]: row["parcel"] for row in taken.details["changes since the version before"]}
    assert shown["parcels gone"] == "0005"
    before, after = (stored(context, t.stored["declaration set"]) for t in (first, taken))
    assert after.change.tolist() == ["geometry", "attributes", "same", "same", "new"]
    assert after.new_id.tolist() == [1, 2, 3, 4, 6]
    assert after.geom_change_ratio[0] == pytest.approx(1 - 160**2 / 200**2, rel=1e-4)
    assert after.geom_change_ratio[1:].isna().all()
    assert (after.since[2:4] == before.since[0]).all()
    assert (after.since[[0, 1, 4]] > before.since[0]).all()
    with context.session() as session:
        old, new = session.scalars(select(DeclarationSet).order_by(DeclarationSet.id)).all()
        assert (old.valid_to, new.valid_to) == (new.valid_from, None)
        assert new.former_id == old.id

    third = declare(fields(n=6))
    assert third.stored["parcels back again"] == 1
    assert stored(context, third.stored["declaration set"]).change.tolist()[4] == "back"


def test_parcels_lie_place_by_place_and_go_with_their_set(context, declare) -> None:
    parcels = fields(n=9)
    # Every third one lies 20 km further north.
    away = [shapely.affinity.translate(s, 0, 20_000 * (n % 3)) for n, s in enumerate(parcels.geometry)]
    first = declare(parcels.set_geometry(away).set_crs(parcels.crs))
    declare(fields(n=2))
    with context.session() as session:
        query = select(Parcel.new_id).where(Parcel.set_id == first.stored["declaration set"])
        assert session.scalars(query.order_by(text("ctid"))).all() == [1, 4, 7, 2, 5, 8, 3, 6, 9]
        session.execute(delete(DeclarationSet).where(DeclarationSet.former_id.is_not(None)))
        assert len(session.scalars(select(Parcel.new_id)).all()) == 9
        session.execute(delete(DeclarationSet))
        assert session.scalars(select(Parcel.new_id)).all() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parcel SET set_id = 10 * set_id WHERE new_id = 1",
        "INSERT INTO parcel SELECT (jsonb_populate_record(p, '{\"set_id\": 9}')).* FROM parcel p LIMIT 1",
        "UPDATE declaration_set SET id = 99 WHERE id = 2",
    ],
)
def test_a_parcel_belongs_to_a_set_that_there_is(context, declare, statement: str) -> None:
    declare(fields(n=2))
    declare(fields(n=3))
    with pytest.raises(IntegrityError, match="there is no declaration set"), context.session() as session:
        session.connection().exec_driver_sql(statement)


def test_many_rows_go_over_in_parts(context, declare, monkeypatch) -> None:
    monkeypatch.setattr(attributes, "CHUNK_ROWS", 3)
    monkeypatch.setattr(declaration_version, "BATCH_ROWS", 4)
    monkeypatch.setattr(pixel_counts, "BLOCK_PIXELS", 15)
    declare(fields(n=11))
    moved = fields(n=11)
    moved["geometry"] = moved.buffer(-5)
    taken = declare(moved)

    assert taken.stored["parcels with another outline"] == 11
    with context.session() as session:
        query = select(Parcel.attributes).where(Parcel.set_id == taken.stored["declaration set"])
        rows = session.scalars(query.order_by(Parcel.new_id)).all()
    assert [row["PARCEL_ID"] for row in rows] == [f"{n:04d}" for n in range(1, 12)]


def test_the_same_parcels_in_another_order_are_unchanged(declare) -> None:
    declare(fields(n=6))
    shuffled = fields(n=6).sample(frac=1, random_state=3).reset_index(drop=True)
    taken = declare(shuffled)
    assert taken.stored["unchanged parcels"] == 6
    assert taken.stored["earlier scenes to be extracted"] == 0


def test_a_part_leaves_the_others_and_equals_the_whole(context, declare) -> None:
    whole = fields(n=6)
    whole.loc[5, "geometry"] = whole.geometry[1].buffer(5)  # over number 2, which is in the first part
    declare(whole.iloc[:3].reset_index(drop=True))
    part = whole.iloc[3:].reset_index(drop=True)
    taken = declare(part, "incremental")

    assert taken.stored["parcels kept that the file does not have"] == 3
    assert taken.stored["new parcels"] == 3
    assert taken.stored["parcels gone"] == 0
    everything = declare(whole, "replace", site="other")
    assert "new parcels" not in everything.stored
    parts, at_once = (stored(context, t.stored["declaration set"]) for t in (taken, everything))
    pd.testing.assert_frame_equal(parts[COMPUTED], at_once[COMPUTED])
    assert parts.overlap.tolist() == [False, True, False, False, False, True]
    assert (parts.s2_pix[[0, 2, 3, 4]] == 19 * 19).all()
    np.testing.assert_allclose(parts.area_m2, at_once.area_m2, rtol=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_update_after_update_equals_replace(context, declare, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = fields(n=8)
    for _ in range(2):
        some = whole[rng.random(8) < 0.7].reset_index(drop=True)
        some["CROP_CODE"] = rng.choice(["1", "2"], len(some))
        some["geometry"] = some.buffer(rng.uniform(-20, 60))
        declare(some)
    updated = declare(whole)
    replaced = declare(whole.sample(frac=1, random_state=seed).reset_index(drop=True), "replace")

    ours, theirs = (stored(context, t.stored["declaration set"]) for t in (updated, replaced))
    names = [*COMPUTED, "area_m2", "shape_index"]
    pd.testing.assert_frame_equal(ours[names], theirs[names])
    assert theirs.change.tolist() == ["new"] * 8
