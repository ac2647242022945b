"""The declared parcels of a site and year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import parcel_versions
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.work.receipt_warnings import ABOUT_TABLE
from sen4cap_core.declarations.parcels.columns import ColumnMapping, read_column_mapping
from sen4cap_core.declarations.parcels.identity import Given
from sen4cap_core.declarations.parcels.prepare import Parcels, n_crop_codes, prepare_parcels
from sen4cap_core.declarations.parcels.reading import MAPPING_NAME, Declarations, read_declarations
from sen4cap_core.errors import BadUploadError, Problem, Sen4capError
from sen4cap_core.steps.acquisitions.wanted import scenes_to_observe
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.taken import Drop, Taken, as_problems
from sen4cap_core.steps.shared.work import ask_extract
from sen4cap_core.steps.uploads.crop_code_check import codes_not_in, missing_codes_warning, table_in_force
from sen4cap_core.steps.uploads.declaration_version import make_version, store, told
from sen4cap_core.steps.uploads.mapping import stays_in_force
from sen4cap_core.steps.uploads.place_check import check_place, warn_of_gone


def receive_declarations(context: Context, drop: Drop) -> Taken:
    """Read, prepare and store the parcels; ask for the season's earlier scenes to be extracted for them.

    Receiving the same upload a second time changes nothing, unless declarations.yaml says otherwise now.
    """
    try:
        mapping = _mapping_beside(drop)
        declarations = read_declarations(drop.path, mapping)
    except BadUploadError as error:
        if (kept := _kept(context, drop, error)) is not None:
            return kept
        raise
    mode = declarations.mode
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        site_id, extent = site.id, site_rows.site_extent(site)
        known = parcel_versions.known_ids(session, site_id)
        before = declaration_rows.current_set(session, site_id, drop.year)
        replaces = before is not None and before.upload_id != drop.upload_id
    parcels = prepare_parcels(declarations, Given(*known.parcels), Given(*known.holdings), release=True)
    try:
        astray = check_place(drop.path, parcels.outlines, drop.site_slug, extent, replaces=replaces)
    except BadUploadError as error:
        if (kept := _kept(context, drop, error)) is not None:
            return kept
        raise
    columns = _columns(declarations, mapping)
    with context.session() as session:
        site = site_rows.lock_site(session, site_id)
        if parcel_versions.last_set_id(session, site_id) != known.last_set_id:
            # Numbers must be given once: received again, this upload sees those the other one gave.
            raise Sen4capError("other declarations of this site were received at the same moment")
        current = declaration_rows.current_set(session, site.id, drop.year)
        changes: dict[str, int] = {}
        changed: list[dict[str, object]] = []
        gone: list[Problem] = []
        if current is None or (current.upload_id, current.columns) != (drop.upload_id, columns):
            threads = context.settings.decode_threads
            prepared = make_version(session, parcels, current, mode, columns, list(site.tiles), threads)
            n_before = current.n_parcels if current is not None else 0
            current = store(session, site.id, drop.year, drop.upload_id, prepared)
            changes, changed = told(session, prepared)
            gone = warn_of_gone(changes.get("parcels gone", 0), n_before)
        earlier_scenes = scenes_to_observe(session, current)
        if earlier_scenes:
            ask_extract(session, site.slug, current.id)
        table = table_in_force(session, site.id, drop.year)
        missing = codes_not_in(session, site.id, drop.year, table)
        stored = {
            **_stored(current.id, parcels),
            **changes,
            "earlier scenes to be extracted": len(earlier_scenes),
        }
    warnings = as_problems([*declarations.report.warnings, *parcels.warnings]) + astray + gone
    if table is None:
        warnings.append(
            Problem(
                f"no {ABOUT_TABLE} of this year yet: crop codes are taken as they are, and without a "
                "CTNUM_FILTER mowing is looked for on all parcels, since nothing says which are grassland"
            )
        )
    details = dict(declarations.report.as_dict())
    details.pop("warnings")
    if changed:
        details["changes since the version before"] = changed
    if missing:
        details["declared codes that are not in the crop code table"] = missing
    return Taken(
        "declared parcels", stored, [*warnings, *missing_codes_warning(missing)], _tables_only(details)
    )


def _kept(context: Context, drop: Drop, error: BadUploadError) -> Taken | None:
    """Answer for declarations in force that cannot be read another time: what is beside them changed."""
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        current = declaration_rows.current_set(session, site.id, drop.year)
        if current is None or current.upload_id != drop.upload_id:
            return None
        stored = {"declaration set": current.id, "parcels": current.n_parcels}
        text = f"they could not be read again, and {stays_in_force(session, current)}: {error.text()}"
    return Taken("declared parcels", stored, [Problem(text)])


def _mapping_beside(drop: Drop) -> ColumnMapping | None:
    path = drop.path.parent / MAPPING_NAME
    return read_column_mapping(path) if path.is_file() else None


def _columns(declarations: Declarations, mapping: ColumnMapping | None) -> dict[str, Any]:
    choices = declarations.columns
    return {
        "mode": declarations.mode,
        "mapping": mapping.model_dump(mode="json", exclude_none=True) if mapping else {},
        "parcel_id": list(choices.parcel_id.columns),
        "holding_id": list(choices.holding_id.columns),
        "crop_code": list(choices.crop_code.columns),
    }


def _stored(set_id: int, parcels: Parcels) -> dict[str, Any]:
    counts, table = parcels.counts, parcels.table
    return {
        "declaration set": set_id,
        "parcels": len(parcels),
        "holdings": int(table.hold_id.nunique()),
        "crop codes": n_crop_codes(table.ori_crop),
        "area_ha": round(float(table.area_m2.sum()) / 1e4, 2),
        **{name: number for name, number in counts.items() if number},
    }


def _tables_only(details: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the reading report into rows, which people read as tables."""
    rows = {key: value for key, value in details.items() if isinstance(value, list)}
    columns = [
        {"role": role, **{name: _joined(value) for name, value in choice.items()}}
        for role, choice in details["columns"].items()
    ]
    source = [{key: details[key] for key in ("file", "format", "layer", "crs", "rows")}]
    return {"source": source, "columns": columns, **rows}


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
