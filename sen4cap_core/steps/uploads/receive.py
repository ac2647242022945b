"""Receive an upload: read it, store what it says, answer beside the file.

A wrong file is an answer too: it moves to ``rejected/`` with the reason. Only what is nobody's fault (the
database away, the disk full) leaves here as an error, and the upload is received again later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.work.numbers import known_upload
from sen4cap_core.db.work.rejections import rejections_settled_by
from sen4cap_core.db.work.uploads import (
    Known,
    has_received,
    later_received,
    mark_received,
    mark_rejected,
    received_as,
)
from sen4cap_core.errors import BadUploadError, OtherKindError, Problem, nearest_word
from sen4cap_core.inbox.kept import Kept, find_kept, keep, put_back
from sen4cap_core.inbox.layout import Kind
from sen4cap_core.inbox.receipts import Receipt, reject, write_receipt
from sen4cap_core.inbox.wrong_kind import refuse_satellite_product
from sen4cap_core.steps.radar.receive_slc import receive_radar_file
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.taken import Drop, Taken
from sen4cap_core.steps.uploads.declarations import receive_declarations
from sen4cap_core.steps.uploads.grass_check import CHOOSING, warn_of_no_grassland
from sen4cap_core.steps.uploads.mapping import receive_declarations_config
from sen4cap_core.steps.uploads.practices import PRACTICE_OF, receive_l4c_config, receive_practices
from sen4cap_core.steps.uploads.scene import receive_scene
from sen4cap_core.steps.uploads.site import assumed_season, receive_extent, receive_site_config
from sen4cap_core.steps.uploads.tables import receive_crop_codes, receive_l4b_config, receive_strata

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_RECEIVERS: Mapping[str, Callable[[Context, Drop], Taken]] = {
    Kind.SITE_EXTENT: receive_extent,
    Kind.SITE_CONFIG: receive_site_config,
    Kind.DECLARATIONS: receive_declarations,
    Kind.DECLARATIONS_CONFIG: receive_declarations_config,
    Kind.CROP_CODES: receive_crop_codes,
    Kind.L4B_CONFIG: receive_l4b_config,
    Kind.L4C_CONFIG: receive_l4c_config,
    **dict.fromkeys(PRACTICE_OF, receive_practices),
    Kind.STRATA: receive_strata,
    Kind.SCENE: receive_scene,
    Kind.RADAR: receive_radar_file,
}


@dataclass(frozen=True)
class Answer:
    """What became of an upload."""

    upload_id: int
    site: str
    name: str
    accepted: bool
    receipt: dict[str, Any]
    """As written beside the file; of a rejection with its ``error``."""


def receive_upload(context: Context, upload_id: int) -> Answer:
    """Receive one upload and answer it.

    Raises
    ------
    NothingToDoError
        When its file is gone.
    UnknownNumberError
        There is no such upload.
    """
    drop = _find(context, upload_id)
    try:
        # Whether a scene is of its folder's year is known once it is opened.
        if drop.year and drop.kind != Kind.SCENE:
            assumed_season(context, drop.site_slug, drop.year)
        receiver = _RECEIVERS.get(drop.kind)
        if receiver is None:
            raise BadUploadError(
                drop.path,
                f"this version has no use for files of the kind {drop.kind!r}",
                remedy="keep the file; docs/upload-folder.md lists what can be dropped",
            )
        if not drop.path.exists():
            raise BadUploadError(drop.path, "is gone before it was read", remedy="drop it again")
        refuse_satellite_product(drop.path, drop.kind, drop.site_slug, drop.year)
        taken = _replaced_by_later(context, drop) or receiver(context, drop)
    except BadUploadError as error:
        return _reject(context, drop, error)
    with context.session() as session:
        settled = rejections_settled_by(session, drop.upload_id)
        first = _near_another(session, drop.site_slug)
        if drop.kind in CHOOSING:
            first += warn_of_no_grassland(session, drop.site_slug, drop.year)
        taken = replace(taken, warnings=[*first, *taken.warnings])
    receipt = Receipt(
        upload_id=drop.upload_id,
        file=drop.path.name,
        kind=drop.kind,
        site=drop.site_slug,
        year=drop.year or None,
        sha256=drop.sha256,
        size_bytes=drop.size_bytes,
        settles=[_below(context, one.path) for one in settled],
        **vars(taken),
    )
    write_receipt(context.settings, drop.path, receipt)
    keep(context.settings, drop.path, drop.kind, drop.sha256)
    content = receipt.model_dump(mode="json")
    with context.session() as session:
        mark_received(session, drop.upload_id, content, context.flow_run_id)
    return Answer(drop.upload_id, drop.site_slug, drop.path.name, True, content)


def _near_another(session: Session, slug: str) -> list[Problem]:
    """Warn of a site that nothing was received for yet and whose name is near that of another."""
    if has_received(session, slug):
        return []
    near = nearest_word(slug, [site.slug for site in site_rows.all_sites(session) if site.slug != slug])
    if near is None:
        return []
    bare = "" if site_rows.site_extent(site_rows.known_site(session, slug)) else ", without an extent"
    text = (
        f"{slug} is a new site{bare}, and its name is near that of the site {near}. If {near} was meant, "
        f"move the files into the folder {near} and run: sen4cap site delete {slug}"
    )
    return [Problem(text)]


def _below(context: Context, path: str) -> str:
    """Name a file by its place in the upload folder."""
    root = context.settings.uploads_root.absolute()
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _replaced_by_later(context: Context, drop: Drop) -> Taken | None:
    """Answer an upload that was put off until a later one of its kind was in force: the later one stays."""
    if drop.kind in (Kind.SCENE, Kind.RADAR):
        return None
    with context.session() as session:
        later = later_received(session, drop.upload_id)
    if later is None:
        return None
    return Taken("an earlier version: a later one was received before it", {"in force": later})


def _find(context: Context, upload_id: int) -> Drop:
    with context.session() as session:
        upload = known_upload(session, upload_id)
        drop = Drop(
            upload_id=upload.id,
            site_slug=upload.site_slug,
            year=upload.year,
            kind=upload.kind,
            path=Path(upload.path),
            sha256=upload.sha256,
            size_bytes=upload.size_bytes,
        )
        site_rows.get_or_create_site(session, drop.site_slug)
    return drop


def _reject(context: Context, drop: Drop, error: BadUploadError) -> Answer:
    before, known = _taken_before(context, drop) or (None, None)
    note = f"The {drop.path.name} that was taken before stays in force and lies in its place again."
    now_at = reject(
        context.settings, drop.path, error, sha256=drop.sha256, note=note if before is not None else ""
    )
    is_moved = now_at != drop.path
    content = {
        "upload_id": drop.upload_id,
        "file": drop.path.name,
        "kind": drop.kind,
        "site": drop.site_slug,
        "year": drop.year or None,
        "error": error.text(),
        "moved_to": str(now_at) if is_moved else None,
    }
    with context.session() as session:
        mark_rejected(
            session,
            drop.upload_id,
            error.text(),
            str(now_at),
            context.flow_run_id,
            known if is_moved else None,
            is_other_kind=isinstance(error, OtherKindError),
        )
    # After the rows: a process killed between them must not find the good file under the name of the bad one.
    if before is not None and is_moved:
        put_back(before, drop.path)
    return Answer(drop.upload_id, drop.site_slug, drop.path.name, False, content)


def _taken_before(context: Context, drop: Drop) -> tuple[Kept, Known] | None:
    """Return the file that was taken at this place before, as it is kept and as the watcher will see it."""
    before = find_kept(context.settings, drop.path)
    if before is None or before.sha256 == drop.sha256:
        return None
    with context.session() as session:
        upload_id = received_as(session, drop.upload_id, before.sha256)
    if upload_id is None:
        return None
    return before, Known(before.size_bytes, before.mtime_ns, upload_id, str(drop.path))
