"""A file brought in by hand: put where it would have been dropped, received at once, the same receipt."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sen4cap_core.db.models import Upload
from sen4cap_core.db.work import jobs
from sen4cap_core.errors import BadUploadError, Sen4capError, unknown_word
from sen4cap_core.inbox.layout import KIND_FOLDERS, Kind, is_site_name
from sen4cap_core.inbox.register import hash_unit, register
from sen4cap_core.inbox.units import find_unit
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.leases import claim_next, keep_leases, new_owner
from sen4cap_core.steps.shared.work import RECEIVE_UPLOAD
from sen4cap_core.steps.uploads.receive import receive_upload

LOOK_SECONDS = 0.2
WAIT_SECONDS = 1800.0
_OF_SITE = {Kind.SITE_EXTENT.value: "site", Kind.SITE_CONFIG.value: "site.yaml"}


@dataclass(frozen=True)
class Imported:
    """The answer to an imported file."""

    path: Path
    """Where it lies in the upload folder (after a rejection: where it was moved from)."""
    accepted: bool
    receipt: dict[str, Any]


def kinds() -> list[str]:
    """Return the kinds a file can be imported as."""
    return [*_OF_SITE, Kind.DECLARATIONS_CONFIG.value, *(kind.value for kind in KIND_FOLDERS.values())]


def import_file(context: Context, file: Path, site: str, year: int, kind: str) -> Imported:
    """Copy a file or scene folder to its place in the upload folder and receive it.

    Where services run, whoever is first receives it; the answer is the same.

    Raises
    ------
    BadUploadError
        When there is no such file, another one of that name lies at its place, or it is not whole.
    """
    if not file.exists():
        raise BadUploadError(file, "there is no such file.", remedy="Check the path.")
    if not is_site_name(site):
        raise BadUploadError(
            file, f"{site!r} cannot be the name of a site.", expected="letters, digits, _ and -"
        )
    root = context.settings.uploads_root.absolute()
    target = _place(root, file, site, year, kind)
    if file.absolute() != target:
        _bring(file, target)
    unit = find_unit(target, root)
    fingerprint = None if unit is None else unit.fingerprint()
    sha256 = None if unit is None or fingerprint is None else hash_unit(unit, fingerprint)
    if unit is None or fingerprint is None or sha256 is None:
        raise BadUploadError(target, "is not whole, or changed while it was read.", remedy="Import it again.")
    registered = register(context.settings, context.engine, unit, fingerprint, sha256)
    return _receive(context, site, target, registered.upload_id)


def _place(root: Path, file: Path, site: str, year: int, kind: str) -> Path:
    if kind in _OF_SITE:
        name = _OF_SITE[kind]
        return root / site / (name if name.endswith(".yaml") else f"{name}{file.suffix.lower()}")
    if kind == Kind.DECLARATIONS_CONFIG.value:
        return root / site / str(year) / "declarations" / "declarations.yaml"
    folders = {k.value: folder for folder, k in KIND_FOLDERS.items()}
    if kind not in folders:
        raise BadUploadError(file, unknown_word(kind, kinds(), "kind of file"), remedy="Give another --kind.")
    first, _, practice = folders[kind].partition("/")
    return root / site / str(year) / first / practice.upper() / file.name


def _bring(file: Path, target: Path) -> None:
    if file.suffix.lower() == ".shp":
        raise BadUploadError(
            file,
            "a loose shapefile has parts beside it.",
            remedy="Pack .shp, .shx, .dbf and .prj into a zip.",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    if file.is_dir():
        if target.exists():
            return
        shutil.copytree(file, part)
    else:
        shutil.copyfile(file, part)
    # A file replaces its former version, as a second drop of one name does.
    part.replace(target)


def _receive(context: Context, site: str, target: Path, upload_id: int) -> Imported:
    owner, deadline = new_owner(), time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with context.session() as session:
            upload = session.get_one(Upload, upload_id)
            if upload.state != "waiting":
                accepted = upload.state == "received"
                # One that was received before and is refused now still has its old receipt.
                receipt = upload.receipt if accepted else None
                receipt = receipt or {"file": target.name, "kind": upload.kind, "error": upload.error}
                return Imported(target, accepted, dict(receipt))
        job = claim_next(context, [RECEIVE_UPLOAD], owner, site_slug=site)
        if job is None:
            time.sleep(LOOK_SECONDS)
            continue
        try:
            with keep_leases(context, [job]):
                receive_upload(context, int(job.payload["upload_id"]))
        except BaseException:
            with context.session() as session:
                jobs.release(session, job.id, job.owner)
            raise
        with context.session() as session:
            jobs.finish(session, job.id, job.owner, flow_run_id=context.flow_run_id)
    raise Sen4capError(f"{target.name} was not received within {WAIT_SECONDS / 60:.0f} minutes")
