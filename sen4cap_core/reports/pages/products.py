"""The page of a site's products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

from sen4cap_core.reports.pages.tables import facts, markdown_table
from sen4cap_core.reports.pages.text import (
    Markdown,
    bold,
    bullets,
    count,
    day,
    document,
    escape,
    heading,
    image,
    link,
    size,
)


@dataclass(frozen=True)
class ProductLine:
    """One kind of product."""

    title: str
    n_items: int
    newest: date
    n_bytes: int
    files: Mapping[str, Path]
    """Of the newest one: title -> path below the data root."""


def products_markdown(
    site: str,
    lines: Sequence[ProductLine],
    pictures: Mapping[str, bytes],
    *,
    catalogue: Path,
    project: Path | None,
    address: str | None,
) -> str:
    """Return the page: kinds with number and size, the newest files, pictures of the newest rasters.

    ``address`` is where a web server offers the data root; with it the files are links, else paths.
    """
    table = markdown_table(
        ["Kind", "Products", "Newest", "Size"],
        [[one.title, count(one.n_items), day(one.newest), size(one.n_bytes)] for one in lines],
        ["left", "right", "left", "right"],
    )
    # Lists, not a table: cells of the Prefect UI break no lines, and paths ran over the edge.
    newest = [
        part
        for one in lines
        if one.files
        for part in (
            bold(one.title),
            bullets(_file(title, path, address) for title, path in one.files.items()),
        )
    ]
    opened: list[tuple[object, object]] = [("Catalogue (STAC)", str(catalogue))]
    if project is not None:
        opened.append(("QGIS project", str(project)))
    shown = [part for title, png in pictures.items() for part in (heading(title, 4), image(title, png))]
    parts: list[object] = [heading(f"Products of {site}"), table, heading("Open", 3), facts(opened)]
    parts += [heading("Newest files", 3), *newest]
    if shown:
        parts += [heading("Newest pictures", 3), *shown]
    return document(*parts)


def _file(title: str, path: Path, address: str | None) -> Markdown:
    if address is None:
        return Markdown(f"{escape(title)}: {escape(path)}")
    address = f"{address.rstrip('/')}/{quote(path.as_posix())}"
    return Markdown(f"{escape(title)}: {link(path.name, address)}")
