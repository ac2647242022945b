"""Pause, resume, rename, edit, delete and purge a site."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sen4cap_core.db.declared import site_life
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.declared.sites import known_site
from sen4cap_core.db.work import pending
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.inbox.kept import FOLDER as IN_FORCE
from sen4cap_core.products.catalog import rebuild_catalog
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.season_input import checked
from sen4cap_core.steps.upkeep.by_hand import Answer, known_season
from sen4cap_core.steps.upkeep.by_hand_forms import DeleteSite, EditSite, PauseSite, PurgeSite, ResumeSite
from sen4cap_core.steps.uploads.site import apply_site_config, store_extent, take_up


def pause(context: Context, slug: str, season: str | None = None, year: int | None = None) -> str:
    """Pause a site or one of its seasons: nothing more is fetched, processed or planned; all is kept."""
    with context.session() as session:
        site = known_site(session, slug)
        now = pending.database_now(session)
        if season is not None:
            row = known_season(session, site, season, year)
            row.paused_at, row.enabled = row.paused_at or now, False
            return f"season {row.name} {row.year} of {slug} is paused"
        site.paused_at = site.paused_at or now
        site.enabled = site_rows.is_enabled(site)
    return f"{slug} is paused"


def resume(context: Context, slug: str, season: str | None = None, year: int | None = None) -> str:
    """Resume a paused or deleted site, or a paused season; what was missed is made up for.

    Raises
    ------
    Sen4capError
        Its site.yaml says ``enabled: false``.
    """
    with context.session() as session:
        site = known_site(session, slug)
        config = SiteConfig.model_validate(site.config)
        if season is not None:
            row = known_season(session, site, season, year)
            stated = [s for s in config.seasons if s.name == row.name and s.year == row.year]
            if not row.implicit and not any(s.enabled for s in stated):
                raise Sen4capError(f"site.yaml of {slug} does not enable season {season!r}: change it there")
            row.paused_at, row.enabled = None, True
            session.flush()
            take_up(session, site)
            return f"season {row.name} {row.year} of {slug} goes on"
        if not config.enabled:
            raise Sen4capError(f"site.yaml of {slug} says enabled: false: change it there")
        site.paused_at = site.deleted_at = None
        site.enabled = site_rows.is_enabled(site)
        session.flush()
        take_up(session, site)
    return f"{slug} goes on"


def pause_by_form(context: Context, form: PauseSite) -> Answer:
    """Pause what a form names; see ``pause``."""
    return {"done": pause(context, form.site, form.season, form.year)}


def resume_by_form(context: Context, form: ResumeSite) -> Answer:
    """Let go on what a form names; see ``resume``."""
    return {"done": resume(context, form.site, form.season, form.year)}


def delete_by_form(context: Context, form: DeleteSite) -> Answer:
    """Delete the site of a form; see ``delete_site``."""
    return delete_site(context, form.site, dry_run=form.dry_run)


def edit_site(context: Context, form: EditSite) -> Answer:
    """Change the settings of a site, and its extent, as a dropped site.yaml and extent would.

    Raises
    ------
    ConfigurationError
        When the settings do not fit.
    BadUploadError
        When the file of the extent cannot be read; nothing is changed.
    """
    with context.session() as session:
        site = known_site(session, form.site)
        values: dict[str, Any] = dict(site.config)
        slug = site.slug
    if form.tiles is not None:
        values.pop("tiles", None)
        if form.tiles:
            values["tiles"] = form.tiles
    for name in ("satellites", "name"):
        if getattr(form, name):
            values[name] = getattr(form, name)
    for name in ("processors", "schedule"):
        if getattr(form, name):
            values[name] = {**values.get(name, {}), **getattr(form, name)}
    config = checked(SiteConfig, values, "the site")
    if form.extent is not None:
        store_extent(context, slug, Path(form.extent))
    return apply_site_config(context, slug, config).stored


def delete_site(context: Context, slug: str, *, dry_run: bool) -> Answer:
    """Delete a site: it is paused and no longer listed; everything is kept until it is purged or resumed."""
    with context.session() as session:
        site = known_site(session, slug)
        kept = site_life.holdings(session, site).counts
        if not dry_run:
            site.deleted_at = site.deleted_at or pending.database_now(session)
            site.enabled = False
    return {"dry run": dry_run, "kept until purge": {name: n for name, n in kept.items() if n}}


def purge_site(context: Context, form: PurgeSite) -> Answer:
    """Remove the rows of a deleted site and what was made of it. What people dropped stays where it is.

    Raises
    ------
    Sen4capError
        It is not deleted, work on it is under way, its upload folder would be taken in anew, or the name was
        not confirmed.
    """
    root, slug = context.settings.data, form.site
    with context.session() as session:
        site = known_site(session, slug)
        counts = {name: n for name, n in site_life.holdings(session, site).counts.items() if n}
        folders = [path for part in ("sites", "downloads", IN_FORCE) if (path := root / part / slug).is_dir()]
        answer = {"dry run": form.dry_run, "rows": counts, "folders": {str(p): _bytes(p) for p in folders}}
        obstacle = _obstacle(context, slug, is_deleted=site.deleted_at is not None)
        if form.dry_run:
            return answer | ({"not yet": obstacle} if obstacle else {})
        if obstacle is not None:
            raise Sen4capError(obstacle)
        if form.confirm != slug:
            raise Sen4capError(f"to purge {slug}, confirm with its name")
        if site_life.running_work(session, site):
            raise Sen4capError(f"work on {slug} is under way: try again in a while")
        site_life.purge_rows(session, site)
    # The rows first: files without rows are harmless, rows without files are not.
    for folder in folders:
        shutil.rmtree(folder)
    rebuild_catalog(root)
    return answer


def list_sites(context: Context) -> list[str]:
    """Return a line for each site, deleted ones too."""
    with context.session() as session:
        lines = []
        for site in site_rows.every_site(session):
            states = {
                "deleted": site.deleted_at,
                "paused": site.paused_at,
                "switched off in site.yaml": None if site.config.get("enabled", True) else True,
            }
            state = next((name for name, since in states.items() if since), "active")
            seasons = [
                f"{s.name} {s.year}{' (paused)' if s.paused_at else '' if s.enabled else ' (off)'}"
                for s in site_rows.seasons_of(session, site.id)
            ]
            lines.append(f"{site.slug}: {site.name}, {state}; seasons: {', '.join(seasons) or 'none'}")
    if not lines:
        raise NothingToDoError("there is no site yet")
    return lines


def _obstacle(context: Context, slug: str, *, is_deleted: bool) -> str | None:
    if not is_deleted:
        return f"{slug} is not deleted: sen4cap site delete comes first"
    if (context.settings.uploads_root / slug).exists():
        folder = context.settings.uploads_root / slug
        return f"move {folder} away first: what lies there would be taken in anew"
    return None


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
