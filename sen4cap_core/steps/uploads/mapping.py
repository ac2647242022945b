"""declarations.yaml: tried on the declarations it is for before anything is changed by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import DeclarationSet, Upload
from sen4cap_core.db.work import uploads as upload_rows
from sen4cap_core.declarations.parcels.columns import ColumnMapping, read_column_mapping
from sen4cap_core.declarations.parcels.reading import read_declarations
from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.layout import Kind
from sen4cap_core.inbox.register import needs_look
from sen4cap_core.inbox.units import Unit, find_units
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.taken import Drop, Taken
from sen4cap_core.steps.shared.work import ask_receive

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def receive_declarations_config(context: Context, drop: Drop) -> Taken:
    """Check declarations.yaml and let the declarations beside it be read again with it.

    Raises
    ------
    BadUploadError
        It names what the declarations received last do not have. Those, and their version, stay as they are.
    """
    mapping = read_column_mapping(drop.path)
    return Taken(
        "column mapping of the declarations",
        {
            **mapping.model_dump(mode="json", exclude_none=True),
            "declarations read again": _read_again(context, drop, mapping),
        },
    )


def stays_in_force(session: Session, current: DeclarationSet) -> str:
    """Say which version of the declarations stays in force, and how it was read."""
    upload = session.get(Upload, current.upload_id) if current.upload_id is not None else None
    read_with = ", ".join(
        f"{role}: {'-'.join(current.columns[role])}"
        for role in ("parcel_id", "holding_id", "crop_code")
        if current.columns.get(role)
    )
    source = f" of {Path(upload.path).name}" if upload is not None else ""
    how = f", read with {read_with}" if read_with else ""
    return f"declaration set {current.id}{source} ({current.n_parcels} parcels{how}) stays in force"


def _read_again(context: Context, drop: Drop, mapping: ColumnMapping) -> str:
    """Let the declarations received last be read again where they can be; tell in words what is done."""
    with context.session() as session:
        last = upload_rows.latest_of_kind(session, drop.site_slug, drop.year, Kind.DECLARATIONS)
        if _are_others_coming(context, session, drop):
            return "no: others are on their way, and will be read with it"
        if last is None:
            return "none dropped yet"
        path = Path(session.get_one(Upload, last).path)
    if not path.exists():
        return f"no: {path.name} is no longer there; the version in force stays as it is"
    _try_on(context, drop, mapping, path)
    with context.session() as session:
        ask_receive(session, drop.site_slug, last, again=True)
    return "yes"


def _are_others_coming(context: Context, session: Session, drop: Drop) -> bool:
    """Whether declarations wait to be received, or lie there and are not entered as they are now."""
    if upload_rows.waiting_of_kind(session, drop.site_slug, drop.year, Kind.DECLARATIONS):
        return True
    folder = drop.path.parent
    known = upload_rows.load_known(session, str(folder))
    for unit in find_units(context.settings.uploads_root.absolute(), folder):
        if not isinstance(unit, Unit) or unit.place.kind != Kind.DECLARATIONS:
            continue
        seen, now = known.get(str(unit.path)), unit.fingerprint()
        if seen is None or now is None or needs_look(unit, seen, now):
            return True
    return False


def _try_on(context: Context, drop: Drop, mapping: ColumnMapping, path: Path) -> None:
    try:
        read_declarations(path, mapping).release()
    except BadUploadError as error:
        with context.session() as session:
            site = site_rows.get_or_create_site(session, drop.site_slug)
            current = declaration_rows.current_set(session, site.id, drop.year)
            kept = f" Meanwhile {stays_in_force(session, current)}." if current is not None else ""
        raise BadUploadError(
            drop.path,
            f"{path.name} cannot be read with it: {error.what}",
            problems=error.problems,
            expected=error.expected,
            remedy=f"{error.remedy} If it is meant for other declarations, drop those first.{kept}",
        ) from error
