"""What catalogues offer: entered once each, one of each acquisition fetched, the others fallen back to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sen4cap_core.db.models import Json, OfferRow, SceneRow, Site, SourceSearch, Upload

OFFERED, FETCHING, FETCHED, FAILED, PASSED_OVER = "offered", "fetching", "fetched", "failed", "passed-over"
MORE_WANTED = "more of its bands are wanted"


@dataclass(frozen=True)
class NewOffer:
    """An offer as a search found it."""

    source: str
    offer_id: str
    product_id: str
    sensor: str
    acquisition_key: str
    acquired_at: datetime
    tile: str | None
    content: Json
    size_bytes: int | None


def enter_offers(session: Session, site_id: int, season_id: int, offers: Sequence[NewOffer]) -> set[str]:
    """Enter offers or see them again; return the acquisitions that have an offer they did not have before.

    An offer whose content changed (another size, another address) counts as new. One that was fetched with
    fewer bands than are wanted by now is on offer again; what is here of it stays.
    """
    if not offers:
        return set()
    known = {
        (row.source, row.offer_id): row
        for row in session.execute(
            select(OfferRow.id, OfferRow.source, OfferRow.offer_id, OfferRow.content, OfferRow.state).where(
                OfferRow.site_id == site_id, OfferRow.offer_id.in_([offer.offer_id for offer in offers])
            )
        )
    }
    statement = insert(OfferRow)
    statement = statement.on_conflict_do_update(
        index_elements=["site_id", "source", "offer_id"],
        set_={name: statement.excluded[name] for name in ("content", "size_bytes", "acquisition_key")}
        | {"seen_at": func.now()},
    )
    values = [{**vars(o), "site_id": site_id, "season_id": season_id, "state": OFFERED} for o in offers]
    session.execute(statement, values)
    new = set()
    for offer in offers:
        before = known.get((offer.source, offer.offer_id))
        if before is not None and before.content == offer.content:
            continue
        new.add(offer.acquisition_key)
        if before is None or before.state != FETCHED:
            continue
        if _assets(offer.content) - _assets(before.content):
            mark_offer(session, before.id, OFFERED, MORE_WANTED)
    return new


def _assets(content: Json) -> set[str]:
    return {str(asset["key"]) for asset in content.get("assets", ())}


def offers_of(session: Session, site_id: int, acquisition_key: str) -> list[OfferRow]:
    """Return the offers of one acquisition, locked: who fetches one of them is alone with it."""
    query = (
        select(OfferRow)
        .where(OfferRow.site_id == site_id, OfferRow.acquisition_key == acquisition_key)
        .order_by(OfferRow.id)
        .with_for_update()
    )
    return list(session.scalars(query))


def mark_offer(session: Session, offer_row_id: int, state: str, reason: str | None = None) -> None:
    """Write down what became of an offer."""
    values: dict[str, object] = {"state": state, "reason": reason}
    if state == FETCHING:
        values |= {"started_at": func.now(), "attempts": OfferRow.attempts + 1}
    elif state in (FETCHED, FAILED):
        values["finished_at"] = func.now()
    session.execute(update(OfferRow).where(OfferRow.id == offer_row_id).values(**values))


def note_bytes(session: Session, offer_row_id: int, n_bytes: int) -> None:
    """Write down how far a transfer has come."""
    session.execute(update(OfferRow).where(OfferRow.id == offer_row_id).values(bytes_done=n_bytes))


def note_fetched(session: Session, offer_row_id: int, path: str, upload_id: int, n_bytes: int) -> None:
    """Write down where an offer lies; the other offers of its acquisition are passed over."""
    mark_offer(session, offer_row_id, FETCHED)
    session.execute(
        update(OfferRow)
        .where(OfferRow.id == offer_row_id)
        .values(path=path, upload_id=upload_id, bytes_done=n_bytes)
    )


def take_up_again(session: Session, upload_id: int) -> list[tuple[int, str]]:
    """Note that more bands of an upload came; return its scenes in force, with their sites' folder names."""
    query = (
        select(SceneRow, Site.slug)
        .join(Site, Site.id == SceneRow.site_id)
        .where(SceneRow.upload_id == upload_id, SceneRow.state.in_(("ingested", "processed")))
        .order_by(SceneRow.id)
    )
    found = []
    for scene, slug in session.execute(query):
        scene.lacking = {}
        found.append((scene.id, slug))
    session.flush()
    return found


def scene_known(session: Session, site_id: int, product_id: str) -> bool:
    """Whether a product was registered already, wherever it came from, and its file is not given up."""
    query = (
        select(SceneRow.id)
        .outerjoin(Upload, Upload.id == SceneRow.upload_id)
        .where(SceneRow.site_id == site_id, SceneRow.product_id == product_id, Upload.retired_at.is_(None))
    )
    return session.execute(query.limit(1)).first() is not None


def search_state(session: Session, season_id: int, source: str) -> SourceSearch | None:
    """Return how far a source was searched for a season."""
    return session.get(SourceSearch, (season_id, source))


def note_search(
    session: Session,
    season_id: int,
    source: str,
    *,
    until: date | None = None,
    n_offers: int = 0,
    asked_for: str | None = None,
    error: str | None = None,
) -> None:
    """Write down how a search went; a failed one leaves what was covered before."""
    session.execute(
        insert(SourceSearch).values(season_id=season_id, source=source, n_offers=0).on_conflict_do_nothing()
    )
    values: dict[str, object] = {"error": error}
    if error is None:
        values |= {
            "searched_until": until,
            "succeeded_at": func.now(),
            "n_offers": n_offers,
            "asked_for": asked_for,
        }
    else:
        values["failed_at"] = func.now()
    session.execute(
        update(SourceSearch)
        .where(SourceSearch.season_id == season_id, SourceSearch.source == source)
        .values(**values)
    )


def pass_over_other_tiles(session: Session, site_id: int, tiles: Sequence[str]) -> int:
    """Leave out what was offered for tiles that the site no longer has, and take it up again where it has
    them again; return how many are left out. A site without tiles takes all.
    """
    left_out = "its tile is not one of the site's"
    of_site = OfferRow.site_id == site_id
    inside = OfferRow.tile.is_(None) | OfferRow.tile.in_(tiles) if tiles else true()
    session.execute(
        update(OfferRow)
        .where(of_site, OfferRow.state == PASSED_OVER, OfferRow.reason == left_out, inside)
        .values(state=OFFERED, reason=None)
    )
    if not tiles:
        return 0
    rows = session.execute(
        update(OfferRow)
        .where(of_site, OfferRow.state == OFFERED, OfferRow.tile.not_in(tiles))
        .values(state=PASSED_OVER, reason=left_out)
        .returning(OfferRow.id)
    )
    return len(rows.all())


def unfetched_acquisitions(session: Session) -> list[tuple[int, str]]:
    """Return (site, acquisition) that have an offer to be fetched and none that was."""
    fetched = select(OfferRow.site_id, OfferRow.acquisition_key).where(
        OfferRow.state.in_((FETCHED, FETCHING))
    )
    query = (
        select(OfferRow.site_id, OfferRow.acquisition_key).where(OfferRow.state == OFFERED).except_(fetched)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


@dataclass(frozen=True)
class SourceCount:
    """Offers of one source and state."""

    source: str
    state: str
    n: int
    n_bytes: int


def counts_by_source(session: Session, site_id: int) -> list[SourceCount]:
    """Count a site's offers by source and state, with the bytes that came."""
    query = (
        select(OfferRow.source, OfferRow.state, func.count(), func.coalesce(func.sum(OfferRow.bytes_done), 0))
        .where(OfferRow.site_id == site_id)
        .group_by(OfferRow.source, OfferRow.state)
        .order_by(OfferRow.source, OfferRow.state)
    )
    return [SourceCount(row[0], row[1], row[2], int(row[3])) for row in session.execute(query)]


def failed_offers(session: Session, site_id: int, limit: int = 20) -> list[OfferRow]:
    """Return the offers that failed last, with their reasons."""
    query = (
        select(OfferRow)
        .where(OfferRow.site_id == site_id, OfferRow.state == FAILED)
        .order_by(OfferRow.finished_at.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def searches_of(session: Session, season_ids: Sequence[int]) -> list[SourceSearch]:
    """Return the state of all searches of some seasons."""
    query = (
        select(SourceSearch)
        .where(SourceSearch.season_id.in_(season_ids))
        .order_by(SourceSearch.season_id, SourceSearch.source)
    )
    return list(session.scalars(query))
