"""Products of a site as people take them home: a folder or a zip file with a catalogue and a QGIS project."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sen4cap_core.db.declared.sites import known_site
from sen4cap_core.db.made.product_list import ProductFacts, list_products
from sen4cap_core.errors import NothingToDoError, Sen4capError, unknown_word
from sen4cap_core.products.collection_texts import TEXTS
from sen4cap_core.products.export import Exported, export_items, pack
from sen4cap_core.products.qgis_project import write_project
from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.object_upload import upload_folder
from sen4cap_core.steps.shared.context import Context

PREFIX = "sen4cap-"


def full_kind(kind: str) -> str:
    """Return a collection's full name, of a short one too: ``l3b-ndvi``.

    Raises
    ------
    Sen4capError
        There is no such collection; the message names those there are.
    """
    name = kind if kind.startswith(PREFIX) else PREFIX + kind
    if name not in TEXTS:
        known = sorted(text.removeprefix(PREFIX) for text in TEXTS)
        raise Sen4capError(unknown_word(kind, known, "kind of product"))
    return name


def find_products(
    context: Context,
    site: str | None = None,
    *,
    kinds: Sequence[str] = (),
    tile: str | None = None,
    start: date | None = None,
    end: date | None = None,
    every_version: bool = False,
) -> list[ProductFacts]:
    """Return products; of several versions the one in force unless ``every_version``.

    Parameters
    ----------
    start, end : first and last day

    Raises
    ------
    Sen4capError
        There is no such site or kind.
    """
    names = [full_kind(kind) for kind in kinds]
    with context.session() as session:
        if site is not None:
            known_site(session, site)
        found = list_products(
            session,
            site=site,
            kinds=names,
            tile=tile,
            start=datetime.combine(start, time.min, UTC) if start else None,
            end=datetime.combine(end + timedelta(days=1), time.min, UTC) if end else None,
        )
    return [one for one in found if every_version or one.is_current]


def export_products(context: Context, products: Sequence[ProductFacts], target: Path) -> Exported:
    """Copy products into a folder, or into one file where ``target`` ends with ``.zip``.

    Raises
    ------
    NothingToDoError
        There is nothing to export.
    Sen4capError
        A product is missing or damaged.
    """
    root = context.settings.data
    sites = sorted({one.site for one in products})
    items = [root / one.stac_path for one in products if one.stac_path]
    if not items:
        raise NothingToDoError("no product matches: nothing is exported")
    if target.suffix.lower() != ".zip":
        return _export(context, items, sites, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".sen4cap-export-") as work:
        done = _export(context, items, sites, Path(work))
        pack(Path(work), target)
    return done


def upload_products(context: Context, products: Sequence[ProductFacts], href: str, account: Account) -> int:
    """Export products to an S3 object store, ``s3://bucket/folder``; return how many files were sent.

    Raises
    ------
    NothingToDoError
        There is nothing to export.
    Sen4capError
        A product is missing or damaged, or the store is away or refuses; what was sent is not sent again.
    """
    with tempfile.TemporaryDirectory(dir=context.settings.home, prefix=".sen4cap-export-") as work:
        export_products(context.without_progress(), products, Path(work))
        return upload_folder(account, Path(work), href, context.progress)


def _export(context: Context, items: Sequence[Path], sites: Sequence[str], target: Path) -> Exported:
    root = context.settings.data
    done = export_items(root, items, target, context.progress)
    copies = [target / path.relative_to(root) for path in items]
    for site in sites:
        write_project(target, site, [path for path in copies if site in path.relative_to(target).parts[1:2]])
    return done
