"""Fetch one acquisition: the best offer, else the next best; then it goes the way of a dropped scene."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.db.acquired import offers as offer_rows
from sen4cap_core.db.acquired.offers import FAILED, FETCHED, FETCHING, OFFERED, PASSED_OVER
from sen4cap_core.db.models import OfferRow, Season
from sen4cap_core.db.server.session import with_retry
from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.numbers import known_site_number
from sen4cap_core.db.work.uploads import register_fetched
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.files import files_below
from sen4cap_core.sources.accounts import Store
from sen4cap_core.sources.choosing import in_order
from sen4cap_core.sources.offers import Offer, SourceAwayError, SourceError
from sen4cap_core.sources.records import from_record
from sen4cap_core.steps.scenes.ingest import ingest_scenes
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.leases import claim_next, keep_leases, new_owner
from sen4cap_core.steps.shared.work import INGEST_SCENE, ask_ingest, ask_process, work_key
from sen4cap_core.steps.sources.site import NamedSource, bands_needed, open_source, sources_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Limit = Callable[[NamedSource], AbstractContextManager[object]]
"""Holds a place among the connections a provider allows while a file comes."""

AWAY_TRIES = 3
"""After so many tries at a source that is away the next source is asked."""
NOTE_SECONDS = 2.0
"""How often the progress of a transfer is written down."""


@dataclass(frozen=True)
class FetchedScene:
    """What came."""

    site: str
    offer: Offer
    path: Path
    upload_id: int
    n_bytes: int
    seconds: float
    passed_over: tuple[str, ...]
    """Sources that were tried before, each with its reason."""


@dataclass(frozen=True)
class _Plan:
    site: str
    year: int
    candidates: list[tuple[int, int, Offer]]
    """(row, attempts so far, offer), the best first."""
    sources: dict[str, NamedSource]
    bands: frozenset[str]


def no_limit(source: NamedSource) -> AbstractContextManager[object]:
    """Hold nothing: nobody else fetches."""
    return nullcontext()


def fetch_scene(
    context: Context,
    site_id: int,
    acquisition_key: str,
    store: Store | None = None,
    limit: Limit = no_limit,
) -> FetchedScene:
    """Fetch an acquisition and register it as an upload and as scenes, which are asked to be processed.

    What came and cannot be registered at once has a job for it, whose run says why.

    Raises
    ------
    NothingToDoError
        It is here already, the site is paused, or no offer is left.
    SourceAwayError
        The sources are away; the job is tried again later and goes on where the transfer broke off.
    SourceError
        Every offer was refused; the reasons stand with the offers.
    OSError
        The disk is full.
    Sen4capError
        There is no such site, or no source ever offered such an acquisition.
    """
    plan = _plan(context, site_id, acquisition_key)
    if isinstance(plan, str):
        raise NothingToDoError(plan)
    tried: list[str] = []
    for row_id, attempts, offer in plan.candidates:
        source = plan.sources[offer.source]
        with context.session() as session:
            offer_rows.mark_offer(session, row_id, FETCHING)
        begun = time.monotonic()
        folder = context.settings.data / "downloads" / plan.site / str(plan.year)
        try:
            opened = open_source(source, plan.bands, store)
            with limit(source):
                path = opened.fetch(offer, folder, plan.bands, _noting(context, row_id))
        except SourceAwayError as error:
            _note(context, row_id, OFFERED, str(error))
            if attempts + 1 < AWAY_TRIES or offer is plan.candidates[-1][2]:
                raise
            tried.append(f"{offer.source}: {error}")
            continue
        except SourceError as error:
            _note(context, row_id, FAILED, str(error))
            tried.append(f"{offer.source}: {error}")
            continue
        except BaseException as error:
            _note(context, row_id, OFFERED, f"{type(error).__name__}: {error}")
            raise
        n_bytes = _size(path) if offer.form != "local" else 0
        upload_id = _register(context, plan, row_id, offer, path, n_bytes)
        return FetchedScene(
            plan.site, offer, path, upload_id, n_bytes, time.monotonic() - begun, tuple(tried)
        )
    raise SourceError("no source could bring it: " + "; ".join(tried))


def _plan(context: Context, site_id: int, acquisition_key: str) -> _Plan | str:
    """Return what is to be tried, or why there is nothing to try."""
    with context.session() as session:
        site = known_site_number(session, site_id)
        if not site.enabled:
            raise NothingToDoError(f"{site.slug} is paused: site.yaml says enabled: false")
        config = SiteConfig.model_validate(site.config)
        sources = {source.name: source for source in sources_of(config)}
        rows = offer_rows.offers_of(session, site_id, acquisition_key)
        if not rows:
            raise Sen4capError(
                f"no source ever offered {acquisition_key!r} for {site.slug}; the page of the sources shows "
                "what they offer"
            )
        by_offer = {row.id: from_record(row.content) for row in rows}
        ranks = {name: source.rank for name, source in sources.items()}
        row_of = {id(by_offer[row.id]): row for row in rows}
        ordered = [row_of[id(offer)] for offer in in_order(list(by_offer.values()), ranks)]
        ordered = [row for row in ordered if row.source in sources]
        usable = _still_wanted(session, site_id, ordered)
        if not usable:
            return _nothing_left(acquisition_key, ordered)
        season = session.get_one(Season, usable[0].season_id)
        candidates = [(row.id, row.attempts, by_offer[row.id]) for row in usable]
        return _Plan(site.slug, season.year, candidates, sources, bands_needed(config))


def _nothing_left(acquisition_key: str, ordered: list[OfferRow]) -> str:
    reason = ordered[0].reason if ordered else None
    return f"{acquisition_key} is here already, or no offer of it is left{f': {reason}' if reason else ''}"


def _still_wanted(session: Session, site_id: int, ordered: list[OfferRow]) -> list[OfferRow]:
    """Return the offers better than what is here; the others are passed over."""
    usable = []
    for place, row in enumerate(ordered):
        is_here = row.state == FETCHED or (
            row.state != FAILED and offer_rows.scene_known(session, site_id, row.product_id)
        )
        if is_here and not _lacks_bands(row):
            for other in ordered[place:]:
                if other.state == OFFERED and other is row and row.upload_id is not None:
                    offer_rows.mark_offer(session, row.id, FETCHED)
                elif other.state == OFFERED:
                    offer_rows.mark_offer(session, other.id, PASSED_OVER, f"{row.product_id} is here")
            break
        if row.state != FAILED:
            usable.append(row)
    return usable


def _lacks_bands(row: OfferRow) -> bool:
    """Whether what was fetched of an item has fewer bands than are wanted since a processor was switched on.

    What is no longer on the disk lacks nothing: whether it is fetched again is not for the bands to say.
    """
    path = Path(row.path) if row.path else None
    if path is None or path.suffix != ".json" or not path.is_file():
        return False
    here = json.loads(path.read_text(encoding="utf-8")).get("assets", {})
    return any(asset.key not in here for asset in from_record(row.content).assets)


def _register(context: Context, plan: _Plan, row_id: int, offer: Offer, path: Path, n_bytes: int) -> int:
    identity = hashlib.sha256(f"{offer.source}\0{offer.offer_id}\0{offer.product_id}".encode()).hexdigest()
    receipt = {
        "taken_for": f"scene fetched from {offer.source}",
        "product": offer.product_id,
        "bytes": n_bytes,
        "warnings": [],
    }
    with context.session() as session:
        upload_id = register_fetched(
            session, plan.site, plan.year, str(path), n_bytes, identity, receipt, context.flow_run_id
        )
        offer_rows.note_fetched(session, row_id, str(path), upload_id, n_bytes)
        known = offer_rows.take_up_again(session, upload_id)
        for scene_id, slug in known:
            ask_process(session, slug, scene_id, again=True)
        if not known:
            ask_ingest(session, plan.site, upload_id)
    if not known:
        _ingest(context, upload_id)
    return upload_id


def _ingest(context: Context, upload_id: int) -> None:
    """Do at once what was just asked for: a run of its own would cost fifty times as much.

    What cannot be registered is left to such a run, which says why. Nothing is done where another process has
    taken it already.
    """
    job = claim_next(context, [INGEST_SCENE], new_owner(), key=work_key(INGEST_SCENE, upload_id))
    if job is None:
        return
    is_done = False
    try:
        with keep_leases(context, [job]):
            # Several register at the same time, and a deadlock ends one of them: it tries again.
            is_done = not with_retry(partial(ingest_scenes, context, [upload_id])).faults
    finally:
        with context.session() as session:
            if is_done:
                jobs.finish(session, job.id, job.owner, flow_run_id=context.flow_run_id)
            else:
                jobs.release(session, job.id, job.owner)


def _noting(context: Context, row_id: int) -> Callable[[int], None]:
    """Return a progress that is written down now and then, not with every piece that comes."""
    last = time.monotonic()

    def note(n_bytes: int) -> None:
        nonlocal last
        if time.monotonic() - last > NOTE_SECONDS:
            last = time.monotonic()
            with context.session() as session:
                offer_rows.note_bytes(session, row_id, n_bytes)

    return note


def _note(context: Context, row_id: int, state: str, reason: str) -> None:
    with context.session() as session:
        offer_rows.mark_offer(session, row_id, state, reason)


def _size(path: Path) -> int:
    folder = path if path.is_dir() else path.parent if path.suffix == ".json" else None
    if folder is None:
        return path.stat().st_size
    return sum(file.stat().st_size for file in files_below(folder))
