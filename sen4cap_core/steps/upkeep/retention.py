"""Which files a site need not keep any longer: first a report, then exactly what the report named.

Only files that can be had again go: products whose inputs are there, scenes that their source still delivers.
What was dropped is never touched. Rows stay, so that lineage stays and nobody makes again what was given up.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sen4cap_core.db.declared.sites import enabled_sites, known_site
from sen4cap_core.db.made import retention as rows
from sen4cap_core.db.made.product_list import ProductFacts, list_products
from sen4cap_core.db.made.retention import FetchedFile
from sen4cap_core.db.work import pending
from sen4cap_core.declarations.sites.site import RetentionConfig, SiteConfig
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.files import files_below
from sen4cap_core.products.catalog import rebuild_catalog, remove_items
from sen4cap_core.rasters.masks.screening_store import instant_of
from sen4cap_core.steps.products.export import full_kind
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.product_files import files_of_product
from sen4cap_core.steps.shared.work import ask_fetch
from sen4cap_core.steps.sources.site import sources_of

SCREENING = "screening"
PAIR_DAYS = 24
"""An SLC product is the partner of passes up to 12 days later, or 24 where one is missing."""


@dataclass(frozen=True)
class Going:
    """A product or a fetched scene that may go."""

    kind: str
    """Collection, ``download`` or ``screening``."""
    name: str
    row_id: int
    """0 of files that have no row."""
    files: tuple[Path, ...]
    n_bytes: int
    why: str


@dataclass
class RetentionPlan:
    """What would go, and what stays although its time is over."""

    site: str
    going: list[Going] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    """Why something that is old enough stays -> how many."""

    @property
    def id(self) -> str:
        """Short name of exactly this selection: what is carried out must be what was looked at."""
        text = "\n".join(sorted(f"{one.kind} {one.row_id or one.name}" for one in self.going))
        return hashlib.sha256(f"{self.site}\n{text}".encode()).hexdigest()[:8]

    @property
    def n_bytes(self) -> int:
        """Bytes that would be free."""
        return sum(one.n_bytes for one in self.going)


def plan_retention(context: Context, site: str, now: datetime | None = None) -> RetentionPlan:
    """Return what the retention of a site lets go; nothing is changed.

    Raises
    ------
    NothingToDoError
        The site keeps everything.
    Sen4capError
        There is no such site, or its settings name an unknown kind of product.
    """
    with context.session() as session:
        # A machine whose clock runs ahead must not let go what is young.
        moment = now or pending.database_now(session)
        row = known_site(session, site)
        config = SiteConfig.model_validate(row.config)
        if config.retention == RetentionConfig():
            raise NothingToDoError(f"{site} keeps everything: its site.yaml has no retention")
        facts = _Facts(
            list_products(session, site=site),
            rows.fetched_files(session, row.id),
            rows.scene_paths(session, row.id),
            rows.observed_scenes(session, row.id),
            rows.products_used(session, row.id),
            rows.scenes_used(session, row.id),
            frozenset(source.name for source in sources_of(config)),
        )
    plan = RetentionPlan(site)
    _plan_products(context, plan, facts, config.retention, moment)
    _plan_downloads(context, plan, facts, config.retention, moment)
    _plan_screening(context, plan, config.retention, moment)
    return plan


def apply_retention(context: Context, site: str, plan_id: str, now: datetime | None = None) -> RetentionPlan:
    """Delete what the report with this id named; return it.

    Rows first, then files: what a broken run leaves on disk is found by the consistency check, and removed by
    the next run.

    Raises
    ------
    NothingToDoError
        Nothing may go.
    Sen4capError
        The selection is another one by now, or work of the site waits that may read the files.
    """
    plan = plan_retention(context, site, now)
    if plan.id != plan_id:
        raise Sen4capError(
            f"the report {plan_id} is not true any more: look at the new one, {plan.id}, and say that"
        )
    if not plan.going:
        raise NothingToDoError(f"nothing of {site} may go")
    downloads = [one.row_id for one in plan.going if one.kind == "download"]
    products = [one.row_id for one in plan.going if one.kind not in ("download", SCREENING)]
    with context.session() as session:
        if rows.work_waits(session, site):
            raise Sen4capError(f"work of {site} waits or runs that may read these files: try again later")
        rows.retire(session, products, downloads)
    _delete(context, plan.going)
    return plan


def sweep_retired(context: Context, site: str) -> int:
    """Delete files of products that were given up and whose files a broken run left; return how many."""
    root = context.settings.data
    with context.session() as session:
        given_up = list_products(session, site=site, retired=True)
        kept = list_products(session, site=site)
    needed = {path for one in kept for path in files_of_product(root, one)}
    left = [
        path
        for one in given_up
        for path in files_of_product(root, one)
        if path.is_file() and path not in needed
    ]
    remove_items(root, [path for path in left if path.suffix == ".json"])
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def restore_downloads(context: Context, site: str, year: int) -> int:
    """Ask for the fetched scenes of a year that were given up to be fetched again; return how many."""
    with context.session() as session:
        row = known_site(session, site)
        keys = rows.offer_again(session, row.id, year)
        for key in keys:
            ask_fetch(session, site, row.id, key)
    if not keys:
        raise NothingToDoError(f"no fetched scene of {site} {year} was given up")
    return len(keys)


@dataclass
class _Facts:
    products: list[ProductFacts]
    fetched: list[FetchedFile]
    scene_paths: dict[int, str]
    observed: set[int]
    used: dict[int, set[int]]
    scenes_used: set[int]
    sources: frozenset[str]

    def can_come_again(self, file: FetchedFile) -> bool:
        """Whether the source of a fetched scene is still the site's and answers."""
        return file.source in self.sources and file.source_answers

    def scene_can_be_had(self, scene_id: int) -> bool:
        """Whether a scene is on disk or its source has it."""
        if Path(self.scene_paths.get(scene_id, "")).exists():
            return True
        return any(self.can_come_again(file) and scene_id in dict(file.scenes) for file in self.fetched)


def _plan_products(
    context: Context, plan: RetentionPlan, facts: _Facts, config: RetentionConfig, now: datetime
) -> None:
    limits = {full_kind(kind): days for kind, days in config.products_days.items()}
    root = context.settings.data
    chosen: dict[int, str] = {}
    for one in facts.products:
        if not one.is_current and _is_older(one.created_at, config.superseded_days, now):
            chosen[one.id] = "another version or scene is in its place"
        elif one.is_current and _is_older(one.end, limits.get(one.kind), now):
            if one.scene_id is not None and not facts.scene_can_be_had(one.scene_id):
                plan.kept["its scene is gone and no source has it: it could not be made again"] += 1
                continue
            chosen[one.id] = f"its period ended more than {limits[one.kind]} days ago"
    # An input of something kept is kept; that may keep its own inputs in turn.
    while needed := [
        number for number in chosen if any(user not in chosen for user in facts.used.get(number, ()))
    ]:
        for number in needed:
            del chosen[number]
            plan.kept["a product that is kept was made from it"] += 1
    shared = Counter(
        path for one in facts.products if one.id not in chosen for path in files_of_product(root, one)
    )
    for one in facts.products:
        if one.id in chosen:
            files = tuple(path for path in files_of_product(root, one) if path not in shared)
            plan.going.append(Going(one.kind, one.name, one.id, files, _bytes(files), chosen[one.id]))


def _plan_downloads(
    context: Context, plan: RetentionPlan, facts: _Facts, config: RetentionConfig, now: datetime
) -> None:
    downloads = (context.settings.data / "downloads").resolve()
    gone = {one.row_id for one in plan.going}
    kept_of: dict[int, int] = Counter(
        one.scene_id for one in facts.products if one.scene_id is not None and one.id not in gone
    )
    for file in facts.fetched:
        if not _is_older(file.fetched_at, config.downloads_days, now):
            continue
        place = Path(file.path)
        if downloads not in place.resolve().parents:
            plan.kept["it lies in an archive and is not ours"] += 1
        elif (
            any(state not in rows.FINAL_STATES for _, state in file.scenes)
            or (file.radar_states and not _is_older(file.fetched_at, PAIR_DAYS, now))
            or any(state != "processed" for state in file.radar_states)
        ):
            plan.kept["it is not processed yet, or a later pass may pair with it"] += 1
        elif not facts.can_come_again(file) and any(
            kept_of.get(scene) or scene in facts.observed or scene in facts.scenes_used
            for scene, _ in file.scenes
        ):
            plan.kept["a kept product needs it to be made again, and its source does not have it now"] += 1
        else:
            files = tuple(_download_files(place, downloads))
            why = f"processed, and {file.source} can deliver it again"
            if not facts.can_come_again(file):
                why = "nothing that is kept was made from it"
            plan.going.append(Going("download", file.product_id, file.upload_id, files, _bytes(files), why))


def _plan_screening(context: Context, plan: RetentionPlan, config: RetentionConfig, now: datetime) -> None:
    """What was read for the screening of a year's tile, and the states, once no date of it is young."""
    root = context.settings.data
    for folder in sorted((root / "sites" / plan.site).glob("*/screening/*/*")):
        files = tuple(path for kind in ("read", "state") for path in sorted(folder.glob(f"*_{kind}.tif")))
        dates = [last for path in files if (last := instant_of(path.name)) is not None]
        if dates and _is_older(max(dates), config.screening_days, now):
            name = folder.relative_to(root).as_posix()
            why = f"its last date is more than {config.screening_days} days ago; the marks stay"
            plan.going.append(Going(SCREENING, name, 0, files, _bytes(files), why))


def _is_older(moment: datetime, days: int | None, now: datetime) -> bool:
    return days is not None and now - moment >= timedelta(days=days)


def _download_files(place: Path, downloads: Path) -> list[Path]:
    """Return the files of a fetched scene: one file, a folder, or an item with its assets in its folder."""
    if place.is_dir():
        return files_below(place)
    folder = place.resolve().parent
    # downloads / <site> / <year> / <product>: never the folder that holds them all.
    if place.suffix == ".json" and len(folder.relative_to(downloads).parts) > 2:
        return files_below(folder)
    return [place] if place.exists() else []


def _bytes(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files if path.is_file())


def _delete(context: Context, going: Iterable[Going]) -> None:
    root = context.settings.data.absolute()
    items = []
    folders = set()
    for one in going:
        for path in one.files:
            if one.kind != "download" and path.suffix == ".json" and path.is_file():
                items.append(path)
            folders.add(path.parent)
    remove_items(root, items)
    for one in going:
        for path in one.files:
            path.unlink(missing_ok=True)
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        _remove_empty(folder, root)
    if items:
        rebuild_catalog(root)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder and those above it while they are empty, up to the data root."""
    while folder != root and root in folder.parents and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def keeping_sites(context: Context) -> list[str]:
    """Return the sites whose site.yaml has a retention."""
    with context.session() as session:
        return [
            row.slug
            for row in enabled_sites(session)
            if SiteConfig.model_validate(row.config).retention != RetentionConfig()
        ]
