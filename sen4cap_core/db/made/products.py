"""Products, their lineage, and observation sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from sen4cap_core.db.acquired.radar import one_quantity, wanted_backscatter
from sen4cap_core.db.models import DeclarationSet, ObservationSet, Product, ProductInput, SceneRow


@dataclass(frozen=True)
class ObservationFile:
    """One registered Parquet file and the acquisition it belongs to."""

    set_id: int
    scene_id: int
    acquired_at: datetime
    tile: str
    path: str
    """Relative to the data root."""
    relative_orbit: int | None = None
    orbit_direction: str | None = None
    pair_started_at: datetime | None = None
    """Instant of the earlier acquisition of a coherence pair; ``acquired_at`` is the later one."""
    radar_quantity: str | None = None


@dataclass(frozen=True)
class FormerGroup:
    """Observations of an earlier version of the declarations."""

    set_id: int
    path: str
    """Relative to the data root."""
    variables: frozenset[str]


@dataclass(frozen=True)
class ObservedGroup:
    """One registered group of observations."""

    path: str
    """Relative to the data root."""
    variables: frozenset[str]


def register_product(session: Session, values: dict[str, object], inputs: Iterable[str]) -> int:
    """Insert or refresh a product by its content key, with its lineage; return its id."""
    statement = insert(Product).values(**values)
    product_id = session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "path": statement.excluded.path,
                "stac_path": statement.excluded.stac_path,
                "flow_run_id": statement.excluded.flow_run_id,
                "retired_at": None,
            },
        ).returning(Product.id)
    ).scalar_one()
    session.execute(delete(ProductInput).where(ProductInput.product_id == product_id))
    refs = sorted(set(inputs))
    if refs:
        session.execute(insert(ProductInput), [{"product_id": product_id, "ref": ref} for ref in refs])
    return product_id


def product_keys(session: Session, site_id: int, kind: str) -> set[str]:
    """Return the content keys of a site's products of one kind, without those given up."""
    query = select(Product.key).where(
        Product.site_id == site_id, Product.kind == kind, Product.retired_at.is_(None)
    )
    return set(session.scalars(query))


def register_observations(session: Session, values: dict[str, object]) -> int:
    """Insert or refresh the observation set of a scene, declaration set and group; return its id."""
    statement = insert(ObservationSet).values(**values)
    return session.execute(
        statement.on_conflict_do_update(
            index_elements=["scene_id", "declaration_set_id", "group_name"],
            set_={
                name: statement.excluded[name]
                for name in ("variables", "path", "n_rows", "n_observed", "source", "made_by", "flow_run_id")
            },
        ).returning(ObservationSet.id)
    ).scalar_one()


def observed_groups(session: Session, scene_id: int, declaration_set_id: int) -> dict[str, ObservedGroup]:
    """Return what was extracted of a scene for a declaration set, by group."""
    query = select(ObservationSet).where(
        ObservationSet.scene_id == scene_id, ObservationSet.declaration_set_id == declaration_set_id
    )
    return {
        row.group_name: ObservedGroup(row.path, frozenset(row.variables)) for row in session.scalars(query)
    }


def former_observations(
    session: Session, scene_id: int, declaration_set_id: int, group: str, made_by: str
) -> FormerGroup | None:
    """Return a scene's latest observations under an earlier version of the declarations.

    Of the same site and year, and made by the same software: what another version made is not mixed in.
    """
    this = aliased(DeclarationSet)
    query = (
        select(ObservationSet.declaration_set_id, ObservationSet.path, ObservationSet.variables)
        .join(DeclarationSet, DeclarationSet.id == ObservationSet.declaration_set_id)
        .join(this, (this.site_id == DeclarationSet.site_id) & (this.year == DeclarationSet.year))
        .where(
            this.id == declaration_set_id,
            DeclarationSet.id < declaration_set_id,
            ObservationSet.scene_id == scene_id,
            ObservationSet.group_name == group,
            ObservationSet.made_by == made_by,
        )
        .order_by(DeclarationSet.id.desc())
        .limit(1)
    )
    row = session.execute(query).first()
    return None if row is None else FormerGroup(row[0], row[1], frozenset(row[2]))


def observation_files(
    session: Session, declaration_set_id: int, group: str, start: datetime, end: datetime
) -> Sequence[ObservationFile]:
    """Return the observation files of a period, of scenes in force, in order of time and tile.

    Of backscatter in several quantities on one tile, relative orbit and day only one counts: what the site's
    ``radar.backscatter`` names, see `one_quantity`.
    """
    query = (
        select(
            ObservationSet.id,
            SceneRow.id,
            SceneRow.acquired_at,
            SceneRow.tile,
            ObservationSet.path,
            SceneRow.relative_orbit,
            SceneRow.orbit_direction,
            SceneRow.pair_started_at,
            SceneRow.radar_quantity,
        )
        .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
        .where(
            ObservationSet.declaration_set_id == declaration_set_id,
            ObservationSet.group_name == group,
            SceneRow.state != "superseded",
            SceneRow.acquired_at >= start,
            SceneRow.acquired_at < end,
        )
        .order_by(SceneRow.acquired_at, SceneRow.tile, SceneRow.id)
    )
    files = [ObservationFile(*row) for row in session.execute(query)]
    if group != "backscatter":
        return files
    site_id = session.get_one(DeclarationSet, declaration_set_id).site_id
    return one_quantity(files, wanted_backscatter(session, site_id))
